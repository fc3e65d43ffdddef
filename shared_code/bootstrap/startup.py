"""Brings the database up to date before the first request is served, and hears what others have learned."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from shared_code import errors
from shared_code.database.connection import Database
from shared_code.database.stores.operations.alerts import open_alerts
from shared_code.metering.estimates import ESTIMATE_MISS, SafetyFactors

#: seconds for which a failed start is answered at once instead of being tried again by every request
_PAUSE_SECONDS = 2.0
#: after so many seconds it is looked up again what other processes have learned about estimates, and how long that may
#: take
_LEARN_SECONDS = 60.0
_LEARN_BUDGET_SECONDS = 1.0


class Startup:
    """Brings the schema up to date on first use, and hears what others have learned; safe for many threads.

    :param clock: monotonic seconds.
    """

    def __init__(
        self, database: Database, factors: SafetyFactors, *, auto_migrate: bool, clock: Callable[[], float]
    ) -> None:
        self._database = database
        self._factors = factors
        self._auto_migrate = auto_migrate
        self._clock = clock
        self._learned_at = 0.0
        self._lock = threading.Lock()
        self._done = False
        self._failed_at: tuple[float, errors.ServiceError] | None = None

    def ensure(self) -> None:
        """Return when the tables are there.

        :raises errors.DatabaseUnavailable, errors.ConfigurationError: see :func:`.schema.ensure_schema`; told again at
            once for two seconds.
        """
        if self._done:
            if self._clock() - self._learned_at >= _LEARN_SECONDS:
                # A database that does not answer is told by whoever needs it.
                with suppress(errors.ServiceError):
                    self._learn(_LEARN_BUDGET_SECONDS)
            return
        with self._lock:
            if self._failed_at and time.monotonic() - self._failed_at[0] < _PAUSE_SECONDS:
                raise self._failed_at[1]
            if not self._done:
                self._start()

    def _start(self) -> None:
        from shared_code.database.schema import ensure_schema

        try:
            ensure_schema(self._database, auto_migrate=self._auto_migrate)
            self._learn()
        except errors.ServiceError as error:
            self._failed_at = (time.monotonic(), error)
            raise
        self._done = True

    def _learn(self, budget_seconds: float | None = None) -> None:
        """Take over what another process, or this one before a restart, has learned about a model's estimates."""
        # First, so that one thread asks and the others go on.
        self._learned_at = self._clock()
        missed = self._database.read(
            lambda connection: open_alerts(connection, kind=ESTIMATE_MISS), budget_seconds=budget_seconds
        )
        for alert in missed:
            factor = alert.details.get("factor")
            if isinstance(factor, int | float):  # else written anew by hand
                self._factors.learned(alert.subject, float(factor))
