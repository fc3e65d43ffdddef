"""Usage by day, company, branch, user, token, model or source, up to the moment of the question.

UsageDaily holds what was folded, TokenUsageLogs what was not; both are read in one statement, so that a fold between
them neither loses nor doubles a row. Days are the company's own (LocalDay). A row that somebody typed in by hand
without a day or company appears once the timer has placed it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Select,
    Subquery,
    cast,
    func,
    literal_column,
    select,
    union_all,
)

from shared_code.database.stores.quotas.quota_scopes import BY_NAME, LABEL_COLUMNS, USER
from shared_code.database.stores.usage.fold_statements import AMOUNTS, COST_UNITS, ROW_AMOUNTS, ROW_LABELS
from shared_code.database.tables import token_usage_logs, usage_daily
from shared_code.labels import spellings

daily = usage_daily
logs = token_usage_logs

_COST_PLACES = Decimal(1).scaleb(-8)


class GroupBy(StrEnum):
    """What a report has one line for."""

    DAY = "day"
    COMPANY = "company"
    BRANCH = "branch"
    USER = "user"
    TOKEN = "token"  # noqa: S105 - a name, not a secret
    MODEL = "model"
    SOURCE = "source"

    @property
    def field(self) -> str:
        """The field of :class:`UsageLine` that holds it."""
        return {"company": "company_id", "token": "token_id"}.get(self, self.value)


#: the fields that name what a line is about, and their columns
COLUMNS = {
    "day": "LocalDay",
    "company_id": "CompanyID",
    "branch": BY_NAME["branch"].column,
    "user": BY_NAME[USER].column,
    "token_id": "TokenID",
    "model": "Model",
    "source": "Source",
}


@dataclass(frozen=True, slots=True)
class UsageFilter:
    """Which use to report: first and last day, both included, and what else is given must match."""

    first_day: date
    last_day: date
    company_id: str | None = None
    branch: str | None = None
    user: str | None = None
    token_id: int | None = None
    model: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class UsageLine:
    """One line. Parts that the report is not grouped by are None, and so are absent ones (a call without a branch).

    Amounts are model tokens. Unknown counts add nothing: ``unmeasured`` says how many requests never reported theirs,
    ``unpriced`` how many have no known cost.
    """

    day: date | None
    company_id: str | None
    branch: str | None
    user: str | None
    token_id: int | None
    model: str | None
    source: str | None
    requests: int
    errors: int
    unmeasured: int
    input_tokens: int
    output_tokens: int
    thoughts_tokens: int
    cached_tokens: int
    total_tokens: int
    cost_usd: Decimal
    unpriced: int


def usage_lines(
    connection: Connection, wanted: UsageFilter, *, group_by: Sequence[GroupBy], skip: int = 0, limit: int = 100
) -> list[UsageLine]:
    """Up to ``limit`` lines in ascending order of what they are grouped by, after the first ``skip``."""
    names = [COLUMNS[group.field] for group in group_by]
    both = rows_of(wanted, names)
    keys = [both.c[name] for name in names]
    statement = (
        select(*keys, *(func.sum(both.c[name]).label(name) for name in AMOUNTS))
        .group_by(*keys)
        .order_by(*keys)
        .limit(limit)
    )
    if skip:
        statement = statement.offset(skip)
    return [_line(row, names) for row in connection.execute(statement)]


def rows_of(
    wanted: UsageFilter,
    names: Sequence[str],
    amounts: Sequence[str] = AMOUNTS,
    *,
    among: tuple[str, Sequence[str]] | None = None,
) -> Subquery:
    """What was folded, summed, and each row that was not, by columns of UsageDaily.

    :param among: a column, and the values of it that count.
    """
    return union_all(_folded(wanted, names, amounts, among), _fresh(wanted, names, amounts, among)).subquery("both")


def _folded(
    wanted: UsageFilter, names: Sequence[str], amounts: Sequence[str], among: tuple[str, Sequence[str]] | None
) -> Select[Any]:
    """Summed here already: a year of a thousand companies is a million rows, its report a thousand."""
    keys = [daily.c[name] for name in names]
    units: ColumnElement[Any] = cast(
        func.round(daily.c.CostUSD * literal_column(str(COST_UNITS)), literal_column("0")), BigInteger
    )
    sums = [func.sum(units if name == "CostUnits" else daily.c[name]).label(name) for name in amounts]
    return select(*keys, *sums).where(*_conditions(daily.c, wanted, among)).group_by(*keys)


def _fresh(
    wanted: UsageFilter, names: Sequence[str], amounts: Sequence[str], among: tuple[str, Sequence[str]] | None
) -> Select[Any]:
    rows = (
        select(logs.c.LocalDay, func.upper(logs.c.CompanyID).label("CompanyID"), *ROW_LABELS, *ROW_AMOUNTS)
        .where(logs.c.FoldedAt.is_(None), logs.c.LocalDay.is_not(None), logs.c.CompanyID.is_not(None))
        .subquery("fresh")
    )
    return select(*(rows.c[name] for name in names), *(rows.c[name] for name in amounts)).where(
        *_conditions(rows.c, wanted, among)
    )


def _conditions(
    columns: Any, wanted: UsageFilter, among: tuple[str, Sequence[str]] | None
) -> list[ColumnElement[bool]]:
    given = {column: getattr(wanted, field) for field, column in COLUMNS.items() if field != "day"}
    return [
        columns.LocalDay.between(wanted.first_day, wanted.last_day),
        *(
            # Both spellings of a name: rows of old versions, and typed ones, may hold it decomposed.
            columns[name].in_(spellings(value)) if name in LABEL_COLUMNS else columns[name] == value
            for name, value in given.items()
            if value is not None
        ),
        *([] if among is None else [columns[among[0]].in_(among[1])]),
    ]


def _line(row: Row[Any], names: Sequence[str]) -> UsageLine:
    return UsageLine(
        # Absent parts of a key are 0 or '' in UsageDaily.
        **{field: (getattr(row, name) or None) if name in names else None for field, name in COLUMNS.items()},
        requests=int(row.Requests),
        errors=int(row.Errors),
        unmeasured=int(row.Unmeasured),
        input_tokens=int(row.InputTokens),
        output_tokens=int(row.OutputTokens),
        thoughts_tokens=int(row.ThoughtsTokens),
        cached_tokens=int(row.CachedTokens),
        total_tokens=int(row.TotalTokens),
        cost_usd=cost_of(row.CostUnits),
        unpriced=int(row.Unpriced),
    )


def cost_of(units: Any) -> Decimal:
    """US dollars, of a sum of CostUnits."""
    return (Decimal(int(units)) / COST_UNITS).quantize(_COST_PLACES)
