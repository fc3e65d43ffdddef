"""Messages that are still to be sent, and receivers that did not take theirs."""

from shared_code.database.connection import repeatable
from shared_code.database.stores.operations import alerts, webhook_deliveries
from shared_code.database.stores.operations.webhook_deliveries import HOUSE
from shared_code.operations.alerts import announce_changes
from shared_code.records import Alert
from shared_code.rollup.step import Done, RollupContext
from shared_code.webhooks.delivery import UNDELIVERED

ALERTS = "webhook alerts"
DELIVER = "deliver webhooks"
#: seconds that one run of the timer sends for; the next one goes on
_SECONDS = 60.0


def deliver_webhooks(context: RollupContext) -> Done:
    """Send what is due.

    :raises errors.DatabaseUnavailable: nothing is lost by waiting for the next run.
    """
    done = context.webhooks.deliver_due(seconds=_SECONDS)
    return Done(done.tried, done.taken)


def sync_webhook_alerts(context: RollupContext) -> Done:
    """Open an alert for each receiver whose messages were given up, until it takes one again."""
    found = context.database.read(webhook_deliveries.given_up_last)
    current = [_alert(company, count) for company, count in found.items()]
    changes = context.database.run(
        lambda connection: alerts.sync_alerts(connection, [UNDELIVERED], current), on_unknown=repeatable
    )
    announce_changes(changes)
    return Done(len(found), len(changes.opened) + len(changes.closed))


def _alert(company: str, count: int) -> Alert:
    whose = f"company {company}" if company != HOUSE else "the operators (ALERT_WEBHOOK_URL)"
    again = (
        f"'manage.py webhooks redeliver --company {company}' sends them again" if company != HOUSE else "See the log"
    )
    return Alert(
        kind=UNDELIVERED,
        subject=company or "operators",
        severity="error",
        message=f"The webhook of {whose} has not taken {count} messages for a day; they were given up. "
        f"'manage.py webhooks deliveries' says why. {again}.",
        details={"company_id": company or None, "messages": count},
    )
