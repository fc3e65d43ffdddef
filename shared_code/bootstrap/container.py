"""Everything that the function folders, the administration and the command line use, put together."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shared_code import errors
from shared_code.blobs.clients import queue_client
from shared_code.bootstrap.blobs import BlobServices, build_blobs
from shared_code.bootstrap.build import _models
from shared_code.bootstrap.extraction import build_extraction
from shared_code.database.connection import Database, create_database
from shared_code.database.key_cipher import KeyCipher
from shared_code.database.stores.alerts import open_alerts
from shared_code.extraction.admission import Room
from shared_code.metering.app_setting import read_app_setting
from shared_code.metering.call_bounds import ESTIMATE_MISS, SafetyFactors
from shared_code.metering.ledger import Ledger
from shared_code.metering.outbox import QueueOutbox
from shared_code.operations.quotas import QuotaAdministration
from shared_code.operations.tokens import TokenAdministration
from shared_code.providers.gemini.client.client.client import GeminiProvider
from shared_code.providers.openai.client.client.client import OpenAIProvider
from shared_code.quota_manager import QuotaManager
from shared_code.records import Provider
from shared_code.settings import Settings
from shared_code.token_manager import TokenManager
from shared_code.web.health import readiness_checks, system_checks

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
