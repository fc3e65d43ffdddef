"""Extractions as operators look at them: which documents were read, when, with what outcome."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from shared_code.database.tables import extractions

table = extractions

_LISTED = [column for column in table.c if column.name != "Result"]


@dataclass(frozen=True, slots=True)
class StoredExtraction:
    """One document's run. ``state`` is running or done; ``result`` is the data that was answered, when asked for.

    Moments are naive UTC.
    """

    extraction_id: int
    company_id: str
    document_sha256: str
    provider: str
    model: str
    call_id: str
    state: str
    status: str | None
    invoice_number: str | None
    created_at: datetime
    finished_at: datetime | None
    result: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ExtractionFilter:
    """Which rows to read: every given field must match."""

    company_id: str | None = None
    state: str | None = None
    status: str | None = None
    document_sha256: str | None = None
    call_id: str | None = None


def find_extractions(
    connection: Connection, wanted: ExtractionFilter, *, before_id: int | None = None, limit: int = 100
) -> list[StoredExtraction]:
    """The newest matching runs, newest first, without results; ``before_id`` is where the last page ended."""
    statement = select(*_LISTED).order_by(table.c.ExtractionID.desc()).limit(limit)
    for column, value in (
        (table.c.CompanyID, wanted.company_id),
        (table.c.State, wanted.state),
        (table.c.Status, wanted.status),
        (table.c.DocumentSha256, wanted.document_sha256),
        (table.c.CallID, wanted.call_id),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if before_id is not None:
        statement = statement.where(table.c.ExtractionID < before_id)
    return [_extraction(row) for row in connection.execute(statement)]


def get_extraction(connection: Connection, extraction_id: int) -> StoredExtraction | None:
    """One run with its result, or None."""
    row = connection.execute(select(table).where(table.c.ExtractionID == extraction_id)).first()
    return None if row is None else _extraction(row, json.loads(row.Result) if row.Result else None)


def _extraction(row: Any, result: dict[str, Any] | None = None) -> StoredExtraction:
    return StoredExtraction(
        extraction_id=row.ExtractionID,
        company_id=row.CompanyID,
        document_sha256=row.DocumentSha256,
        provider=row.Provider,
        model=row.Model,
        call_id=row.CallID,
        state=row.State,
        status=row.Status,
        invoice_number=row.InvoiceNumber,
        created_at=row.CreatedAt,
        finished_at=row.FinishedAt,
        result=result,
    )
