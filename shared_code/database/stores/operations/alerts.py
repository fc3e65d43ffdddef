"""Alerts: one open row per condition, however often it is seen; closed when the condition ends."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from shared_code.database.clock import utc_in, utc_now
from shared_code.database.stores.operations import webhook_deliveries
from shared_code.database.stores.operations.json_facts import read_facts
from shared_code.database.stores.operations.rows_by_age import Expiring, matching, newest
from shared_code.database.stores.operations.webhook_deliveries import ALERT_CLOSED, ALERT_OPENED, HOUSE, Happening
from shared_code.database.stores.row_records import from_row
from shared_code.database.tables import alerts
from shared_code.records import Alert

_SUBJECT_LENGTH = 200
#: severity of rows that are no conditions; they are in no list
NOTE = "note"
_OPEN = alerts.c.ClosedAt.is_(None)
#: only conditions that are over: an open one has no ClosedAt
EXPIRING = Expiring(alerts.c.AlertID, alerts.c.ClosedAt)


@dataclass(frozen=True, slots=True)
class Changes:
    """Conditions that were opened and closed just now."""

    opened: tuple[Alert, ...]
    closed: tuple[Alert, ...]


def raise_alert(connection: Connection, alert: Alert) -> bool:
    """Open the condition, or note that it was seen again; True when it was opened now."""
    subject = alert.subject[:_SUBJECT_LENGTH]
    if _see_again(connection, alert, subject):
        return False
    try:
        with connection.begin_nested():
            new = connection.execute(
                insert(alerts).values(
                    Kind=alert.kind,
                    Subject=subject,
                    Severity=alert.severity,
                    Message=alert.message,
                    Details=json.dumps(dict(alert.details), default=str),
                )
            )
            _tell(connection, ALERT_OPENED, alert, int((new.inserted_primary_key or (0,))[0]))
    except IntegrityError:  # raised by another instance at the same moment
        _see_again(connection, alert, subject)
        return False
    return True


def add_facts(connection: Connection, kind: str, subject: str, facts: Mapping[str, Any]) -> None:
    """Add facts to an open condition; nothing when it is not open."""
    this = (alerts.c.Kind == kind, alerts.c.Subject == subject[:_SUBJECT_LENGTH], _OPEN)
    for alert in _read(connection, select(alerts).where(*this)):
        text = json.dumps({**alert.details, **facts}, default=str)
        connection.execute(update(alerts).where(*this).values(Details=text))


def close_alert(connection: Connection, kind: str, subject: str) -> bool:
    """Close the condition; False when it was not open."""
    return _close(connection, alerts.c.Kind == kind, alerts.c.Subject == subject[:_SUBJECT_LENGTH])


def close_by_id(connection: Connection, alert_id: int) -> bool:
    """Close an alert; False when it is not open. The condition opens a new one when it is seen again."""
    return _close(connection, alerts.c.AlertID == alert_id)


def sync_alerts(
    connection: Connection, kinds: Sequence[str], current: Sequence[Alert], *, unknown: Collection[str] = ()
) -> Changes:
    """Make the open conditions of these kinds the ``current`` ones: open, bring up to date, close.

    For conditions that can be read from the data at any time. Seeing one again changes its facts, not how often it
    occurred.

    :param unknown: subjects about which nothing is known now; theirs stay as they are.
    """
    known = {(alert.kind, alert.subject): alert for kind in kinds for alert in open_alerts(connection, kind=kind)}
    wanted = {(alert.kind, alert.subject[:_SUBJECT_LENGTH]): alert for alert in current}
    opened = []
    for key, alert in sorted(wanted.items()):
        if key in known:
            _see_again(connection, alert, key[1], occurrences=0)
        elif raise_alert(connection, alert):
            opened.append(alert)
    over = sorted(key for key in known if key not in wanted and key[1] not in unknown)
    closed = [known[key] for key in over if close_alert(connection, *key)]
    return Changes(tuple(opened), tuple(closed))


def quiet_alerts(connection: Connection, kinds: Sequence[str], *, seconds: int) -> list[Alert]:
    """Open conditions of these kinds that were not seen for so long, by the database's clock."""
    quiet = alerts.c.LastSeenAt < utc_in(-seconds)
    return _read(connection, select(alerts).where(_OPEN, alerts.c.Kind.in_(kinds), quiet).order_by(alerts.c.AlertID))


def open_alerts(connection: Connection, *, kind: str) -> list[Alert]:
    """Open conditions of a kind, oldest first."""
    return _read(connection, select(alerts).where(_OPEN, alerts.c.Kind == kind).order_by(alerts.c.AlertID))


def details_of(connection: Connection, kind: str) -> list[Mapping[str, Any]]:
    """The facts of all conditions of a kind, open or closed."""
    rows = connection.execute(select(alerts.c.Details).where(alerts.c.Kind == kind))
    return [read_facts(text) or {} for text in rows.scalars()]


def delete_about(connection: Connection, kinds: Sequence[str], subjects: Sequence[str]) -> None:
    """Delete conditions of these kinds about these subjects, open or closed: nothing may remember them."""
    for subject in subjects:
        about = alerts.c.Subject == subject[:_SUBJECT_LENGTH]
        connection.execute(delete(alerts).where(alerts.c.Kind.in_(kinds), about))


def find_alerts(
    connection: Connection,
    *,
    is_open: bool | None = None,
    kind: str | None = None,
    before_id: int | None = None,
    limit: int = 100,
) -> list[Alert]:
    """The newest matching alerts, newest first; ``before_id`` is the ``alert_id`` at which the last page ended."""
    statement = matching(select(alerts).where(alerts.c.Severity != NOTE), {alerts.c.Kind: kind})
    if is_open is not None:
        statement = statement.where(_OPEN if is_open else alerts.c.ClosedAt.is_not(None))
    return _read(connection, newest(statement, alerts.c.AlertID, before_id=before_id, limit=limit))


def note_once(connection: Connection, *, kind: str, subject: str, message: str) -> None:
    """Keep one closed row of this kind, seen now: that something happened, which is no condition."""
    values = {"LastSeenAt": utc_now(), "ClosedAt": utc_now()}
    this = (alerts.c.Kind == kind, alerts.c.Subject == subject)
    if connection.execute(update(alerts).where(*this).values(values)).rowcount == 0:
        new = {"Kind": kind, "Subject": subject, "Severity": NOTE, "Message": message}
        connection.execute(insert(alerts).values(new | values))


def last_seen(connection: Connection, *, kind: str) -> Any:
    """When a condition or note of this kind was seen last (naive UTC), or None."""
    newest_row = select(alerts.c.LastSeenAt).where(alerts.c.Kind == kind).order_by(alerts.c.AlertID.desc()).limit(1)
    return connection.execute(newest_row).scalar()


def get_alert(connection: Connection, alert_id: int) -> Alert | None:
    """One alert, or None."""
    return next(iter(_read(connection, select(alerts).where(alerts.c.AlertID == alert_id))), None)


def _close(connection: Connection, *which: ColumnElement[bool]) -> bool:
    for alert in _read(connection, select(alerts).where(*which, _OPEN)):
        change = update(alerts).where(alerts.c.AlertID == alert.alert_id, _OPEN).values(ClosedAt=utc_now())
        if connection.execute(change).rowcount == 1:
            _tell(connection, ALERT_CLOSED, alert, alert.alert_id or 0)
            return True
    return False


def _tell(connection: Connection, event: str, alert: Alert, alert_id: int) -> None:
    """Have the operators' receiver told: which kind of condition, and about which company, nothing else of it."""
    company = alert.details.get("company_id")
    facts = {
        "kind": alert.kind,
        "severity": alert.severity,
        "company_id": company if isinstance(company, str) else None,
    }
    webhook_deliveries.add_for_house(connection, Happening(event, HOUSE, str(alert_id), facts))


def _see_again(connection: Connection, alert: Alert, subject: str, *, occurrences: int = 1) -> bool:
    result = connection.execute(
        update(alerts)
        .where(alerts.c.Kind == alert.kind, alerts.c.Subject == subject, _OPEN)
        .values(
            LastSeenAt=utc_now(),
            Occurrences=alerts.c.Occurrences + occurrences,
            Message=alert.message,
            Details=json.dumps(dict(alert.details), default=str),
        )
    )
    return result.rowcount > 0


def _read(connection: Connection, statement: Select[Any]) -> list[Alert]:
    rows = connection.execute(statement)
    return [from_row(Alert, row, details=read_facts(row.Details) or {}) for row in rows]
