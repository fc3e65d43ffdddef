"""Readings: one row for each time a document was read, or was to be read and failed. A result never changes.

It can be erased (:mod:`.erased_readings`), and get a late finding (:mod:`.late_findings`). A reading is written when
its run ends, in the transaction that books the run. A run that seemed dead and was written down as failed may still
bring its result: only then is a row written again.
"""

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    String,
    and_,
    bindparam,
    insert,
    literal,
    select,
    update,
)

from shared_code.database.clock import utc_now
from shared_code.database.stores.operations.rows_by_age import Expiring
from shared_code.database.stores.prepared import Prepared
from shared_code.database.stores.reviews.review_rows import ReviewFacts
from shared_code.database.stores.row_records import from_row
from shared_code.database.tables import claims, extractions, reviews
from shared_code.database.text_columns import fitting
from shared_code.errors import ServiceError

table = extractions

DONE = "done"
FAILED = "failed"
RUNNING = "running"
_FILE_LABEL_UNITS = 100
_NUMBER_UNITS = 100
#: results, failures, and what is left of erased readings
EXPIRING = Expiring(table.c.ExtractionID, table.c.CreatedAt)


@dataclass(frozen=True, slots=True)
class ReadingHead:
    """Which reading this is: its public id, the document, who sent it and how it was to be read.

    ``claim_key`` is '' for a document that was refused before it was claimed, and so are ``prompt_version``,
    ``provider`` and ``model``. ``supersedes`` is the id of the reading that this one was made instead of.
    """

    reading_id: str
    company_id: str
    document_sha256: str
    call_id: str
    claim_key: str = ""
    prompt_version: str = ""
    provider: str = ""
    model: str = ""
    source: str | None = None
    username: str | None = None
    branch: str | None = None
    file_label: str | None = None
    supersedes: str | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """What a finished run stores: the result as JSON text, and the keys by which the same invoice is found again.

    ``evidence`` is compressed, in base64: it may travel in a message as JSON.
    Without a ``head`` (an earlier version left the booking in the outbox) the claim says which reading it is, and
    without ``review`` the result says what the queue of reviews knows of it.
    """

    status: str
    result: str
    duplicate_key: str | None = None
    similar_key: str | None = None
    invoice_number: str | None = None
    head: ReadingHead | None = None
    evidence: str | None = None
    review: ReviewFacts | None = None


@dataclass(frozen=True, slots=True)
class FoundReading:
    """A reading as it is asked for by its id. ``state`` is done, failed or running; moments are naive UTC.

    ``result``, ``late_verdict`` and ``error`` are JSON texts, ``evidence`` is compressed; of an erased reading, whose
    ``erased_at`` is set, all are None. ``review_state`` is that of its review, and ``corrected_values`` what persons
    made of the values, as JSON text; both are None where no person was asked.
    """

    reading_id: str
    company_id: str
    call_id: str
    state: str
    created_at: datetime
    finished_at: datetime | None = None
    result: str | None = None
    error_code: str | None = None
    error: str | None = None
    supersedes: str | None = None
    file_label: str | None = None
    erased_at: datetime | None = None
    evidence: bytes | None = None
    evidence_version: int | None = None
    late_verdict: str | None = None
    review_state: str | None = None
    corrected_values: str | None = None
    claim_key: str = ""
    document_sha256: str = ""


# Built once: putting a statement together costs more than running it on SQLite.
_COLUMNS: dict[str, Any] = {
    column.name: bindparam(f"new_{column.name}", type_=column.type)
    for column in (
        table.c.PublicID,
        table.c.ClaimKey,
        table.c.CompanyID,
        table.c.DocumentSha256,
        table.c.PromptVersion,
        table.c.Provider,
        table.c.Model,
        table.c.CallID,
        table.c.SupersedesID,
        table.c.Source,
        table.c.RequestedBy,
        table.c.Branch,
        table.c.FileLabel,
        table.c.State,
        table.c.Status,
        table.c.Result,
        table.c.Evidence,
        table.c.DuplicateKey,
        table.c.SimilarKey,
        table.c.InvoiceNumber,
        table.c.ErrorCode,
        table.c.Error,
    )
} | {"FinishedAt": utc_now(), "LeaseUntil": utc_now()}
#: neither is the reading there, nor was its run's document erased: of a run that was lost only its CallID is known
_ABSENT = and_(
    ~select(literal(1)).where(table.c.PublicID == bindparam("wanted", type_=String(36))).exists(),
    ~select(literal(1))
    .where(
        table.c.CompanyID == bindparam("new_CompanyID", type_=table.c.CompanyID.type),
        table.c.DocumentSha256 == bindparam("new_DocumentSha256", type_=table.c.DocumentSha256.type),
        table.c.CallID == bindparam("new_CallID", type_=table.c.CallID.type),
        table.c.ErasedAt.is_not(None),
    )
    .exists(),
)
_INSERT = Prepared(
    insert(table)
    .from_select(list(_COLUMNS), select(*_COLUMNS.values()).where(_ABSENT), include_defaults=False)
    .execution_options(preserve_rowcount=True)
)
_REPLACE_FAILED = Prepared(
    update(table)
    .where(table.c.PublicID == bindparam("wanted"), table.c.State == FAILED, table.c.ErasedAt.is_(None))
    .values(_COLUMNS)
)


def insert_done(connection: Connection, head: ReadingHead, finished: Finished) -> bool:
    """Store a result under its id; again is no harm, and one that was erased meanwhile stays erased.

    :returns: whether it was stored now.
    """
    values = _head_values(head) | {
        "new_State": DONE,
        "new_Status": finished.status,
        "new_Result": fitting(finished.result),
        "new_Evidence": None if finished.evidence is None else base64.b64decode(finished.evidence),
        "new_DuplicateKey": finished.duplicate_key,
        "new_SimilarKey": finished.similar_key,
        "new_InvoiceNumber": fitting(finished.invoice_number or "", _NUMBER_UNITS) or None,
        "new_ErrorCode": None,
        "new_Error": None,
    }
    return _INSERT.changed(connection, values) == 1 or _REPLACE_FAILED.changed(connection, values) == 1


def insert_failed(connection: Connection, head: ReadingHead, error: ServiceError) -> bool:
    """Note that a document could not be read, as the caller was told; a reading that is there stays as it is.

    :returns: whether it was noted now.
    """
    facts = {"message": error.message, "retryable": error.retryable, "details": error.details}
    values = _head_values(head) | {
        "new_State": FAILED,
        "new_Status": None,
        "new_Result": None,
        "new_Evidence": None,
        "new_DuplicateKey": None,
        "new_SimilarKey": None,
        "new_InvoiceNumber": None,
        "new_ErrorCode": error.code,
        "new_Error": fitting(json.dumps(facts, ensure_ascii=False, default=str)),
    }
    return _INSERT.changed(connection, values) == 1


def find_reading(connection: Connection, reading_id: str) -> FoundReading | None:
    """The reading with an id, also one that is being made; None when there is none."""
    row = connection.execute(_FIND, {"wanted": reading_id}).first()
    if row is not None:
        return from_row(FoundReading, row, reading_id=row.PublicID, supersedes=row.SupersedesID)
    row = connection.execute(_FIND_RUNNING, {"wanted": reading_id}).first()
    if row is None:
        return None
    return FoundReading(reading_id, row.CompanyID, row.CallID, RUNNING, row.UpdatedAt)


def later_readings(connection: Connection, reading_id: str) -> list[str]:
    """The ids of readings of the same document that were stored after this one, oldest first."""
    own = table.alias("own")
    later = (
        select(table.c.PublicID)
        .join(own, and_(own.c.CompanyID == table.c.CompanyID, own.c.DocumentSha256 == table.c.DocumentSha256))
        .where(own.c.PublicID == reading_id, table.c.ExtractionID > own.c.ExtractionID)
        .where(table.c.State == DONE, table.c.ErasedAt.is_(None), table.c.PublicID.is_not(None))
        .order_by(table.c.ExtractionID)
    )
    return list(connection.execute(later).scalars())


def _head_values(head: ReadingHead) -> dict[str, Any]:
    return {
        "wanted": head.reading_id,
        "new_PublicID": head.reading_id,
        "new_ClaimKey": head.claim_key,
        "new_CompanyID": head.company_id,
        "new_DocumentSha256": head.document_sha256,
        "new_PromptVersion": head.prompt_version,
        "new_Provider": head.provider,
        "new_Model": head.model,
        "new_CallID": head.call_id,
        "new_SupersedesID": head.supersedes,
        "new_Source": head.source,
        "new_RequestedBy": head.username,
        "new_Branch": head.branch,
        "new_FileLabel": None if head.file_label is None else fitting(head.file_label, _FILE_LABEL_UNITS),
    }


_FIND = (
    select(table, reviews.c.State.label("ReviewState"), reviews.c.CorrectedValues)
    .select_from(table.outerjoin(reviews, reviews.c.ReadingID == table.c.PublicID))
    .where(table.c.PublicID == bindparam("wanted", type_=String(36)))
)
_FIND_RUNNING = select(claims.c.CompanyID, claims.c.CallID, claims.c.UpdatedAt).where(
    claims.c.RunningID == bindparam("wanted", type_=String(36))
)
