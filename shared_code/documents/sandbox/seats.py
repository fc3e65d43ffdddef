"""Whose job runs next: one line per company, and never all seats for one of them.

A company that sends slow files can keep what it holds busy and no more: at least one seat is out of its reach, so that
another company's file is opened at once.
"""

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager

from shared_code import errors

_RETRY_SECONDS = 5.0


class _Waiter:
    """One job in a line."""

    __slots__ = ("called", "seated")

    def __init__(self) -> None:
        self.called = threading.Event()
        self.seated = False


class Seats:
    """Hands out seats. Thread-safe.

    :param count: seats in all. One company holds at most all but one of them, and at least one.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._most = max(count - 1, 1)
        self._lock = threading.Lock()
        self._held: Counter[str] = Counter()
        #: lines of those who wait; the company that was served longest ago comes first
        self._lines: OrderedDict[str, deque[_Waiter]] = OrderedDict()

    @contextmanager
    def one_for(self, company: str, *, wait_seconds: float) -> Iterator[None]:
        """A seat for the length of a ``with`` block.

        :raises errors.Busy: none became free for the company in time.
        """
        self.take(company, wait_seconds)
        try:
            yield
        finally:
            self.give_back(company)

    @property
    def taken(self) -> int:
        """How many seats are held."""
        with self._lock:
            return self._held.total()

    def waiting(self, company: str) -> int:
        """How many jobs of a company stand in line."""
        with self._lock:
            return len(self._lines.get(company, ()))

    def take(self, company: str, wait_seconds: float) -> None:
        """A seat until it is given back. Raises Busy as :meth:`one_for`."""
        me = _Waiter()
        with self._lock:
            self._lines.setdefault(company, deque()).append(me)
            self._call()
            if me.seated:
                return
        if me.called.wait(wait_seconds):
            return
        with self._lock:
            if me.seated:  # called in the very last moment
                return
            self._leave(company, me)
        raise errors.Busy(retry_after=_RETRY_SECONDS)

    def give_back(self, company: str) -> None:
        """Leave a seat that the company holds."""
        with self._lock:
            self._free += 1
            self._held[company] -= 1
            if not self._held[company]:
                del self._held[company]
            self._call()

    def _call(self) -> None:
        """Seat those whose turn it is: who holds the fewest seats, then who was served longest ago."""
        while self._free:
            within = [company for company in self._lines if self._held[company] < self._most]
            if not within:
                return
            company = min(within, key=self._held.__getitem__)
            waiter = self._lines[company][0]
            self._leave(company, waiter)
            if company in self._lines:
                self._lines.move_to_end(company)
            self._free -= 1
            self._held[company] += 1
            waiter.seated = True
            waiter.called.set()

    def _leave(self, company: str, waiter: _Waiter) -> None:
        line = self._lines[company]
        line.remove(waiter)
        if not line:
            del self._lines[company]
