"""How many uploads an instance takes, by their number and by the memory that they need, and a thread for each of them.

The platform hands over whole bodies and lets them wait for a thread without end. So the decision falls on the event
loop, before any thread: what does not fit is refused at once, whatever the threads are busy with, and what is taken has
a thread of its own. One company gets at most two thirds of it, so that another always finds room.
"""

import asyncio
import contextvars
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from shared_code.errors import Busy

#: tells whose upload it is; raises Busy when the company holds its share
Assign = Callable[[str], None]

_RETRY_SECONDS = 2.0
#: copies of an upload's bytes at the worst moment of its way: the body, the part of a form, what goes to the model as
#: base64 text and as the bytes of the request
COPIES = 5
#: what a request needs beside its bytes
_BASE_BYTES = 256 * 1024


@dataclass(slots=True, eq=False)
class UploadSlot:
    """The room of one upload: what it may need of the memory, and whose it is once that is known."""

    needed_bytes: int
    company: str | None = None


class UploadSlots:
    """Counts uploads in work. Thread-safe.

    :param count: uploads at once.
    :param memory_bytes: that they may hold in all their copies. A single one is taken whatever its size.
    """

    def __init__(self, count: int, memory_bytes: int) -> None:
        self._count = count
        self._memory = memory_bytes
        self._lock = threading.Lock()
        self._held: set[UploadSlot] = set()
        self._needed = 0
        #: of each company
        self._counts: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    def take(self, body_bytes: int) -> UploadSlot:
        """Room for one upload, until it is released.

        :raises Busy: there is none.
        """
        slot = UploadSlot(body_bytes * COPIES + _BASE_BYTES)
        with self._lock:
            if self._held and (len(self._held) >= self._count or self._needed + slot.needed_bytes > self._memory):
                raise Busy(retry_after=_RETRY_SECONDS)
            self._held.add(slot)
            self._needed += slot.needed_bytes
        return slot

    def assign(self, slot: UploadSlot, company: str) -> None:
        """Count it as the company's, once its form is read.

        :raises Busy: the company holds its share.
        """
        with self._lock:
            count, needed = self._counts[company] + 1, self._bytes[company] + slot.needed_bytes
            if count > 1 and (count * 3 > self._count * 2 or needed * 3 > self._memory * 2):
                raise Busy(retry_after=_RETRY_SECONDS)
            slot.company = company
            self._counts[company], self._bytes[company] = count, needed

    def release(self, slot: UploadSlot) -> None:
        """Make room for another."""
        with self._lock:
            self._held.remove(slot)
            self._needed -= slot.needed_bytes
            if slot.company is not None:
                self._counts[slot.company] -= 1
                self._bytes[slot.company] -= slot.needed_bytes
                if not self._counts[slot.company]:
                    del self._counts[slot.company], self._bytes[slot.company]


class UploadLane:
    """Runs uploads that were let in, each on a thread of its own, while the event loop goes on.

    :param count: threads, as many as uploads that may be in work.
    """

    def __init__(self, count: int, memory_bytes: int) -> None:
        self.slots = UploadSlots(count, memory_bytes)
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="upload")

    async def run[T](self, body_bytes: int, work: Callable[[Assign], T]) -> T:
        """What ``work`` returns; it runs in the caller's context, and its room is free again when it has ended.

        :param work: is given a function that it tells the company; see :meth:`UploadSlots.assign`.
        :raises Busy: there is no room; known at once.
        """
        slot = self.slots.take(body_bytes)
        try:
            running: Future[T] = self._threads.submit(
                contextvars.copy_context().run, work, partial(self.slots.assign, slot)
            )
        except BaseException:  # the process ends: nothing will run any more
            self.slots.release(slot)
            raise
        # Not when the caller stops waiting: the thread still holds the bytes.
        running.add_done_callback(lambda _: self.slots.release(slot))
        return await asyncio.wrap_future(running)

    def close(self) -> None:
        """Take no more uploads; those in work go on."""
        self._threads.shutdown(wait=False)
