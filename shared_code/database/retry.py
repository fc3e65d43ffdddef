"""How long a unit of work is tried again, and what is raised when that ends."""

import logging
import random
from collections.abc import Callable

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from shared_code.database.error_causes import Cause, classify
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


class RetryBudget:
    """The pauses of one unit of work that failed; made at its first error.

    :param deadline: moment of ``clock`` at which the last try is made.
    """

    def __init__(self, deadline: float, *, sleep: Sleep, clock: Clock) -> None:
        self._deadline = deadline
        self._sleep = sleep
        self._clock = clock
        self._tries: dict[Cause, int] = {}

    def wait(self, error: SQLAlchemyError) -> None:
        """Sleep before the next try.

        :raises DatabaseUnavailable: the budget has ended, or waiting does not help.
        :raises InternalError: the database refused a statement.
        """
        failure = classify(error)
        tries = self._tries.get(failure.cause, 0)
        left = self._deadline - self._clock()
        if not failure.transient or left <= 0 or (failure.max_retries is not None and tries >= failure.max_retries):
            words = redact(str(error.orig) if isinstance(error, DBAPIError) else str(error))
            _log.warning("database error %s (%s): given up: %s", failure.number, failure.cause.value, words)
            raise service_error(error) from error
        self._tries[failure.cause] = tries + 1
        first, longest = _PAUSES[failure.cause]
        wanted = min(first * 2.0**tries, longest) * random.uniform(1.0, 1.25)  # noqa: S311 - spreads retries
        # The last try is made when the budget ends rather than not at all.
        pause = min(wanted, left)
        _log.info("database error %s (%s): trying again in %.2f s", failure.number, failure.cause.value, pause)
        self._sleep(pause)


def service_error(error: SQLAlchemyError) -> ServiceError:
    """A database error as one of :mod:`shared_code.errors`, for the caller to raise."""
    cause = classify(error).cause
    if cause is Cause.STATEMENT:
        return InternalError("The database refused a statement")
    return DatabaseUnavailable(retry_after=_RETRY_AFTER[cause])
