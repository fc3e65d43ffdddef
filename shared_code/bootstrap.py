"""The composition root: the only place that builds the engine, clients and services, once, on first use.

Nothing happens at import. Seed-shaped calls on classes find their default instance here.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shared_code import db_connection, errors
from shared_code.app_setting import read_app_setting
from shared_code.blob_assembly import BlobServices, build_blobs
from shared_code.database.alerts import open_alerts
from shared_code.db_connection import Database, create_database
from shared_code.db_logger import ApplicationLogger
from shared_code.extraction.assembly import build_extraction
from shared_code.extraction.budget import ESTIMATE_MISS, SafetyFactors
from shared_code.extraction.intake import Room
from shared_code.extraction.ledger import Ledger
from shared_code.health_response import readiness_checks, system_checks
from shared_code.key_cipher import KeyCipher
from shared_code.outbox import QueueOutbox
from shared_code.providers.gemini import GeminiProvider
from shared_code.providers.openai import OpenAIProvider
from shared_code.quota_administration import QuotaAdministration
from shared_code.quota_manager import QuotaManager
from shared_code.records import Provider
from shared_code.settings import Settings, load_settings
from shared_code.storage import queue_client
from shared_code.telemetry import configure_telemetry, shutdown_telemetry
from shared_code.telemetry_database import trace_database
from shared_code.token_administration import TokenAdministration
from shared_code.token_manager import TokenManager

if TYPE_CHECKING:
    from shared_code.extraction.service import ExtractionService
    from shared_code.providers.base import ModelProvider

#: seconds for which a failed start is answered at once instead of being tried again by every request
_START_PAUSE = 2.0


def _now() -> datetime:
    return datetime.now(UTC)


class Services:
    """Everything that the function folders, the administration and the command line use.

    :param clock: the moment (aware, UTC); ``monotonic`` and ``sleep`` pace retries and deadlines.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], datetime] = _now,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.monotonic = monotonic
        self.sleep = sleep
        self.room = Room(settings.max_concurrent_uploads)
        self.database: Database = create_database(settings, sleep=sleep, clock=monotonic)
        ring = settings.token_encryption_keys
        self.cipher = KeyCipher(ring.get_secret_value() if ring else None)
        self.outbox = QueueOutbox(lambda: queue_client(settings, settings.usage_outbox_queue))
        self.quota_manager = QuotaManager(self.database, clock=clock, default_zone=settings.default_time_zone)
        self.ledger = Ledger(self.database, self.quota_manager, self.outbox)
        self.models = _models(settings)
        self.token_manager = self._token_manager()
        self.providers: dict[Provider, ModelProvider] = {
            Provider.GEMINI: GeminiProvider(settings.gemini_base_url, api_version=settings.gemini_api_version),
            Provider.OPENAI: OpenAIProvider(settings.openai_base_url),
        }
        self.factors = SafetyFactors()
        self.background = ThreadPoolExecutor(max_workers=4, thread_name_prefix="text-layer")
        self.extraction: ExtractionService = build_extraction(self)
        self.blobs: BlobServices = build_blobs(self)
        self.token_administration = TokenAdministration(
            self.database, self.cipher, default_threshold=settings.default_threshold, clock=clock
        )
        self.quota_administration = QuotaAdministration(
            self.database, default_zone=settings.default_time_zone, clock=clock
        )
        self.health = system_checks(self)
        self.readiness = readiness_checks(self)
        self._schema = threading.Lock()
        self._is_ready = False
        self._failed_at: tuple[float, errors.ServiceError] | None = None

    def ready(self) -> "Services":
        """The services with a database whose tables are there.

        :raises errors.DatabaseUnavailable: the database cannot be reached; every further call within two seconds is
            told so at once.
        """
        if self._is_ready:
            return self
        with self._schema:
            if self._failed_at and time.monotonic() - self._failed_at[0] < _START_PAUSE:
                raise self._failed_at[1]
            if not self._is_ready:
                self._start()
        return self

    def close(self) -> None:
        """Let go of threads and connections."""
        self.background.shutdown(wait=False, cancel_futures=True)
        for provider in self.providers.values():
            provider.close()
        self.database.close()

    def _token_manager(self) -> TokenManager:
        settings = self.settings
        fallback = settings.app_setting_file
        return TokenManager(
            self.database,
            self.cipher,
            models={provider: names[0] for provider, names in self.models.items()},
            default_zone=settings.default_time_zone,
            app_setting=read_app_setting(fallback, default_model=settings.gemini_model) if fallback else None,
            clock=self.clock,
        )

    def _start(self) -> None:
        from shared_code.database.schema import ensure_schema

        try:
            ensure_schema(self.database, auto_migrate=self.settings.db_auto_migrate)
            missed = self.database.read(lambda connection: open_alerts(connection, kind=ESTIMATE_MISS))
        except errors.ServiceError as error:
            self._failed_at = (time.monotonic(), error)
            raise
        for alert in missed:
            # What another instance, or this one before a restart, has learned about a model's estimates.
            self.factors.learned(alert.subject, float(alert.details.get("factor", 1.0)))
        self._is_ready = True


_lock = threading.Lock()
_services: Services | None = None


def services() -> Services:
    """The services of this process. Raises ConfigurationError that names every wrong setting."""
    global _services  # noqa: PLW0603 - the one process-wide instance
    if _services is None:
        with _lock:
            if _services is None:
                built = Services(load_settings())
                db_connection.set_default(built.database)
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
        db_connection.set_default(None)
        _services = None


def _models(settings: Settings) -> dict[Provider, list[str]]:
    configured: dict[Provider, list[Any]] = {
        Provider.GEMINI: [settings.gemini_model, settings.gemini_fallback_model],
        Provider.OPENAI: [settings.openai_model, settings.openai_fallback_model],
    }
    return {provider: list(dict.fromkeys(filter(None, names))) for provider, names in configured.items()}
