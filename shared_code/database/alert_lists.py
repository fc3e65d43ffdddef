"""Alerts as operators look at them, open and closed ones, and closing one by hand."""

import json
from typing import Any

from sqlalchemy import Connection, select, update

from shared_code.database.alerts import Alert
from shared_code.database.clock import utc_now
from shared_code.database.tables import alerts

table = alerts


def find_alerts(
    connection: Connection,
    *,
    is_open: bool | None = None,
    kind: str | None = None,
    before_id: int | None = None,
    limit: int = 100,
) -> list[Alert]:
    """The newest matching alerts, newest first; ``before_id`` is the ``alert_id`` at which the last page ended."""
    statement = select(table).order_by(table.c.AlertID.desc()).limit(limit)
    if is_open is not None:
        statement = statement.where(table.c.ClosedAt.is_(None) if is_open else table.c.ClosedAt.is_not(None))
    if kind is not None:
        statement = statement.where(table.c.Kind == kind)
    if before_id is not None:
        statement = statement.where(table.c.AlertID < before_id)
    return [_alert(row) for row in connection.execute(statement)]


def get_alert(connection: Connection, alert_id: int) -> Alert | None:
    """One alert, or None."""
    row = connection.execute(select(table).where(table.c.AlertID == alert_id)).first()
    return None if row is None else _alert(row)


def close_by_id(connection: Connection, alert_id: int) -> bool:
    """Close an alert; False when it is not open. The condition opens a new one when it is seen again."""
    change = update(table).where(table.c.AlertID == alert_id, table.c.ClosedAt.is_(None)).values(ClosedAt=utc_now())
    return connection.execute(change).rowcount == 1


def _alert(row: Any) -> Alert:
    return Alert(
        kind=row.Kind,
        subject=row.Subject,
        severity=row.Severity,
        message=row.Message,
        details=json.loads(row.Details or "{}"),
        alert_id=row.AlertID,
        opened_at=row.OpenedAt,
        last_seen_at=row.LastSeenAt,
        closed_at=row.ClosedAt,
        occurrences=row.Occurrences,
    )
