"""Reviews: one row for each reading that a person must look at, or was asked to.

A row is written in the transaction that ends the reading. Who works on it takes it for some minutes: one conditional
UPDATE, so that two persons never get the same one. Its version goes up with each decision, and with each change of what
there is to decide, so that a decision on something else than what a person saw is noticed.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, String, and_, bindparam, exists, func, insert, literal, not_, or_, select, update
from sqlalchemy.exc import IntegrityError

from shared_code.database.clock import utc_in, utc_now
from shared_code.database.stores.operations.rows_by_age import Expiring
from shared_code.database.stores.prepared import Prepared
from shared_code.database.stores.row_records import from_row
from shared_code.database.tables import corrections, extractions, reviews
from shared_code.database.text_columns import fitting

table = reviews

PENDING = "pending"
POSTPONED = "postponed"
CONFIRMED = "confirmed"
CORRECTED = "corrected"
REJECTED = "rejected"
STATES = (PENDING, POSTPONED, CONFIRMED, CORRECTED, REJECTED)
#: a person still has to decide
OPEN = (PENDING, POSTPONED)
DECIDED = (CONFIRMED, CORRECTED, REJECTED)
#: the review of a reading that has none
NONE = "none"

#: for how long whoever takes a review keeps it
TAKEN_SECONDS = 600
_LONGEST_ACTOR = 100
_REASON_LENGTH = 60

_gone_reading = not_(exists(select(literal(1)).where(extractions.c.PublicID == table.c.ReadingID)))
#: rows whose reading has gone for its age
EXPIRING = Expiring(table.c.ReviewID, table.c.CreatedAt, lambda before: and_(table.c.CreatedAt < before, _gone_reading))


@dataclass(frozen=True, slots=True)
class ReviewFacts:
    """What the queue knows of a reading: its first invoice, and whether the reading asks for a person.

    :ivar doubt: code of the first finding that asks for a person; None when none does.
    :ivar seller_key: digest of the seller; None when that is unknown.
    """

    doubt: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    seller: str | None = None
    seller_key: str | None = None
    invoice_number: str | None = None


@dataclass(frozen=True, slots=True)
class NewReview:
    """A review that is to be opened. ``corrected`` are values of earlier corrections that stay, as JSON."""

    reading_id: str
    company_id: str
    document_sha256: str
    reason: str
    facts: ReviewFacts
    file_label: str | None = None
    corrected: str | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """One row. Moments are naive UTC. ``taken_by`` counts only until ``taken_until``."""

    review_id: int
    reading_id: str
    company_id: str
    document_sha256: str
    state: str
    reason: str
    amount: Decimal | None
    currency: str | None
    seller: str | None
    seller_key: str | None
    invoice_number: str | None
    file_label: str | None
    created_at: datetime
    taken_by: str | None
    taken_until: datetime | None
    postponed_until: datetime | None
    decided_at: datetime | None
    decided_by: str | None
    decision_reason: str | None
    version: int
    corrected_values: str | None
    result_owed: int | None


# Built once: putting a statement together costs more than running it on SQLite.
_COLUMNS: dict[str, Any] = {
    column.name: bindparam(f"new_{column.name}", type_=column.type)
    for column in (
        table.c.ReadingID,
        table.c.CompanyID,
        table.c.DocumentSha256,
        table.c.State,
        table.c.Reason,
        table.c.Amount,
        table.c.Currency,
        table.c.Seller,
        table.c.SellerKey,
        table.c.InvoiceNumber,
        table.c.FileLabel,
        table.c.CorrectedValues,
    )
} | {"CreatedAt": utc_now(), "Version": literal(1)}
_ABSENT = ~select(literal(1)).where(table.c.ReadingID == bindparam("wanted", type_=String(36))).exists()
_INSERT = Prepared(
    insert(table)
    .from_select(list(_COLUMNS), select(*_COLUMNS.values()).where(_ABSENT), include_defaults=False)
    .execution_options(preserve_rowcount=True)
)
_FIND = select(table).where(table.c.ReadingID == bindparam("wanted", type_=String(36)))
_CORRECTED = (
    select(table)
    .where(
        table.c.CompanyID == bindparam("company", type_=String(50)),
        table.c.DocumentSha256 == bindparam("document", type_=String(64)),
        table.c.CorrectedValues.is_not(None),
        table.c.ReadingID != bindparam("own", type_=String(36)),
    )
    .order_by(table.c.ReviewID.desc())
)
#: a person has corrected this reading itself
_MADE = select(literal(1)).where(corrections.c.ReadingID == table.c.ReadingID).exists()


def open_review(connection: Connection, new: NewReview) -> bool:
    """Have a person look at a reading; again is no harm. Whether a row was written now."""
    facts = new.facts
    values = {
        "wanted": new.reading_id,
        "new_ReadingID": new.reading_id,
        "new_CompanyID": new.company_id.upper(),
        "new_DocumentSha256": new.document_sha256,
        "new_State": PENDING,
        "new_Reason": new.reason[:_REASON_LENGTH],
        "new_Amount": facts.amount,
        "new_Currency": _cut(facts.currency, 10),
        "new_Seller": _cut(facts.seller, 200),
        "new_SellerKey": facts.seller_key,
        "new_InvoiceNumber": _cut(facts.invoice_number, 100),
        "new_FileLabel": _cut(new.file_label, 100),
        "new_CorrectedValues": new.corrected,
    }
    try:
        with connection.begin_nested():
            return _INSERT.changed(connection, values) == 1
    except IntegrityError:  # another one has just opened it
        return False


def find_review(connection: Connection, reading_id: str) -> Review | None:
    """The review of a reading, or None."""
    row = connection.execute(_FIND, {"wanted": reading_id}).first()
    return None if row is None else from_row(Review, row)


def hold_review(connection: Connection, reading_id: str) -> Review | None:
    """The same, held until the transaction ends: nobody else decides meanwhile."""
    held = update(table).where(table.c.ReadingID == reading_id).values(Version=table.c.Version)
    if connection.execute(held).rowcount == 0:
        return None
    return find_review(connection, reading_id)


def doubt_anew(connection: Connection, reading_id: str, reason: str) -> None:
    """What is thought of a reading has changed while its review is open: a decision on the old verdict is refused."""
    connection.execute(
        update(table)
        .where(table.c.ReadingID == reading_id, table.c.State.in_(OPEN))
        .values(
            State=PENDING,
            Reason=reason[:_REASON_LENGTH],
            Version=table.c.Version + 1,
            PostponedUntil=None,
        )
    )


def carry_corrections(connection: Connection, reading_id: str, *, reason: str, corrected: str | None) -> None:
    """Give an open review without corrections of its own those of another reading of the document, as JSON."""
    connection.execute(
        update(table)
        .where(table.c.ReadingID == reading_id, table.c.State.in_(OPEN))
        .values(Reason=reason[:_REASON_LENGTH], CorrectedValues=corrected, Version=table.c.Version + 1)
    )


def latest_corrected(
    connection: Connection, company_id: str, sha256: str, *, not_id: str, before_id: int | None = None
) -> Review | None:
    """The newest review of a document's other readings that holds corrections.

    :param before_id: the number before which it must have been opened; then those that only got the corrections of
        another reading do not count.
    """
    wanted = _CORRECTED if before_id is None else _CORRECTED.where(table.c.ReviewID < before_id, _MADE)
    own = {"company": company_id.upper(), "document": sha256, "own": not_id}
    row = connection.execute(wanted, own).first()
    return None if row is None else from_row(Review, row)


def decided_of_seller(connection: Connection, company_id: str, seller_key: str, *, at_most: int) -> int:
    """How many readings of a seller were decided by a person, counted up to ``at_most``."""
    decided = (
        select(table.c.ReviewID)
        .where(table.c.CompanyID == company_id.upper(), table.c.SellerKey == seller_key, table.c.State.in_(DECIDED))
        .limit(at_most)
        .subquery()
    )
    return int(connection.execute(select(func.count()).select_from(decided)).scalar_one())


def take(connection: Connection, reading_id: str, actor: str) -> bool:
    """Take a review for some minutes, or keep it for some more; False when somebody else has it."""
    mine = (table.c.ReadingID == reading_id, or_(_free(), table.c.TakenBy == _cut(actor, _LONGEST_ACTOR)))
    return connection.execute(update(table).where(*mine).values(_taken(actor))).rowcount == 1


def take_pending(connection: Connection, review_id: int, actor: str) -> bool:
    """Take one that is pending and free; False when somebody was quicker."""
    free = (table.c.ReviewID == review_id, table.c.State == PENDING, _free())
    return connection.execute(update(table).where(*free).values(_taken(actor))).rowcount == 1


def release(connection: Connection, reading_id: str, actor: str) -> bool:
    """Give a review back that ``actor`` has taken; False when it is not his."""
    mine = (table.c.ReadingID == reading_id, table.c.TakenBy == _cut(actor, _LONGEST_ACTOR))
    return connection.execute(update(table).where(*mine).values(TakenBy=None, TakenUntil=None)).rowcount == 1


def end_postponement(connection: Connection) -> int:
    """Make those pending again whose time has come; returns how many."""
    due = (table.c.State == POSTPONED, table.c.PostponedUntil <= utc_now())
    return connection.execute(update(table).where(*due).values(State=PENDING, PostponedUntil=None)).rowcount


def has_due_postponement(connection: Connection) -> bool:
    """Whether :func:`end_postponement` has something to do."""
    due = select(table.c.ReviewID).where(table.c.State == POSTPONED, table.c.PostponedUntil <= utc_now()).limit(1)
    return connection.execute(due).first() is not None


def now(connection: Connection) -> datetime:
    """The database's clock."""
    return connection.execute(select(utc_now())).scalar_one()


def free() -> Any:
    """Whether nobody works on a review."""
    return _free()


def _free() -> Any:
    return or_(table.c.TakenUntil.is_(None), table.c.TakenUntil < utc_now())


def _taken(actor: str) -> dict[str, Any]:
    return {"TakenBy": _cut(actor, _LONGEST_ACTOR), "TakenUntil": utc_in(TAKEN_SECONDS)}


def _cut(text: str | None, units: int) -> str | None:
    return None if text is None else fitting(text, units) or None
