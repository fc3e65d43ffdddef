"""Builds the services of a process from its settings, and keeps the one instance that the function folders share."""

import threading
from typing import Any

from shared_code.bootstrap.blobs import build_blobs
from shared_code.bootstrap.container import Services
from shared_code.bootstrap.extraction import build_extraction
from shared_code.bootstrap.foundations import lay_foundations
from shared_code.bootstrap.startup import Startup
from shared_code.bootstrap.uploads import close_upload_lane, return_large_blocks
from shared_code.bootstrap.webhooks import build_webhooks
from shared_code.database.application_log import ApplicationLogger
from shared_code.database.connection import install_default
from shared_code.database.pool_limit import warn_of_pool_limit
from shared_code.documents.sandbox.pool import share_instance
from shared_code.extraction.idempotency import Idempotency
from shared_code.extraction.stored_readings import StoredReadings
from shared_code.observability.database_spans import trace_database
from shared_code.observability.telemetry import configure_telemetry, shutdown_telemetry
from shared_code.settings import Settings, load_settings

_lock = threading.Lock()
_services: Services | None = None


def services() -> Services:
    """The services of this process. Raises ConfigurationError that names every wrong setting."""
    global _services  # noqa: PLW0603 - the one process-wide instance
    if _services is None:
        with _lock:
            if _services is None:
                return_large_blocks()
                built = build_services(load_settings())
                share_instance(built.settings.functions_worker_process_count)
                install_default(built.database)
                ApplicationLogger.configure(log_level=built.settings.log_level, database=built.database)
                configure_telemetry(built.settings)
                trace_database(built.database.engine)
                warn_of_pool_limit(built.settings)
                _services = built
    return _services


def reset() -> None:
    """Forget the services, so that the next use builds them anew from the environment."""
    global _services  # noqa: PLW0603
    close_upload_lane()
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

    :param foundations: what is other than the process's own, see :func:`.foundations.lay_foundations`.
    :raises errors.ConfigurationError: a setting cannot be used.
    """
    base = lay_foundations(settings, **foundations)
    extraction = build_extraction(base)
    stored_readings = StoredReadings(base.database)
    return Services(
        **vars(base),
        extraction=extraction,
        stored_readings=stored_readings,
        idempotency=Idempotency(base.database, stored_readings, settings.lease_margin_seconds),
        blobs=build_blobs(base, extraction, stored_readings),
        webhooks=build_webhooks(base),
        startup=Startup(base.database, base.factors, auto_migrate=settings.db_auto_migrate, clock=base.pace.clock),
    )
