"""/webhooks: where companies are told of their readings, and what became of the messages."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from shared_code.admin.dependencies import WebhooksContext
from shared_code.admin.envelope import Envelope, Page, failures, shown_as
from shared_code.admin.fields import BigIdPath, BigPageQuery, CompanyId, Sent, Text100, example, fields_of
from shared_code.database.stores.operations import webhook_deliveries as store
from shared_code.database.stores.operations.webhook_deliveries import Delivery, DeliveryFilter
from shared_code.webhooks.addresses import LONGEST_URL
from shared_code.webhooks.administration import Webhook, WebhookTest

router = APIRouter(tags=["webhooks"])

CompanyPath = Annotated[CompanyId, Path(description="Case does not count.", examples=["NT047"])]
Event = Literal["extraction.done", "extraction.failed", "review.decided"]

_WEBHOOK: dict[str, Any] = {
    "company_id": "NT047",
    "url": "https://hooks.example.com/invoices",
    "events": ["extraction.done", "extraction.failed"],
    "secrets": 1,
}


class WebhookQuery(Sent):
    """Filters of the list."""

    company_id: CompanyId | None = None


class WebhookChange(Sent):
    """Where the company is told, and of what. Events that are left out stay; a new webhook is told of all."""

    model_config = example(company_id="NT047", url=_WEBHOOK["url"], events=_WEBHOOK["events"])

    company_id: CompanyId
    url: Annotated[
        str,
        Field(min_length=1, max_length=LONGEST_URL, description="https:// to public addresses, without a user name."),
    ]
    events: Annotated[list[Event] | None, Field(min_length=1, max_length=3)] = None


class WebhookView(fields_of(Webhook)):  # type: ignore[misc] # its fields are known at run time
    """One webhook. ``secrets`` says how many messages are signed with: two while one is changed for another."""

    model_config = example(**_WEBHOOK)


class NewSecret(WebhookView):
    """A webhook with the secret that was made just now; it is shown this once. Null when none was made."""

    model_config = example(**_WEBHOOK, secret="whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=")

    secret: str | None


class Removed(BaseModel):
    """What was taken away."""

    company_id: Annotated[str, Field(examples=["NT047"])]


class WebhookTestView(fields_of(WebhookTest)):  # type: ignore[misc] # its fields are known at run time
    """What the receiver said. ``status`` is null when it did not answer, or its address was refused."""

    model_config = example(delivered=False, status=None, error="no answer within 10 seconds", milliseconds=10004)


class DeliveryQuery(BigPageQuery):
    """Filters of the list."""

    company_id: CompanyId | None = None
    state: Literal["pending", "delivered", "failed", "dropped"] | None = None
    event: Text100 | None = None
    subject_id: Text100 | None = None


class DeliveryView(fields_of(Delivery)):  # type: ignore[misc] # its fields are known at run time
    """One message. It is sent until the receiver takes it, for a day, always under the same ``message_id``.

    ``company_id`` is empty for messages to the operators. ``attempts`` are those since ``since``.
    """

    model_config = example(
        delivery_id=12,
        message_id="msg_0a1b2c3d4e5f60718293a4b5c6d7e8f9",
        company_id="NT047",
        event="extraction.done",
        subject_id="ext_5e0f8f6f0d0c4c0f9a0d1b2c3d4e5f60",
        facts={"state": "done", "status": "ok"},
        state="pending",
        occurred_at="2026-11-21T09:30:03+00:00",
        since="2026-11-21T09:30:03+00:00",
        next_at="2026-11-21T09:30:34+00:00",
        attempts=1,
        last_status=503,
        last_error="the receiver answered 503",
        finished_at=None,
    )


@router.get("/webhooks", responses=failures())
def list_webhooks(context: WebhooksContext, query: Annotated[WebhookQuery, Query()]) -> Envelope[Page[WebhookView]]:
    """All webhooks in one page, in order of the companies; never a secret."""
    company = context.principal.company(query.company_id)
    found = context.services.webhooks.administration.find_all(company_id=company)
    items = [shown_as(WebhookView)(each) for each in found]
    return context.success(f"{len(found)} found", Page(items=items, next_cursor=None))


@router.put("/webhooks", responses=failures())
def set_webhook(context: WebhooksContext, body: WebhookChange) -> Envelope[NewSecret]:
    """Name a company's webhook. The first one comes with a secret, which is shown this once."""
    found, secret = context.services.webhooks.administration.set_receiver(
        body.company_id, url=body.url, events=body.events, actor=context.actor
    )
    return context.success(f"Company {body.company_id} is told at its webhook", _with_secret(found, secret))


@router.get("/webhooks/deliveries", responses=failures())
def list_webhook_deliveries(
    context: WebhooksContext, query: Annotated[DeliveryQuery, Query()]
) -> Envelope[Page[DeliveryView]]:
    """Messages, newest first, and what became of them."""
    wanted = DeliveryFilter(**query.filters() | {"company_id": context.principal.company(query.company_id)})
    return context.newest(
        store.find_deliveries, wanted, query, show=shown_as(DeliveryView), cursor=lambda row: row.delivery_id
    )


@router.post("/webhooks/deliveries/{delivery_id}/redeliver", responses=failures(404, 409))
def redeliver_webhook(context: WebhooksContext, delivery_id: BigIdPath) -> Envelope[DeliveryView]:
    """Send a message again, under its id, whatever became of it."""
    row = context.services.webhooks.administration.redeliver(delivery_id, context.actor)
    return context.success(f"Delivery {delivery_id} is sent again", shown_as(DeliveryView)(row))


@router.get("/webhooks/{company_id}", responses=failures(404))
def get_webhook(context: WebhooksContext, company_id: CompanyPath) -> Envelope[WebhookView]:
    """The webhook of a company; never a secret."""
    bound_to = context.principal.company_id
    found = context.services.webhooks.administration.find(company_id, bound_to=bound_to)
    return context.success(f"Webhook of company {company_id}", shown_as(WebhookView)(found))


@router.post("/webhooks/{company_id}/rotate", responses=failures(404))
def rotate_webhook_secret(context: WebhooksContext, company_id: CompanyPath) -> Envelope[NewSecret]:
    """Make a new secret, shown this once. Messages carry a signature of the one before it too."""
    found, secret = context.services.webhooks.administration.rotate(company_id, context.actor)
    return context.success(f"The webhook of company {company_id} has a new secret", _with_secret(found, secret))


@router.post("/webhooks/{company_id}/retire", responses=failures(404))
def retire_webhook_secret(context: WebhooksContext, company_id: CompanyPath) -> Envelope[WebhookView]:
    """Sign with the newest secret only."""
    found = context.services.webhooks.administration.retire(company_id, context.actor)
    return context.success(f"The webhook of company {company_id} has one secret", shown_as(WebhookView)(found))


@router.post("/webhooks/{company_id}/test", responses=failures(404))
def try_webhook(context: WebhooksContext, company_id: CompanyPath) -> Envelope[WebhookTestView]:
    """Send a message now that only tries the receiver (`webhook.test`)."""
    bound_to = context.principal.company_id
    result = context.services.webhooks.administration.test(company_id, bound_to=bound_to)
    word = "took" if result.delivered else "did not take"
    return context.success(f"The receiver {word} the message", shown_as(WebhookTestView)(result))


@router.delete("/webhooks/{company_id}", responses=failures(404))
def remove_webhook(context: WebhooksContext, company_id: CompanyPath) -> Envelope[Removed]:
    """Take a webhook away, its secrets too. What was to be sent is not sent any more."""
    context.services.webhooks.administration.remove(company_id, context.actor)
    return context.success(f"Company {company_id} has no webhook any more", Removed(company_id=company_id))


def _with_secret(found: Webhook, secret: str | None) -> NewSecret:
    return NewSecret(**shown_as(WebhookView)(found).model_dump(), secret=secret)
