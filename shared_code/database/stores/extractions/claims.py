"""Claims on documents and their results: one run per document at a time, and its answer serves the next caller.

A claim is unique by company, document, prompt version, provider, model and options. Its owner is fenced by CallID: a
run that was taken over (its lease ran out) can neither finish nor free the claim any more. Errors are not kept, but
for one: a document that has cost tokens for nothing, because its limit left too little, is not paid for again while
the limit leaves less than the document needs.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    String,
    and_,
    bindparam,
    case,
    delete,
    insert,
    or_,
    select,
    update,
)

from shared_code.database.clock import utc_in, utc_now
from shared_code.database.stores.operations.rows_by_age import Expiring
from shared_code.database.stores.row_records import from_row
from shared_code.database.tables import extractions
from shared_code.database.text_columns import fitting

table = extractions

RUNNING = "running"
DONE = "done"
#: no run: a limit left less than the document needs
SHORT = "short"


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """What is claimed, and by which run."""

    company_id: str
    document_sha256: str
    prompt_version: str
    provider: str
    model: str
    options: str
    call_id: str
    lease_seconds: int

    @property
    def key(self) -> str:
        """The unique key: a digest, so that it has one length and holds no file name."""
        parts = (
            self.company_id,
            self.document_sha256,
            self.prompt_version,
            self.provider,
            self.model,
            self.options,
        )
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim as it stands. ``lease_ended``: its run did not finish in time, by the database's clock, or gave up.

    ``needed_tokens``: model tokens that the next reservation for the document must take at least.
    """

    key: str
    call_id: str
    state: str
    lease_ended: bool
    result: str | None
    status: str | None
    needed_tokens: int | None = None

    @property
    def done(self) -> bool:
        """Whether the result is there."""
        return self.state == DONE


@dataclass(frozen=True, slots=True)
class Finished:
    """What a finished run stores: the result as JSON text, and the keys by which the same invoice is found again."""

    status: str
    result: str
    duplicate_key: str | None = None
    similar_key: str | None = None
    invoice_number: str | None = None


# Built once: putting a statement together costs more than running it on SQLite.
_INSERT = insert(table).values(State=RUNNING, LeaseUntil=utc_in(bindparam("lease", type_=Integer)))
_FINISH = (
    update(table)
    .where(table.c.ClaimKey == bindparam("claim"), table.c.CallID == bindparam("call"))
    .values(
        State=DONE,
        FinishedAt=utc_now(),
        Status=bindparam("new_status"),
        Result=bindparam("new_result"),
        DuplicateKey=bindparam("new_duplicate"),
        SimilarKey=bindparam("new_similar"),
        InvoiceNumber=bindparam("new_number"),
    )
)


def insert_claim(connection: Connection, request: ClaimRequest) -> None:
    """Claim a document. Raises SQLAlchemy's IntegrityError when a claim on it exists."""
    connection.execute(
        _INSERT,
        {
            "ClaimKey": request.key,
            "CompanyID": request.company_id,
            "DocumentSha256": request.document_sha256,
            "PromptVersion": request.prompt_version,
            "Provider": request.provider,
            "Model": request.model,
            "CallID": request.call_id,
            "lease": request.lease_seconds,
        },
    )


def take_over_claim(connection: Connection, request: ClaimRequest, *, previous: Claim, even_done: bool) -> bool:
    """Claim a document whose claim ended (lease out) or, with ``even_done``, has a result; False = too late.

    What was known to be needed is forgotten.
    """
    ended = _ended()
    result = connection.execute(
        update(table)
        .where(
            table.c.ClaimKey == request.key,
            table.c.CallID == previous.call_id,
            or_(ended, table.c.State == DONE) if even_done else ended,
        )
        .values(CallID=request.call_id, State=RUNNING, LeaseUntil=utc_in(request.lease_seconds), NeededTokens=None)
    )
    return result.rowcount == 1


def find_claim(connection: Connection, key: str) -> Claim | None:
    """The claim under a key, if any."""
    row = connection.execute(
        select(
            table.c.ClaimKey,
            table.c.CallID,
            table.c.State,
            table.c.Result,
            table.c.Status,
            table.c.NeededTokens,
            case((_ended(), 1), else_=0).label("LeaseEnded"),
        ).where(table.c.ClaimKey == key)
    ).first()
    return None if row is None else from_row(Claim, row, key=row.ClaimKey, lease_ended=bool(row.LeaseEnded))


def finish_claim(connection: Connection, key: str, call_id: str, finished: Finished) -> bool:
    """Store the result; False when the run no longer owns the claim."""
    result = connection.execute(
        _FINISH,
        {
            "claim": key,
            "call": call_id,
            "new_status": finished.status,
            "new_result": fitting(finished.result),
            "new_duplicate": finished.duplicate_key,
            "new_similar": finished.similar_key,
            "new_number": fitting(finished.invoice_number or "", 100) or None,
        },
    )
    return result.rowcount == 1


def free_claim(connection: Connection, key: str, call_id: str, *, needed_tokens: int | None = None) -> bool:
    """Give up an unfinished claim of this run, so that the next caller reads the document.

    An earlier answer that the run was to replace stands again.

    :param needed_tokens: keeps the claim: the document is read again once its limit leaves so many model tokens.
    """
    own = (table.c.ClaimKey == key, table.c.CallID == call_id, table.c.State == RUNNING)
    restored = connection.execute(update(table).where(*own, table.c.Result.is_not(None)).values(State=DONE))
    if restored.rowcount == 1:
        return True
    if needed_tokens is None:
        return connection.execute(delete(table).where(*own)).rowcount == 1
    kept = update(table).where(*own).values(State=SHORT, NeededTokens=needed_tokens, LeaseUntil=utc_now())
    return connection.execute(kept).rowcount == 1


def _ended() -> Any:
    """Whether nobody works on a claim that has no result."""
    return or_(and_(table.c.State == RUNNING, table.c.LeaseUntil < utc_now()), table.c.State == SHORT)


# An unknown key is NULL, which equals nothing.
_SAME_INVOICE = (
    select(table.c.DocumentSha256, table.c.InvoiceNumber, table.c.DuplicateKey)
    .where(
        table.c.CompanyID == bindparam("company"),
        table.c.State == DONE,
        table.c.DocumentSha256 != bindparam("own_sha256"),
        or_(
            table.c.DuplicateKey == bindparam("duplicate", type_=String(64)),
            table.c.SimilarKey == bindparam("similar", type_=String(64)),
        ),
    )
    .order_by(table.c.ExtractionID)
    .limit(10)
)


def find_same_invoice(
    connection: Connection, company_id: str, *, duplicate_key: str | None, similar_key: str | None, not_sha256: str
) -> list[tuple[str, str, bool]]:
    """Earlier documents of the company with the same invoice: ``(document_sha256, invoice_number, certain)``.

    ``certain`` is True for seller + number + year, False for seller + date + total under another number.
    """
    if not duplicate_key and not similar_key:
        return []
    rows = connection.execute(
        _SAME_INVOICE,
        {"company": company_id, "duplicate": duplicate_key, "similar": similar_key, "own_sha256": not_sha256},
    )
    return [(row.DocumentSha256, row.InvoiceNumber or "", row.DuplicateKey == duplicate_key) for row in rows]


def _is_old(before: ColumnElement[datetime]) -> ColumnElement[bool]:
    # A claim that was taken over keeps the moment of its first run: what happened last decides.
    return and_(
        table.c.CreatedAt < before,
        or_(
            and_(table.c.State == DONE, or_(table.c.FinishedAt.is_(None), table.c.FinishedAt < before)),
            and_(table.c.State.in_((RUNNING, SHORT)), table.c.LeaseUntil < before),
        ),
    )


#: results, and claims whose run is dead or gave up
EXPIRING = Expiring(table.c.ExtractionID, table.c.CreatedAt, _is_old)
