"""``quota``: daily and monthly limits of a company, a branch or a user."""

from typing import Annotated, Any

import typer

from shared_code.cli.amounts import amount_or_none
from shared_code.cli.connection import Workplace, company_filter, operator, workplace
from shared_code.cli.output import AsJson, Yes, ask, say, show_json, show_table
from shared_code.errors import InvalidRequest, NotFound
from shared_code.operations.quotas import QuotaState, checked_subject, quota_facts

app = typer.Typer(help="Daily and monthly limits.", no_args_is_help=True)

Company = Annotated[str, typer.Argument(help="Company id.")]
Branch = Annotated[str | None, typer.Option(help="The branch; neither --branch nor --user: the company itself.")]
User = Annotated[str | None, typer.Option(help="The user.")]
_PAGE = 500


@app.command("set")
def set_command(
    company: Company,
    daily: Annotated[str | None, typer.Option(help="Model tokens a day, or 'none'.")] = None,
    monthly: Annotated[str | None, typer.Option(help="Model tokens a month, or 'none'.")] = None,
    branch: Branch = None,
    user: User = None,
    as_json: AsJson = False,
) -> None:
    """Make a quota or change it; a limit that is not given stays."""
    scope, subject = _owner(branch, user)
    if daily is None and monthly is None:
        raise InvalidRequest("Give --daily, --monthly, or both.", details={"field": "daily"})
    with workplace() as place:
        known = [state for state in _all(place, company) if _is(state, scope, subject)]
        if known:
            # What is not given stays as it is then, not as it was read here.
            state = place.quotas.change(
                known[0].quota.quota_id,
                operator(),
                limits=lambda quota: (
                    _limit("daily", daily, quota.daily_limit),
                    _limit("monthly", monthly, quota.monthly_limit),
                ),
            )
        else:
            limits = (_limit("daily", daily, None), _limit("monthly", monthly, None))
            state = place.quotas.put(company_id=company, scope=scope, subject=subject, limits=limits, actor=operator())
    _show([state], as_json)


@app.command()
def show(
    company: Annotated[str | None, typer.Argument(help="Only this company's.")] = None, as_json: AsJson = False
) -> None:
    """Show quotas with what the running day and month have used."""
    with workplace() as place:
        states = _all(place, company)
    _show(states, as_json)


@app.command()
def reset(
    company: Company, branch: Branch = None, user: User = None, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Let the running day and month begin at zero again; usage reports are not changed by it."""
    ask("Forget what the running day and month have used?", yes=yes)
    with workplace() as place:
        state = place.quotas.reset(_find(place, company, branch, user).quota.quota_id, operator())
    _show([state], as_json)


@app.command()
def delete(
    company: Company, branch: Branch = None, user: User = None, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Take a quota away."""
    ask("Delete this quota?", yes=yes)
    with workplace() as place:
        quota = _find(place, company, branch, user).quota
        place.quotas.delete(quota.quota_id, operator())
    if as_json:
        show_json({"quota_id": quota.quota_id, "deleted": True})
    else:
        say(f"quota {quota.quota_id} deleted")


def _owner(branch: str | None, user: str | None) -> tuple[str, str | None]:
    if branch is not None and user is not None:
        raise InvalidRequest("A quota is for a branch or a user, not both.", details={"field": "user"})
    scope = "branch" if branch is not None else "user" if user is not None else "company"
    named = branch if branch is not None else user
    # An empty name, as a script with an unset variable gives, never means the whole company.
    if named is not None and not named.strip():
        raise InvalidRequest(f"--{scope} is empty.", details={"field": scope})
    return scope, checked_subject(scope, named) or None


def _limit(field: str, text: str | None, old: int | None) -> int | None:
    return old if text is None else amount_or_none(field, text)


def _find(place: Workplace, company: str, branch: str | None, user: str | None) -> QuotaState:
    scope, subject = _owner(branch, user)
    found = [state for state in _all(place, company) if _is(state, scope, subject)]
    if not found:
        raise NotFound(f"There is no quota for this {scope}.", details={"field": scope})
    return found[0]


def _is(state: QuotaState, scope: str, subject: str | None) -> bool:
    return state.quota.scope == scope and state.quota.subject == (subject or "")


def _all(place: Workplace, company: str | None) -> list[QuotaState]:
    found: list[QuotaState] = []
    while True:
        page = place.quotas.page(
            company_id=company_filter(company),
            scope=None,
            after_id=found[-1].quota.quota_id if found else 0,
            limit=_PAGE,
        )
        found += page
        if len(page) < _PAGE:
            return found


def _show(states: list[QuotaState], as_json: bool) -> None:
    if as_json:
        show_json([quota_facts(state) for state in states])
    else:
        show_table("Quotas", [_columns(state) for state in states])


def _columns(state: QuotaState) -> dict[str, Any]:
    facts = quota_facts(state)
    return {
        "id": facts["quota_id"],
        "company": facts["company_id"],
        "for": f"{facts['scope']} {facts['subject'] or ''}".strip(),
        "daily": facts["daily_limit"],
        "used today": facts["daily_used"] + facts["daily_reserved"],
        "monthly": facts["monthly_limit"],
        "used this month": facts["monthly_used"] + facts["monthly_reserved"],
    }
