"""Extractions as operators look at them: which documents were read or refused, when, with what outcome."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, ColumnElement, CompoundSelect, Connection, cast, func, select, union

from shared_code.database.stores.extractions import jobs
from shared_code.database.stores.extractions.late_findings import judged_result
from shared_code.database.stores.extractions.readings import RUNNING
from shared_code.database.stores.operations.rows_by_age import matching, newest
from shared_code.database.stores.row_records import from_row
from shared_code.database.tables import application_logs, claims, extractions, retry_attempts, token_usage_logs
from shared_code.database.text_search import contains
from shared_code.labels import spellings

table = extractions

_LISTED = [column for column in table.c if column.name not in {"Result", "Evidence"}]
#: states of readings that are jobs, and in which states those are
_JOB_STATES = {jobs.QUEUED: jobs.IDLE, jobs.CANCELLED: (jobs.CANCELLED,)}
#: where a request's id stands beside that of its run
_REQUESTS = (application_logs, retry_attempts, token_usage_logs)


@dataclass(frozen=True, slots=True)
class StoredExtraction:
    """One reading. ``id`` is its public id, ``extraction_id`` a number for the order of pages.

    ``state`` is queued, running, done, failed or cancelled; ``status`` is what a reading that is done came to,
    ``error_code`` why one failed, ``error`` what the caller was told. ``result`` is what was answered, when asked for.
    Of a reading that is queued, running or cancelled only the document is known. Moments are naive UTC; ``id`` is None
    in a row of an earlier version. ``corrected_values`` is what persons made of the values, as JSON text; only exports
    ask for it.
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
    corrected_values: str | None = None


@dataclass(frozen=True, slots=True)
class ExtractionFilter:
    """Which readings to list: every given field must match.

    Only ``state`` running lists those that are being made, and only queued and cancelled list those that are to be
    made later, or were called off.

    ``file`` is a part of the file's name, ``request_id`` that of a request whose run left a trace in log, attempts or
    bookings; ``since`` and ``until`` (naive UTC) are about the end of the run.
    """

    company_id: str | None = None
    state: str | None = None
    status: str | None = None
    document_sha256: str | None = None
    call_id: str | None = None
    error_code: str | None = None
    file: str | None = None
    requested_by: str | None = None
    invoice_number: str | None = None
    request_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def find_extractions(
    connection: Connection, wanted: ExtractionFilter, *, before_id: int | None = None, limit: int = 100
) -> list[StoredExtraction]:
    """The newest matching readings, newest first, without results; ``before_id`` is where the last page ended."""
    if wanted.state == RUNNING:
        return _running(connection, wanted, before_id=before_id, limit=limit)
    if wanted.state in _JOB_STATES:
        return _jobs(connection, wanted, before_id=before_id, limit=limit)
    equal: dict[Column[Any], Any] = {
        table.c.CompanyID: wanted.company_id,
        table.c.State: wanted.state,
        table.c.Status: wanted.status,
        table.c.DocumentSha256: wanted.document_sha256,
        table.c.CallID: wanted.call_id,
        table.c.ErrorCode: wanted.error_code,
    }
    statement = matching(select(*_LISTED), equal).where(*_narrowed(wanted))
    statement = newest(statement, table.c.ExtractionID, before_id=before_id, limit=limit)
    return [
        from_row(StoredExtraction, row, id=row.PublicID, result=None, error=_facts(row.Error), corrected_values=None)
        for row in connection.execute(statement)
    ]


def get_extraction(connection: Connection, reading_id: str) -> StoredExtraction | None:
    """One finished reading with its result or error, or None."""
    row = connection.execute(select(table).where(table.c.PublicID == reading_id)).first()
    if row is None:
        return None
    result = judged_result(row.Result, row.LateVerdict) if row.Result else None
    return from_row(
        StoredExtraction, row, id=row.PublicID, result=result, error=_facts(row.Error), corrected_values=None
    )


def model_seconds(connection: Connection, call_ids: Collection[str]) -> dict[str, float]:
    """How long the calls of a model took in each of up to 2,000 runs; those without any have no entry."""
    usage = token_usage_logs.c
    total = func.sum(cast(usage.DurationMs, BigInteger)).label("Milliseconds")
    rows = connection.execute(select(usage.CallID, total).where(usage.CallID.in_(call_ids)).group_by(usage.CallID))
    return {row.CallID: int(row.Milliseconds) / 1000 for row in rows if row.Milliseconds}


def _jobs(
    connection: Connection, wanted: ExtractionFilter, *, before_id: int | None, limit: int
) -> list[StoredExtraction]:
    if _asks_for_more(wanted) or wanted.request_id is not None:
        return []
    own = jobs.table.c
    conditions: list[ColumnElement[bool]] = [own.State.in_(_JOB_STATES[wanted.state or ""])]
    if wanted.since is not None:
        conditions.append(own.UpdatedAt >= wanted.since)
    if wanted.until is not None:
        conditions.append(own.UpdatedAt < wanted.until)
    equal: dict[Column[Any], Any] = {
        own.CompanyID: wanted.company_id,
        own.DocumentSha256: wanted.document_sha256,
        own.CallID: wanted.call_id,
    }
    statement = matching(select(jobs.table), equal).where(*conditions)
    return [
        StoredExtraction(
            extraction_id=row.JobID,
            id=row.PublicID,
            company_id=row.CompanyID,
            document_sha256=row.DocumentSha256,
            provider="",
            model="",
            call_id=row.CallID or "",
            state=wanted.state or "",
            status=None,
            invoice_number=None,
            created_at=row.CreatedAt,
            finished_at=None,
        )
        for row in connection.execute(newest(statement, own.JobID, before_id=before_id, limit=limit))
    ]


def _asks_for_more(wanted: ExtractionFilter) -> bool:
    """Whether it asks for what only a reading that has ended is known by."""
    known = (wanted.status, wanted.error_code, wanted.invoice_number, wanted.file, wanted.requested_by)
    return any(value is not None for value in known)


def _running(
    connection: Connection, wanted: ExtractionFilter, *, before_id: int | None, limit: int
) -> list[StoredExtraction]:
    if _asks_for_more(wanted):
        return []
    more: list[ColumnElement[bool]] = []
    if wanted.request_id is not None:
        more.append(claims.c.CallID.in_(_calls_of(wanted.request_id)))
    if wanted.since is not None:
        more.append(claims.c.UpdatedAt >= wanted.since)
    if wanted.until is not None:
        more.append(claims.c.UpdatedAt < wanted.until)
    equal: dict[Column[Any], Any] = {
        claims.c.CompanyID: wanted.company_id,
        claims.c.State: RUNNING,
        claims.c.DocumentSha256: wanted.document_sha256,
        claims.c.CallID: wanted.call_id,
    }
    statement = newest(matching(select(claims), equal).where(*more), claims.c.ClaimID, before_id=before_id, limit=limit)
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


def _narrowed(wanted: ExtractionFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.file is not None:
        found.append(contains(table.c.FileLabel, wanted.file))
    if wanted.requested_by is not None:
        found.append(table.c.RequestedBy.in_(spellings(wanted.requested_by)))
    if wanted.invoice_number is not None:
        found.append(table.c.InvoiceNumber == wanted.invoice_number)
    if wanted.request_id is not None:
        found.append(table.c.CallID.in_(_calls_of(wanted.request_id)))
    if wanted.since is not None:
        found.append(table.c.CreatedAt >= wanted.since)
    if wanted.until is not None:
        found.append(table.c.CreatedAt < wanted.until)
    return found


def _calls_of(request_id: str) -> CompoundSelect[Any]:
    """The runs of a request. Readings do not hold its id, which is the caller's and need not be the only one."""
    return union(
        *(select(rows.c.CallID).where(rows.c.RequestID == request_id, rows.c.CallID.is_not(None)) for rows in _REQUESTS)
    )


def _facts(text: str | None) -> dict[str, Any] | None:
    facts: dict[str, Any] | None = json.loads(text) if text else None
    return facts
