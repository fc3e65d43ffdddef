"""``company``: what is set for one company."""

from typing import Annotated

import typer

from shared_code.cli.connection import operator, workplace
from shared_code.cli.output import AsJson, say, show_json
from shared_code.database.stores import company_zones
from shared_code.database.stores.admin_audit import add_audit
from shared_code.database.stores.token_fields import checked_company
from shared_code.errors import InvalidRequest
from shared_code.periods import known_zone

app = typer.Typer(help="What is set for one company.", no_args_is_help=True)

Company = Annotated[str, typer.Argument(help="Company id.")]


@app.command("set-zone")
def set_zone(
    company: Company,
    time_zone: Annotated[str, typer.Argument(help="IANA name, such as Asia/Kolkata.")],
    as_json: AsJson = False,
) -> None:
    """Set the time zone by which a company's days and months turn, from the next call on."""
    if not known_zone(time_zone):
        raise InvalidRequest(f"{time_zone!r} is not an IANA time zone.", details={"field": "time_zone"})
    name = checked_company(company)
    with workplace() as place, place.database.transaction() as connection:
        before = company_zones.company_zone(connection, name)
        company_zones.set_company_zone(connection, name, time_zone)
        facts = {"time_zone": before}, {"time_zone": time_zone}
        add_audit(connection, operator(), "company.set-zone", f"company {name}", before=facts[0], after=facts[1])
    if as_json:
        show_json({"company_id": name, "time_zone": time_zone})
    else:
        say(f"company {name}: {time_zone}")


@app.command()
def show(company: Company, as_json: AsJson = False) -> None:
    """Show the time zone by which a company's days and months turn."""
    name = checked_company(company)
    with workplace() as place:
        own = place.database.read(lambda connection: company_zones.company_zone(connection, name))
        default = place.settings.default_time_zone
    if as_json:
        show_json({"company_id": name, "time_zone": own or default, "own": own is not None})
    else:
        say(f"company {name}: {own or f'{default} (the default)'}")
