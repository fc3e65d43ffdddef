"""How an alert reaches people: a warning in the log and an event in the telemetry, once, when it opens.

Rules of Azure Monitor act on the event ``alert_opened``; the row in the table is the record.
"""

import logging
from typing import TYPE_CHECKING

from shared_code.database.connection import repeatable
from shared_code.database.stores.operations import alerts
from shared_code.database.stores.operations.admin_audit import Actor, add_audit
from shared_code.database.stores.operations.alerts import Changes
from shared_code.errors import NotFound, ServiceError
from shared_code.observability.telemetry import telemetry
from shared_code.records import Alert

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database

_log = logging.getLogger(__name__)

#: seconds that a caller waits for the database to take the row
_RAISE_SECONDS = 1.0


def announce(alert: Alert) -> None:
    """Tell of a condition that was opened just now."""
    _log.warning("alert %s (%s): %s", alert.kind, alert.subject, alert.message)
    telemetry().event(
        "alert_opened", kind=alert.kind, subject=alert.subject, severity=alert.severity, message=alert.message
    )


def announce_changes(changes: Changes) -> None:
    """Tell of conditions that were opened and closed; call it after the commit."""
    for alert in changes.opened:
        announce(alert)
    for alert in changes.closed:
        _log.info("alert %s (%s) is over", alert.kind, alert.subject)
        telemetry().event("alert_closed", kind=alert.kind, subject=alert.subject, severity=alert.severity)


def raise_alert(database: "Database", alert: Alert) -> None:
    """Open a condition, or note that it was seen again, and tell of it once.

    A database that is away costs the row, never the caller's work.
    """
    try:
        opened = database.run(
            lambda connection: alerts.raise_alert(connection, alert),
            budget_seconds=_RAISE_SECONDS,
            on_unknown=repeatable,
        )
    except ServiceError:
        opened = True
    if opened:
        announce(alert)


def close(database: "Database", alert_id: int, actor: Actor) -> Alert:
    """Close an alert; one that is closed already is left as it is. Raises :class:`NotFound`."""

    def work(connection: "Connection") -> Alert:
        closed = alerts.close_by_id(connection, alert_id)
        alert = alerts.get_alert(connection, alert_id)
        if alert is None:
            raise NotFound(f"There is no alert {alert_id}.", details={"field": "alert_id"})
        if closed:
            facts = {"kind": alert.kind, "subject": alert.subject}
            before, after = facts | {"closed_at": None}, facts | {"closed_at": alert.closed_at}
            add_audit(connection, actor, "alert.close", f"alert {alert_id}", before=before, after=after)
        return alert

    return database.run(work)
