"""The statements of the fold, built once: what one usage row adds to UsageDaily, and how sums are added.

Constants are literals, not parameters: an expression in GROUP BY must be the same text as in the list of columns.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Integer,
    Numeric,
    String,
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

from shared_code.database.company_case import folded, stripped
from shared_code.database.local_days import day_at, in_seconds
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
    """Claimed rows that say their day and company."""
    return (
        select(logs.c.LocalDay, func.upper(logs.c.CompanyID).label("CompanyID"), *_labels(), *amounts)
        .where(_CLAIMED, logs.c.LocalDay.is_not(None), logs.c.CompanyID.is_not(None))
        .subquery("claimed")
    )


#: claimed rows without a day or company: typed in by hand, or written before the upgrade
_UNPLACED = and_(_CLAIMED, or_(logs.c.LocalDay.is_(None), logs.c.CompanyID.is_(None)))
_COMPANY = func.upper(stripped(func.coalesce(logs.c.CompanyID, token_master.c.CompanyID, _EMPTY)))


def _moment() -> ColumnElement[datetime]:
    return in_seconds(func.coalesce(logs.c.LoggedAt, bindparam("stamp", type_=logs.c.FoldedAt.type)))


def _owned() -> tuple[Any, ColumnElement[str]]:
    """Usage rows beside their key's company, and the time zone of that company, '' when it has none."""
    company = folded(company_settings.c.CompanyID)
    # One zone for a company that people typed twice, in two cases: no row may count twice.
    zones = select(company.label("company"), func.min(company_settings.c.TimeZone).label("zone")).group_by(company)
    found = zones.subquery("zones")
    joined = logs.outerjoin(token_master, token_master.c.TokenID == logs.c.TokenID)
    return joined.outerjoin(found, found.c.company == _COMPANY), func.coalesce(found.c.zone, _EMPTY)


def _zones() -> Any:
    owned, zone = _owned()
    facts = select(zone.label("zone"), _moment().label("moment")).select_from(owned).where(_UNPLACED).subquery("facts")
    return select(
        facts.c.zone,
        func.min(facts.c.moment, type_=DateTime).label("first"),
        func.max(facts.c.moment, type_=DateTime).label("last"),
        func.count().label("rows"),
        func.count(facts.c.moment).label("moments"),
    ).group_by(facts.c.zone)


def _rows_of_zone(*amounts: ColumnElement[Any]) -> Any:
    """Rows without a day or company, of one zone, in a stretch of time in which its clock is ``offset`` from UTC."""
    owned, zone = _owned()
    moment = _moment()
    day = func.coalesce(logs.c.LocalDay, day_at(moment, bindparam("offset", type_=Integer)))
    return (
        select(day.label("LocalDay"), _COMPANY.label("CompanyID"), *_labels(), *amounts)
        .select_from(owned)
        .where(
            _UNPLACED,
            zone == bindparam("zone", type_=String),
            moment >= bindparam("since", type_=DateTime),
            moment < bindparam("until", type_=DateTime),
        )
        .subquery("claimed")
    )


def _same_key(other: Any) -> ColumnElement[bool]:
    return and_(*(daily.c[name] == other.c[name] for name in KEY))


def _make_places(rows: Any) -> Any:
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


def _add_sums(rows: Any) -> Any:
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
MAKE_PLACES = _make_places(_rows())
ADD_SUMS = _add_sums(_rows(*_amounts()))
#: the same for rows without a day or company, by ``zone``, from ``since`` to before ``until``, ``offset`` from UTC
MAKE_PLACES_OF_ZONE = _make_places(_rows_of_zone())
ADD_SUMS_OF_ZONE = _add_sums(_rows_of_zone(*_amounts()))
#: the zones of claimed rows without a day or company, each with its first and last moment
ZONES = _zones()
#: rows that carry the stamp
CLAIMED = select(func.count()).select_from(logs).where(_CLAIMED)


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
