"""``company``: what is set for one company, and whether it is served."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from shared_code.cli.connection import operator, workplace
from shared_code.cli.extractions import failure_columns
from shared_code.cli.output import AsJson, answer, say, show_json, show_table, shows_tables
from shared_code.database.stores.keys.token_fields import checked_company
from shared_code.database.stores.operations import company_zones
from shared_code.operations import companies
from shared_code.operations.company_status import CompanyStatus, company_status
from shared_code.periods import zone_name

app = typer.Typer(help="What is set for one company, and whether it is served.", no_args_is_help=True)

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
@shows_tables
def status(company: Company, as_json: AsJson = False) -> None:
    """Say whether a company is served, and if not why and until when; exit code 1 when it is down."""
    name = checked_company(company)
    with workplace() as place:
        found = company_status(place.database, place.cipher, name, default_zone=place.settings.default_time_zone)
    if as_json:
        show_json(_status_facts(found))
    else:
        _show_status(found)
    if found.verdict == "down":
        raise typer.Exit(1)


def _show_status(found: CompanyStatus) -> None:
    say(found.words)
    if found.standing.keys:
        keys = [{"id": key.token_id, "status": key.words} for key in found.standing.keys]
        show_table("Keys", keys)
    if found.spent:
        show_table("Limits that are used up", [asdict(limit) for limit in found.spent], spare=("reserved", "used"))
    if found.alerts:
        alerts = [{"since": alert.opened_at, "kind": alert.kind, "message": alert.message} for alert in found.alerts]
        show_table("Open alerts", alerts, spare=("since",))
    show_table("What failed last", [failure_columns(row) for row in found.failures], spare=("id", "user"))


def _status_facts(found: CompanyStatus) -> dict[str, Any]:
    return {
        "company_id": found.company_id,
        "verdict": found.verdict,
        "message": found.words,
        "cause": found.standing.cause,
        "served_again_at": found.standing.until,
        "keys": [asdict(key) for key in found.standing.keys],
        "spent_limits": [asdict(limit) for limit in found.spent],
        "alerts": [asdict(alert) for alert in found.alerts],
        "failures": [failure_columns(row) for row in found.failures],
    }


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
