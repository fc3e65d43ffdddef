"""Takes work off the request path: items are queued and delivered in batches by one daemon thread.

Made for logs and telemetry, which must never slow or fail a request. So ``offer`` never waits and never raises, the
queue is bounded by number and by size, and what does not fit is dropped and counted. While delivery fails the batch is
kept and tried again with growing pauses; the loss is reported once, when things work again. Not for anything that
must not be lost.
"""

import os
import queue
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


class NotDelivered(Exception):
    """Raised by ``deliver``: nothing of the batch arrived, keep it and try again later."""


@dataclass(frozen=True, slots=True)
class WriterLimits:
    """How much is held and how fast it goes out.

    :ivar items: most items in the queue.
    :ivar characters: most characters in the queue, as ``size`` counts them.
    :ivar batch: most items of one delivery.
    :ivar interval_seconds: how long a batch is gathered.
    :ivar first_pause_seconds: pause after the first failed delivery; it doubles up to ``longest_pause_seconds``.
    :ivar report_seconds: least time between two reports of losses: where all is refused, there is one for each batch.
    """

    items: int = 10_000
    characters: int = 32_000_000
    batch: int = 150
    interval_seconds: float = 1.0
    first_pause_seconds: float = 0.5
    longest_pause_seconds: float = 30.0
    report_seconds: float = 600.0


@dataclass(slots=True)
class _Waiter:
    target: int
    done: threading.Event = field(default_factory=threading.Event)
    delivered: bool = False


_WAKE = object()


class BackgroundWriter[T]:
    """One queue and the thread that empties it; the thread starts with the first item and survives a fork.

    :param deliver: called in the thread with a batch; returns how many items were refused for good. Raises
        :class:`NotDelivered` to have the batch kept. Anything else that it raises drops the batch.
    :param size: characters that an item holds.
    :param report_dropped: called in the thread with the number of lost items, once the queue is empty again and the
        last report lies ``report_seconds`` back.
    """

    def __init__(
        self,
        deliver: Callable[[Sequence[T]], int],
        *,
        name: str,
        size: Callable[[T], int] = lambda _item: 0,
        report_dropped: Callable[[int], None] = lambda _count: None,
        limits: WriterLimits | None = None,
    ) -> None:
        self._deliver = deliver
        self._name = name
        self._size = size
        self._report_dropped = report_dropped
        self._limits = limits or WriterLimits()
        self._closed = False
        self._reset()
        if hasattr(os, "register_at_fork"):
            here = weakref.WeakMethod(self._reset)
            os.register_at_fork(after_in_child=lambda: (reset := here()) is not None and reset())

    def offer(self, item: T) -> bool:
        """Queue the item; False when it was dropped. Never waits for a delivery and never raises."""
        size = self._size(item)
        with self._guard:
            full = self._queued >= self._limits.items or self._queued_characters + size > self._limits.characters
            if self._closed or full:
                self._dropped += 1
                return False
            self._accepted += 1
            self._queued += 1
            self._queued_characters += size
            self._items.put(item)
            self._start()
        return True

    def count_lost(self) -> None:
        """Count an item that could not even be offered."""
        with self._guard:
            self._dropped += 1

    @property
    def dropped(self) -> int:
        """Items lost and not yet reported."""
        return self._dropped

    @property
    def queued(self) -> int:
        """Items that wait for delivery, the batch under way not counted."""
        return self._queued

    def in_own_thread(self) -> bool:
        """Whether the caller runs inside ``deliver``: what it emits must not be queued again."""
        return threading.get_ident() == self._ident

    def flush(self, timeout_seconds: float = 2.0) -> bool:
        """Wait until everything offered so far is delivered; False when time is up or a delivery fails meanwhile."""
        if self.in_own_thread():
            return False
        with self._guard:
            if self._settled >= self._accepted:
                return True
            waiter = _Waiter(self._accepted)
            self._waiters.append(waiter)
            self._start()
        self._urgent.set()
        self._items.put(_WAKE)
        waiter.done.wait(timeout_seconds)
        with self._guard:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
        return waiter.delivered

    def close(self, timeout_seconds: float = 2.0) -> bool:
        """Flush, then end the thread. What is offered later is dropped."""
        deadline = time.monotonic() + timeout_seconds
        delivered = self.flush(timeout_seconds)
        self._closed = True
        self._urgent.set()
        self._items.put(_WAKE)
        thread = self._thread
        if thread is not None and thread.ident is not None and not self.in_own_thread():
            thread.join(max(deadline - time.monotonic(), 0.05))
        return delivered

    def _reset(self) -> None:
        """The state of a writer without a thread: at the start, and in the child of a fork.

        The child leaves the parent's items to the parent. The lock is re-entrant because garbage collection may run
        a finaliser that logs while this very thread holds it.
        """
        self._guard = threading.RLock()
        self._items: queue.SimpleQueue[T | object] = queue.SimpleQueue()
        self._urgent = threading.Event()
        self._waiters: list[_Waiter] = []
        self._accepted = self._settled = self._queued = self._queued_characters = self._dropped = 0
        self._reported_at = float("-inf")
        self._thread: threading.Thread | None = None
        self._ident: int | None = None

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # the interpreter is shutting down: the items are lost with it
                self._thread = None

    def _run(self) -> None:
        self._ident = threading.get_ident()
        batch: list[T] = []
        pause = self._limits.first_pause_seconds
        while not (self._closed and self._items.empty() and not batch):
            self._gather(batch)
            if not batch:
                continue
            count = len(batch)
            try:
                refused = self._deliver(batch)
            except NotDelivered:
                self._fail_waiters()
                if self._closed:
                    return
                self._urgent.wait(pause)
                self._urgent.clear()
                pause = min(pause * 2, self._limits.longest_pause_seconds)
                continue
            except Exception:  # noqa: BLE001 - a fault in deliver must not end the thread; the loss is counted
                refused = count
            batch.clear()
            pause = self._limits.first_pause_seconds
            self._settle(count, refused)

    def _gather(self, batch: list[T]) -> None:
        """Wait for a first item, then gather until the batch is full, the interval is over or someone waits."""
        deadline = time.monotonic() + self._limits.interval_seconds if batch else None
        while len(batch) < self._limits.batch:
            hurried = self._closed or self._waiters or self._urgent.is_set()
            try:
                if deadline is None:
                    item = self._items.get()
                elif hurried:
                    item = self._items.get_nowait()
                else:
                    item = self._items.get(timeout=max(deadline - time.monotonic(), 0))
            except queue.Empty:
                break
            if item is _WAKE:
                if not batch:
                    break
                continue
            if deadline is None:
                deadline = time.monotonic() + self._limits.interval_seconds
            batch.append(item)  # type: ignore[arg-type]  # whatever is not the mark is an item
            with self._guard:
                self._queued -= 1
                self._queued_characters -= self._size(item)  # type: ignore[arg-type]
        self._urgent.clear()

    def _settle(self, count: int, refused: int) -> None:
        with self._guard:
            self._settled += count
            self._dropped += refused
            due = time.monotonic() - self._reported_at >= self._limits.report_seconds
            lost = self._dropped if self._queued == 0 and due else 0
            self._dropped -= lost
        if lost:
            self._report(lost)
        with self._guard:
            for waiter in [item for item in self._waiters if item.target <= self._settled]:
                waiter.delivered = True
                waiter.done.set()
                self._waiters.remove(waiter)

    def _fail_waiters(self) -> None:
        with self._guard:
            for waiter in self._waiters:
                waiter.done.set()
            self._waiters.clear()

    def _report(self, lost: int) -> None:
        self._reported_at = time.monotonic()
        try:
            self._report_dropped(lost)
        except Exception:  # noqa: BLE001 - a fault in the report must not end the thread
            with self._guard:
                self._dropped += lost
