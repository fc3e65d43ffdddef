"""Erasing readings: the rows of a document stay for their ids, and hold nothing of the document any more.

An erased row is a tombstone: ``ErasedAt`` is set, and a booking that turns up later (:func:`.readings.insert_done`)
neither fills it again nor stores its result under another id.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import batched

from sqlalchemy import ColumnElement, Connection, case, delete, func, insert, null, or_, select, update

from shared_code.database.clock import utc_now
from shared_code.database.stores.extractions import jobs
from shared_code.database.stores.extractions.readings import FAILED, RUNNING, find_reading
from shared_code.database.stores.reviews.decided_reviews import erase_reviews
from shared_code.database.tables import (
    application_logs,
    claims,
    extractions,
    idempotency_keys,
    retry_attempts,
    token_reservations,
    token_usage_logs,
)
from shared_code.database.text_search import contains
from shared_code.labels import new_reading_id
from shared_code.records import Source, UsageKind

table = extractions
logs = token_usage_logs

#: what stands in the place of a text that said something of a document
ERASED = "[erased]"
#: parameters of one statement
_BATCH = 500
#: columns of a reading that hold values of the document, or say who sent it
_EMPTIED = (
    table.c.Result,
    table.c.Evidence,
    table.c.LateVerdict,
    table.c.Error,
    table.c.FileLabel,
    table.c.RequestedBy,
    table.c.Branch,
    table.c.InvoiceNumber,
    table.c.DuplicateKey,
    table.c.SimilarKey,
)


@dataclass(frozen=True, slots=True)
class DocumentKey:
    """A document of a company: everything that was read of one file. ``company_id`` is in upper case."""

    company_id: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ErasedRows:
    """How many readings of the document are erased now, and since when the one that was asked for (naive UTC)."""

    readings: int
    erased_at: datetime


def document_of(connection: Connection, reading_id: str) -> DocumentKey | None:
    """The document of a reading, also of one that is being made or is erased; None when there is no such reading."""
    finished = select(table.c.CompanyID, table.c.DocumentSha256).where(table.c.PublicID == reading_id)
    row = connection.execute(finished).first()
    if row is None:
        running = select(claims.c.CompanyID, claims.c.DocumentSha256).where(claims.c.RunningID == reading_id)
        row = connection.execute(running).first()
    return None if row is None else DocumentKey(row.CompanyID.upper(), row.DocumentSha256)


def free_document(connection: Connection, document: DocumentKey) -> bool:
    """Remove the claims on a document, so that no answer is served any more; False while it is being read.

    A run is over when its claim is, and when each of its calls is booked. Jobs that have not begun to read it are
    cancelled.
    """
    for job in jobs.jobs_of(connection, document.company_id, document.sha256):
        if job.live and not jobs.end_idle_job(connection, job.job_id, state=jobs.CANCELLED):
            return False
    of_document = (claims.c.CompanyID == document.company_id, claims.c.DocumentSha256 == document.sha256)
    connection.execute(delete(claims).where(*of_document, claims.c.State != RUNNING))
    running = connection.execute(select(claims.c.ClaimID).where(*of_document)).first()
    reserved = select(token_reservations.c.CallID).where(
        token_reservations.c.CompanyID == document.company_id, token_reservations.c.DocumentSha256 == document.sha256
    )
    return running is None and connection.execute(reserved).first() is None


def calls_of(connection: Connection, document: DocumentKey) -> list[str]:
    """The ids of all runs over a document: those that read it, failed, or gave a cached answer."""
    read = select(table.c.CallID).where(*_readings_of(document))
    booked = select(logs.c.CallID).where(*booked_as(document), logs.c.CallID.is_not(None))
    return sorted(set(connection.execute(read).scalars()) | set(connection.execute(booked).scalars()))


def empty_readings(connection: Connection, document: DocumentKey, reading_id: str) -> ErasedRows:
    """Erase the readings and the Idempotency-Keys that lead to them. Safe to repeat: the first moment stays."""
    _bury_lost_runs(connection, document)
    # Read once: a server may take the time anew for each row.
    now = func.coalesce(table.c.ErasedAt, connection.execute(select(utc_now())).scalar_one())
    of_document = _readings_of(document)
    connection.execute(
        update(table).where(*of_document).values({column.name: null() for column in _EMPTIED} | {"ErasedAt": now})
    )
    ids = select(table.c.PublicID).where(*of_document, table.c.PublicID.is_not(None))
    for batch in batched(connection.execute(ids).scalars().all(), _BATCH, strict=False):
        erase_reviews(connection, batch)
    connection.execute(
        delete(idempotency_keys).where(
            idempotency_keys.c.CompanyID == document.company_id, idempotency_keys.c.ReadingID.in_(ids)
        )
    )
    count = connection.execute(select(func.count()).select_from(table).where(*of_document)).scalar_one()
    found = find_reading(connection, reading_id)
    if found is None or found.erased_at is None:
        raise LookupError(reading_id)  # its run has ended without a reading: whoever asks gets "not found"
    return ErasedRows(count, found.erased_at)


def forget_texts(connection: Connection, call_ids: Sequence[str]) -> None:
    """Delete the log lines of runs, and what providers said about their attempts. Reads the tables from end to end."""
    for batch in batched(call_ids, _BATCH, strict=False):
        connection.execute(delete(application_logs).where(application_logs.c.CallID.in_(batch)))
        connection.execute(
            update(retry_attempts)
            .where(retry_attempts.c.CallID.in_(batch))
            .values(ErrorMessage=ERASED, RequestID=null())
        )


def forget_names(connection: Connection, names: Collection[str]) -> None:
    """Delete the log lines that name these dropped files, in the ways in which lines of ours name one."""
    columns = (application_logs.c.Message, application_logs.c.Exception)
    for name in sorted(names):
        shown = (repr(name), f"({name})", f": {name} ")
        told = or_(*(contains(column, text) for column in columns for text in shown))
        connection.execute(delete(application_logs).where(told))


def blank_late_booking(connection: Connection, document: DocumentKey, call_id: str) -> None:
    """Take the names out of what was booked just now, if the run's document was erased meanwhile."""
    erased = select(table.c.ExtractionID).where(
        *_readings_of(document), table.c.CallID == call_id, table.c.ErasedAt.is_not(None)
    )
    connection.execute(update(logs).where(logs.c.CallID == call_id, erased.exists()).values(NAMELESS))


def booked_as(document: DocumentKey) -> tuple[ColumnElement[bool], ...]:
    """The condition of the usage rows of a document."""
    return logs.c.CompanyID == document.company_id, logs.c.DocumentSha256 == document.sha256


#: a usage row without names. The request id of a dropped file is a digest of ours, by which its result is found.
NAMELESS = {
    "Branch": null(),
    "RequestedBy": null(),
    "RequestID": case((logs.c.Source == Source.BLOB.value, logs.c.RequestID), else_=null()),
}


def _readings_of(document: DocumentKey) -> tuple[ColumnElement[bool], ...]:
    return table.c.CompanyID == document.company_id, table.c.DocumentSha256 == document.sha256


def _bury_lost_runs(connection: Connection, document: DocumentKey) -> None:
    """Make a tombstone for each run that never ended: it may wake up, or its message turn up, with a result."""
    buried = select(table.c.CallID).where(*_readings_of(document), table.c.CallID == logs.c.CallID)
    lost = select(logs.c.CallID, logs.c.Model, logs.c.LoggedAt).where(
        *booked_as(document), logs.c.Kind == UsageKind.UNMEASURED.value, ~buried.exists()
    )
    runs = {row.CallID: row for row in connection.execute(lost).all()}
    for call_id, row in sorted(runs.items()):
        connection.execute(
            insert(table).values(
                PublicID=new_reading_id(),
                ClaimKey="",
                CompanyID=document.company_id,
                DocumentSha256=document.sha256,
                PromptVersion="",
                Provider="",
                Model=row.Model or "",
                CallID=call_id,
                State=FAILED,
                CreatedAt=row.LoggedAt,
                ErrorCode="INTERNAL_ERROR",
            )
        )
