"""Builds the services of a process from its settings, and keeps the one instance that the function folders share."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from shared_code.blobs.clients import queue_client
from shared_code.bootstrap.blobs import build_blobs
from shared_code.bootstrap.container import Services, Startup
from shared_code.bootstrap.extraction import build_extraction
from shared_code.bootstrap.health import readiness_checks, system_checks
from shared_code.database.application_log import ApplicationLogger
from shared_code.database.connection import create_database, install_default
from shared_code.database.key_cipher import KeyCipher
from shared_code.extraction.admission import UploadSlots
from shared_code.extraction.submission import Pace
from shared_code.metering.app_setting import read_app_setting
from shared_code.metering.budgets import Budgets
from shared_code.metering.estimates import SafetyFactors
from shared_code.metering.keys import KeyFinder
from shared_code.metering.ledger import Ledger
from shared_code.metering.outbox import Outbox, QueueOutbox
from shared_code.observability.database_spans import trace_database
from shared_code.observability.telemetry import configure_telemetry, shutdown_telemetry
from shared_code.operations.forecasts import Forecasts
from shared_code.operations.quotas import QuotaAdministration
from shared_code.operations.tokens import TokenAdministration
from shared_code.operations.usage_reports import UsageReports
from shared_code.providers import vendors
from shared_code.rollup.step import RollupContext
from shared_code.settings import Settings, load_settings

_lock = threading.Lock()
_services: Services | None = None


def services() -> Services:
    """The services of this process. Raises ConfigurationError that names every wrong setting."""
    global _services  # noqa: PLW0603 - the one process-wide instance
    if _services is None:
        with _lock:
            if _services is None:
                built = build_services(load_settings())
                install_default(built.database)
                ApplicationLogger.configure(log_level=built.settings.log_level, database=built.database)
                configure_telemetry(built.settings)
                trace_database(built.database.engine)
                _services = built
    return _services


def reset() -> None:
    """Forget the services, so that the next use builds them anew from the environment."""
    global _services  # noqa: PLW0603
    with _lock:
        if _services is not None:
            # What waits to be written goes first, while the database is still open.
            ApplicationLogger.shutdown()
            shutdown_telemetry()
            _services.close()
        install_default(None)
        _services = None


def build_services(
    settings: Settings,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    outbox: Outbox | None = None,
) -> Services:
    """All parts on one database; nothing connects yet.

    :param clock: the moment (aware, UTC); ``monotonic`` and ``sleep`` pace retries and deadlines.
    :param outbox: where bookings wait while the database is away; the storage queue unless given.
    :raises errors.ConfigurationError: a setting cannot be used: the key ring, the fallback file, the database's URL.
    """
    database = create_database(settings, sleep=sleep, clock=monotonic)
    ring, fallback, zone = settings.token_encryption_keys, settings.app_setting_file, settings.default_time_zone
    cipher = KeyCipher(ring.get_secret_value() if ring else None)
    app_setting = read_app_setting(fallback, default_model=settings.gemini_model) if fallback else None
    waiting = outbox or QueueOutbox(lambda: queue_client(settings, settings.usage_outbox_queue))
    budgets = Budgets(clock=clock, default_zone=zone)
    ledger = Ledger(database, budgets, waiting, booking_seconds=settings.db_retry_budget_seconds)
    models, providers = vendors.configured_models(settings), vendors.build_providers(settings)
    factors = SafetyFactors()
    background = ThreadPoolExecutor(max_workers=4, thread_name_prefix="text-layer")
    extraction = build_extraction(
        settings,
        database=database,
        ledger=ledger,
        keys=KeyFinder(database, cipher, app_setting=app_setting, clock=clock),
        factors=factors,
        models=models,
        providers=providers,
        background=background,
        clock=clock,
        pace=Pace(monotonic, sleep),
    )
    blobs = build_blobs(settings, database=database, extraction=extraction, clock=clock, monotonic=monotonic)
    startup = Startup(database, factors, auto_migrate=settings.db_auto_migrate)
    return Services(
        settings=settings,
        clock=clock,
        models=models,
        app_setting=app_setting,
        database=database,
        cipher=cipher,
        providers=providers,
        background=background,
        factors=factors,
        ledger=ledger,
        outbox=waiting,
        upload_slots=UploadSlots(settings.max_concurrent_uploads),
        extraction=extraction,
        blobs=blobs,
        rollup=RollupContext(settings, database, budgets, ledger, waiting, blobs.sweep, clock),
        token_administration=TokenAdministration(
            database, cipher, default_threshold=settings.default_threshold, clock=clock
        ),
        quota_administration=QuotaAdministration(database, zone, clock),
        usage_reports=UsageReports(database, zone, clock),
        forecasts=Forecasts(database, zone, clock),
        startup=startup,
        health=system_checks(settings, database=database, cipher=cipher, providers=providers, outbox=waiting),
        readiness=readiness_checks(database, startup),
    )
