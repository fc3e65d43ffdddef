"""``company``: what is set for one company."""

from typing import Annotated

import typer

from shared_code.cli.connection import operator, workplace
from shared_code.cli.output import AsJson, answer
from shared_code.database.stores.keys.token_fields import checked_company
from shared_code.database.stores.operations import company_zones
from shared_code.operations import companies
from shared_code.periods import zone_name

app = typer.Typer(help="What is set for one company.", no_args_is_help=True)

Company = Annotated[str, typer.Argument(help="Company id.")]


@app.command("set-zone")
def set_zone(
    company: Company,
    time_zone: Annotated[str, typer.Argument(help="IANA name, such as Asia/Kolkata.")],
    as_json: AsJson = False,
) -> None:
    """Set the time zone by which a company's days and months turn, from the next call on."""
    with workplace() as place:
        name, zone = companies.set_zone(place.database, company, time_zone, operator())
    answer({"company_id": name, "time_zone": zone}, f"company {name}: {zone}", as_json=as_json)


@app.command()
def show(company: Company, as_json: AsJson = False) -> None:
    """Show the time zone by which a company's days and months turn."""
    name = checked_company(company)
    with workplace() as place:
        own = place.database.read(lambda connection: company_zones.company_zone(connection, name))
        default = place.settings.default_time_zone
    zone = zone_name(own or "")
    said = zone or f"{default} (the default)"
    if own and zone is None:
        said += f", because {own!r} in CompanySettings is not an IANA time zone"
    facts = {"company_id": name, "time_zone": zone or default, "own": zone is not None}
    answer(facts, f"company {name}: {said}", as_json=as_json)
