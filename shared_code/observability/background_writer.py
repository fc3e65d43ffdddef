"""Takes work off the request path: items are queued and delivered in batches by one daemon thread.

Made for logs and telemetry, which must never slow or fail a request. So ``offer`` never waits and never raises, the
queue is bounded by number and by size, and what does not fit is dropped and counted. While delivery fails, the batch is
kept and tried again with growing pauses; losses are reported when delivery works again. Do not use it for anything that
must not be lost.
"""

import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass


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
        with self._changed:
            full = len(self._items) >= self._limits.items or self._characters + size > self._limits.characters
            if self._closed or full:
                self._dropped += 1
                return False
            self._items.append(item)
            self._characters += size
            self._accepted += 1
            if len(self._items) == 1 or len(self._items) >= self._limits.batch:
                self._changed.notify_all()
            self._start()
        return True

    def count_lost(self) -> None:
        """Count an item that could not even be offered."""
        with self._changed:
            self._dropped += 1

    @property
    def dropped(self) -> int:
        """Items lost and not yet reported."""
        return self._dropped

    @property
    def queued(self) -> int:
        """Items that wait for delivery, the batch under way not counted."""
        return len(self._items)

    def in_own_thread(self) -> bool:
        """Whether the caller runs inside ``deliver``: what it emits must not be queued again."""
        return threading.get_ident() == self._ident

    def flush(self, timeout_seconds: float = 2.0) -> bool:
        """Wait until everything offered so far is delivered; False when time is up or a delivery fails meanwhile."""
        if self.in_own_thread():
            return False
        with self._changed:
            target, failures = self._accepted, self._failures
            if self._settled >= target:
                return True
            self._urgent_until = target
            self._changed.notify_all()
            self._start()
            self._changed.wait_for(lambda: self._settled >= target or self._failures > failures, timeout_seconds)
            return self._settled >= target

    def close(self, timeout_seconds: float = 2.0) -> bool:
        """Flush, then end the thread. What is offered later is dropped."""
        deadline = time.monotonic() + timeout_seconds
        delivered = self.flush(timeout_seconds)
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread.ident is not None and not self.in_own_thread():
            thread.join(max(deadline - time.monotonic(), 0.05))
        return delivered

    def _reset(self) -> None:
        """The state of a writer without a thread: at the start, and in the child of a fork.

        The child leaves the parent's items to the parent. The lock is re-entrant because garbage collection may run
        a finaliser that logs while this very thread holds it.
        """
        self._changed = threading.Condition(threading.RLock())
        self._items: deque[T] = deque()
        self._characters = self._accepted = self._settled = self._dropped = self._failures = 0
        #: a flush waits until so many items are settled
        self._urgent_until = 0
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
        while self._gather(batch):
            try:
                refused = self._deliver(batch)
            except NotDelivered:
                if not self._wait_after_failure(pause):
                    return
                pause = min(pause * 2, self._limits.longest_pause_seconds)
                continue
            except Exception:  # noqa: BLE001 - a fault in deliver must not end the thread; the loss is counted
                refused = len(batch)
            pause = self._limits.first_pause_seconds
            self._settle(len(batch), refused)
            batch.clear()

    def _gather(self, batch: list[T]) -> bool:
        """Wait for a first item, then fill the batch until it is full, the interval is over or someone waits.

        False when the writer is closed and nothing is left.
        """
        size = self._limits.batch
        with self._changed:
            if not batch:
                self._changed.wait_for(lambda: self._items or self._closed)
            self._changed.wait_for(
                lambda: self._is_urgent() or len(batch) + len(self._items) >= size, self._limits.interval_seconds
            )
            while self._items and len(batch) < size:
                batch.append(self._items.popleft())
                self._characters -= self._size(batch[-1])
        return bool(batch)

    def _is_urgent(self) -> bool:
        return self._closed or self._settled < self._urgent_until

    def _wait_after_failure(self, seconds: float) -> bool:
        """End the waits of :meth:`flush`, then pause; False when the writer is closed."""
        with self._changed:
            self._failures += 1
            self._urgent_until = 0
            self._changed.notify_all()
            if self._closed:
                return False
            self._changed.wait_for(self._is_urgent, seconds)
        return True

    def _settle(self, count: int, refused: int) -> None:
        with self._changed:
            self._dropped += refused
            due = time.monotonic() - self._reported_at >= self._limits.report_seconds
            lost = self._dropped if not self._items and due else 0
            self._dropped -= lost
        if lost:
            self._report(lost)
        with self._changed:
            self._settled += count
            self._changed.notify_all()

    def _report(self, lost: int) -> None:
        self._reported_at = time.monotonic()
        try:
            self._report_dropped(lost)
        except Exception:  # noqa: BLE001 - a fault in the report must not end the thread
            with self._changed:
                self._dropped += lost
