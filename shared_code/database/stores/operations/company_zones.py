"""The time zone of a company: its days and periods turn by it. A blank one means that it has none of its own."""

from collections.abc import Collection

from sqlalchemy import Connection, func, insert, select, update

from shared_code.database.clock import utc_now
from shared_code.database.company_case import folded, same_company
from shared_code.database.tables import company_settings


def company_zone(connection: Connection, company_id: str) -> str | None:
    """The company's IANA time zone, or None when it has none of its own."""
    found = connection.execute(
        select(company_settings.c.TimeZone).where(same_company(company_settings.c.CompanyID, company_id))
    ).scalar()
    return found or None


def company_zones(connection: Connection, company_ids: Collection[str]) -> dict[str, str]:
    """The IANA time zones of up to 2,000 companies (in upper case) that have one of their own."""
    rows = connection.execute(
        select(func.upper(company_settings.c.CompanyID).label("CompanyID"), company_settings.c.TimeZone).where(
            folded(company_settings.c.CompanyID).in_(company_ids)
        )
    )
    return {row.CompanyID: row.TimeZone for row in rows if row.TimeZone}


def typed_zones(connection: Connection) -> list[tuple[str, str]]:
    """Every company (in upper case) with a zone of its own, as it stands in the row, in order of the ids."""
    columns = company_settings.c
    rows = connection.execute(select(columns.CompanyID, columns.TimeZone).order_by(columns.CompanyID))
    return [(row.CompanyID.upper(), row.TimeZone) for row in rows if (row.TimeZone or "").strip()]


def set_company_zone(connection: Connection, company_id: str, time_zone: str) -> None:
    """Store the company's time zone; days and periods turn by it from the next call on."""
    where = same_company(company_settings.c.CompanyID, company_id)
    values = {"TimeZone": time_zone, "UpdatedAt": utc_now()}
    if connection.execute(update(company_settings).where(where).values(**values)).rowcount == 0:
        connection.execute(insert(company_settings).values(CompanyID=company_id, **values))
