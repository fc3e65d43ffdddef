"""Application logs in the database, beside whatever else handles them, without cost or risk for the request.

``ApplicationLogger.configure()`` puts one handler on the root logger and masks secrets in every record of the process.
Our own loggers are recorded from the configured level, those of libraries from WARNING. Rows carry the request's
labels (``shared_code.observability.request_context``) and are written by one background thread; a database that is away costs
records, never a request.
"""

import atexit
import logging
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import Connection, literal, select

from shared_code.database import connection
from shared_code.database.connection import Database, repeatable
from shared_code.database.stores.logs import MAX_ROWS_PER_STATEMENT, insert_logs
from shared_code.database.stores.retries import insert_retries
from shared_code.errors import ServiceError
from shared_code.observability.background_writer import BackgroundWriter, NotDelivered, WriterLimits
from shared_code.observability.log_redaction import (
    OWN_LOGGERS,
    RedactingFilter,
    _top_name,
    install_redaction,
    is_worth_recording,
    redacted_traceback,
)
from shared_code.observability.redaction import redact
from shared_code.observability.request_context import RequestContextFilter, current_request, label
from shared_code.records import LogEntry, RetryAttempt

_CONSOLE_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_LIMITS = WriterLimits(batch=MAX_ROWS_PER_STATEMENT)

_log = logging.getLogger(__name__)


class DatabaseLogHandler(logging.Handler):
    """Writes records to ApplicationLogs in batches, in a thread of its own.

    :param database: the database, or a callable that gives it when there is one (None: not yet).
    :param write_budget_seconds: how long one batch waits for a database that comes back; it is kept when time is up.
    """

    def __init__(
        self,
        database: Database | Callable[[], Database | None],
        *,
        level: int = logging.NOTSET,
        limits: WriterLimits = _LIMITS,
        write_budget_seconds: float = 2.0,
    ) -> None:
        super().__init__(level)
        self._source: Callable[[], Database | None] = (lambda: database) if isinstance(database, Database) else database
        self._budget = write_budget_seconds
        self._failing = False
        self._writer = BackgroundWriter(
            self._deliver,
            name="application-logs",
            size=lambda entry: entry.characters,
            report_dropped=self._report_dropped,
            limits=limits,
        )
        self.addFilter(self._is_wanted)
        self.addFilter(RedactingFilter())

    @property
    def dropped(self) -> int:
        """Records lost and not yet reported."""
        return self._writer.dropped

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record. Never waits, never raises; what cannot be queued is counted."""
        try:
            self._writer.offer(entry_of(record))
        except Exception:  # noqa: BLE001 - logging must not fail the caller; handleError would print raw arguments
            self._writer.count_lost()

    def flush(self, timeout_seconds: float = 2.0) -> bool:  # type: ignore[override]  # says more than the base's
        """Wait until everything logged so far is stored; False when time is up or the database is away."""
        return self._writer.flush(timeout_seconds)

    def close(self, timeout_seconds: float = 2.0) -> None:
        """Flush and end the thread."""
        self._writer.close(timeout_seconds)
        super().close()

    def _is_wanted(self, record: logging.LogRecord) -> bool:
        # A filter and not a test in emit: it runs before the handler's lock is taken, which a flush may hold.
        if self._writer.in_own_thread():
            return False  # SQLAlchemy, the driver and db_connection speak while this very handler writes
        return is_worth_recording(record)

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
        def work(connection: Connection) -> None:
            insert_logs(connection, entries)

        database.run(work, budget_seconds=self._budget, on_unknown=repeatable)

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
            _log.warning("Log records wait for the database: %s", redact(f"{type(error).__name__}: {error}"))

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

        :param database: where to; by default the instance that ``db_connection.set_default`` has installed by the
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
        top = _top_name(name)
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


def log_retry_attempts(
    retry_log: Sequence[Mapping[str, Any]],
    token_id: int | None = None,
    company_id: str | None = None,
    *,
    call_id: str | None = None,
    request_id: str | None = None,
    database: Database | None = None,
    budget_seconds: float = 2.0,
) -> int:
    """Write what ``RetryPolicy.get_retry_log()`` gives to RetryAttempts; returns how many rows were stored.

    An entry (``attempt``, ``error``, ``retryable``, ``timestamp`` in epoch seconds) may carry its own ``token_id``,
    for a request that changed keys. Ids that are not given come from the running request. Never raises: a failure is
    logged and 0 returned. Not for use inside a transaction; there, call the store.
    """
    context = current_request()
    attempts = [
        RetryAttempt(
            attempt=int(entry["attempt"]),
            error=redact(str(entry["error"])),
            retryable=bool(entry["retryable"]),
            token_id=entry.get("token_id", token_id),
            company_id=company_id,
            call_id=call_id or context.call_id,
            request_id=request_id or context.request_id,
            timestamp=entry.get("timestamp"),
        )
        for entry in retry_log
    ]
    if not attempts:
        return 0

    def work(connection: Connection) -> None:
        insert_retries(connection, attempts)

    try:
        (database or connection.default()).run(work, budget_seconds=budget_seconds, on_unknown=repeatable)
    except ServiceError as error:
        _log.warning("%d retry attempts could not be stored: %s", len(attempts), error)
        return 0
    return len(attempts)


def _installed_database() -> Database | None:
    try:
        return connection.default()
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
