"""What operators do to webhooks, over the API and the command line alike: each change with its audit row."""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shared_code.database.stores.keys.token_fields import checked_company
from shared_code.database.stores.operations import webhook_deliveries, webhook_settings
from shared_code.database.stores.operations.admin_audit import Actor, add_audit
from shared_code.database.stores.operations.webhook_deliveries import COMPANY_EVENTS, HOUSE, Delivery
from shared_code.database.stores.operations.webhook_settings import StoredWebhook
from shared_code.errors import Conflict, InvalidRequest, NotFound
from shared_code.operations.access import require_own
from shared_code.webhooks.message import test_body
from shared_code.webhooks.receivers import Receiver, Receivers
from shared_code.webhooks.sender import NotReached, Sender
from shared_code.webhooks.signature import new_secret, signed_headers

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database
    from shared_code.database.key_cipher import KeyCipher


@dataclass(frozen=True, slots=True)
class Webhook:
    """A company's receiver as operators see it: how many secrets it has, and never one of them."""

    company_id: str
    url: str
    events: tuple[str, ...]
    secrets: int


@dataclass(frozen=True, slots=True)
class WebhookTest:
    """What a receiver said to a message that only tries it. ``status`` is None when it said nothing."""

    delivered: bool
    status: int | None
    error: str | None
    milliseconds: int


@dataclass(frozen=True, slots=True)
class WebhookAdministration:
    """Sets receivers, tries them, and has messages sent again.

    :ivar clock: the moment (aware, UTC).
    :ivar wake: has what is due now sent.
    """

    database: "Database"
    cipher: "KeyCipher"
    receivers: Receivers
    sender: Sender
    clock: Callable[[], datetime]
    wake: Callable[[], None] = lambda: None

    def find(self, company_id: str, *, bound_to: str | None = None) -> Webhook:
        """The receiver of a company.

        :raises NotFound: it has none.
        :raises Forbidden: it is not the company of ``bound_to``.
        """
        require_own(bound_to, company_id)
        return _shown(self.database.read(lambda connection: _existing(connection, company_id)))

    def find_all(self, *, company_id: str | None = None) -> list[Webhook]:
        """All receivers of companies, or the one of a company, in order of the companies."""
        found = self.database.read(lambda c: webhook_settings.list_webhooks(c, company_id=company_id))
        return [_shown(stored) for stored in found]

    def set_receiver(
        self, company_id: str, *, url: str, events: Sequence[str] | None, actor: Actor
    ) -> tuple[Webhook, str | None]:
        """Name a company's receiver; with the first one comes a secret, which is shown now and never again.

        :param events: None = all for a new receiver; those that it had for another one.
        :returns: the receiver, and the secret if one was made.
        :raises InvalidRequest: the address may not be called, or there is no such event.
        :raises Forbidden: it is not the actor's company.
        :raises ConfigurationError: there is no key ring to keep a secret with.
        """
        company = checked_company(company_id)
        require_own(actor.company_id, company)
        self.sender.check(url)
        wanted = None if events is None else _checked_events(events)

        def work(connection: "Connection") -> tuple[Webhook, str | None]:
            before = webhook_settings.find_webhook(connection, company)
            secret = None if before and before.secrets else new_secret()
            told = wanted or (before.events if before else COMPANY_EVENTS)
            values: dict[str, str | None] = {"WebhookUrl": url, "WebhookEvents": ",".join(told)}
            if secret is not None:
                values["WebhookSecret"] = webhook_settings.close_secret(self.cipher, secret, company)
            webhook_deliveries.end_rest(connection, company)
            return self._write(connection, company, values, actor, "webhook.set"), secret

        made = self.database.run(work)
        self.wake()
        return made

    def rotate(self, company_id: str, actor: Actor) -> tuple[Webhook, str]:
        """Make a new secret. Messages are signed with the one before it too, until the next rotation.

        :raises NotFound: the company has no receiver.
        :raises Forbidden, ConfigurationError: as :meth:`set_receiver`.
        """
        company = checked_company(company_id)
        require_own(actor.company_id, company)
        secret = new_secret()

        def work(connection: "Connection") -> Webhook:
            before = _existing(connection, company)
            values = {
                "WebhookSecret": webhook_settings.close_secret(self.cipher, secret, company),
                "WebhookOldSecret": next(iter(before.secrets), None),
            }
            return self._write(connection, company, values, actor, "webhook.rotate")

        return self.database.run(work), secret

    def retire(self, company_id: str, actor: Actor) -> Webhook:
        """Sign with the newest secret only. Raises as :meth:`rotate`."""
        company = checked_company(company_id)
        require_own(actor.company_id, company)

        def work(connection: "Connection") -> Webhook:
            _existing(connection, company)
            return self._write(connection, company, {"WebhookOldSecret": None}, actor, "webhook.retire")

        return self.database.run(work)

    def remove(self, company_id: str, actor: Actor) -> None:
        """Take a receiver away, its secrets too; what was to be sent is not sent any more. Raises as :meth:`find`."""
        company = checked_company(company_id)
        require_own(actor.company_id, company)

        def work(connection: "Connection") -> None:
            before = _existing(connection, company)
            webhook_settings.remove_webhook(connection, company)
            webhook_deliveries.drop(connection, company)
            add_audit(connection, actor, "webhook.remove", f"company {company}", before=_facts(before))

        self.database.run(work)

    def test(self, company_id: str | None, *, bound_to: str | None = None) -> WebhookTest:
        """Send a message now that only tries the receiver of a company, or that of the operators (None).

        :raises NotFound: there is no receiver.
        :raises Forbidden: it is not the company of ``bound_to``.
        :raises ConfigurationError: its secret does not open.
        """
        require_own(bound_to, company_id)
        receiver = self.receivers.find(HOUSE if company_id is None else checked_company(company_id))
        if receiver is None:
            raise _no_webhook(company_id)
        started = time.monotonic()
        status, error = self._post(receiver, company_id)
        return WebhookTest(error is None, status, error, int((time.monotonic() - started) * 1000))

    def redeliver(self, delivery_id: int, actor: Actor) -> Delivery:
        """Have a message sent again, under its id, whatever became of it, and those that wait for the receiver too.

        :raises NotFound: there is no such delivery.
        :raises Forbidden: it is not the actor's company's.
        :raises Conflict: the company has no receiver any more.
        """

        def work(connection: "Connection") -> Delivery:
            row = webhook_deliveries.get_delivery(connection, delivery_id)
            require_own(actor.company_id, row.company_id if row else None)
            if row is None:
                raise NotFound(f"There is no delivery {delivery_id}.", details={"field": "delivery_id"})
            self._require_receiver(connection, row.company_id)
            webhook_deliveries.redeliver(connection, delivery_id=delivery_id)
            webhook_deliveries.end_rest(connection, row.company_id)
            add_audit(connection, actor, "webhook.redeliver", f"delivery {delivery_id}")
            return webhook_deliveries.get_delivery(connection, delivery_id) or row

        found = self.database.run(work)
        self.wake()
        return found

    def redeliver_failed(self, company_id: str, actor: Actor) -> int:
        """Have all messages to a company sent again that were given up; returns how many.

        :raises NotFound: the company has no receiver.
        :raises Forbidden: it is not the actor's company.
        """
        company = checked_company(company_id)
        require_own(actor.company_id, company)

        def work(connection: "Connection") -> int:
            _existing(connection, company)
            state = webhook_deliveries.FAILED
            count = webhook_deliveries.redeliver(connection, company_id=company, state=state)
            webhook_deliveries.end_rest(connection, company)
            add_audit(connection, actor, "webhook.redeliver", f"company {company}", after={"messages": count})
            return count

        count = self.database.run(work)
        self.wake()
        return count

    def _require_receiver(self, connection: "Connection", company_id: str) -> None:
        known = self.receivers.house if company_id == HOUSE else webhook_settings.find_webhook(connection, company_id)
        if known is None:
            raise Conflict("There is no receiver for it any more.", details={"field": "delivery_id"})

    def _write(
        self, connection: "Connection", company: str, values: dict[str, str | None], actor: Actor, action: str
    ) -> Webhook:
        before = webhook_settings.find_webhook(connection, company)
        webhook_settings.write_webhook(connection, company, values)
        after = _existing(connection, company)
        facts = None if before is None else _facts(before)
        add_audit(connection, actor, action, f"company {company}", before=facts, after=_facts(after))
        return _shown(after)

    def _post(self, receiver: Receiver, company_id: str | None) -> tuple[int | None, str | None]:
        now = self.clock().astimezone(UTC)
        body = test_body(company_id, now.replace(tzinfo=None))
        message_id, timestamp = f"msg_{uuid.uuid4().hex}", int(now.timestamp())
        headers = signed_headers(receiver.secrets, message_id=message_id, timestamp=timestamp, body=body)
        try:
            status = self.sender.post(receiver.url, headers, body)
        except NotReached as error:
            return None, error.message
        return status, None if 200 <= status < 300 else f"the receiver answered {status}"  # noqa: PLR2004 - taken


def _existing(connection: "Connection", company_id: str) -> StoredWebhook:
    found = webhook_settings.find_webhook(connection, company_id)
    if found is None:
        raise _no_webhook(company_id)
    return found


def _no_webhook(company_id: str | None) -> NotFound:
    if company_id is None:
        return NotFound("ALERT_WEBHOOK_URL is not set.", details={"field": "company_id"})
    return NotFound(f"Company {company_id} has no webhook.", details={"field": "company_id"})


def _checked_events(events: Sequence[str]) -> tuple[str, ...]:
    unknown = [name for name in events if name not in COMPANY_EVENTS]
    if unknown or not events:
        raise InvalidRequest(
            f"events are some of {', '.join(COMPANY_EVENTS)}; not {', '.join(unknown)[:200] or 'none'}.",
            details={"field": "events"},
        )
    return tuple(name for name in COMPANY_EVENTS if name in events)


def _shown(stored: StoredWebhook) -> Webhook:
    return Webhook(stored.company_id, stored.url, stored.events, len(stored.secrets))


def _facts(stored: StoredWebhook) -> dict[str, object]:
    """For the audit: a path or query may hold a password of the receiver's."""
    return {"host": urlsplit(stored.url).netloc, "events": list(stored.events), "secrets": len(stored.secrets)}
