"""Whether the running totals agree with what was booked. A difference is reported; ``usage repair`` corrects it."""

from typing import TYPE_CHECKING

from shared_code.database.connection import repeatable
from shared_code.database.stores import alerts, reconciliation
from shared_code.operations.alerts import announce_changes
from shared_code.records import Alert
from shared_code.rollup.step import Done

if TYPE_CHECKING:
    from shared_code.bootstrap.container import Services

KIND = "usage_drift"


def reconcile(services: "Services") -> Done:
    """Compare each key's total with its rows; ``changed`` counts the keys that disagree."""
    seen, found = services.database.read(
        lambda connection: (reconciliation.count_keys(connection), reconciliation.find_drifts(connection))
    )
    changes = services.database.run(
        lambda connection: alerts.sync_alerts(connection, [KIND], [_alert(item) for item in found]),
        on_unknown=repeatable,
    )
    announce_changes(changes)
    return Done(seen, len(found))


def _alert(found: reconciliation.Drift) -> Alert:
    return Alert(
        kind=KIND,
        subject=str(found.token_id),
        severity="error",
        message=f"Token {found.token_id} of company {found.company_id} has {found.recorded} used tokens on record, "
        f"but {found.booked} were booked. 'manage.py usage repair' takes over what was booked.",
        details={"company_id": found.company_id, "recorded": found.recorded, "booked": found.booked},
    )
