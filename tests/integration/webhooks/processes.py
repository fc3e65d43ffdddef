"""Processes that write what is to be told, and are killed before or while they tell it.

They come out of one fork server that has imported everything already, so that a new one costs milliseconds.
"""

import contextlib
import logging
import multiprocessing
import os
import signal
from typing import Any

import psycopg  # noqa: F401 - preloaded

from shared_code.bootstrap import build_services
from shared_code.database.stores.extractions.readings import ReadingHead
from shared_code.errors import ProviderRejected
from shared_code.metering.finishing import Ending, Failed, finish
from shared_code.settings import Settings

with contextlib.suppress(ImportError):  # where no ODBC driver manager is installed
    import pyodbc  # noqa: F401 - preloaded

_METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
context: Any = multiprocessing.get_context(_METHOD)
if _METHOD == "forkserver":
    context.set_forkserver_preload([__name__])


def tell(url: str, settings: dict[str, Any], reading_id: str, *, dies: bool) -> None:
    """Write a reading; then die between COMMIT and delivery, or deliver it as the process does behind an answer."""
    logging.disable(logging.CRITICAL)
    services = build_services(Settings(azure_sql_connection_string=None, database_url=url, **settings))
    head = ReadingHead(reading_id, "NT047", "a" * 64, "c" * 36)
    ending = Ending(failed=Failed(head, ProviderRejected()))
    services.database.run(lambda connection: finish(connection, services.budgets, ending))
    if dies:
        os.kill(os.getpid(), signal.SIGKILL)
    services.webhooks.wake()
    signal.pause()


def started(url: str, settings: dict[str, Any], reading_id: str, *, dies: bool) -> Any:
    """A process that does so."""
    process = context.Process(target=tell, args=(url, settings, reading_id), kwargs={"dies": dies}, daemon=True)
    process.start()
    return process
