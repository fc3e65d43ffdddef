"""``reviews``: readings that a person looks at, what is decided about them, and the rules of companies."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Annotated, Any

import typer

from shared_code.cli.connection import company_filter, operator, process_services
from shared_code.cli.moments import Until
from shared_code.cli.output import (
    AsJson,
    answer,
    say,
    show_facts,
    show_json,
    show_list,
    show_table,
    shows_list,
    shows_tables,
)
from shared_code.database.stores.keys.token_fields import naive_utc
from shared_code.database.stores.reviews import review_lists
from shared_code.database.stores.reviews.review_lists import ReviewFilter
from shared_code.database.stores.reviews.review_rows import PENDING, STATES, Review
from shared_code.database.stores.reviews.review_rules import MODES, NEEDS_REVIEW, ReviewRule
from shared_code.errors import InvalidRequest
from shared_code.invoices.schema import money_text
from shared_code.reviews.corrected import Change
from shared_code.reviews.deciding import DECISIONS, WantedDecision
from shared_code.reviews.desk import ReviewDesk
from shared_code.reviews.people import Names
from shared_code.reviews.rules import CompanyRule, ReviewRules

app = typer.Typer(help="Readings that a person looks at.", no_args_is_help=True)

Reading = Annotated[str, typer.Argument(metavar="ID", help="The reading's public id.")]
Company = Annotated[str | None, typer.Option(help="Only this company's.")]
Reason = Annotated[str | None, typer.Option(help="Only those with this reason.")]
Order = Annotated[str, typer.Option(help=f"{', '.join(review_lists.ORDERS)}.")]
#: what only the database has use for
_NOT_SHOWN = ("review_id", "reading_id", "seller_key", "corrected_values", "result_owed")


@contextmanager
def _desk() -> Iterator[ReviewDesk]:
    with process_services() as services:
        yield services.ready().reviews.desk


@contextmanager
def _rules() -> Iterator[ReviewRules]:
    with process_services() as services:
        yield services.ready().reviews.rules


@app.command("list")
@shows_list
def list_command(
    state: Annotated[str, typer.Option(help=f"{', '.join(STATES)}.")] = PENDING,
    company: Company = None,
    reason: Reason = None,
    order: Order = review_lists.OLDEST,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The first so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show reviews in a state, pending ones unless another is named."""
    if state not in STATES:
        raise InvalidRequest(f"state must be one of {', '.join(STATES)}.", details={"field": "state"})
    wanted = ReviewFilter(state, company_filter(company), reason)
    with _desk() as desk:
        found = desk.find_page(wanted, order=_checked_order(order), after=None, limit=limit)
        names = desk.names(found)
    facts, columns = partial(_facts, names=names), partial(_columns, names=names)
    show_list(
        "Reviews", found, facts=facts, columns=columns, as_json=as_json, spare=("file", "taken", "created", "number")
    )


@app.command()
@shows_tables
def show(reading_id: Reading, as_json: AsJson = False) -> None:
    """Show one review, and what was decided and corrected."""
    with _desk() as desk:
        review = desk.find(reading_id)
        history = desk.history(reading_id)
        names = desk.names([review], history.decisions)
    made = [_decision(one, names) for one in history.decisions]
    facts = _facts(review, names)
    if as_json:
        show_json(facts | {"history": made})
        return
    show_facts(f"Review of {reading_id}", facts)
    changes = [
        {"version": one.version, "field": each.field, "before": _text(each.before), "after": _text(each.after),
         "by": names.of(each.changed_by)}
        for one in history.decisions
        for each in one.corrections
    ]  # fmt: skip
    show_table("Decisions", [{name: one[name] for name in one if name != "corrections"} for one in made])
    show_table("Corrections", changes)


@app.command("next")
def next_command(
    company: Company = None, reason: Reason = None, order: Order = review_lists.OLDEST, as_json: AsJson = False
) -> None:
    """Take the next pending review for ten minutes; exit code 1 when none is left."""
    wanted = ReviewFilter(PENDING, company_filter(company), reason)
    with _desk() as desk:
        found = desk.take_next(wanted, operator(), order=_checked_order(order))
        names = desk.names([found] if found else [])
    if found is None:
        answer(None, "no review is left", as_json=as_json)
        raise typer.Exit(1)
    if as_json:
        show_json(_facts(found, names))
    else:
        show_facts(f"Review of {found.reading_id}", _facts(found, names))


@app.command()
def decide(
    reading_id: Reading,
    decision: Annotated[str, typer.Argument(help=f"{', '.join(DECISIONS)}.")],
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="A corrected value; 'null' = not on the document."),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why; reject needs one.")] = None,
    until: Until = None,
    version: Annotated[int | None, typer.Option(min=1, help="Only if the review still has this version.")] = None,
    as_json: AsJson = False,
) -> None:
    """Decide about a reading; one that was decided before needs its --version. --until is for postpone."""
    wanted = WantedDecision(decision, tuple(_change(text) for text in values or ()), reason, naive_utc(until))
    matches = None if version is None else str(version).__eq__
    with _desk() as desk:
        found = desk.decide(reading_id, wanted, operator(), matches=matches)
        names = desk.names([found])
    answer(_facts(found, names), f"review of {reading_id} is {found.state}", as_json=as_json)


@app.command("rules")
def rules_command(company: Annotated[str, typer.Argument(help="Company id.")], as_json: AsJson = False) -> None:
    """Show which readings of a company a person looks at."""
    with _rules() as rules:
        found = rules.find(company)
    _show_rule(found, as_json=as_json)


@app.command("set-rules")
def set_rules(
    company: Annotated[str, typer.Argument(help="Company id.")],
    mode: Annotated[str, typer.Option(help=f"{', '.join(MODES)}.")] = NEEDS_REVIEW,
    above_amount: Annotated[
        str | None, typer.Option(help="Beside the mode: invoices above it, in their own currency.")
    ] = None,
    first_of_seller: Annotated[
        int | None, typer.Option(min=0, max=1000, help="Beside the mode: until so many of a seller were decided.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Set the rule of a company, for readings from now on; what is not given is none."""
    rule = ReviewRule(mode, None if above_amount is None else _amount(above_amount), first_of_seller)
    with _rules() as rules:
        found = rules.set_rule(company, rule, operator())
    _show_rule(found, as_json=as_json)


def _show_rule(found: CompanyRule, *, as_json: bool) -> None:
    if as_json:
        show_json(asdict(found))
        return
    parts = [f"mode {found.mode}"]
    if found.above_amount is not None:
        parts.append(f"above {found.above_amount}")
    if found.first_of_seller is not None:
        parts.append(f"first {found.first_of_seller} of a seller")
    say(f"company {found.company_id}: {', '.join(parts)}")


def _checked_order(order: str) -> str:
    if order not in review_lists.ORDERS:
        raise InvalidRequest(f"order must be one of {', '.join(review_lists.ORDERS)}.", details={"field": "order"})
    return order


def _change(text: str) -> Change:
    """A corrected value: JSON where it is some, else the text itself."""
    field, sign, value = text.partition("=")
    if not sign:
        raise InvalidRequest("--set is FIELD=VALUE.", details={"field": "set"})
    return Change(field.strip(), _value(value))


def _value(text: str) -> Any:
    if text[:1] in {"{", "["} or text in {"null", "true", "false"}:
        try:
            return json.loads(text)
        except ValueError as error:
            raise InvalidRequest("The value of --set is no JSON.", details={"field": "set"}) from error
    return text


def _amount(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise InvalidRequest("above-amount is a number.", details={"field": "above_amount"}) from error


def _facts(row: Review, names: Names) -> dict[str, Any]:
    facts = {name: value for name, value in asdict(row).items() if name not in _NOT_SHOWN}
    people = {
        "taken_by": names.of(row.taken_by),
        "taken_by_id": row.taken_by,
        "decided_by": names.of(row.decided_by),
        "decided_by_id": row.decided_by,
    }
    return {"id": row.reading_id} | facts | {"amount": _shown_amount(row)} | people


def _decision(one: Any, names: Names) -> dict[str, Any]:
    changes = [
        {"field": each.field, "before": each.before, "after": each.after, "page": each.page, "box": each.box}
        for each in one.corrections
    ]
    return {
        "version": one.version,
        "decision": one.decision,
        "state": one.state,
        "reason": one.reason,
        "by": names.of(one.decided_by),
        "by_id": one.decided_by,
        "at": one.decided_at,
        "corrections": changes,
    }


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _shown_amount(row: Review) -> str | None:
    return None if row.amount is None else money_text(Decimal(row.amount).normalize())


def _columns(row: Review, names: Names) -> dict[str, object]:
    return {
        "id": row.reading_id,
        "company": row.company_id,
        "state": row.state,
        "reason": row.reason,
        "seller": row.seller,
        "amount": _shown_amount(row),
        "currency": row.currency,
        "number": row.invoice_number,
        "taken": names.of(row.taken_by),
        "created": row.created_at,
        "file": row.file_label,
    }
