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
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from shared_code.database.company_case import folded
from shared_code.database.stores.quotas.quota_scopes import LABEL_COLUMNS
from shared_code.database.tables import company_settings, token_master, token_usage_logs, usage_daily

logs = token_usage_logs
daily = usage_daily

#: what identifies a row of UsageDaily
KEY = ("LocalDay", "TokenID", "CompanyID", *LABEL_COLUMNS, "Model", "Source")
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
_COUNTS = tuple(name for name in AMOUNTS if name != "CostUnits")
#: CostUSD has eight places
COST_UNITS = 100_000_000
#: outcomes of rows that stand for a call that did what it should
_GOOD_OUTCOMES = ("ok", "ok_corrected", "cached", "embedded_xml", "reported", "second_look", "second_look_corrected")

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
        *(func.coalesce(logs.c[name], _EMPTY).label(name) for name in (*LABEL_COLUMNS, "Model", "Source")),
    ]


def _rows(*amounts: ColumnElement[Any]) -> Any:
    return (
        select(logs.c.LocalDay, func.upper(logs.c.CompanyID).label("CompanyID"), *_labels(), *amounts)
        .where(_CLAIMED, logs.c.LocalDay.is_not(None), logs.c.CompanyID.is_not(None))
        .subquery("claimed")
    )


def _same_key(other: Any) -> ColumnElement[bool]:
    return and_(*(daily.c[name] == other.c[name] for name in KEY))


def _make_places() -> Any:
    rows = _rows()
    columns = [*_COUNTS, "CostUSD"]
    missing = (
        select(*(rows.c[name] for name in KEY), *(_ZERO.label(name) for name in columns))
        .where(~exists(select(_ONE).select_from(daily).where(_same_key(rows)).correlate(rows)))
        .group_by(*(rows.c[name] for name in KEY))
    )
    return insert(daily).from_select([*KEY, *columns], missing)


def _rounded(cost: ColumnElement[Any]) -> ColumnElement[Any]:
    """To eight places: on SQLite the floating-point number nearest to the exact sum."""
    return func.round(cost, literal_column("8"))


def _add_sums() -> Any:
    rows = _rows(*_amounts())
    keys = [rows.c[name] for name in KEY]
    sums = select(*keys, *(func.sum(rows.c[name]).label(name) for name in AMOUNTS)).group_by(*keys).subquery("sums")
    # A product, not a quotient: exact on the servers, and on SQLite nearest to exact once it is rounded.
    cost = sums.c.CostUnits * literal_column("0.00000001")
    return (
        update(daily)
        .where(_same_key(sums))
        .values(
            {name: daily.c[name] + sums.c[name] for name in _COUNTS} | {"CostUSD": _rounded(daily.c.CostUSD + cost)}
        )
    )


#: makes empty UsageDaily rows for claimed rows that have none; after it, ADD_SUMS adds to all of them
MAKE_PLACES = _make_places()
ADD_SUMS = _add_sums()
#: rows that carry the stamp
CLAIMED = select(func.count()).select_from(logs).where(_CLAIMED)


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


#: adds ``add_<column>`` to the row of the key ``key_<column>``
ADD_TO_KEY = (
    update(daily)
    .where(*(daily.c[name] == bindparam(f"key_{name}", type_=daily.c[name].type) for name in KEY))
    .values(
        {name: daily.c[name] + bindparam(f"add_{name}", type_=BigInteger) for name in _COUNTS}
        | {"CostUSD": _rounded(daily.c.CostUSD + bindparam("add_CostUSD", type_=Numeric(18, 8)))}
    )
)

#: what one usage row adds and to which key, for reports that count rows before they are folded
ROW_AMOUNTS = tuple(_amounts())
ROW_LABELS = tuple(_labels())
