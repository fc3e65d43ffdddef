"""``quota``: daily and monthly limits of a company, or of a branch, a user or another owner within it."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Annotated, Any

import typer

from shared_code.cli.connection import Workplace, company_filter, operator, workplace
from shared_code.cli.output import AsJson, Yes, amount_or_none, answer, ask, show_list, shows_list
from shared_code.database.stores.quotas import quota_scopes
from shared_code.database.stores.quotas.quotas import Counter, Quota
from shared_code.errors import InvalidRequest, NotFound
from shared_code.operations.quota_states import QuotaState, quota_facts
from shared_code.operations.quotas import checked_subject

app = typer.Typer(help="Daily and monthly limits.", no_args_is_help=True)

Company = Annotated[str, typer.Argument(help="Company id.")]


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose quota is meant: the scope, and the name within the company ('' for the company itself)."""

    scope: str
    subject: str


def _for_an_owner(command: Callable[..., None]) -> Callable[..., None]:
    """The command with one option for each scope in place of its parameter ``owner``.

    :raises InvalidRequest: from the command: several owners are named, or a name is empty or too long.
    """

    @wraps(command)
    def run(**given: Any) -> None:
        names = {scope: given.pop(scope) for scope in quota_scopes.BY_NAME}
        command(owner=_owner({scope: name for scope, name in names.items() if name is not None}), **given)

    parameters = inspect.signature(command).parameters.values()
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined] # typer makes the options from it
        [each for one in parameters for each in (_owner_options() if one.name == "owner" else [one])]
    )
    return run


def _owner_options() -> list[inspect.Parameter]:
    nobody = "neither " + " nor ".join(f"--{scope}" for scope in quota_scopes.BY_NAME)
    helps = {scope: f"The {scope}." for scope in quota_scopes.BY_NAME}
    first = next(iter(helps))
    helps[first] = f"The {first}; {nobody}: the company itself."
    return [
        inspect.Parameter(
            scope,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[str | None, typer.Option(help=text)],
        )
        for scope, text in helps.items()
    ]


@app.command("set")
@_for_an_owner
def set_command(
    *,
    company: Company,
    daily: Annotated[str | None, typer.Option(help="Model tokens a day, or 'none'.")] = None,
    monthly: Annotated[str | None, typer.Option(help="Model tokens a month, or 'none'.")] = None,
    owner: Owner,
    as_json: AsJson = False,
) -> None:
    """Make a quota or change it; a limit that is not given stays."""
    if daily is None and monthly is None:
        raise InvalidRequest("Give --daily, --monthly, or both.", details={"field": "daily"})
    with workplace() as place:
        state = place.quotas.set_limits(
            company_id=company,
            scope=owner.scope,
            subject=owner.subject,
            limits=lambda daily_limit, monthly_limit: (
                _limit("daily", daily, daily_limit),
                _limit("monthly", monthly, monthly_limit),
            ),
            actor=operator(),
        )
    _show([state], as_json)


@app.command()
@shows_list
def show(
    company: Annotated[str | None, typer.Argument(help="Only this company's.")] = None, as_json: AsJson = False
) -> None:
    """Show quotas with what the running day and month have used."""
    with workplace() as place:
        states = place.quotas.every(company_id=company_filter(company))
    _show(states, as_json)


@app.command()
@_for_an_owner
def reset(*, company: Company, owner: Owner, yes: Yes = False, as_json: AsJson = False) -> None:
    """Let the running day and month begin at zero again; usage reports are not changed by it."""
    ask("Forget what the running day and month have used?", yes=yes)
    with workplace() as place:
        state = place.quotas.reset(_find(place, company, owner).quota_id, operator())
    _show([state], as_json)


@app.command()
@_for_an_owner
def delete(*, company: Company, owner: Owner, yes: Yes = False, as_json: AsJson = False) -> None:
    """Take a quota away."""
    ask("Delete this quota?", yes=yes)
    with workplace() as place:
        quota = _find(place, company, owner)
        place.quotas.delete(quota.quota_id, operator())
    answer({"quota_id": quota.quota_id, "deleted": True}, f"quota {quota.quota_id} deleted", as_json=as_json)


def _owner(named: dict[str, str]) -> Owner:
    """The owner that was named, by scope; nobody named is the company itself."""
    if len(named) > 1:
        first, second, *_ = named
        raise InvalidRequest(f"A quota is for a {first} or a {second}, not both.", details={"field": second})
    for scope, name in named.items():
        # An empty name, as a script with an unset variable gives, never means the whole company.
        if not name.strip():
            raise InvalidRequest(f"--{scope} is empty.", details={"field": scope})
        return Owner(scope, checked_subject(scope, name))
    return Owner(quota_scopes.COMPANY, "")


def _limit(field: str, text: str | None, old: int | None) -> int | None:
    return old if text is None else amount_or_none(field, text)


def _find(place: Workplace, company: str, owner: Owner) -> Quota:
    found = place.quotas.find(company_id=company, scope=owner.scope, subject=owner.subject)
    if found is None:
        raise NotFound(f"There is no quota for this {owner.scope}.", details={"field": owner.scope})
    return found


def _show(states: list[QuotaState], as_json: bool) -> None:
    show_list("Quotas", states, facts=quota_facts, columns=_columns, as_json=as_json)


def _columns(state: QuotaState) -> dict[str, Any]:
    facts = quota_facts(state)
    return {
        "id": facts["quota_id"],
        "company": facts["company_id"],
        "for": f"{facts['scope']} {facts['subject'] or ''}".strip(),
        "daily": _limit_words(facts["daily_limit"]),
        "used today": _used(facts["daily_limit"], state.daily),
        "monthly": _limit_words(facts["monthly_limit"]),
        "used this month": _used(facts["monthly_limit"], state.monthly),
    }


def _limit_words(limit: int | None) -> int | str:
    return "no limit" if limit is None else limit


def _used(limit: int | None, counter: Counter | None) -> int | str:
    """Used and reserved. Without a limit nothing is counted, unless there was one earlier in the period."""
    if counter is None:
        return "not counted" if limit is None else 0
    return counter.used + counter.reserved
