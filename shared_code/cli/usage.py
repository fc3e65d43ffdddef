"""``usage``: what was used, when limits run out, and the one correction of running totals."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer

from shared_code.cli.connection import TokenIdOption, company_filter, operator, workplace
from shared_code.cli.output import AsJson, Yes, ask, say, show_json, show_rows, show_table, shows_list, shows_tables
from shared_code.database.stores.usage.reconciliation import Discrepancy, find_discrepancies
from shared_code.database.stores.usage.usage_reports import GroupBy, UsageFilter
from shared_code.errors import InvalidRequest
from shared_code.operations import reconciliation

app = typer.Typer(help="What was used.", no_args_is_help=True)


#: what a narrow screen can do without, the first leaves first
_SPARE = ("unpriced", "unmeasured", "cached_tokens", "thoughts_tokens", "errors", "output_tokens", "input_tokens")


@app.command()
@shows_list
def report(
    by: Annotated[str, typer.Option(help="day, company, branch, user, token, model, source; by commas.")] = "day",
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day, included.")] = None,
    company: Annotated[str | None, typer.Option(help="Only this company's.")] = None,
    branch: Annotated[str | None, typer.Option(help="Only this branch's.")] = None,
    user: Annotated[str | None, typer.Option(help="Only this user's.")] = None,
    token: TokenIdOption = None,
    as_json: AsJson = False,
) -> None:
    """Report use over a range of the company's own days, right to the second."""
    groups = _groups(by)
    with workplace() as place:
        name = company_filter(company)
        start, end = place.usage.days(name, first and first.date(), last and last.date(), prefix="--")
        wanted = UsageFilter(start, end, company_id=name, branch=branch, user=user, token_id=token)
        lines = place.usage.whole(wanted, groups)
        # All companies: also the few whose tomorrow has begun, which is nobody's today.
        shown = end if last else min(end, place.usage.present_day(name))
    others = {group.field for group in GroupBy} - {group.field for group in groups}
    rows = [{field: value for field, value in asdict(line).items() if field not in others} for line in lines]
    show_rows(f"Usage {start} to {shown}", rows, as_json=as_json, spare=_SPARE)


@app.command("repair")
@shows_tables
def repair_command(
    token: TokenIdOption = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Make running totals that disagree with their rows what was booked."""
    with workplace() as place:
        only = {} if token is None else {"first": token, "last": token}
        found = place.database.read(lambda connection: find_discrepancies(connection, **only))
        if found:
            if not as_json:
                show_table("Differences", [_shown(item) for item in found])
            ask("Take over what was booked?", yes=yes)
        actor = operator()
        repaired = [reconciliation.repair(place.database, item.token_id, actor) for item in found]
    if as_json:
        show_json([_shown(done) for done in repaired if done])
        return
    if not found:
        say("every running total agrees with what was booked")
    for item, done in zip(found, repaired, strict=True):
        say(f"token {item.token_id}: {f'{done.recorded} -> {done.booked}' if done else 'agrees by now'}")


@app.command("forecast")
@shows_list
def forecast_command(
    company: Annotated[str | None, typer.Option(help="Only this company's.")] = None, as_json: AsJson = False
) -> None:
    """Show when keys and monthly limits run out at the pace of the last 14 days."""
    name = company_filter(company)
    with workplace() as place:
        found = place.forecasts.all(name)
    rows = [
        {"what": one.what, "company": one.company_id, "limit": one.limit, "runs_out_on": one.runs_out_on}
        for one in found
    ]
    show_rows("Forecast", rows, as_json=as_json)


def _groups(text: str) -> list[GroupBy]:
    try:
        return list(dict.fromkeys(GroupBy(part.strip()) for part in text.split(",")))
    except ValueError:
        raise InvalidRequest(
            f"--by takes {', '.join(GroupBy)}, joined by commas; not {text!r}.", details={"field": "by"}
        ) from None


def _shown(item: Discrepancy) -> dict[str, Any]:
    return {
        "token": item.token_id,
        "company": item.company_id,
        "recorded": item.recorded,
        "booked": item.booked,
        "difference": item.booked - item.recorded,
    }
