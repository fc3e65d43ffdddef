"""What the host prints: one line per event with time, and the invocation that a function's own line belongs to.

Lines of the host itself go to the console only. They must not pass through the root logger: the app under test may have
put its own handlers there, which in Azure never see them, as the host is another process.
"""

import logging
import sys
import time

from devstack.host.settings import HostConfig

HOST_LOGGER = "devstack.host"
_ID_LENGTH = 8
_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 1,
}


class ConsoleFormatter(logging.Formatter):
    """``[2026-11-21T21:37:01.123Z] [1a2b3c4d] WARNING message``; UTC, the level only when it is not INFO."""

    def __init__(self) -> None:
        self.converter = time.gmtime
        super().__init__("[%(asctime)s.%(msecs)03dZ] %(invocation)s%(level)s%(message)s", "%Y-%m-%dT%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """Add the invocation of the calling thread and the level."""
        invocation = getattr(record, "invocation_id", None)
        record.invocation = f"[{invocation[:_ID_LENGTH]}] " if invocation else ""
        record.level = "" if record.levelno == logging.INFO else f"{record.levelname} "
        return super().format(record)


class InvocationFilter(logging.Filter):
    """Gives each record the id of the invocation that logs it, also for other handlers of the root logger."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add ``invocation_id`` where the worker knows one; keeps every record."""
        from azure_functions_runtime_v1.utils.executor import invocation_id_cv

        if not hasattr(record, "invocation_id"):
            record.invocation_id = invocation_id_cv.get()
        return True


class WorkerFailureFilter(logging.Filter):
    """Drops what the worker's in-process entry logs of a failed invocation: the real worker hands it to the host."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep everything else."""
        return record.msg not in {"Native invocation failed", "Native sync invocation failed"}


def start_console() -> None:
    """Send the host's and the app's log records to standard output, as Core Tools does."""
    if hasattr(sys.stdout, "reconfigure"):
        # A blob name with an emoji must not break the log of a console with another code page.
        sys.stdout.reconfigure(errors="backslashreplace")
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(ConsoleFormatter())
    host = logging.getLogger(HOST_LOGGER)
    host.setLevel(logging.INFO)
    host.propagate = False
    host.addHandler(handler)

    worker_handler = logging.StreamHandler(sys.stdout)
    worker_handler.setFormatter(ConsoleFormatter())
    worker_handler.addFilter(InvocationFilter())
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.addHandler(worker_handler)
    logging.getLogger("azure.functions").addFilter(WorkerFailureFilter())


def apply_log_level(config: HostConfig) -> None:
    """Follow ``logging.logLevel`` of host.json for what functions log (``Function``, else ``default``)."""
    name = config.value("logging.logLevel.Function") or config.value("logging.logLevel.default")
    level = _LEVELS.get(str(name).casefold()) if name else None
    if level is not None:
        for handler in logging.getLogger().handlers:
            handler.setLevel(level)
