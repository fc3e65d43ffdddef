"""Claims on documents: one run per document at a time, and its reading serves the next caller.

A claim is unique by company, document, prompt version, provider, model and options, and points to the newest reading.
Its owner is fenced by CallID: a run that was taken over (its lease ran out) can neither finish nor free the claim any
more; its reading is stored all the same, under its own id. Errors are not kept, but for one: a document that has cost
tokens for nothing, because its limit left too little, is not paid for again while the limit leaves less than the
document needs.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
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
from shared_code.database.stores.extractions.readings import Finished, ReadingHead, insert_done
from shared_code.database.stores.operations.rows_by_age import Expiring
from shared_code.database.stores.prepared import Prepared
from shared_code.database.stores.row_records import from_row
from shared_code.database.tables import claims, extractions, reviews
from shared_code.labels import new_reading_id

table = claims

RUNNING = "running"
DONE = "done"
#: no run: a limit left less than the document needs
SHORT = "short"


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """What is claimed, by which run, and which reading it is to become."""

    company_id: str
    document_sha256: str
    prompt_version: str
    provider: str
    model: str
    options: str
    call_id: str
    lease_seconds: int
    reading_id: str = field(default_factory=new_reading_id)
    source: str | None = None
    username: str | None = None
    branch: str | None = None
    file_label: str | None = None

    def head(self, *, supersedes: str | None = None) -> ReadingHead:
        """What the run's reading says of itself; ``supersedes`` is the id of the reading that it replaces."""
        return ReadingHead(
            reading_id=self.reading_id,
            company_id=self.company_id,
            document_sha256=self.document_sha256,
            call_id=self.call_id,
            claim_key=self.key,
            prompt_version=self.prompt_version,
            provider=self.provider,
            model=self.model,
            source=self.source,
            username=self.username,
            branch=self.branch,
            file_label=self.file_label,
            supersedes=supersedes,
        )

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

    ``reading_id`` and what follows it are those of the newest reading; without a ``result`` there is none any more.
    ``late_verdict`` is what a late finding says of the result, ``corrected_values`` what persons made of its values, as
    JSON texts. ``needed_tokens``: model tokens that the next reservation for the document must take at least.
    """

    key: str
    call_id: str
    state: str
    lease_ended: bool
    reading_id: str | None
    result: str | None
    supersedes: str | None = None
    evidence: bytes | None = None
    evidence_version: int | None = None
    late_verdict: str | None = None
    needed_tokens: int | None = None
    review_state: str | None = None
    corrected_values: str | None = None

    @property
    def done(self) -> bool:
        """Whether no run is at work on the document, because one has finished."""
        return self.state == DONE


# Built once: putting a statement together costs more than running it on SQLite.
_INSERT = Prepared(
    insert(table)
    .values(
        ClaimKey=bindparam("claim"),
        CompanyID=bindparam("company"),
        DocumentSha256=bindparam("document"),
        PromptVersion=bindparam("prompt"),
        Provider=bindparam("provider"),
        Model=bindparam("model"),
        CallID=bindparam("call"),
        RunningID=bindparam("reading"),
        State=RUNNING,
        LeaseUntil=utc_in(bindparam("lease", type_=Integer)),
    )
    .inline()
)
_FINISH = Prepared(
    update(table)
    .where(table.c.ClaimKey == bindparam("claim"), table.c.CallID == bindparam("call"))
    .values(State=DONE, UpdatedAt=utc_now(), NeededTokens=None, ReadingID=bindparam("reading"), RunningID=None)
)


def insert_claim(connection: Connection, request: ClaimRequest) -> None:
    """Claim a document. Raises SQLAlchemy's IntegrityError when a claim on it exists."""
    _INSERT.changed(
        connection,
        {
            "claim": request.key,
            "company": request.company_id,
            "document": request.document_sha256,
            "prompt": request.prompt_version,
            "provider": request.provider,
            "model": request.model,
            "call": request.call_id,
            "reading": request.reading_id,
            "lease": request.lease_seconds,
        },
    )


def take_over_claim(connection: Connection, request: ClaimRequest, *, previous: Claim, even_done: bool) -> bool:
    """Claim a document whose claim ended (lease out) or, with ``even_done``, has a result; False = too late.

    It is too late as well when the claim has got another reading meanwhile: the new one is to supersede the newest.
    What was known to be needed is forgotten.
    """
    ended, newest = _ended(), previous.reading_id
    result = connection.execute(
        update(table)
        .where(
            table.c.ClaimKey == request.key,
            table.c.CallID == previous.call_id,
            table.c.ReadingID.is_(None) if newest is None else table.c.ReadingID == newest,
            or_(ended, table.c.State == DONE) if even_done else ended,
        )
        .values(
            CallID=request.call_id,
            State=RUNNING,
            LeaseUntil=utc_in(request.lease_seconds),
            UpdatedAt=utc_now(),
            NeededTokens=None,
            RunningID=request.reading_id,
        )
    )
    return result.rowcount == 1


def find_claim(connection: Connection, key: str) -> Claim | None:
    """The claim under a key with its newest reading, if any."""
    row = _FIND.first(connection, {"claim": key})
    return None if row is None else from_row(Claim, row, key=row.ClaimKey, lease_ended=bool(row.LeaseEnded))


def finish_claim(connection: Connection, key: str, call_id: str, finished: Finished) -> ReadingHead | None:
    """Store the reading, and let the claim point to it if the run still owns it.

    :returns: the reading if it was stored now, None when it was there already or erased.
    """
    head = finished.head or _head_of(connection, key, call_id)
    if head is None:
        return None
    _FINISH.changed(connection, {"claim": key, "call": call_id, "reading": head.reading_id})
    return head if insert_done(connection, head, finished) else None


def _head_of(connection: Connection, key: str, call_id: str) -> ReadingHead | None:
    """The reading that a run's own claim tells of."""
    own = select(table).where(table.c.ClaimKey == key, table.c.CallID == call_id, table.c.RunningID.is_not(None))
    row = connection.execute(own).first()
    return None if row is None else head_of(row)


def head_of(row: Any) -> ReadingHead:
    """The reading that is being made under a claim, given its row."""
    untold: dict[str, Any] = dict.fromkeys(("source", "username", "branch", "file_label"))
    return from_row(ReadingHead, row, **untold, reading_id=row.RunningID, supersedes=row.ReadingID)


def free_claim(connection: Connection, key: str, call_id: str, *, needed_tokens: int | None = None) -> bool:
    """Give up an unfinished claim of this run, so that the next caller reads the document.

    An earlier reading that the run was to replace stands again.

    :param needed_tokens: keeps the claim: the document is read again once its limit leaves so many model tokens.
    """
    own = (table.c.ClaimKey == key, table.c.CallID == call_id, table.c.State == RUNNING)
    before = update(table).where(*own, table.c.ReadingID.is_not(None)).values(State=DONE, RunningID=None)
    restored = connection.execute(before)
    if restored.rowcount == 1:
        return True
    if needed_tokens is None:
        return connection.execute(delete(table).where(*own)).rowcount == 1
    kept = (
        update(table).where(*own).values(State=SHORT, NeededTokens=needed_tokens, LeaseUntil=utc_now(), RunningID=None)
    )
    return connection.execute(kept).rowcount == 1


def _ended() -> Any:
    """Whether nobody works on a claim that has no result."""
    return or_(and_(table.c.State == RUNNING, table.c.LeaseUntil < utc_now()), table.c.State == SHORT)


_FIND = Prepared(
    select(
        table.c.ClaimKey,
        table.c.CallID,
        table.c.State,
        table.c.ReadingID,
        table.c.NeededTokens,
        case((_ended(), 1), else_=0).label("LeaseEnded"),
        extractions.c.Result,
        extractions.c.Evidence,
        extractions.c.EvidenceVersion,
        extractions.c.LateVerdict,
        extractions.c.SupersedesID.label("Supersedes"),
        reviews.c.State.label("ReviewState"),
        reviews.c.CorrectedValues,
    )
    .select_from(
        table.outerjoin(extractions, extractions.c.PublicID == table.c.ReadingID).outerjoin(
            reviews, reviews.c.ReadingID == table.c.ReadingID
        )
    )
    .where(table.c.ClaimKey == bindparam("claim"))
)


def _is_old(before: ColumnElement[datetime]) -> ColumnElement[bool]:
    return and_(table.c.UpdatedAt < before, or_(table.c.State == DONE, table.c.LeaseUntil < before))


#: claims whose reading is as old, and those whose run is dead or gave up
EXPIRING = Expiring(table.c.ClaimID, table.c.UpdatedAt, _is_old)
