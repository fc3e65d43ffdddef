"""``webhooks``: where companies are told of their readings, and what became of the messages."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any

import typer

from shared_code.cli.connection import company_filter, operator, process_services
from shared_code.cli.output import AsJson, Yes, answer, ask, say, show_json, show_list, show_rows, shows_list
from shared_code.database.stores.operations import webhook_deliveries as store
from shared_code.database.stores.operations.webhook_deliveries import COMPANY_EVENTS, STATES, Delivery, DeliveryFilter
from shared_code.errors import InvalidRequest
from shared_code.webhooks.administration import Webhook, WebhookAdministration

app = typer.Typer(help="Where companies are told of their readings.", no_args_is_help=True)

Company = Annotated[str, typer.Argument(help="Company id.")]
_MOST_ID = 2**53 - 1
#: seconds that ``redeliver`` sends for before it leaves the rest to the timer
_SEND_SECONDS = 60.0
_ONCE = "This secret is shown once; the receiver needs it to verify signatures:"


@contextmanager
def _administration() -> Iterator[WebhookAdministration]:
    with process_services() as services:
        yield services.ready().webhooks.administration


@app.command("set")
def set_command(
    company: Company,
    url: Annotated[str, typer.Option(help="https:// to public addresses, without a user name.")],
    events: Annotated[
        str | None, typer.Option(help=f"Of {', '.join(COMPANY_EVENTS)}, by commas; all unless given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Name a company's webhook. The first one comes with a secret, which is shown this once."""
    names = None if events is None else [name.strip() for name in events.split(",") if name.strip()]
    with _administration() as administration:
        found, secret = administration.set_receiver(company, url=url, events=names, actor=operator())
    _show_secret(found, secret, f"company {found.company_id} is told of {', '.join(found.events)}", as_json=as_json)


@app.command()
def rotate(company: Company, as_json: AsJson = False) -> None:
    """Make a new secret, shown this once; messages carry a signature of the one before it too."""
    with _administration() as administration:
        found, secret = administration.rotate(company, operator())
    _show_secret(found, secret, f"the webhook of company {found.company_id} has a new secret", as_json=as_json)


@app.command()
def retire(company: Company, as_json: AsJson = False) -> None:
    """Sign with the newest secret only, once the receiver knows it."""
    with _administration() as administration:
        found = administration.retire(company, operator())
    answer(asdict(found), f"the webhook of company {found.company_id} has one secret", as_json=as_json)


@app.command()
def remove(company: Company, yes: Yes = False, as_json: AsJson = False) -> None:
    """Take a company's webhook away, its secrets too; what was to be sent is not sent any more."""
    ask(f"Remove the webhook of company {company}?", yes=yes)
    with _administration() as administration:
        administration.remove(company, operator())
    facts = {"company_id": company.upper(), "removed": True}
    answer(facts, f"company {company} has no webhook any more", as_json=as_json)


@app.command()
@shows_list
def show(
    company: Annotated[str | None, typer.Argument(help="Only this company's.")] = None, as_json: AsJson = False
) -> None:
    """Show the webhooks, never a secret; that of the operators (ALERT_WEBHOOK_URL) too."""
    wanted = company_filter(company)
    with _administration() as administration:
        found = [administration.find(wanted)] if wanted else administration.find_all()
        house = administration.receivers.house
    rows: list[dict[str, Any]] = [asdict(each) for each in found]
    if house is not None and wanted is None:
        # The address may hold a password: those of chat services do.
        own = {"company_id": None, "url": "ALERT_WEBHOOK_URL", "events": (store.ALERT_OPENED, store.ALERT_CLOSED)}
        rows.append(own | {"secrets": len(house.secrets)})
    if not as_json:
        rows = [row | {"events": ", ".join(row["events"])} for row in rows]
    show_rows("Webhooks", rows, as_json=as_json)


@app.command()
@shows_list
def deliveries(
    company: Annotated[str | None, typer.Option(help="Only messages to this company.")] = None,
    state: Annotated[str | None, typer.Option(help=f"{', '.join(STATES)}.")] = None,
    event: Annotated[str | None, typer.Option(help="Only of this event.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only about this reading, or this alert.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The newest so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show messages, newest first, and what became of them."""
    if state is not None and state not in STATES:
        raise InvalidRequest(f"state must be one of {', '.join(STATES)}.", details={"field": "state"})
    wanted = DeliveryFilter(company_filter(company), state, event, subject)
    with process_services() as services:
        found = services.ready().database.read(lambda c: store.find_deliveries(c, wanted, limit=limit))
    show_list(
        "Deliveries", found, facts=asdict, columns=_columns, as_json=as_json, spare=("message_id", "finished", "event")
    )


@app.command()
def redeliver(
    delivery_id: Annotated[
        int | None, typer.Argument(min=1, max=_MOST_ID, metavar="[ID]", help="Of one message.")
    ] = None,
    company: Annotated[str | None, typer.Option(help="All messages to this company that were given up.")] = None,
    as_json: AsJson = False,
) -> None:
    """Send messages again, each under its id; what is not taken now is the timer's."""
    if (delivery_id is None) == (company is None):
        raise InvalidRequest("Give the id of a delivery, or --company.", details={"field": "delivery_id"})
    with process_services() as services:
        webhooks = services.ready().webhooks
        if company is not None:
            count = webhooks.administration.redeliver_failed(company, operator())
        else:
            webhooks.administration.redeliver(delivery_id or 0, operator())
            count = 1
        done = webhooks.deliveries.deliver_due(seconds=_SEND_SECONDS)
    facts = {"messages": count, "tried": done.tried, "delivered": done.taken}
    answer(facts, f"{count} messages to be sent again; {done.taken} of {done.tried} tries were taken", as_json=as_json)


@app.command("test")
def try_command(
    company: Annotated[str | None, typer.Argument(help="The operators' own webhook unless given.")] = None,
    as_json: AsJson = False,
) -> None:
    """Send a message now that only tries the receiver; exit code 1 when it is not taken."""
    with _administration() as administration:
        result = administration.test(company_filter(company))
    said = f"status {result.status}" if result.error is None else result.error
    answer(asdict(result), f"{'taken' if result.delivered else 'not taken'}: {said}", as_json=as_json)
    if not result.delivered:
        raise typer.Exit(1)


def _show_secret(found: Webhook, secret: str | None, line: str, *, as_json: bool) -> None:
    if as_json:
        show_json(asdict(found) | {"secret": secret})
        return
    say(line)
    if secret is not None:
        say(_ONCE)
        say(secret)


def _columns(row: Delivery) -> dict[str, object]:
    return {
        "id": row.delivery_id,
        "company": row.company_id or "(operators)",
        "event": row.event,
        "subject": row.subject_id,
        "state": row.state,
        "tries": row.attempts,
        "last": row.last_error or row.last_status,
        "next": row.next_at if row.finished_at is None else None,
        "occurred": row.occurred_at,
        "finished": row.finished_at,
        "message_id": row.message_id,
    }
