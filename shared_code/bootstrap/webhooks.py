"""Puts the parts together that tell companies and operators what happened."""

from dataclasses import dataclass
from datetime import timedelta

from shared_code.bootstrap.foundations import Foundations
from shared_code.webhooks.administration import WebhookAdministration
from shared_code.webhooks.background import DeliveryThread
from shared_code.webhooks.delivery import Deliveries
from shared_code.webhooks.receivers import Receivers, house_receiver
from shared_code.webhooks.sender import Sender


@dataclass(frozen=True, slots=True)
class WebhookServices:
    """``deliveries`` sends, ``thread`` does so behind answers, ``administration`` is what operators do."""

    deliveries: Deliveries
    thread: DeliveryThread
    administration: WebhookAdministration

    def wake(self) -> None:
        """Something may have happened: have it told. Takes no time."""
        self.thread.wake()


def build_webhooks(base: Foundations) -> WebhookServices:
    """Everything, on the process's own database and clock; no thread is started yet.

    :raises errors.ConfigurationError: ALERT_WEBHOOK_URL or ALERT_WEBHOOK_SECRET cannot be used.
    """
    settings = base.settings
    receivers = Receivers(base.database, base.cipher, house_receiver(settings))
    sender = Sender(allow_loopback=settings.webhook_allow_loopback)
    deliveries = Deliveries(
        base.database,
        receivers,
        sender,
        clock=base.clock,
        first_pause=timedelta(seconds=settings.webhook_retry_seconds),
        public_url=settings.public_address,
    )
    thread = DeliveryThread(deliveries)
    administration = WebhookAdministration(
        base.database, base.cipher, receivers, sender, clock=base.clock, wake=thread.wake
    )
    return WebhookServices(deliveries, thread, administration)
