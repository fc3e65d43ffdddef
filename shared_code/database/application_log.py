"""Application logs in the database, beside whatever else handles them, without cost or risk for the request.

``ApplicationLogger.configure()`` puts one handler on the root logger and masks secrets in every record of the process.
Our own loggers are recorded from the configured level, those of libraries from WARNING. Rows carry the request's
labels (see :mod:`shared_code.observability.request_context`) and are written by one background thread; a database that
is away costs records, never a request.
"""

import atexit
import logging
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import ClassVar

from sqlalchemy import literal, select

from shared_code.database.connection import Database, default_database, repeatable
from shared_code.database.stores.operations.logs import MAX_ROWS_PER_STATEMENT, LogEntry, insert_logs
from shared_code.errors import ServiceError
from shared_code.observability.background_writer import BackgroundWriter, NotDelivered, WriterLimits
from shared_code.observability.log_handler import BackgroundHandler
from shared_code.observability.log_redaction import OWN_LOGGERS, install_redaction, redacted_traceback
from shared_code.observability.redaction import redact
from shared_code.observability.request_context import RequestContextFilter, label

_CONSOLE_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_LIMITS = WriterLimits(batch=MAX_ROWS_PER_STATEMENT)
#: seconds that one batch waits for a database that comes back; it is kept when time is up
_WRITE_SECONDS = 2.0

_log = logging.getLogger(__name__)


class DatabaseLogHandler(BackgroundHandler[LogEntry]):
    """Writes records to ApplicationLogs in batches, in a thread of its own.

    :param database: the database, or a callable that gives it when there is one (None: not yet).
    """

    def __init__(
        self,
        database: Database | Callable[[], Database | None],
        *,
        level: int = logging.NOTSET,
        limits: WriterLimits = _LIMITS,
    ) -> None:
        self._source: Callable[[], Database | None] = (lambda: database) if isinstance(database, Database) else database
        self._failing = False
        writer = BackgroundWriter(
            self._deliver,
            name="application-logs",
            size=lambda entry: entry.characters,
            report_dropped=self._report_dropped,
            limits=limits,
        )
        super().__init__(writer, entry_of, level=level)

    @property
    def dropped(self) -> int:
        """Records lost and not yet reported."""
        return self._writer.dropped

    def flush(self, timeout_seconds: float = 2.0) -> bool:  # type: ignore[override]  # says more than the base's
        """Wait until everything logged so far is stored; False when time is up or the database is away."""
        return self._writer.flush(timeout_seconds)

    def close(self, timeout_seconds: float = 2.0) -> None:
        """Flush and end the thread."""
        self._writer.close(timeout_seconds)
        super().close()

    def _deliver(self, entries: Sequence[LogEntry]) -> int:
        database = self._source()
        if database is None:
            raise NotDelivered
        try:
            self._write(database, entries)
        except Exception as error:  # a log record must never raise where it was written
            if not self._answers(database):
                self._note_failure(error)
                raise NotDelivered from error
            return self._write_singly(database, entries)
        self._failing = False
        return 0

    def _write(self, database: Database, entries: Sequence[LogEntry]) -> None:
        database.run(
            lambda connection: insert_logs(connection, entries), budget_seconds=_WRITE_SECONDS, on_unknown=repeatable
        )

    def _answers(self, database: Database) -> bool:
        try:
            database.read(lambda connection: connection.execute(select(literal(1))).scalar(), budget_seconds=0)
        except Exception:  # noqa: BLE001 - whatever it is, there is no database to write to
            return False
        return True

    def _write_singly(self, database: Database, entries: Sequence[LogEntry]) -> int:
        """The database answers but refuses the batch: save what it takes. Returns how many it refused."""
        refused = 0
        for entry in entries:
            try:
                self._write(database, [entry])
            except Exception:  # noqa: BLE001 - counted and reported
                refused += 1
        return refused

    def _note_failure(self, error: Exception) -> None:
        if not self._failing:
            self._failing = True
            reason = redact(f"{type(error).__name__}: {error}")
            _log.warning("Log records wait for the database, which does not answer: %s", reason)

    def _report_dropped(self, count: int) -> None:
        text = f"{count} log records were lost: the queue was full or the database refused them"
        _log.warning(text)  # for the console; this handler does not take it from its own thread
        now = datetime.now(UTC).replace(tzinfo=None)
        row = LogEntry(timestamp=now, level="WARNING", logger=__name__, message=text)
        self._deliver([row])


class ApplicationLogger:
    """The process's logging set-up, under the seed's names."""

    _handler: ClassVar[DatabaseLogHandler | None] = None
    _console: ClassVar[logging.Handler | None] = None
    _level: ClassVar[int] = logging.NOTSET
    _lock: ClassVar[threading.RLock] = threading.RLock()
    _atexit: ClassVar[bool] = False

    @classmethod
    def configure(
        cls,
        log_level: int | str = logging.INFO,
        *,
        database: Database | None = None,
        limits: WriterLimits = _LIMITS,
    ) -> DatabaseLogHandler:
        """Record our logs from ``log_level`` on, and mask secrets in all logs. A second call changes the first.

        :param database: where to; by default the instance that ``connection.install_default`` has installed by the
            time the first batch is written.
        """
        level = logging.getLevelNamesMapping()[log_level.upper()] if isinstance(log_level, str) else log_level
        with cls._lock:
            cls._remove()
            if not logging.root.handlers:  # a script: our handler would silence Python's print of last resort
                cls._console = logging.StreamHandler(sys.stderr)
                cls._console.setFormatter(logging.Formatter(_CONSOLE_FORMAT))
                logging.root.addHandler(cls._console)
            cls._handler = DatabaseLogHandler(database or _installed_database, level=level, limits=limits)
            logging.root.addHandler(cls._handler)
            install_redaction()
            for handler in logging.root.handlers:
                if not any(isinstance(item, RequestContextFilter) for item in handler.filters):
                    handler.addFilter(RequestContextFilter())
            cls._level = level
            for name in OWN_LOGGERS:
                logging.getLogger(name).setLevel(level)
            if not cls._atexit:
                cls._atexit = True
                atexit.register(cls.flush)
            return cls._handler

    @classmethod
    def get_logger(cls, name: str) -> logging.Logger:
        """A logger whose records are stored from the configured level on."""
        top = name.partition(".")[0]
        with cls._lock:
            if top not in OWN_LOGGERS and top not in {"", "root"}:
                OWN_LOGGERS.add(top)
                if cls._handler is not None:
                    logging.getLogger(top).setLevel(cls._level)
        return logging.getLogger(name)

    @classmethod
    def flush(cls, timeout_seconds: float = 2.0) -> bool:
        """Wait until everything logged so far is stored; False when time is up or the database is away."""
        handler = cls._handler
        return handler is None or handler.flush(timeout_seconds)

    @classmethod
    def shutdown(cls, timeout_seconds: float = 2.0) -> None:
        """Store what waits and take our handlers off. Masking stays."""
        with cls._lock:
            cls._remove(timeout_seconds)

    @classmethod
    def _remove(cls, timeout_seconds: float = 2.0) -> None:
        handler, console, cls._handler, cls._console = cls._handler, cls._console, None, None
        if console is not None:
            logging.root.removeHandler(console)
        if handler is not None:
            logging.root.removeHandler(handler)
            handler.close(timeout_seconds)


def _installed_database() -> Database | None:
    try:
        return default_database()
    except ServiceError:
        return None  # not yet: records wait


def entry_of(record: logging.LogRecord) -> LogEntry:
    """The row of a record, labelled with the running request and masked."""
    label(record)
    exception = record.exc_text
    if not exception and record.exc_info and record.exc_info[1] is not None:
        exception = redacted_traceback(record.exc_info[1])
    if record.stack_info:
        exception = f"{exception}\n{record.stack_info}" if exception else record.stack_info
    return LogEntry(
        timestamp=datetime.fromtimestamp(record.created, UTC).replace(tzinfo=None),
        level=record.levelname,
        logger=record.name,
        message=record.getMessage(),
        exception=exception or None,
        module=record.module,
        function=record.funcName,
        line=record.lineno,
        call_id=record.__dict__.get("call_id"),
        request_id=record.__dict__.get("request_id"),
        operation_id=record.__dict__.get("operation_id"),
    )
