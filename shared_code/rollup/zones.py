"""Time zones of companies that cannot be read, as people type them by SQL: days turn by the default zone meanwhile."""

from shared_code.database.connection import repeatable
from shared_code.database.stores.operations import alerts, company_zones
from shared_code.operations.alerts import announce_changes
from shared_code.periods import zone_name
from shared_code.records import Alert
from shared_code.rollup.step import Done, RollupContext

ZONE_UNREADABLE = "zone_unreadable"


def sync_zone_alerts(context: RollupContext) -> Done:
    """Open an alert for each company whose zone is not known, and close those of zones that were mended."""
    found = context.database.read(company_zones.typed_zones)
    default = context.settings.default_time_zone
    current = [
        Alert(
            kind=ZONE_UNREADABLE,
            subject=company,
            severity="warning",
            message=f"The time zone {typed!r} of company {company} is not an IANA name: its days and months turn by "
            f"the default zone {default} until it is mended ('manage.py company set-zone {company} ZONE').",
            details={"company_id": company, "time_zone": typed, "used_zone": default},
        )
        for company, typed in found
        if zone_name(typed) is None
    ]
    changes = context.database.run(
        lambda connection: alerts.sync_alerts(connection, [ZONE_UNREADABLE], current), on_unknown=repeatable
    )
    announce_changes(changes)
    return Done(len(found), len(changes.opened) + len(changes.closed))
