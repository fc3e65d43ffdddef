"""Sums over UsageDaily for those who watch the use: what was called, and how much per day."""

from datetime import date

from sqlalchemy import Connection, func, select

from shared_code.database.tables import usage_daily

daily = usage_daily


def models_used(connection: Connection, *, since: date) -> frozenset[str]:
    """Names of the models that were called on or after a day."""
    rows = connection.execute(select(daily.c.Model).where(daily.c.LocalDay >= since, daily.c.Model != "").distinct())
    return frozenset(row.Model for row in rows)


def tokens_per_day_by_key(
    connection: Connection, *, since: date, token_id: int | None = None
) -> dict[int, dict[date, int]]:
    """Model tokens per key and local day on or after ``since``; days without use have no entry.

    :param token_id: only this key.
    """
    statement = (
        select(daily.c.TokenID, daily.c.LocalDay, func.sum(daily.c.TotalTokens).label("Tokens"))
        .where(daily.c.LocalDay >= since)
        .group_by(daily.c.TokenID, daily.c.LocalDay)
    )
    if token_id is not None:
        statement = statement.where(daily.c.TokenID == token_id)
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
