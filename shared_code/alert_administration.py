"""Closing alerts by hand, over the API and the command line alike, with an audit row."""

from typing import TYPE_CHECKING

from shared_code.database import alert_lists
from shared_code.database.admin_audit import Actor, add_audit
from shared_code.database.alerts import Alert
from shared_code.errors import NotFound

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.db_connection import Database


def close(database: "Database", alert_id: int, actor: Actor) -> Alert:
    """Close an alert; one that is closed already is left as it is. Raises :class:`NotFound`."""

    def work(connection: "Connection") -> Alert:
        closed = alert_lists.close_by_id(connection, alert_id)
        alert = alert_lists.get_alert(connection, alert_id)
        if alert is None:
            raise NotFound(f"There is no alert {alert_id}.", details={"field": "alert_id"})
        if closed:
            facts = {"kind": alert.kind, "subject": alert.subject}
            before, after = facts | {"closed_at": None}, facts | {"closed_at": alert.closed_at}
            add_audit(connection, actor, "alert.close", f"alert {alert_id}", before=before, after=after)
        return alert

    return database.run(work)
