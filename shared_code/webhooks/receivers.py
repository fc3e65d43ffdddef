"""Who is told: the receiver of each company, and the operators' own, with the secrets that messages are signed with."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared_code.database.stores.operations.webhook_deliveries import HOUSE
from shared_code.database.stores.operations.webhook_settings import find_webhook
from shared_code.errors import ConfigurationError, InvalidRequest
from shared_code.webhooks.addresses import read_url
from shared_code.webhooks.signature import key_of

if TYPE_CHECKING:
    from shared_code.database.connection import Database
    from shared_code.database.key_cipher import KeyCipher
    from shared_code.settings import Settings


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where messages go. ``secrets`` are the newest one and the one before it."""

    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Receivers:
    """Finds them. ``house`` is the operators' own, None where the settings name none."""

    database: "Database"
    cipher: "KeyCipher"
    house: Receiver | None

    def find(self, company_id: str) -> Receiver | None:
        """The receiver of a company, or of the operators ('').

        :raises ConfigurationError: a secret does not open.
        """
        if company_id == HOUSE:
            return self.house
        stored = self.database.read(lambda connection: find_webhook(connection, company_id))
        return None if stored is None else Receiver(stored.url, stored.opened_by(self.cipher))


def house_receiver(settings: "Settings") -> Receiver | None:
    """The receiver that ALERT_WEBHOOK_URL names.

    :raises ConfigurationError: its address or its secret cannot be used.
    """
    if settings.alert_webhook_url is None:
        return None
    url = settings.alert_webhook_url.get_secret_value()
    secret = settings.alert_webhook_secret.get_secret_value() if settings.alert_webhook_secret else None
    try:
        read_url(url, allow_loopback=settings.webhook_allow_loopback)
    except InvalidRequest as error:
        raise ConfigurationError(f"ALERT_WEBHOOK_URL: {error.message}") from error
    if secret is not None and key_of(secret) is None:
        raise ConfigurationError("ALERT_WEBHOOK_SECRET is not of the form whsec_ and base64 of 24 to 64 bytes")
    return Receiver(url, () if secret is None else (secret,))
