"""The latest lines of the earlier system's log, and failed attempts: those that the service would still keep.

Provider keys are masked in them, as in every line that the service writes itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from shared_code.database.connection import repeatable
from shared_code.database.legacy import source as legacy
from shared_code.database.legacy.values import moment, text, whole
from shared_code.database.stores.operations import imported_history
from shared_code.database.stores.operations.logs import LogEntry
from shared_code.labels import read_company_id
from shared_code.observability.redaction import redact
from shared_code.operations.legacy_import.usage import call_id_of
from shared_code.records import RetryAttempt

if TYPE_CHECKING:
    from shared_code.database.connection import Database
    from shared_code.database.legacy.source import LegacyTable

_MOST = 2**31 - 1


@dataclass(slots=True)
class HistoryTally:
    """Rows of one table: all, those that are here, those that are or were to be taken, and those that are too old."""

    rows: int = 0
    here: int = 0
    to_take: int = 0
    too_old: int = 0


@dataclass(frozen=True, slots=True)
class HistoryImport:
    """Takes the two tables over.

    :ivar since: from which moment (naive UTC) rows of a table are kept, by the table's name.
    :ivar token_ids: ids there -> ids here.
    """

    database: "Database"
    source: "Database"
    source_zone: ZoneInfo
    since: Mapping[str, datetime]
    token_ids: Mapping[int, int]

    def look(self, table: "LegacyTable", *, take: bool) -> HistoryTally:
        """Count a table's rows, and add those that are not here when ``take`` says so."""
        tally = HistoryTally()
        is_log = table.name == legacy.APPLICATION_LOGS
        for page in legacy.pages(self.source, table):
            made = [self._line(row) if is_log else self._attempt(row) for row in page]
            recent = [one for one in made if one is not None]
            tally.rows += len(page)
            tally.too_old += len(page) - len(recent)
            taken = self._take(recent, is_log=is_log, take=take)
            tally.to_take += taken
            tally.here += len(recent) - taken
        return tally

    def _take(self, rows: Sequence[Any], *, is_log: bool, take: bool) -> int:
        """How many of the rows were not here."""
        if take:
            add: Callable[..., int] = imported_history.add_lines if is_log else imported_history.add_attempts
            return self.database.run(lambda connection: add(connection, rows), on_unknown=repeatable)
        find = imported_history.known_lines if is_log else imported_history.known_attempts
        ids = [row.call_id for row in rows]
        return len(rows) - len(self.database.read(lambda connection: find(connection, ids)))

    def _line(self, row: Mapping[str, Any]) -> LogEntry | None:
        at = moment(row["Timestamp"], self.source_zone)
        if at is None or at < self.since[legacy.APPLICATION_LOGS]:
            return None
        line = whole(row["LineNumber"])
        exception = text(row["Exception"])
        return LogEntry(
            at,
            text(row["LogLevel"]).upper()[:20] or "INFO",
            text(row["Logger"]) or "imported",
            redact(text(row["Message"])),
            redact(exception) if exception else None,
            text(row["Module"]) or None,
            text(row["FunctionName"]) or None,
            line if line is not None and 0 <= line <= _MOST else None,
            call_id=call_id_of("log", row["LogID"], at.isoformat(), row["Logger"], row["Message"]),
        )

    def _attempt(self, row: Mapping[str, Any]) -> RetryAttempt | None:
        at = moment(row["Timestamp"], self.source_zone)
        if at is None or at < self.since[legacy.RETRIES]:
            return None
        attempt = whole(row["Attempt"]) or 0
        return RetryAttempt(
            attempt=attempt if 0 <= attempt <= _MOST else 0,
            error=redact(text(row["ErrorMessage"])),
            retryable=bool(whole(row["IsRetryable"])),
            token_id=self.token_ids.get(whole(row["TokenID"]) or 0),
            company_id=read_company_id(text(row["CompanyID"])),
            call_id=call_id_of("retry", row["RetryID"], at.isoformat(), row["CompanyID"], row["Attempt"]),
            timestamp=at.replace(tzinfo=UTC).timestamp(),
        )
