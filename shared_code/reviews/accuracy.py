"""How well documents are read, by what persons had to correct: by field, by seller and by week."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from shared_code.database.stores.reviews import accuracy as store
from shared_code.database.stores.reviews.accuracy import AccuracyFilter, Decided
from shared_code.errors import InvalidRequest

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database

#: fields that are told also when nobody ever corrected them
ALWAYS_TOLD = ("invoice_number", "invoice_date", "total", "currency", "seller.name", "seller.tax_id", "due_date")
_USUAL_DAYS = 84
MOST_DAYS = 400
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class AccuracyItem:
    """One field, seller or week.

    :ivar key: a path such as ``line_items[].net_amount``, the digest of a seller (None = unknown), or a Monday.
    :ivar label: for people.
    :ivar corrected: of the readings that were ``decided`` about those in which it was corrected.
    :ivar accuracy: the share of the others, 0 to 1.
    """

    key: str | None
    label: str | None
    decided: int
    corrected: int
    accuracy: float | None


@dataclass(frozen=True, slots=True)
class AccuracyReport:
    """Of a range of days (UTC), both included. ``decided`` are readings that were confirmed or corrected."""

    first_day: date
    last_day: date
    decided: int
    corrected: int
    items: tuple[AccuracyItem, ...]


@dataclass(frozen=True, slots=True)
class ReviewAccuracy:
    """Reports on corrections. One for the process.

    :ivar clock: the moment (aware, UTC).
    """

    database: "Database"
    clock: Callable[[], datetime]

    def report(self, company_id: str | None, first: date | None, last: date | None, *, group_by: str) -> AccuracyReport:
        """What was corrected of what was decided about in a range of days; the last twelve weeks unless days are given.

        :param company_id: in upper case; None = all companies.
        :param group_by: field, seller or week.
        :raises InvalidRequest: a range that ends before it begins, or is too long.
        """
        first_day, last_day = self._days(first, last)
        wanted = AccuracyFilter(_midnight(first_day), _midnight(last_day) + timedelta(days=1), company_id)
        group = {"field": _by_field, "seller": _by_seller, "week": _by_week}[group_by]

        def read(connection: "Connection") -> AccuracyReport:
            whole = store.decided_in_all(connection, wanted)
            items = group(connection, wanted, whole)
            return AccuracyReport(first_day, last_day, whole.decided, whole.corrected, tuple(items))

        return self.database.read(read)

    def _days(self, first: date | None, last: date | None) -> tuple[date, date]:
        end = last or self.clock().astimezone(UTC).date()
        begin = first or end - timedelta(days=min(_USUAL_DAYS - 1, (end - date.min).days))
        if begin > end:
            raise InvalidRequest("from is later than to.", details={"field": "from"})
        if (end - begin).days >= MOST_DAYS or end == date.max:
            raise InvalidRequest(f"from and to are at most {MOST_DAYS} days apart.", details={"field": "from"})
        return begin, end


def _by_field(connection: "Connection", wanted: AccuracyFilter, whole: Decided) -> list[AccuracyItem]:
    found = dict.fromkeys(ALWAYS_TOLD, 0) | store.corrected_fields(connection, wanted)
    ordered = sorted(found.items(), key=lambda one: (-one[1], one[0]))
    return [_item(field, field, whole.decided, corrected) for field, corrected in ordered]


def _by_seller(connection: "Connection", wanted: AccuracyFilter, _whole: Decided) -> list[AccuracyItem]:
    return [
        _item(one.key, one.label, one.decided, one.corrected) for one in store.decided_by_seller(connection, wanted)
    ]


def _by_week(connection: "Connection", wanted: AccuracyFilter, _whole: Decided) -> list[AccuracyItem]:
    """Weeks begin on Monday; those in which nothing was decided are told too."""
    first = wanted.since.date()
    monday = first - timedelta(days=min(first.weekday(), (first - date.min).days))
    begins = []
    while _midnight(monday) < wanted.until:
        begins.append(_midnight(monday))
        monday += _WEEK
    found = {int(one.key or 0): one for one in store.decided_by_part(connection, wanted, begins)}
    empty = Decided(None, None, 0, 0)
    weeks = [(begin.date().isoformat(), found.get(number, empty)) for number, begin in enumerate(begins)]
    return [_item(day, day, one.decided, one.corrected) for day, one in weeks]


def _item(key: str | None, label: str | None, decided: int, corrected: int) -> AccuracyItem:
    return AccuracyItem(key, label, decided, corrected, round(1 - corrected / decided, 4) if decided else None)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())
