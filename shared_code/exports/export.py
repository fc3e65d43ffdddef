"""Many readings at once, for the admin API and the command line alike: which there are, page by page or all of them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from shared_code.database.stores.extractions import exported_readings as store
from shared_code.database.stores.extractions.exported_readings import ExportFilter
from shared_code.database.stores.operations import company_zones
from shared_code.errors import InvalidRequest
from shared_code.exports.tables import ExportedReading
from shared_code.periods import day_period, period_end, zone
from shared_code.reviews.corrected import corrected

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from shared_code.database.connection import Database
    from shared_code.database.stores.extractions.extraction_lists import StoredExtraction

#: documents that one answer over HTTP holds: the platform's adapter collects it in memory
MOST_IN_ONE_ANSWER = 5_000
#: readings that are in memory at once
_BATCH = 200
STATES = ("done", "failed")
_DAY = timedelta(days=1)


class ExportPage:
    """Up to ``limit`` readings, to be gone through once; afterwards it is known whether more follow.

    :ivar next_cursor: where the next page begins; None when there is none.
    """

    def __init__(self, rows: "Iterator[StoredExtraction]", limit: int) -> None:
        self._rows, self._limit = rows, limit
        self.next_cursor: str | None = None

    def __iter__(self) -> "Iterator[StoredExtraction]":
        """The readings, newest first."""
        row = None
        for row in islice(self._rows, self._limit):
            yield row
        if row is not None and next(self._rows, None) is not None:
            self.next_cursor = str(row.extraction_id)


@dataclass(frozen=True, slots=True)
class Exports:
    """Finds readings for tables. One that a later reading took the place of is left out, and so are erased ones."""

    database: "Database"
    default_zone: str

    def wanted(
        self, company_id: str | None, first: date | None, last: date | None, state: str | None = None
    ) -> ExportFilter:
        """The readings of a range of days, which are the company's own; of all companies those of the default zone.

        :param company_id: in upper case; None = all.
        :param last: included. Without ``first`` or ``last`` that side is open.
        :raises InvalidRequest: the first day is later than the last one.
        """
        if first is not None and last is not None and first > last:
            raise InvalidRequest("from is later than to.", details={"field": "from"})
        tz = self._zone(company_id)
        since = None if first is None or first == date.min else _end_of(first - _DAY, tz)
        return ExportFilter(company_id, since, None if last is None else _end_of(last, tz), state)

    def count(self, wanted: ExportFilter) -> int:
        """How many readings these are."""
        return self.database.read(lambda connection: store.count_results(connection, wanted))

    def page(self, wanted: ExportFilter, *, before_id: int | None, limit: int) -> ExportPage:
        """A page of readings, newest first; ``before_id`` is where the last one ended."""
        return ExportPage(self.everything(wanted, before_id=before_id), limit)

    def everything(self, wanted: ExportFilter, *, before_id: int | None = None) -> "Iterator[StoredExtraction]":
        """All of them, newest first, a batch at a time; what is read meanwhile is not among them."""
        while batch := self._batch(wanted, before_id):
            yield from batch
            before_id = batch[-1].extraction_id

    def _batch(self, wanted: ExportFilter, before_id: int | None) -> "list[StoredExtraction]":
        found = self.database.read(
            lambda connection: store.find_results(connection, wanted, before_id=before_id, limit=_BATCH)
        )
        return [_as_corrected(row) for row in found]

    def _zone(self, company_id: str | None) -> "ZoneInfo":
        name = company_id and self.database.read(lambda connection: company_zones.company_zone(connection, company_id))
        return zone(name, self.default_zone)


def _as_corrected(row: "StoredExtraction") -> "StoredExtraction":
    """The row with the values that persons corrected."""
    if row.result is None or row.corrected_values is None:
        return row
    return replace(row, result=corrected(row.result, row.corrected_values))


def as_exported(row: "StoredExtraction") -> ExportedReading:
    """A row of readings as tables know it."""
    return ExportedReading(
        reading_id=row.id,
        company_id=row.company_id,
        state=row.state,
        read_at=row.created_at,
        file=row.file_label,
        data=row.result,
        error_code=row.error_code,
    )


def _end_of(day: date, tz: "ZoneInfo") -> datetime | None:
    """The first moment (naive UTC) after a day; None where the calendar ends before it."""
    try:
        return period_end(day_period(day), tz).astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        return None
