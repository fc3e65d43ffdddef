"""How often persons corrected what was read, from the rows of decisions and corrections: no reading is looked at.

What was decided in a time is found by an index; a reading that was decided about more than once counts once, with the
last state of its review. Rejected ones say nothing about single values.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, DateTime, Select, Subquery, bindparam, case, func, select

from shared_code.database.stores.reviews.review_rows import CONFIRMED, CORRECTED
from shared_code.database.tables import corrections, review_decisions, reviews

_INVOICE = re.compile(r"^invoices\[\d+\]\.")
_NUMBER = re.compile(r"\[\d+\]")
_MOST_SELLERS = 100


@dataclass(frozen=True, slots=True)
class AccuracyFilter:
    """Decisions from ``since`` until before ``until`` (naive UTC), of one company (in upper case) or of all (None)."""

    since: datetime
    until: datetime
    company_id: str | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """Readings that were decided about, and those of them with corrections. ``key`` and ``label`` say which."""

    key: str | None
    label: str | None
    decided: int
    corrected: int


def decided_in_all(connection: Connection, wanted: AccuracyFilter) -> Decided:
    """All readings together."""
    mine = _mine(wanted)
    row = connection.execute(select(*_counts(mine)).select_from(mine)).one()
    return Decided(None, None, int(row.decided), int(row.corrected or 0))


def decided_by_seller(connection: Connection, wanted: AccuracyFilter) -> list[Decided]:
    """By seller, at most 100, those with the most readings first."""
    mine = _mine(wanted)
    grouped = select(mine.c.SellerKey, func.max(mine.c.Seller).label("name"), *_counts(mine)).group_by(mine.c.SellerKey)
    rows = connection.execute(grouped.order_by(func.count().desc(), mine.c.SellerKey).limit(_MOST_SELLERS))
    return [Decided(row.SellerKey, row.name, int(row.decided), int(row.corrected)) for row in rows]


def decided_by_part(connection: Connection, wanted: AccuracyFilter, begins: Sequence[datetime]) -> list[Decided]:
    """By parts of the time, given by the moments at which each begins, in order; ``key`` is the number of the part."""
    mine = _mine(wanted)
    whens = [
        (mine.c.DecidedAt >= bindparam(None, begin, type_=DateTime()), number)
        for number, begin in reversed(list(enumerate(begins)))
    ]
    parted = select(mine.c.State, case(*whens, else_=0).label("part")).subquery()
    grouped = select(parted.c.part, *_counts(parted)).group_by(parted.c.part).order_by(parted.c.part)
    rows = connection.execute(grouped)
    return [Decided(str(row.part), None, int(row.decided), int(row.corrected)) for row in rows]


def corrected_fields(connection: Connection, wanted: AccuracyFilter) -> dict[str, int]:
    """In how many readings each field was corrected; fields of lines and lists without their numbers."""
    mine = _mine(wanted)
    changed = (
        select(corrections.c.Field, corrections.c.ReadingID)
        .join(mine, mine.c.ReadingID == corrections.c.ReadingID)
        .where(*_in_time(corrections.c.ChangedAt, corrections.c.CompanyID, wanted))
        .distinct()
    )
    readings: dict[str, set[str]] = {}
    for row in connection.execute(changed):
        readings.setdefault(_NUMBER.sub("[]", _INVOICE.sub("", row.Field)), set()).add(row.ReadingID)
    return {field: len(found) for field, found in readings.items()}


def _mine(wanted: AccuracyFilter) -> Subquery:
    """Each reading once: when it was decided about last in this time, and what became of it."""
    made = review_decisions.c
    last = (
        select(made.ReadingID, func.max(made.DecidedAt).label("DecidedAt"))
        .where(*_in_time(made.DecidedAt, made.CompanyID, wanted))
        .group_by(made.ReadingID)
        .subquery()
    )
    found: Select[Any] = (
        select(last.c.ReadingID, last.c.DecidedAt, reviews.c.State, reviews.c.Seller, reviews.c.SellerKey)
        .join(reviews, reviews.c.ReadingID == last.c.ReadingID)
        .where(reviews.c.State.in_((CONFIRMED, CORRECTED)))
    )
    return found.subquery()


def _in_time(moment: Any, company: Any, wanted: AccuracyFilter) -> list[Any]:
    own = [] if wanted.company_id is None else [company == wanted.company_id]
    return [*own, moment >= wanted.since, moment < wanted.until]


def _counts(rows: Any) -> tuple[Any, Any]:
    return func.count().label("decided"), func.sum(case((rows.c.State == CORRECTED, 1), else_=0)).label("corrected")
