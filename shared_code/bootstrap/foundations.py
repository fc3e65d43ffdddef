"""What all parts of a process are built on: one database, the providers, the accounts, the clocks."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from shared_code.blobs.clients import blob_service_client, queue_client
from shared_code.database.connection import Database, create_database
from shared_code.database.key_cipher import KeyCipher
from shared_code.documents.ocr.reader import default_reader
from shared_code.extraction.second_reading import SecondReadings
from shared_code.extraction.submission import Pace
from shared_code.metering.app_setting import AppSetting, read_app_setting
from shared_code.metering.budgets import Budgets
from shared_code.metering.estimates import SafetyFactors
from shared_code.metering.ledger import Ledger
from shared_code.metering.long_bookings import LongBookings
from shared_code.metering.outbox import Outbox, QueueOutbox
from shared_code.providers import vendors
from shared_code.providers.base import ModelProvider
from shared_code.records import Provider
from shared_code.settings import Ocr, OcrVerify, Settings

_utc_now = partial(datetime.now, UTC)


@dataclass(frozen=True)
class Foundations:
    """Nothing is connected yet.

    :ivar clock: the moment, aware UTC; ``pace`` is how time passes for runs.
    :ivar models: configured models per provider, the preferred one first.
    :ivar background: threads that read text layers beside model calls.
    :ivar second_readings: reads pages without text; None where that is off or not installed.
    """

    settings: Settings
    clock: Callable[[], datetime]
    pace: Pace
    database: Database
    cipher: KeyCipher
    app_setting: AppSetting | None
    models: Mapping[Provider, Sequence[str]]
    providers: Mapping[Provider, ModelProvider]
    factors: SafetyFactors
    budgets: Budgets
    ledger: Ledger
    outbox: Outbox
    background: Executor
    second_readings: SecondReadings | None


def lay_foundations(
    settings: Settings,
    *,
    clock: Callable[[], datetime] = _utc_now,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    database: Database | None = None,
    outbox: Outbox | None = None,
    second_readings: SecondReadings | None = None,
) -> Foundations:
    """Make them from the settings.

    :param clock: the moment (aware, UTC); ``monotonic`` and ``sleep`` pace retries and deadlines.
    :param database: instead of the one that the settings name.
    :param outbox: where bookings wait while the database is away; the storage queue unless given.
    :param second_readings: instead of the process's own.
    :raises errors.ConfigurationError: a setting cannot be used: the key ring, the fallback file, the database's URL.
    """
    database = database or create_database(settings, sleep=sleep, clock=monotonic)
    ring, fallback = settings.token_encryption_keys, settings.app_setting_file
    waiting = outbox or build_outbox(settings, clock)
    budgets = Budgets(clock=clock, default_zone=settings.default_time_zone)
    return Foundations(
        settings=settings,
        clock=clock,
        pace=Pace(monotonic, sleep),
        database=database,
        cipher=KeyCipher(ring.get_secret_value() if ring else None),
        app_setting=read_app_setting(fallback, default_model=settings.gemini_model) if fallback else None,
        models=vendors.configured_models(settings),
        providers=vendors.build_providers(settings),
        factors=SafetyFactors(),
        budgets=budgets,
        ledger=Ledger(database, budgets, waiting, booking_seconds=settings.db_retry_budget_seconds),
        outbox=waiting,
        # As many as uploads: they wait in line by company in the sandbox, not here, first come, first served.
        background=ThreadPoolExecutor(
            settings.per_process(settings.max_concurrent_uploads), thread_name_prefix="text-layer"
        ),
        second_readings=second_readings or _second_readings(settings),
    )


def _second_readings(settings: Settings) -> SecondReadings | None:
    reader = default_reader() if settings.ocr is Ocr.AUTO else None
    if reader is None:
        return None
    return SecondReadings(
        reader,
        wait_seconds=settings.ocr_wait_seconds,
        most_pages=settings.ocr_pages,
        verify_doubtful=settings.ocr_verify is OcrVerify.DOUBTFUL,
    )


def build_outbox(settings: Settings, clock: Callable[[], datetime] = _utc_now) -> QueueOutbox:
    """The storage queue that the settings name, and the container that is named after it."""
    queue = settings.usage_outbox_queue
    # A caller waits meanwhile, as with the queue.
    long_bookings = LongBookings(partial(blob_service_client, settings, retries=1), f"{queue}-results", clock=clock)
    return QueueOutbox(partial(queue_client, settings), queue, long_bookings)
