"""How long a unit of work is tried again, and what is raised when that ends."""

import logging
import random
from collections.abc import Callable

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from shared_code.database.error_causes import Cause, Verdict, judge
from shared_code.errors import DatabaseUnavailable, InternalError, ServiceError
from shared_code.observability.redaction import redact

Sleep = Callable[[float], None]
Clock = Callable[[], float]

_log = logging.getLogger(__name__)

#: first and longest pause per cause, in seconds; doubled in between
_PAUSES = {Cause.CONTENTION: (0.05, 2.0), Cause.CONNECTION: (0.1, 5.0), Cause.OUTAGE: (5.0, 30.0)}
#: what a caller is told to wait, in seconds
CONTENTION_RETRY_AFTER = 2.0
_RETRY_AFTER = {
    Cause.CONTENTION: CONTENTION_RETRY_AFTER,
    Cause.CONNECTION: 10.0,
    Cause.OUTAGE: 30.0,
    Cause.REFUSED: 60.0,
}


class Patience:
    """The pauses of one unit of work.

    :param budget_seconds: from now until nothing is tried again.
    """

    def __init__(self, budget_seconds: float, *, sleep: Sleep, clock: Clock) -> None:
        self._sleep = sleep
        self._clock = clock
        self._deadline = clock() + budget_seconds
        self._tries: dict[Cause, int] = {}

    def left(self) -> float:
        """Seconds until the budget ends."""
        return self._deadline - self._clock()

    def wait(self, error: SQLAlchemyError) -> None:
        """Sleep before the next try, or raise ours when there is none."""
        verdict = judge(error)
        tries = self._tries.get(verdict.cause, 0)
        pause = self._pause(verdict, tries)
        if pause is None:
            words = redact(str(error.orig) if isinstance(error, DBAPIError) else str(error))
            _log.warning("database error %s (%s): given up: %s", verdict.number, verdict.cause.value, words)
            raise ours(error) from error
        self._tries[verdict.cause] = tries + 1
        _log.info("database error %s (%s): trying again in %.2f s", verdict.number, verdict.cause.value, pause)
        self._sleep(pause)

    def _pause(self, verdict: Verdict, tries: int) -> float | None:
        left = self.left()
        if not verdict.transient or left <= 0 or (verdict.max_retries is not None and tries >= verdict.max_retries):
            return None
        first, longest = _PAUSES[verdict.cause]
        wanted: float = min(first * 2.0**tries, longest) * random.uniform(1.0, 1.25)  # noqa: S311 - spreads retries
        # The last try is made when the budget ends rather than not at all.
        return min(wanted, left)


def ours(error: SQLAlchemyError) -> ServiceError:
    """A database error as ours."""
    verdict = judge(error)
    if verdict.cause is Cause.STATEMENT:
        return InternalError("The database refused a statement")
    return DatabaseUnavailable(retry_after=_RETRY_AFTER[verdict.cause])
