"""Extractions as operators look at them: which documents were read or refused, when, with what outcome."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, select

from shared_code.database.stores.extractions.readings import RUNNING
from shared_code.database.stores.operations.rows_by_age import matching, newest
from shared_code.database.stores.row_records import from_row
from shared_code.database.tables import claims, extractions

table = extractions

_LONG = ("Result", "Error")
_LISTED = [column for column in table.c if column.name not in _LONG]


@dataclass(frozen=True, slots=True)
class StoredExtraction:
    """One reading. ``id`` is its public id, ``extraction_id`` a number for the order of pages.

    ``state`` is running, done or failed; ``status`` is what a reading that is done came to, ``error_code`` why one
    failed. ``result`` is what was answered and ``error`` what the caller was told, when asked for. Of a reading that is
    running only the document is known. Moments are naive UTC; ``id`` is None in a row of an earlier version.
    """

    extraction_id: int
    id: str | None
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
    supersedes_id: str | None = None
    source: str | None = None
    requested_by: str | None = None
    branch: str | None = None
    file_label: str | None = None
    error_code: str | None = None
    erased_at: datetime | None = None
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ExtractionFilter:
    """Which readings to list: every given field must match. Only ``state`` running lists those that are being made."""

    company_id: str | None = None
    state: str | None = None
    status: str | None = None
    document_sha256: str | None = None
    call_id: str | None = None
    error_code: str | None = None


def find_extractions(
    connection: Connection, wanted: ExtractionFilter, *, before_id: int | None = None, limit: int = 100
) -> list[StoredExtraction]:
    """The newest matching readings, newest first, without results; ``before_id`` is where the last page ended."""
    if wanted.state == RUNNING:
        return _running(connection, wanted, before_id=before_id, limit=limit)
    equal: dict[Column[Any], Any] = {
        table.c.CompanyID: wanted.company_id,
        table.c.State: wanted.state,
        table.c.Status: wanted.status,
        table.c.DocumentSha256: wanted.document_sha256,
        table.c.CallID: wanted.call_id,
        table.c.ErrorCode: wanted.error_code,
    }
    statement = newest(matching(select(*_LISTED), equal), table.c.ExtractionID, before_id=before_id, limit=limit)
    return [
        from_row(StoredExtraction, row, id=row.PublicID, result=None, error=None)
        for row in connection.execute(statement)
    ]


def get_extraction(connection: Connection, reading_id: str) -> StoredExtraction | None:
    """One finished reading with its result or error, or None."""
    row = connection.execute(select(table).where(table.c.PublicID == reading_id)).first()
    if row is None:
        return None
    return from_row(StoredExtraction, row, id=row.PublicID, result=_facts(row.Result), error=_facts(row.Error))


def _running(
    connection: Connection, wanted: ExtractionFilter, *, before_id: int | None, limit: int
) -> list[StoredExtraction]:
    if wanted.status is not None or wanted.error_code is not None:
        return []
    equal: dict[Column[Any], Any] = {
        claims.c.CompanyID: wanted.company_id,
        claims.c.State: RUNNING,
        claims.c.DocumentSha256: wanted.document_sha256,
        claims.c.CallID: wanted.call_id,
    }
    statement = newest(matching(select(claims), equal), claims.c.ClaimID, before_id=before_id, limit=limit)
    return [
        StoredExtraction(
            extraction_id=row.ClaimID,
            id=row.RunningID,
            company_id=row.CompanyID,
            document_sha256=row.DocumentSha256,
            provider=row.Provider,
            model=row.Model,
            call_id=row.CallID,
            state=RUNNING,
            status=None,
            invoice_number=None,
            created_at=row.UpdatedAt,
            finished_at=None,
        )
        for row in connection.execute(statement)
    ]


def _facts(text: str | None) -> dict[str, Any] | None:
    facts: dict[str, Any] | None = json.loads(text) if text else None
    return facts
