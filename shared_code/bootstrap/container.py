"""What one process works with: every part that the function folders, the administration and the command line use."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from shared_code import errors
from shared_code.blobs.document_erasure import DocumentErasure
from shared_code.bootstrap.blobs import BlobServices
from shared_code.bootstrap.foundations import Foundations
from shared_code.bootstrap.jobs import JobServices
from shared_code.bootstrap.reviews import ReviewServices
from shared_code.bootstrap.webhooks import WebhookServices
from shared_code.database.connection import Database
from shared_code.database.stores.operations.alerts import open_alerts
from shared_code.exports.export import Exports
from shared_code.extraction.idempotency import Idempotency
from shared_code.extraction.service import ExtractionService
from shared_code.extraction.stored_readings import StoredReadings
from shared_code.metering.estimates import ESTIMATE_MISS, SafetyFactors
from shared_code.operations.forecasts import Forecasts
from shared_code.operations.health_checker import SystemHealthChecker
from shared_code.operations.quotas import QuotaAdministration
from shared_code.operations.tokens import TokenAdministration
from shared_code.operations.usage_reports import UsageReports
from shared_code.reviews.accuracy import ReviewAccuracy
from shared_code.rollup.step import RollupContext

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


@dataclass(frozen=True)
class Services(Foundations):
    """Made by :func:`shared_code.bootstrap.build.build_services`; nothing is connected yet."""

    extraction: ExtractionService
    stored_readings: StoredReadings
    idempotency: Idempotency
    blobs: BlobServices
    jobs: JobServices
    document_erasure: DocumentErasure
    webhooks: WebhookServices
    reviews: ReviewServices
    review_accuracy: ReviewAccuracy
    rollup: RollupContext
    token_administration: TokenAdministration
    quota_administration: QuotaAdministration
    usage_reports: UsageReports
    exports: Exports
    forecasts: Forecasts
    startup: Startup
    health: SystemHealthChecker
    readiness: SystemHealthChecker

    def ready(self) -> "Services":
        """The services with a database whose tables are there.

        :raises errors.DatabaseUnavailable: the database cannot be reached; every further call within two seconds is
            told so at once.
        :raises errors.ConfigurationError: the schema is not up to date and may not be migrated.
        """
        self.startup.ensure()
        return self

    def close(self) -> None:
        """Let go of threads and connections."""
        self.blobs.keeper.close()
        self.webhooks.thread.close()
        self.background.shutdown(wait=False, cancel_futures=True)
        if self.second_readings is not None:
            self.second_readings.close()
        for provider in self.providers.values():
            provider.close()
        self.database.close()
