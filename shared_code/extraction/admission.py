"""Who may go on to a model: one run per document, instead of paying for it twice."""

import logging
import threading
from dataclasses import dataclass

from shared_code.database.stores.extractions.claims import Claim, ClaimRequest
from shared_code.documents.sandbox.turns import waiting
from shared_code.errors import AlreadyProcessing
from shared_code.extraction.call_plan import CallPlan
from shared_code.extraction.model_calls import ModelCalls
from shared_code.extraction.submission import Pace
from shared_code.metering.ledger import Claiming, ClaimTaken, Ledger

_log = logging.getLogger(__name__)

#: seconds between looks at the other run's claim: quick at first, because most runs are short
_FIRST_LOOK = 0.05
_LONGEST_LOOK = 0.5
#: seconds that a waiter may stand in line for a waiting place, so that a burst of equal uploads is served
_QUEUE_SECONDS = 1.0
#: claims that may be lost to quicker runs, one after another
_MOST_TRIES = 50


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a run may read. ``answer`` is the claim with the reading that serves instead; None lets the run in.

    ``supersedes`` is the id of the reading that the run replaces.
    """

    answer: Claim | None = None
    supersedes: str | None = None


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
        pace: Pace,
    ) -> None:
        self._ledger = ledger
        self._places = threading.BoundedSemaphore(max(threads // 4, 1))
        self._wait_seconds = wait_seconds
        self._pace = pace

    def enter(self, calls: ModelCalls, plan: CallPlan, request: ClaimRequest, *, force: bool) -> Admission:
        """Claim the document and reserve the first call of this run, or find the reading of a run that has finished.

        :param force: a finished claim is taken over, and the document read anew.
        :raises errors.ServiceError: as :meth:`ModelCalls.open`.
        :raises AlreadyProcessing: the other run did not finish in time, or all waiting places are taken.
        """
        previous: Claim | None = None
        deadline = self._pace.clock() + self._wait_seconds
        for _ in range(_MOST_TRIES):
            try:
                calls.open(plan, Claiming(request, previous, force))
            except ClaimTaken:
                claim = self._ended(request.key, deadline)
            else:
                return Admission(supersedes=previous.reading_id if previous else None)
            if claim is not None and not force and claim.result is not None:
                # Also the reading before a forced one that died.
                return Admission(answer=claim)
            # Freed meanwhile, or its owner died, or its result is not wanted: the next try takes it.
            previous = claim
        raise AlreadyProcessing(retry_after=5.0)

    def _ended(self, key: str, deadline: float) -> Claim | None:
        """The claim as soon as its run has ended in any way; None when it was freed."""
        claim = self._ledger.find_claim(key)
        if not _running(claim):
            return claim
        with waiting():
            return self._next_look(key, deadline, claim)

    def _next_look(self, key: str, deadline: float, claim: Claim | None) -> Claim | None:
        if not self._places.acquire(timeout=_QUEUE_SECONDS):
            raise AlreadyProcessing(retry_after=5.0)
        try:
            pause = _FIRST_LOOK
            while _running(claim):
                if self._pace.clock() >= deadline:
                    raise AlreadyProcessing(retry_after=5.0)
                self._pace.sleep(pause)
                pause = min(pause * 1.5, _LONGEST_LOOK)
                claim = self._ledger.find_claim(key)
            return claim
        finally:
            self._places.release()


def _running(claim: Claim | None) -> bool:
    return claim is not None and not claim.done and not claim.lease_ended
