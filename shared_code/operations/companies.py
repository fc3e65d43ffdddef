"""What operators set for one company, each change with its audit row, and what they are told of companies."""

from datetime import datetime
from typing import TYPE_CHECKING

from shared_code.database.stores.keys.token_fields import checked_company
from shared_code.database.stores.operations import company_zones
from shared_code.database.stores.operations.admin_audit import Actor, add_audit
from shared_code.errors import InvalidRequest
from shared_code.periods import zone_name

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database
    from shared_code.records import Alert

#: alert of a company that no key serves now; its subject is the company, its details say until when
COMPANY_WITHOUT_KEY = "company_without_key"
#: alert of a key whose limit leaves less than any call needs
KEY_STRANDED = "key_stranded"


def is_over(alert: "Alert", now: datetime) -> bool:
    """Whether the end that the alert names has come; the timer closes it with its next run. ``now`` is naive UTC."""
    until = alert.details.get("until")
    return isinstance(until, str) and datetime.fromisoformat(until) <= now


def set_zone(database: "Database", company_id: str, time_zone: str, actor: Actor) -> tuple[str, str]:
    """Set the time zone by which a company's days and months turn, from the next call on.

    :param time_zone: an IANA name; blanks around it do not count.
    :returns: the company's id in upper case, and the zone as it is stored.
    :raises InvalidRequest: there is no such zone, or this is no company id.
    """
    zone = zone_name(time_zone)
    if zone is None:
        raise InvalidRequest(f"{time_zone!r} is not an IANA time zone.", details={"field": "time_zone"})
    company = checked_company(company_id)

    def work(connection: "Connection") -> None:
        before = company_zones.company_zone(connection, company)
        company_zones.set_company_zone(connection, company, zone)
        facts = {"time_zone": before}, {"time_zone": zone}
        add_audit(connection, actor, "company.set-zone", f"company {company}", before=facts[0], after=facts[1])

    database.run(work)
    return company, zone
