"""Extractions as operators look at them: which documents were read, when, with what outcome."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from shared_code.database.stores.operations.rows_by_age import matching, newest
from shared_code.database.stores.row_records import from_row
from shared_code.database.tables import extractions

table = extractions

_LISTED = [column for column in table.c if column.name != "Result"]


@dataclass(frozen=True, slots=True)
class StoredExtraction:
    """One document's run. ``state`` is running, done or short; ``result`` is what was answered, when asked for.

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
    equal = {
        table.c.CompanyID: wanted.company_id,
        table.c.State: wanted.state,
        table.c.Status: wanted.status,
        table.c.DocumentSha256: wanted.document_sha256,
        table.c.CallID: wanted.call_id,
    }
    statement = newest(matching(select(*_LISTED), equal), table.c.ExtractionID, before_id=before_id, limit=limit)
    return [from_row(StoredExtraction, row, result=None) for row in connection.execute(statement)]


def get_extraction(connection: Connection, extraction_id: int) -> StoredExtraction | None:
    """One run with its result, or None."""
    row = connection.execute(select(table).where(table.c.ExtractionID == extraction_id)).first()
    if row is None:
        return None
    return from_row(StoredExtraction, row, result=json.loads(row.Result) if row.Result else None)
