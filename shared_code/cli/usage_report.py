"""``usage report``: what was used, by day, company, branch, user, token or model."""

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import typer

from shared_code.cli.connection import TokenIdOption, Workplace, company_filter, workplace
from shared_code.cli.output import AsJson, show_json, show_table
from shared_code.database.stores import company_zones
from shared_code.database.stores.usage_reports import GroupBy, UsageFilter, usage_report
from shared_code.errors import InvalidRequest
from shared_code.periods import latest_day, local_day, zone

app = typer.Typer(help="What was used.", no_args_is_help=True)

_DAYS = 30
_MOST_LINES = 100_000
_FIELDS = {
    GroupBy.DAY: "day",
    GroupBy.COMPANY: "company_id",
    GroupBy.BRANCH: "branch",
    GroupBy.USER: "user",
    GroupBy.TOKEN: "token_id",
    GroupBy.MODEL: "model",
}


@app.callback()
def usage() -> None:
    """What was used."""


@app.command()
def report(
    by: Annotated[str, typer.Option(help="day, company, branch, user, token, model; joined by commas.")] = "day",
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
        end = last.date() if last else _today(place, name)
        start = first.date() if first else end - timedelta(days=min(_DAYS, (end - date.min).days))
        if start > end:
            raise InvalidRequest("--from is later than --to.", details={"field": "from"})
        wanted = UsageFilter(start, end, company_id=name, branch=branch, user=user, token_id=token)
        lines = place.database.read(
            lambda connection: usage_report(connection, wanted, group_by=groups, limit=_MOST_LINES + 1)
        )
    if len(lines) > _MOST_LINES:
        raise InvalidRequest(
            f"The report has more than {_MOST_LINES} lines. Take fewer days, name a company, or group by less.",
            details={"field": "by", "limit": _MOST_LINES},
        )
    rows = [_shown(asdict(line), groups) for line in lines]
    if as_json:
        show_json(rows)
    else:
        show_table(f"Usage {start} to {end}", rows)


def _groups(text: str) -> list[GroupBy]:
    try:
        return list(dict.fromkeys(GroupBy(part.strip()) for part in text.split(",")))
    except ValueError as error:
        raise InvalidRequest(f"--by takes {', '.join(GroupBy)}.", details={"field": "by"}) from error


def _today(place: Workplace, company: str | None) -> date:
    if company is None:
        return latest_day(datetime.now(UTC))
    name = place.database.read(lambda connection: company_zones.company_zone(connection, company))
    return local_day(datetime.now(UTC), zone(name, place.settings.default_time_zone))


def _shown(line: dict[str, Any], groups: list[GroupBy]) -> dict[str, Any]:
    others = {field for group, field in _FIELDS.items() if group not in groups}
    return {name: value for name, value in line.items() if name not in others}
