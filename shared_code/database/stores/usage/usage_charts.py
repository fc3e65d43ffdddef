"""Use day by day, of all and of the largest of what it is split by: what the charts of the console show.

What is summed stands in the index IX_UsageDaily_Charts, so that a sum over all companies reads no row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection, Row, func, select

from shared_code.database.stores.usage.usage_reports import COLUMNS, GroupBy, UsageFilter, cost_of, rows_of

_AMOUNTS = ("Requests", "Errors", "TotalTokens", "Unpriced", "CostUnits")
_DAY = COLUMNS["day"]


@dataclass(frozen=True, slots=True)
class DayUse:
    """The use of one day; amounts as in :class:`.usage_reports.UsageLine`."""

    day: date
    requests: int
    errors: int
    total_tokens: int
    cost_usd: Decimal
    unpriced: int


def use_by_day(connection: Connection, wanted: UsageFilter) -> list[DayUse]:
    """All use, a line for each day that has any."""
    rows = rows_of(wanted, [_DAY], _AMOUNTS)
    sums = [func.sum(rows.c[name]).label(name) for name in _AMOUNTS]
    found = connection.execute(select(rows.c[_DAY], *sums).group_by(rows.c[_DAY]).order_by(rows.c[_DAY]))
    return [_line(row) for row in found]


def largest_users(connection: Connection, wanted: UsageFilter, by: GroupBy, *, most: int) -> list[str]:
    """The names with the most requests, the largest first."""
    name = COLUMNS[by.field]
    # By day as well: in that order the rows stand in the index, so that nothing of their number is sorted.
    rows = rows_of(wanted, [_DAY, name], ["Requests"])
    column, requests = rows.c[name], func.sum(rows.c.Requests)
    found = connection.execute(
        select(column).where(column != "").group_by(column).order_by(requests.desc(), column).limit(most)
    )
    return list(found.scalars())


def use_by_day_of(
    connection: Connection, wanted: UsageFilter, by: GroupBy, names: Sequence[str]
) -> dict[str, list[DayUse]]:
    """The use of these, by name, a line for each day that has any."""
    name = COLUMNS[by.field]
    rows = rows_of(wanted, [_DAY, name], _AMOUNTS, among=(name, names))
    keys, sums = (rows.c[name], rows.c[_DAY]), [func.sum(rows.c[amount]).label(amount) for amount in _AMOUNTS]
    lines: dict[str, list[DayUse]] = {each: [] for each in names}
    for row in connection.execute(select(*keys, *sums).group_by(*keys).order_by(*keys)):
        lines[getattr(row, name)].append(_line(row))
    return lines


def _line(row: Row[tuple[object, ...]]) -> DayUse:
    return DayUse(
        day=row.LocalDay,
        requests=int(row.Requests),
        errors=int(row.Errors),
        total_tokens=int(row.TotalTokens),
        cost_usd=cost_of(row.CostUnits),
        unpriced=int(row.Unpriced),
    )
