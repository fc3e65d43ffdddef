"""What the first upload would wait for, begun by whatever comes first: an upload, a probe, a timer, a file.

A process that reads documents takes as long to start as the service itself, and can do so on another core; then the
tables are looked at, the SDKs of those vendors are imported that companies have keys of, and the first connections
opened. Nothing here can fail a start: what goes wrong is for the request to find out that needs it.
"""

import logging
import threading
from collections.abc import Callable
from functools import partial

_log = logging.getLogger(__name__)
_lock = threading.Lock()
_thread: threading.Thread | None = None


def begin() -> None:
    """Start the thread, once for the process. Returns at once."""
    global _thread  # noqa: PLW0603 - one for the process
    with _lock:
        if _thread is None:
            _thread = threading.Thread(target=run, name="warm-up", daemon=True)
            _thread.start()


def wait(seconds: float) -> bool:
    """Whether everything was ready within so many seconds, for tests and measurements."""
    thread = _thread
    if thread is not None:
        thread.join(seconds)
    return thread is not None and not thread.is_alive()


def run() -> None:
    """Make everything ready. Never raises."""
    for step in _STEPS:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - whatever it is, a request that needs the same will say it
            _log.info("not made ready before it is needed (%s): %s", step.__name__.strip("_"), type(error).__name__)


def _documents() -> None:
    from shared_code.documents.sandbox.pool import default_sandbox

    default_sandbox().start_ahead()


def _vendors() -> None:
    from shared_code.bootstrap.build import services
    from shared_code.database.stores.keys.tokens import newest_usable

    ready = services().ready()
    for name, provider in ready.providers.items():
        if ready.database.read(partial(newest_usable, provider=name, limit=1)):
            provider.prepare()


def _prices() -> None:
    from shared_code.metering.call_costs import load_prices

    load_prices()


#: the process first: it starts beside everything else
_STEPS: tuple[Callable[[], None], ...] = (_documents, _vendors, _prices)
