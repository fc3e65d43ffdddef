"""What one process works with: every part that the function folders, the administration and the command line use.

What an upload needs is built at once. The other parts are built, and their modules imported, when they are first asked
for: a process that serves uploads has no use for most of them.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, overload

from shared_code.blobs.clients import storage_configured
from shared_code.bootstrap.blobs import BlobServices
from shared_code.bootstrap.foundations import Foundations
from shared_code.bootstrap.startup import Startup
from shared_code.bootstrap.webhooks import WebhookServices
from shared_code.database.connection import REPORT_SECONDS
from shared_code.extraction.idempotency import Idempotency
from shared_code.extraction.service import ExtractionService
from shared_code.extraction.stored_readings import StoredReadings

if TYPE_CHECKING:
    from shared_code.blobs.document_erasure import DocumentErasure
    from shared_code.bootstrap.jobs import JobServices
    from shared_code.bootstrap.reviews import ReviewServices
    from shared_code.exports.export import Exports
    from shared_code.operations.forecasts import Forecasts
    from shared_code.operations.health_checker import SystemHealthChecker
    from shared_code.operations.quotas import QuotaAdministration
    from shared_code.operations.tokens import TokenAdministration
    from shared_code.operations.usage_reports import UsageReports
    from shared_code.reviews.accuracy import ReviewAccuracy
    from shared_code.rollup.step import RollupContext

_building = threading.RLock()


class _Part[T](cached_property[T]):
    """A part that is built when it is first asked for, once, whoever asks at the same time."""

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> T: ...

    def __get__(self, instance: object, owner: type[Any] | None = None) -> Any:
        with _building:
            return super().__get__(instance, owner)


def _part[T](build: "Callable[[Services], T]") -> _Part[T]:
    return _Part(build)


@dataclass(frozen=True)
class Services(Foundations):
    """Made by :func:`shared_code.bootstrap.build.build_services`; nothing is connected yet."""

    extraction: ExtractionService
    stored_readings: StoredReadings
    idempotency: Idempotency
    blobs: BlobServices
    webhooks: WebhookServices
    startup: Startup

    @_part
    def jobs(self) -> "JobServices":
        """Uploads that are read later."""
        from shared_code.bootstrap.jobs import build_jobs

        return build_jobs(self, self.extraction, self.blobs.keeper)

    @_part
    def reviews(self) -> "ReviewServices":
        """Readings that persons look at."""
        from shared_code.bootstrap.reviews import build_reviews

        return build_reviews(self, self.blobs, self.webhooks)

    @_part
    def review_accuracy(self) -> "ReviewAccuracy":
        """What persons corrected."""
        from shared_code.reviews.accuracy import ReviewAccuracy

        return ReviewAccuracy(self.database.unhurried(seconds=REPORT_SECONDS), self.clock)

    @_part
    def document_erasure(self) -> "DocumentErasure":
        """Takes everything of one document away."""
        from shared_code.blobs.document_erasure import DocumentErasure

        return DocumentErasure(
            self.database.unhurried(),
            self.ledger,
            self.outbox,
            self.blobs.erasure,
            self.jobs.documents,
            storage_configured(self.settings),
        )

    @_part
    def rollup(self) -> "RollupContext":
        """What the timer's steps work with."""
        from shared_code.rollup.step import RollupContext

        return RollupContext(
            self.settings,
            self.database.unhurried(),
            self.budgets,
            self.ledger,
            self.outbox,
            self.blobs.sweep,
            self.jobs.sweep,
            self.blobs.expiring,
            self.webhooks.deliveries,
            self.reviews.desk,
            self.blobs.reviewed,
            self.clock,
        )

    @_part
    def token_administration(self) -> "TokenAdministration":
        """What operators do with keys."""
        from shared_code.operations.tokens import TokenAdministration

        return TokenAdministration(
            self.database, self.cipher, default_threshold=self.settings.default_threshold, clock=self.clock
        )

    @_part
    def quota_administration(self) -> "QuotaAdministration":
        """What operators do with limits."""
        from shared_code.operations.quotas import QuotaAdministration

        return QuotaAdministration(self.database, self.settings.default_time_zone, self.clock)

    @_part
    def usage_reports(self) -> "UsageReports":
        """What was used, by whom."""
        from shared_code.operations.usage_reports import UsageReports

        return UsageReports(
            self.database.unhurried(seconds=REPORT_SECONDS), self.settings.default_time_zone, self.clock
        )

    @_part
    def exports(self) -> "Exports":
        """Readings as tables."""
        from shared_code.exports.export import Exports

        return Exports(self.database.unhurried(seconds=REPORT_SECONDS), self.settings.default_time_zone)

    @_part
    def forecasts(self) -> "Forecasts":
        """When keys and limits run out."""
        from shared_code.operations.forecasts import Forecasts

        return Forecasts(self.database.unhurried(seconds=REPORT_SECONDS), self.settings.default_time_zone, self.clock)

    @_part
    def health(self) -> "SystemHealthChecker":
        """Whether the service is well."""
        from shared_code.bootstrap.health import system_checks

        return system_checks(self)

    @_part
    def readiness(self) -> "SystemHealthChecker":
        """Whether it can serve requests now."""
        from shared_code.bootstrap.health import readiness_checks

        return readiness_checks(self.database, self.startup)

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
