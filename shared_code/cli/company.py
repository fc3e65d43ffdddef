"""``company``: what is set for one company."""

from typing import Annotated

import typer

from shared_code.cli.connection import operator, workplace
from shared_code.cli.output import AsJson, answer
from shared_code.database.stores.keys.token_fields import checked_company
from shared_code.database.stores.operations import company_zones
from shared_code.operations import companies

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
        name = companies.set_zone(place.database, company, time_zone, operator())
    answer({"company_id": name, "time_zone": time_zone}, f"company {name}: {time_zone}", as_json=as_json)


@app.command()
def show(company: Company, as_json: AsJson = False) -> None:
    """Show the time zone by which a company's days and months turn."""
    name = checked_company(company)
    with workplace() as place:
        own = place.database.read(lambda connection: company_zones.company_zone(connection, name))
        default = place.settings.default_time_zone
    facts = {"company_id": name, "time_zone": own or default, "own": own is not None}
    answer(facts, f"company {name}: {own or f'{default} (the default)'}", as_json=as_json)
