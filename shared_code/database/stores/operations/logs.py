"""ApplicationLogs: the log lines of the service, written in batches and read by support.

Text arrives redacted. It is made storable here, because one record that the database refuses would hold back the
whole batch: PostgreSQL takes no NUL characters and no driver takes lone surrogates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, false, insert, select

from shared_code.database.stores.operations.rows_by_age import Expiring, matching, newest
from shared_code.database.stores.row_records import from_row
from shared_code.database.tables import application_logs
from shared_code.database.text_search import contains

EXPIRING = Expiring(application_logs.c.LogID, application_logs.c.Timestamp)
#: Rows of one statement on Azure SQL: 12 parameters each, and the driver takes 2,100.
MAX_ROWS_PER_STATEMENT = 128
MAX_MESSAGE_CHARACTERS = 16_000
MAX_EXCEPTION_CHARACTERS = 32_000
_CUT = " ... [cut]"
#: the lowest one first
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_NAME_LENGTH = 255


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One row. ``timestamp`` is naive UTC; ``log_id`` is None until it is stored."""

    timestamp: datetime
    level: str
    logger: str
    message: str
    exception: str | None = None
    module: str | None = None
    function: str | None = None
    line: int | None = None
    call_id: str | None = None
    request_id: str | None = None
    operation_id: str | None = None
    log_id: int | None = None

    @property
    def characters(self) -> int:
        """About how much memory the entry holds."""
        return len(self.message) + len(self.exception or "") + 200


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which rows to read: every given field must match. ``contains`` looks into message and exception.

    ``level`` is the lowest one. ``runs`` are lines of these runs, and lines without a run whose message holds all of
    ``words``: what is refused before a run begins names its document in words only.
    """

    level: str | None = None
    logger: str | None = None
    call_id: str | None = None
    request_id: str | None = None
    operation_id: str | None = None
    contains: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    runs: Sequence[str] | None = None
    words: Sequence[str] = ()


def insert_logs(connection: Connection, entries: Sequence[LogEntry]) -> None:
    """Add the rows in their order."""
    rows = [_row(entry) for entry in entries]
    if connection.dialect.name != "mssql":
        if rows:
            connection.execute(insert(application_logs), rows)
        return
    # The Azure SQL driver sends many parameter sets one round trip each, so one statement carries many rows: always a
    # power of two, so that there are eight statements and plans and not one for each number of rows.
    while rows:
        size = min(1 << (len(rows).bit_length() - 1), MAX_ROWS_PER_STATEMENT)
        connection.execute(insert(application_logs).values(rows[:size]))
        rows = rows[size:]


def find_logs(
    connection: Connection, wanted: LogFilter, *, before_id: int | None = None, limit: int = 100
) -> list[LogEntry]:
    """The newest matching rows, newest first; ``before_id`` is the ``log_id`` at which the last page ended."""
    statement = newest(_matching(wanted), application_logs.c.LogID, before_id=before_id, limit=limit)
    return [_entry(row) for row in connection.execute(statement)]


def _matching(wanted: LogFilter) -> Select[Any]:
    columns = application_logs.c
    equal = {
        columns.Logger: wanted.logger,
        columns.CallID: wanted.call_id,
        columns.RequestID: wanted.request_id,
        columns.OperationID: wanted.operation_id,
    }
    statement = matching(select(application_logs), equal)
    if wanted.level is not None:
        statement = statement.where(columns.LogLevel.in_(LEVELS[LEVELS.index(wanted.level) :]))
    if wanted.runs is not None:
        named = and_(*(contains(columns.Message, word) for word in wanted.words)) if wanted.words else false()
        statement = statement.where(columns.CallID.in_(wanted.runs) | named)
    if wanted.contains is not None:
        statement = statement.where(
            contains(columns.Message, wanted.contains) | contains(columns.Exception, wanted.contains)
        )
    if wanted.since is not None:
        statement = statement.where(columns.Timestamp >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(columns.Timestamp < wanted.until)
    return statement


def logs_after(connection: Connection, wanted: LogFilter, *, after_id: int, limit: int = 500) -> list[LogEntry]:
    """The oldest matching rows after one of them, oldest first."""
    columns = application_logs.c
    statement = _matching(wanted).where(columns.LogID > after_id).order_by(columns.LogID).limit(limit)
    return [_entry(row) for row in connection.execute(statement)]


def storable(text: str, limit: int) -> str:
    """``text`` without characters that a database refuses, and no longer than ``limit``."""
    if len(text) > limit:
        text = text[: limit - len(_CUT)] + _CUT
    return text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


def _row(entry: LogEntry) -> dict[str, Any]:
    return {
        "Timestamp": entry.timestamp,
        "LogLevel": entry.level[:20],
        "Logger": storable(entry.logger, _NAME_LENGTH),
        "Message": storable(entry.message, MAX_MESSAGE_CHARACTERS),
        "Exception": None if entry.exception is None else storable(entry.exception, MAX_EXCEPTION_CHARACTERS),
        "Module": None if entry.module is None else storable(entry.module, _NAME_LENGTH),
        "FunctionName": None if entry.function is None else storable(entry.function, _NAME_LENGTH),
        "LineNumber": entry.line,
        "CallID": None if entry.call_id is None else entry.call_id[:36],
        "RequestID": None if entry.request_id is None else entry.request_id[:64],
        "OperationID": None if entry.operation_id is None else entry.operation_id[:32],
    }


def _entry(row: Any) -> LogEntry:
    return from_row(LogEntry, row, level=row.LogLevel, function=row.FunctionName, line=row.LineNumber)
