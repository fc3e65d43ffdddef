"""RetryAttempts: every failed attempt at a model call, so that support can see what a request went through."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, select

from shared_code.database.clock import utc_now
from shared_code.database.company_case import same_company
from shared_code.database.stores.operations.logs import storable
from shared_code.database.stores.operations.rows_by_age import Expiring, matching, newest
from shared_code.database.stores.row_records import from_row
from shared_code.database.tables import retry_attempts
from shared_code.records import RetryAttempt

MAX_ERROR_CHARACTERS = 4000
EXPIRING = Expiring(retry_attempts.c.RetryID, retry_attempts.c.Timestamp)


@dataclass(frozen=True, slots=True)
class StoredRetry:
    """A row as it was read. ``at`` is naive UTC."""

    retry_id: int
    at: datetime | None
    attempt: int
    error: str
    retryable: bool
    token_id: int | None
    company_id: str | None
    call_id: str | None
    request_id: str | None


@dataclass(frozen=True, slots=True)
class RetryFilter:
    """Which rows to read: every given field must match."""

    company_id: str | None = None
    token_id: int | None = None
    call_id: str | None = None
    request_id: str | None = None


def insert_retries(connection: Connection, attempts: Sequence[RetryAttempt]) -> None:
    """Add a row per attempt. One without a timestamp is stamped by the database."""
    for attempt in attempts:  # a handful; one statement each keeps the stamp an SQL expression
        connection.execute(
            insert(retry_attempts).values(
                TokenID=attempt.token_id,
                CompanyID=attempt.company_id,
                Attempt=attempt.attempt,
                ErrorMessage=storable(attempt.error, MAX_ERROR_CHARACTERS),
                IsRetryable=attempt.retryable,
                Timestamp=utc_now() if attempt.timestamp is None else _moment(attempt.timestamp),
                CallID=attempt.call_id,
                RequestID=attempt.request_id,
            )
        )


def find_retries(
    connection: Connection, wanted: RetryFilter, *, before_id: int | None = None, limit: int = 100
) -> list[StoredRetry]:
    """The newest matching rows, newest first; ``before_id`` is the ``retry_id`` at which the last page ended."""
    columns = retry_attempts.c
    equal = {
        columns.TokenID: wanted.token_id,
        columns.CallID: wanted.call_id,
        columns.RequestID: wanted.request_id,
    }
    statement = newest(matching(select(retry_attempts), equal), columns.RetryID, before_id=before_id, limit=limit)
    if wanted.company_id is not None:
        statement = statement.where(same_company(columns.CompanyID, wanted.company_id))
    return [
        from_row(StoredRetry, row, at=row.Timestamp, error=row.ErrorMessage, retryable=bool(row.IsRetryable))
        for row in connection.execute(statement)
    ]


def _moment(epoch_seconds: float) -> datetime:
    return datetime.fromtimestamp(epoch_seconds, UTC).replace(tzinfo=None)
