"""Waiting for a document that another run is reading, instead of paying for it twice."""

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from shared_code.database.stores.extractions import Claim, ClaimRequest
from shared_code.errors import AlreadyProcessing, Busy
from shared_code.metering.ledger import ClaimTaken, Ledger

if TYPE_CHECKING:
    pass

_log = logging.getLogger(__name__)

#: seconds between looks at the other run's claim: quick at first, because most runs are short
_FIRST_LOOK = 0.05
_LONGEST_LOOK = 0.5
#: seconds that a waiter may stand in line for a waiting place, so that a burst of equal uploads is served
_QUEUE_SECONDS = 1.0
#: claims that may be lost to quicker runs, one after another
_MOST_TRIES = 50

Open = Callable[[Claim | None], None]


class ClaimGate:
    """Lets one run in and makes the others wait, in at most a quarter of the threads.

    :param threads: threads that serve requests in this process.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        threads: int,
        wait_seconds: float,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._ledger = ledger
        self._places = threading.BoundedSemaphore(max(threads // 4, 1))
        self._wait_seconds = wait_seconds
        self._clock = clock
        self._sleep = sleep

    def enter(self, request: ClaimRequest, open_run: Open, *, force: bool) -> Claim | None:
        """Open the run (``open_run`` claims and reserves; it may replace an ended claim), or return a finished claim.

        :raises AlreadyProcessing: the other run did not finish in time, or all waiting places are taken.
        """
        previous: Claim | None = None
        deadline = self._clock() + self._wait_seconds
        for _ in range(_MOST_TRIES):
            try:
                open_run(previous)
            except ClaimTaken:
                claim = self._ended(request.key, deadline)
            else:
                return None
            if claim is not None and not force and (claim.done or claim.result is not None):
                # Also the answer before a forced reading that died.
                return claim
            # Freed meanwhile, or its owner died, or its result is not wanted: the next try takes it.
            previous = claim
        raise AlreadyProcessing(retry_after=5.0)

    def _ended(self, key: str, deadline: float) -> Claim | None:
        """The claim as soon as its run has ended in any way; None when it was freed."""
        claim = self._ledger.find_claim(key)
        if not _running(claim):
            return claim
        if not self._places.acquire(timeout=_QUEUE_SECONDS):
            raise AlreadyProcessing(retry_after=5.0)
        try:
            pause = _FIRST_LOOK
            while _running(claim):
                if self._clock() >= deadline:
                    raise AlreadyProcessing(retry_after=5.0)
                self._sleep(pause)
                pause = min(pause * 1.5, _LONGEST_LOOK)
                claim = self._ledger.find_claim(key)
            return claim
        finally:
            self._places.release()


def _running(claim: Claim | None) -> bool:
    return claim is not None and not claim.done and not claim.lease_ended


class Room:
    """Counts uploads in memory; refuses more than the instance takes."""

    def __init__(self, places: int) -> None:
        self._places = threading.BoundedSemaphore(places)

    def __enter__(self) -> None:
        if not self._places.acquire(blocking=False):
            raise Busy(retry_after=2.0)

    def __exit__(self, *_: object) -> None:
        self._places.release()
