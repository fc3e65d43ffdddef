"""Who is worked on: a few documents at once in a process, company by company, however many have been let in.

Python runs one thread of a process at a time. Of sixty runs that all want to, each waits for each, so that a flood of
one company makes a single document of another take fifty times as long. So a run takes a turn, like a seat of the
sandbox and with one that is always left for another company, and gives it up wherever it only waits: for the model, for
a process that opens documents, for another run, for time to pass.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from shared_code import errors
from shared_code.documents.sandbox.seats import Seats

#: after so long a run goes on without a turn: what was paid for must be booked
_LONGEST_SECONDS = 30.0


@dataclass(slots=True)
class _Turn:
    seats: Seats
    company: str
    is_held: bool = True


_mine = threading.local()


class WorkTurns:
    """Hands out turns. Thread-safe.

    :param count: runs that are worked on at once; one company has at most all but one of them.
    """

    def __init__(self, count: int) -> None:
        self._seats = Seats(count)

    @contextmanager
    def one_for(self, company: str, *, wait_seconds: float) -> Iterator[None]:
        """A turn of this thread for the length of a ``with`` block; see :func:`waiting`.

        :raises errors.Busy: it was not the company's turn in time.
        """
        self._seats.take(company, wait_seconds)
        turn = _mine.turn = _Turn(self._seats, company)
        try:
            yield
        finally:
            _mine.turn = None
            if turn.is_held:
                self._seats.give_back(company)


@contextmanager
def waiting() -> Iterator[None]:
    """Give the turn of this thread, if it has one, to others for the length of a block that only waits."""
    turn: _Turn | None = getattr(_mine, "turn", None)
    if turn is None or not turn.is_held:
        yield
        return
    turn.is_held = False
    turn.seats.give_back(turn.company)
    try:
        yield
    finally:
        with suppress(errors.Busy):
            turn.seats.take(turn.company, _LONGEST_SECONDS)
            turn.is_held = True
