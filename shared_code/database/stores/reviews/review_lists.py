"""The list of reviews and the queue: each filter and order is served by an index, in pages, without a sort."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select

from shared_code.database.stores.operations.rows_by_age import matching
from shared_code.database.stores.reviews.review_rows import PENDING, Review, free, take_pending
from shared_code.database.stores.row_records import from_row
from shared_code.database.tables import reviews

table = reviews

OLDEST = "oldest"
NEWEST = "newest"
AMOUNT = "amount"
ORDERS = (OLDEST, NEWEST, AMOUNT)
#: candidates of one look for the next review; as many persons may be quicker
_CANDIDATES = 20


@dataclass(frozen=True, slots=True)
class ReviewFilter:
    """Which reviews: every given field must match. ``company_id`` is in upper case."""

    state: str = PENDING
    company_id: str | None = None
    reason: str | None = None
    min_amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A row's place in the list: where a page ended."""

    review_id: int
    amount: Decimal | None = None


def find_reviews(
    connection: Connection, wanted: ReviewFilter, *, order: str = OLDEST, after: Place | None = None, limit: int = 100
) -> list[Review]:
    """A page of reviews. By amount the largest come first, whatever their currency, and those without one last."""
    return _page(connection, _matching(wanted), wanted, order=order, after=after, limit=limit)


def take_next(
    connection: Connection, wanted: ReviewFilter, actor: str, *, order: str = OLDEST, after: Place | None = None
) -> Review | None:
    """Take the first review that nobody has, behind ``after``, else from the beginning; None when there is none left.

    Others take reviews at the same time: whoever comes too late for one goes on to the next one.
    """
    for start in (after, None) if after is not None else (None,):
        place = start
        while True:
            statement = _matching(wanted).where(free())
            found = _page(connection, statement, wanted, order=order, after=place, limit=_CANDIDATES)
            for row in found:
                if after is not None and row.review_id == after.review_id:
                    continue
                if take_pending(connection, row.review_id, actor):
                    return row
            if len(found) < _CANDIDATES:
                break
            place = Place(found[-1].review_id, found[-1].amount)
    return None


def count_reviews(connection: Connection, wanted: ReviewFilter, *, at_most: int) -> int:
    """How many there are, counted up to ``at_most``."""
    counted = _matching(wanted, table.c.ReviewID).limit(at_most).subquery()
    return int(connection.execute(select(func.count()).select_from(counted)).scalar_one())


def _matching(wanted: ReviewFilter, *columns: Any) -> Select[Any]:
    equal = {
        table.c.State: wanted.state,
        table.c.CompanyID: wanted.company_id,
        table.c.Reason: wanted.reason,
    }
    statement = matching(select(*columns) if columns else select(table), equal)
    return statement if wanted.min_amount is None else statement.where(table.c.Amount >= wanted.min_amount)


def _page(
    connection: Connection,
    statement: Select[Any],
    wanted: ReviewFilter,
    *,
    order: str,
    after: Place | None,
    limit: int,
) -> list[Review]:
    number = table.c.ReviewID
    if order != AMOUNT:
        behind = [] if after is None else [number > after.review_id if order == OLDEST else number < after.review_id]
        ordered = statement.where(*behind).order_by(number if order == OLDEST else number.desc())
        return _read(connection, ordered.limit(limit))
    found: list[Review] = []
    if after is None or after.amount is not None:
        known = statement.where(table.c.Amount.is_not(None), *_below(after))
        found = _read(connection, known.order_by(table.c.Amount.desc(), number.desc()).limit(limit))
        after = None
    if len(found) < limit and wanted.min_amount is None:
        # One query more instead of an order that puts the unknown ones last: no index has that on every backend.
        behind = [] if after is None else [number < after.review_id]
        unknown = statement.where(table.c.Amount.is_(None), *behind).order_by(number.desc())
        found += _read(connection, unknown.limit(limit - len(found)))
    return found


def _below(after: Place | None) -> Sequence[ColumnElement[bool]]:
    if after is None or after.amount is None:
        return ()
    amount = table.c.Amount
    return amount <= after.amount, or_(amount < after.amount, table.c.ReviewID < after.review_id)


def _read(connection: Connection, statement: Select[Any]) -> list[Review]:
    return [from_row(Review, row) for row in connection.execute(statement).all()]
