"""Sums over UsageDaily for those who watch the use: what was called, and how much per day."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, Label, Subquery, cast, func, select

from shared_code.database.stores.quotas.quota_scopes import COMPANY, LABELLED
from shared_code.database.tables import usage_daily
from shared_code.labels import composed, spellings

daily = usage_daily

#: whose use: company id in upper case, scope (see ``quota_scopes``), and its name within the company ('' for the
#: company itself)
Owner = tuple[str, str, str]


def models_used(connection: Connection, *, since: date) -> frozenset[str]:
    """Names of the models that were called on or after a day."""
    rows = connection.execute(select(daily.c.Model).where(daily.c.LocalDay >= since, daily.c.Model != "").distinct())
    return frozenset(row.Model for row in rows)


def sum_per_key(key: ColumnElement[Any], *amounts: Label[Any], where: Sequence[ColumnElement[bool]] = ()) -> Subquery:
    """Sums of labelled columns by a TokenID column, for the rows that fulfil ``where``."""
    # Not the plain column: SQLite would walk the whole table in the order of that column's index, row by row.
    rows = select(cast(key, Integer).label("TokenID"), *amounts).where(*where).subquery()
    sums = [func.sum(rows.c[amount.name]).label(amount.name) for amount in amounts]
    return select(rows.c.TokenID, *sums).group_by(rows.c.TokenID).subquery()


def keys_between(key: ColumnElement[Any], first: int, last: int) -> ColumnElement[bool]:
    """The condition that a TokenID column lies in a range; a range of one is found by the column's index."""
    # Not the plain column for more, see sum_per_key: the range is nearly always that of all keys.
    return key == first if first == last else cast(key, Integer).between(first, last)


def use_since_first_day(
    connection: Connection, *, first: date, last: date, token_ids: Collection[int] | None = None
) -> dict[int, dict[date, int]]:
    """Model tokens per key from a day to another, both included, on the first of them that the key was used on.

    Days on which corrections took away what there was do not count. Keys without use have no entry.

    :param token_ids: only these keys, up to 2,000.
    """
    where = [daily.c.LocalDay.between(first, last)]
    if token_ids is not None:
        where.append(daily.c.TokenID.in_(token_ids))
    keys = (daily.c.LocalDay, daily.c.TokenID)
    tokens = func.sum(daily.c.TotalTokens)
    days = select(*keys, tokens.label("Tokens")).where(*where).group_by(*keys).having(tokens > 0).subquery("days")
    statement = select(
        days.c.TokenID, func.min(days.c.LocalDay).label("Day"), func.sum(days.c.Tokens).label("Tokens")
    ).group_by(days.c.TokenID)
    return {row.TokenID: {row.Day: int(row.Tokens)} for row in connection.execute(statement)}


def tokens_per_day_of(
    connection: Connection, owners: Collection[Owner], *, since: date
) -> dict[Owner, dict[date, int]]:
    """Model tokens per local day on or after ``since`` of up to 600 owners of quotas."""
    found: dict[Owner, dict[date, int]] = {}
    columns = [(COMPANY, None), *((scope.name, daily.c[scope.column]) for scope in LABELLED)]
    for scope, column in columns:
        wanted = [owner for owner in owners if owner[1] == scope]
        if not wanted:
            continue
        keys = [daily.c.CompanyID, daily.c.LocalDay, *([] if column is None else [column.label("Subject")])]
        where = [daily.c.LocalDay >= since, daily.c.CompanyID.in_({company for company, _, _ in wanted})]
        if column is not None:
            where.append(column.in_({spelling for _, _, subject in wanted for spelling in spellings(subject)}))
        sums = select(*keys, func.sum(daily.c.TotalTokens).label("Tokens")).where(*where).group_by(*keys)
        for row in connection.execute(sums):
            days = found.setdefault((row.CompanyID, scope, "" if column is None else composed(row.Subject)), {})
            days[row.LocalDay] = days.get(row.LocalDay, 0) + int(row.Tokens)
    return found
