"""Builds the services of a process from its settings, and keeps the one instance that the function folders share."""

import threading
from typing import Any

from shared_code.blobs.clients import storage_configured
from shared_code.blobs.document_erasure import DocumentErasure
from shared_code.bootstrap.blobs import BlobServices, build_blobs
from shared_code.bootstrap.container import Services, Startup
from shared_code.bootstrap.extraction import build_extraction
from shared_code.bootstrap.foundations import Foundations, lay_foundations
from shared_code.bootstrap.health import readiness_checks, system_checks
from shared_code.bootstrap.jobs import JobServices, build_jobs
from shared_code.bootstrap.reviews import ReviewServices, build_reviews
from shared_code.bootstrap.uploads import build_upload_lane
from shared_code.bootstrap.webhooks import WebhookServices, build_webhooks
from shared_code.database.application_log import ApplicationLogger
from shared_code.database.connection import REPORT_SECONDS, install_default
from shared_code.database.pool_limit import warn_of_pool_limit
from shared_code.documents.sandbox.pool import share_instance
from shared_code.exports.export import Exports
from shared_code.extraction.idempotency import Idempotency
from shared_code.extraction.stored_readings import StoredReadings
from shared_code.extraction.upload_slots import UploadLane
from shared_code.observability.database_spans import trace_database
from shared_code.observability.telemetry import configure_telemetry, shutdown_telemetry
from shared_code.operations.forecasts import Forecasts
from shared_code.operations.quotas import QuotaAdministration
from shared_code.operations.tokens import TokenAdministration
from shared_code.operations.usage_reports import UsageReports
from shared_code.reviews.accuracy import ReviewAccuracy
from shared_code.rollup.step import RollupContext
from shared_code.settings import Settings, load_settings

_lock = threading.Lock()
_services: Services | None = None
_lane_lock = threading.Lock()
_lane: UploadLane | None = None


def services() -> Services:
    """The services of this process. Raises ConfigurationError that names every wrong setting."""
    global _services  # noqa: PLW0603 - the one process-wide instance
    if _services is None:
        with _lock:
            if _services is None:
                built = build_services(load_settings())
                share_instance(built.settings.functions_worker_process_count)
                install_default(built.database)
                ApplicationLogger.configure(log_level=built.settings.log_level, database=built.database)
                configure_telemetry(built.settings)
                trace_database(built.database.engine)
                warn_of_pool_limit(built.settings)
                _services = built
    return _services


def upload_lane() -> UploadLane:
    """The way in for uploads of this process. Quick: it reads the settings and connects to nothing.

    :raises errors.ConfigurationError: names every wrong setting.
    """
    global _lane  # noqa: PLW0603 - the one process-wide instance
    # Not under the lock of the services, whose making takes longer than the event loop may wait.
    with _lane_lock:
        if _lane is None:
            _lane = build_upload_lane(load_settings())
        return _lane


def reset() -> None:
    """Forget the services, so that the next use builds them anew from the environment."""
    global _services, _lane  # noqa: PLW0603
    with _lane_lock:
        if _lane is not None:
            _lane.close()
        _lane = None
    with _lock:
        if _services is not None:
            # What waits to be written goes first, while the database is still open.
            ApplicationLogger.shutdown()
            shutdown_telemetry()
            _services.close()
        install_default(None)
        _services = None


def build_services(settings: Settings, **foundations: Any) -> Services:
    """All parts of a process; nothing connects yet.

    :param foundations: clocks and an outbox other than the process's own, see :func:`.foundations.lay_foundations`.
    :raises errors.ConfigurationError: a setting cannot be used.
    """
    base = lay_foundations(settings, **foundations)
    database, zone, clock = base.database, settings.default_time_zone, base.clock
    extraction = build_extraction(base)
    stored_readings = StoredReadings(database)
    blobs = build_blobs(base, extraction, stored_readings)
    jobs = build_jobs(base, extraction, blobs.keeper)
    webhooks = build_webhooks(base)
    reviews = build_reviews(base, blobs, webhooks)
    startup = Startup(database, base.factors, auto_migrate=settings.db_auto_migrate, clock=base.pace.clock)
    return Services(
        **vars(base),
        extraction=extraction,
        stored_readings=stored_readings,
        idempotency=Idempotency(database, stored_readings, settings.lease_margin_seconds),
        blobs=blobs,
        jobs=jobs,
        document_erasure=DocumentErasure(
            database.unhurried(), base.ledger, base.outbox, blobs.erasure, jobs.documents, storage_configured(settings)
        ),
        webhooks=webhooks,
        reviews=reviews,
        review_accuracy=ReviewAccuracy(database.unhurried(seconds=REPORT_SECONDS), clock),
        rollup=_rollup_context(base, blobs, jobs, webhooks, reviews),
        token_administration=TokenAdministration(
            database, base.cipher, default_threshold=settings.default_threshold, clock=clock
        ),
        quota_administration=QuotaAdministration(database, zone, clock),
        usage_reports=UsageReports(database.unhurried(seconds=REPORT_SECONDS), zone, clock),
        exports=Exports(database.unhurried(seconds=REPORT_SECONDS), zone),
        forecasts=Forecasts(database.unhurried(seconds=REPORT_SECONDS), zone, clock),
        startup=startup,
        health=system_checks(base),
        readiness=readiness_checks(database, startup),
    )


def _rollup_context(
    base: Foundations, blobs: BlobServices, jobs: JobServices, webhooks: WebhookServices, reviews: ReviewServices
) -> RollupContext:
    return RollupContext(
        base.settings,
        base.database.unhurried(),
        base.budgets,
        base.ledger,
        base.outbox,
        blobs.sweep,
        jobs.sweep,
        blobs.expiring,
        webhooks.deliveries,
        reviews.desk,
        blobs.reviewed,
        base.clock,
    )
