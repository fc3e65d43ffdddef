"""How the last calls went, for a glance: a bounded number of the newest rows is read, never the whole table."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, func, select

from shared_code.database.tables import extractions, reviews, token_usage_logs

logs = token_usage_logs

#: newest rows that are looked through for those of one company
_LOOKED_THROUGH = 10_000


@dataclass(frozen=True, slots=True)
class RecentReading:
    """One reading that has ended: its verdict (None = it failed), and whether a person is to look at it."""

    status: str | None
    for_review: bool


def recent_durations(connection: Connection, company_id: str | None, *, limit: int) -> list[tuple[str, int]]:
    """Model and milliseconds of the newest calls of a model, of one company (in upper case) or all."""
    columns = select(logs.c.UsageID, logs.c.CompanyID, logs.c.Model, logs.c.DurationMs)
    rows = _newest(columns, logs.c.UsageID, _looked_through(company_id, limit))
    found = select(rows.c.Model, rows.c.DurationMs).where(rows.c.DurationMs.is_not(None), rows.c.Model.is_not(None))
    if company_id is not None:
        found = found.where(func.upper(rows.c.CompanyID) == company_id)
    newest = found.order_by(rows.c.UsageID.desc()).limit(limit)
    return [(row.Model, row.DurationMs) for row in connection.execute(newest)]


def recent_readings(connection: Connection, company_id: str | None, *, limit: int) -> list[RecentReading]:
    """The newest readings that have ended, of one company (in upper case) or all."""
    table = extractions
    columns = select(table.c.ExtractionID, table.c.PublicID, table.c.CompanyID, table.c.Status)
    rows = _newest(columns, table.c.ExtractionID, _looked_through(company_id, limit))
    found = select(rows.c.Status, reviews.c.ReadingID).select_from(
        rows.outerjoin(reviews, reviews.c.ReadingID == rows.c.PublicID)
    )
    if company_id is not None:
        found = found.where(rows.c.CompanyID == company_id)
    newest = found.order_by(rows.c.ExtractionID.desc()).limit(limit)
    return [RecentReading(row.Status, row.ReadingID is not None) for row in connection.execute(newest)]


def _looked_through(company_id: str | None, limit: int) -> int:
    return limit if company_id is None else _LOOKED_THROUGH


def _newest(statement: Select[Any], key: Any, many: int) -> Any:
    return statement.order_by(key.desc()).limit(many).subquery("newest")
