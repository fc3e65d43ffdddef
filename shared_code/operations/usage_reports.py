"""Reports of what was used, for the API and the command line alike: the range of days, and the lines.

Days are the company's own. A report that names no company is about the latest day that it is anywhere.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from shared_code.database.stores.operations import company_zones
from shared_code.database.stores.usage import usage_charts
from shared_code.database.stores.usage.usage_charts import DayUse
from shared_code.database.stores.usage.usage_reports import GroupBy, UsageFilter, UsageLine, usage_lines
from shared_code.errors import InvalidRequest
from shared_code.periods import latest_day, local_day, zone

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database

#: lines that a report can have in all
MAX_LINES = 100_000
#: days between the first and the last one of a range whose start is not given
_DEFAULT_DAYS = 30


@dataclass(frozen=True, slots=True)
class Chart:
    """Use day by day of all (None), or of what has this name. Days without use have no line."""

    name: str | None
    days: list[DayUse]


@dataclass(frozen=True, slots=True)
class UsageReports:
    """Reads usage reports.

    :ivar clock: the moment (aware, UTC), which decides the present day of a company.
    """

    database: "Database"
    default_zone: str
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def days(
        self, company_id: str | None, first: date | None, last: date | None, *, prefix: str = ""
    ) -> tuple[date, date]:
        """The first and the last day of a report: as given, else the 30 days before the last one, and today.

        :param company_id: in upper case; None = all companies.
        :param prefix: what stands before ``from`` and ``to`` where the caller wrote them.
        :raises InvalidRequest: the first day is in the future, or later than the last one.
        """
        today = self._today(company_id)
        if first is not None and first > today:
            raise InvalidRequest(
                f"{prefix}from is {first}, which is in the future; it must be at most {today}.",
                details={"field": "from", "limit": str(today), "actual": str(first)},
            )
        end = last or today
        start = first or end - timedelta(days=min(_DEFAULT_DAYS, (end - date.min).days))
        if start > end:
            raise InvalidRequest(f"{prefix}from is later than {prefix}to.", details={"field": "from"})
        return start, end

    def present_day(self, company_id: str | None) -> date:
        """Today in the company's zone; for all companies (None) the latest day that it is for one of them."""
        if company_id is not None:
            return self._today(company_id)
        named = self.database.read(company_zones.typed_zones)
        zones = {self.default_zone, *(name for _, name in named)}
        return max(local_day(self.clock(), zone(name, self.default_zone)) for name in zones)

    def page(
        self, wanted: UsageFilter, group_by: Sequence[GroupBy], *, skip: int = 0, limit: int = 100
    ) -> list[UsageLine]:
        """Up to ``limit`` lines after the first ``skip``, one for each of what they are grouped by."""
        groups = list(dict.fromkeys(group_by))
        return self.database.read(
            lambda connection: usage_lines(connection, wanted, group_by=groups, skip=skip, limit=limit)
        )

    def charts(self, wanted: UsageFilter, by: GroupBy, *, most: int) -> list[Chart]:
        """Use day by day: of all, and of those with the most requests, as of one moment."""

        def read(connection: "Connection") -> list[Chart]:
            whole = Chart(None, usage_charts.use_by_day(connection, wanted))
            names = usage_charts.largest_users(connection, wanted, by, most=most) if whole.days else []
            parts = usage_charts.use_by_day_of(connection, wanted, by, names) if names else {}
            return [whole, *(Chart(name, days) for name, days in parts.items())]

        return self.database.read(read)

    def whole(self, wanted: UsageFilter, group_by: Sequence[GroupBy]) -> list[UsageLine]:
        """All lines, as of one moment.

        :raises InvalidRequest: there are more than :data:`MAX_LINES`.
        """
        lines = self.page(wanted, group_by, limit=MAX_LINES + 1)
        if len(lines) > MAX_LINES:
            raise InvalidRequest(
                f"The report has more than {MAX_LINES} lines. Take fewer days, name a company, or group by less.",
                details={"field": "group_by", "limit": MAX_LINES},
            )
        return lines

    def _today(self, company_id: str | None) -> date:
        if company_id is None:
            return latest_day(self.clock())
        name = self.database.read(lambda connection: company_zones.company_zone(connection, company_id))
        return local_day(self.clock(), zone(name, self.default_zone))
