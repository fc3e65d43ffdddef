"""Sums over UsageDaily for those who watch the use: what was called, and how much per day."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, Label, Subquery, cast, func, select

from shared_code.database.tables import usage_daily

daily = usage_daily


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


def tokens_per_day_by_key(
    connection: Connection, *, since: date, token_id: int | None = None
) -> dict[int, dict[date, int]]:
    """Model tokens per key and local day on or after ``since``; days without use have no entry.

    :param token_id: only this key.
    """
    where = (
        [daily.c.LocalDay >= since] if token_id is None else [daily.c.LocalDay >= since, daily.c.TokenID == token_id]
    )
    statement = (
        select(daily.c.LocalDay, daily.c.TokenID, func.sum(daily.c.TotalTokens).label("Tokens"))
        .where(*where)
        .group_by(daily.c.LocalDay, daily.c.TokenID)
    )
    found: dict[int, dict[date, int]] = {}
    for row in connection.execute(statement):
        found.setdefault(row.TokenID, {})[row.LocalDay] = int(row.Tokens)
    return found


def tokens_per_day_of(
    connection: Connection, *, company_id: str, scope: str, subject: str, since: date
) -> dict[date, int]:
    """Model tokens per local day of a company, branch or user (``scope``) on or after ``since``."""
    where = [daily.c.CompanyID == company_id, daily.c.LocalDay >= since]
    if scope != "company":
        where.append((daily.c.Branch if scope == "branch" else daily.c.RequestedBy) == subject)
    rows = connection.execute(
        select(daily.c.LocalDay, func.sum(daily.c.TotalTokens).label("Tokens")).where(*where).group_by(daily.c.LocalDay)
    )
    return {row.LocalDay: int(row.Tokens) for row in rows}
