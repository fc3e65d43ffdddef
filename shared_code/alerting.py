"""How an alert reaches people: a warning in the log and an event in the telemetry, once, when it opens.

Rules of Azure Monitor act on the event ``alert_opened``; the row in the table is the record.
"""

import logging

from shared_code.database.alerts import Alert, Changes
from shared_code.telemetry import telemetry

_log = logging.getLogger(__name__)


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
