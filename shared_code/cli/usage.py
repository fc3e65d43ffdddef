"""``usage repair``, which is the only way to correct a running total, and ``usage forecast``."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared_code.cli.connection import TokenIdOption, company_filter, operator, workplace
from shared_code.cli.output import AsJson, Yes, ask, say, show_json, show_table
from shared_code.database.connection import repeatable
from shared_code.database.stores import quotas, reconciliation, tokens
from shared_code.database.stores.admin_audit import Actor, add_audit
from shared_code.metering.forecast import key_run_out_days, quota_run_out_days

if TYPE_CHECKING:
    from sqlalchemy import Connection

_PAGE = 500


def repair_command(
    token: TokenIdOption = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Make running totals that disagree with their rows what was booked."""
    with workplace() as place:
        found = place.database.read(lambda connection: reconciliation.find_drifts(connection, token_id=token))
        if found:
            if not as_json:
                show_table("Differences", [_shown(item) for item in found])
            ask("Take over what was booked?", yes=yes)
        actor = operator()
        repaired = [
            place.database.run(
                lambda connection, token_id=item.token_id: _repair(connection, token_id, actor),  # type: ignore[misc]
                on_unknown=repeatable,
            )
            for item in found
        ]
    if as_json:
        show_json([_shown(done) for done in repaired if done])
        return
    if not found:
        say("every running total agrees with what was booked")
    for item, done in zip(found, repaired, strict=True):
        say(f"token {item.token_id}: {f'{done.recorded} -> {done.booked}' if done else 'agrees by now'}")


def forecast_command(
    company: Annotated[str | None, typer.Option(help="Only this company's.")] = None, as_json: AsJson = False
) -> None:
    """Show when keys and monthly limits run out at the pace of the last 14 days."""
    name = company_filter(company)
    now = datetime.now(UTC)
    with workplace() as place:
        zone = place.settings.default_time_zone
        rows = place.database.read(lambda connection: _forecasts(connection, name, now, zone))
    if as_json:
        show_json(rows)
    else:
        show_table("Forecast", rows)


def _repair(connection: "Connection", token_id: int, actor: Actor) -> reconciliation.Drift | None:
    found = reconciliation.repair(connection, token_id)
    if found is not None:
        add_audit(
            connection,
            actor,
            "usage.repair",
            f"token {token_id}",
            before={"used_tokens": found.recorded},
            after={"used_tokens": found.booked},
        )
    return found


def _shown(item: reconciliation.Drift) -> dict[str, Any]:
    return {
        "token": item.token_id,
        "company": item.company_id,
        "recorded": item.recorded,
        "booked": item.booked,
        "difference": item.booked - item.recorded,
    }


def _forecasts(connection: "Connection", company: str | None, now: datetime, zone: str) -> list[dict[str, Any]]:
    keys: list[tokens.ApiKeyRow] = []
    while page := tokens.list_tokens(
        connection, company_id=company, after_id=keys[-1].token_id if keys else 0, limit=_PAGE
    ):
        keys += page
    days = key_run_out_days(connection, keys, now=now, default_zone=zone)
    rows = [
        {
            "what": f"token {key.token_id}",
            "company": key.company_id,
            "limit": key.total_token_limit,
            "runs_out_on": days[key.token_id],
        }
        for key in keys
    ]
    found = quotas.find_quotas(connection, company_id=company)
    ends = quota_run_out_days(connection, found, now=now, default_zone=zone)
    limits = [
        {
            "what": f"{quota.scope} {quota.subject}".strip() + ", monthly",
            "company": quota.company_id,
            "limit": quota.monthly_limit,
            "runs_out_on": ends.get(quota.quota_id),
        }
        for quota in found
        # Those by day begin anew each day, and one that limits nothing was deleted.
        if quota.monthly_limit is not None
    ]
    return rows + limits
