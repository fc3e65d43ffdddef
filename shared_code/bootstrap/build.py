"""The composition root: the only place that builds the engine, clients and services, once, on first use.

Nothing happens at import. Seed-shaped calls on classes find their default instance here.
"""

import threading
from typing import TYPE_CHECKING, Any

from shared_code.bootstrap.container import Services
from shared_code.database import connection
from shared_code.database.application_log import ApplicationLogger
from shared_code.observability.database_spans import trace_database
from shared_code.observability.telemetry import configure_telemetry, shutdown_telemetry
from shared_code.records import Provider
from shared_code.settings import Settings, load_settings

if TYPE_CHECKING:
    pass


_lock = threading.Lock()
_services: Services | None = None


def services() -> Services:
    """The services of this process. Raises ConfigurationError that names every wrong setting."""
    global _services  # noqa: PLW0603 - the one process-wide instance
    if _services is None:
        with _lock:
            if _services is None:
                built = Services(load_settings())
                connection.set_default(built.database)
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
        connection.set_default(None)
        _services = None


def _models(settings: Settings) -> dict[Provider, list[str]]:
    configured: dict[Provider, list[Any]] = {
        Provider.GEMINI: [settings.gemini_model, settings.gemini_fallback_model],
        Provider.OPENAI: [settings.openai_model, settings.openai_fallback_model],
    }
    return {provider: list(dict.fromkeys(filter(None, names))) for provider, names in configured.items()}
