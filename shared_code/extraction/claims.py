"""Waiting for a document that another run is reading, instead of paying for it twice."""

import logging
import threading
from collections.abc import Callable

from shared_code.database.extractions import Claim, ClaimRequest
from shared_code.errors import AlreadyProcessing
from shared_code.extraction.ledger import ClaimTaken, Ledger

_log = logging.getLogger(__name__)

#: seconds between looks at the other run's claim: quick at first, because most runs are short
_FIRST_LOOK = 0.05
_LONGEST_LOOK = 0.5
#: seconds that a waiter may stand in line for a waiting place, so that a burst of equal uploads is served
_QUEUE_SECONDS = 1.0

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
        pause = _FIRST_LOOK
        waiting = False
        try:
            while True:
                try:
                    open_run(previous)
                except ClaimTaken:
                    claim = self._ledger.find_claim(request.key)
                else:
                    return None
                if claim is None or claim.lease_ended or (claim.done and force):
                    # Freed meanwhile, or its owner died, or its result is not wanted: the next try takes it.
                    previous = claim
                    continue
                if claim.done:
                    return claim
                if not waiting:
                    waiting = self._places.acquire(timeout=_QUEUE_SECONDS)
                if not waiting or self._clock() >= deadline:
                    raise AlreadyProcessing(retry_after=5.0)
                previous = None
                self._sleep(pause)
                pause = min(pause * 1.5, _LONGEST_LOOK)
        finally:
            if waiting:
                self._places.release()
