"""The statements of the fold, built once: what one usage row adds to UsageDaily, and how sums are added.

Constants are literals, not parameters: an expression in GROUP BY must be the same text as in the list of columns.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Numeric,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
    update,
)

from shared_code.database.folding import folded
from shared_code.database.tables import company_settings, token_master, token_usage_logs, usage_daily

logs = token_usage_logs
daily = usage_daily

#: what identifies a row of UsageDaily
KEY = ("LocalDay", "TokenID", "CompanyID", "Branch", "RequestedBy", "Model", "Source")
#: BIGINT columns of UsageDaily, and the cost in hundred-millionths: SQLite would sum it as floating-point numbers
AMOUNTS = (
    "Requests",
    "Errors",
    "Unmeasured",
    "InputTokens",
    "OutputTokens",
    "ThoughtsTokens",
    "CachedTokens",
    "TotalTokens",
    "Unpriced",
    "CostUnits",
)
#: CostUSD has eight places
COST_UNITS = 100_000_000
#: outcomes of rows that stand for a call that did what it should
_GOOD_OUTCOMES = ("ok", "cached", "embedded_xml", "reported", "second_look")

_ZERO: ColumnElement[int] = literal_column("0")
_ONE: ColumnElement[int] = literal_column("1")
_EMPTY: ColumnElement[str] = literal_column("''")

_CLAIMED = and_(
    logs.c.UsageID.between(bindparam("first", type_=BigInteger), bindparam("last", type_=BigInteger)),
    logs.c.FoldedAt == bindparam("stamp", type_=logs.c.FoldedAt.type),
)

#: takes the rows from ``first`` to ``last`` that nobody has folded; the row count says how many
MARK = (
    update(logs)
    .where(
        logs.c.UsageID.between(bindparam("first", type_=BigInteger), bindparam("last", type_=BigInteger)),
        logs.c.FoldedAt.is_(None),
    )
    .values(FoldedAt=bindparam("stamp", type_=logs.c.FoldedAt.type))
)


def _text(value: str) -> ColumnElement[str]:
    return literal_column(f"'{value}'")


def _amounts() -> list[ColumnElement[Any]]:
    """What one usage row adds, by the names of AMOUNTS.

    A request is a row that is not a correction, answers without a model call included; a row that was reported from
    outside can stand for several. Unknown counts add nothing: ``Unmeasured`` and ``Unpriced`` say how many there were.
    """
    corrects = func.coalesce(logs.c.Kind, _EMPTY) == _text("correction")
    failed = and_(logs.c.Outcome.is_not(None), logs.c.Outcome.not_in([_text(name) for name in _GOOD_OUTCOMES]))
    expressions: dict[str, ColumnElement[Any]] = {
        "Requests": case((corrects, _ZERO), (logs.c.RequestCount > _ONE, logs.c.RequestCount), else_=_ONE),
        "Errors": case((corrects, _ZERO), (failed, _ONE), else_=_ZERO),
        "Unmeasured": case((logs.c.Kind == _text("unmeasured"), _ONE), else_=_ZERO),
        "TotalTokens": logs.c.TotalTokensUsed,
        "Unpriced": case((logs.c.CostUSD.is_(None), _ONE), else_=_ZERO),
        "CostUnits": func.round(logs.c.CostUSD * literal_column(str(COST_UNITS)), _ZERO),
    }
    # BIGINT before any sum: Azure SQL sums INT as INT.
    return [
        func.coalesce(cast(expressions[name] if name in expressions else logs.c[name], BigInteger), _ZERO).label(name)
        for name in AMOUNTS
    ]


def _labels() -> list[ColumnElement[Any]]:
    """The parts of the key that need nothing but the row; absent ones are 0 or ''."""
    return [
        func.coalesce(logs.c.TokenID, _ZERO).label("TokenID"),
        *(func.coalesce(logs.c[name], _EMPTY).label(name) for name in ("Branch", "RequestedBy", "Model", "Source")),
    ]


def _placed() -> Any:
    rows = (
        select(logs.c.LocalDay, func.upper(logs.c.CompanyID).label("CompanyID"), *_labels(), *_amounts())
        .where(_CLAIMED, logs.c.LocalDay.is_not(None), logs.c.CompanyID.is_not(None))
        .subquery("claimed")
    )
    keys = [rows.c[name] for name in KEY]
    sums = (
        select(*keys, *(func.sum(rows.c[name]).label(name) for name in AMOUNTS), func.count().label("RowCount"))
        .group_by(*keys)
        .subquery("sums")
    )
    same = and_(*(daily.c[name] == sums.c[name] for name in KEY))
    return select(sums, daily.c.UsageDailyID).select_from(sums.outerjoin(daily, same))


#: sums of the claimed rows by KEY, with ``RowCount`` and the id of the UsageDaily row where there is one
PLACED = _placed()


def _unplaced() -> Any:
    owner, settings = token_master, company_settings
    company = func.coalesce(logs.c.CompanyID, owner.c.CompanyID, _EMPTY)
    joined = logs.outerjoin(owner, owner.c.TokenID == logs.c.TokenID).outerjoin(
        settings, folded(settings.c.CompanyID) == func.upper(company)
    )
    return (
        select(
            logs.c.LocalDay,
            logs.c.LoggedAt,
            company.label("CompanyID"),
            settings.c.TimeZone,
            *_labels(),
            *_amounts(),
        )
        .select_from(joined)
        .where(_CLAIMED, or_(logs.c.LocalDay.is_(None), logs.c.CompanyID.is_(None)))
    )


#: claimed rows without a day or company, one by one: typed in by hand, or written by a version before ours
UNPLACED = _unplaced()


def _add(*where: ColumnElement[bool]) -> Any:
    counts = [name for name in AMOUNTS if name != "CostUnits"]
    cost = daily.c.CostUSD + bindparam("add_CostUSD", type_=Numeric(18, 8))
    return (
        update(daily)
        .where(*where)
        .values(
            {name: daily.c[name] + bindparam(f"add_{name}", type_=BigInteger) for name in counts}
            # Rounded, so that on SQLite the floating-point number nearest to the exact sum is kept.
            | {"CostUSD": func.round(cost, literal_column("8"))}
        )
    )


#: adds ``add_<column>`` to the row ``daily_id``, or to the row of the key ``key_<column>``
ADD_BY_ID = _add(daily.c.UsageDailyID == bindparam("daily_id"))
ADD_BY_KEY = _add(*(daily.c[name] == bindparam(f"key_{name}", type_=daily.c[name].type) for name in KEY))

#: what one usage row adds and to which key, for reports that count rows before they are folded
ROW_AMOUNTS = tuple(_amounts())
ROW_LABELS = tuple(_labels())
