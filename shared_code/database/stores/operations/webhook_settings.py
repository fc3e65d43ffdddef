"""Where a company is told of its readings: columns of CompanySettings. Secrets go in and come out as ciphertext."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, insert, select, update

from shared_code.database.clock import utc_now
from shared_code.database.company_case import same_company
from shared_code.database.tables import company_settings
from shared_code.errors import ConfigurationError

if TYPE_CHECKING:
    from shared_code.database.key_cipher import KeyCipher

_log = logging.getLogger(__name__)

table = company_settings
_SECRETS = ("WebhookSecret", "WebhookOldSecret")
_FIELDS = ("WebhookUrl", "WebhookEvents", *_SECRETS)


@dataclass(frozen=True, slots=True)
class StoredWebhook:
    """A company's receiver; the secrets are as they are stored, the newest first."""

    company_id: str
    url: str
    events: tuple[str, ...]
    secrets: tuple[str, ...]

    def opened_by(self, cipher: "KeyCipher") -> tuple[str, ...]:
        """The secrets. Raises ConfigurationError when one of them does not open."""
        return tuple(open_secret(cipher, stored, self.company_id) for stored in self.secrets)


def close_secret(cipher: "KeyCipher", secret: str, company_id: str) -> str:
    """A secret as it is stored, for this company only. Raises ConfigurationError without a key ring."""
    return cipher.seal(secret, _place(company_id))


def open_secret(cipher: "KeyCipher", stored: str, company_id: str) -> str:
    """A stored secret of a company. Raises ConfigurationError when it does not open."""
    return cipher.unseal(stored, _place(company_id), what=f"The webhook secret of company {company_id}")


def find_webhook(connection: Connection, company_id: str) -> StoredWebhook | None:
    """The receiver of a company (in upper case), or None."""
    found = connection.execute(_SET.where(same_company(table.c.CompanyID, company_id))).first()
    return None if found is None else _stored(found)


def list_webhooks(connection: Connection, *, company_id: str | None = None) -> list[StoredWebhook]:
    """All receivers, or the one of a company, in order of the companies."""
    wanted = [] if company_id is None else [same_company(table.c.CompanyID, company_id)]
    return [_stored(row) for row in connection.execute(_SET.where(*wanted).order_by(table.c.CompanyID))]


def write_webhook(connection: Connection, company_id: str, values: Mapping[str, str | None]) -> None:
    """Write columns of a company's receiver; one without a row of settings gets one."""
    change = {**values, "UpdatedAt": utc_now()}
    where = same_company(table.c.CompanyID, company_id)
    if connection.execute(update(table).where(where).values(change)).rowcount == 0:
        # Without a time zone of its own: the default one counts.
        connection.execute(insert(table).values(CompanyID=company_id, TimeZone="", **change))


def remove_webhook(connection: Connection, company_id: str) -> None:
    """Take a company's receiver away, its secrets too."""
    write_webhook(connection, company_id, dict.fromkeys(_FIELDS))


def reencrypt_secrets(connection: Connection, cipher: "KeyCipher") -> tuple[int, list[str]]:
    """Bring all secrets under the newest key of the ring; how many, and the companies of those that do not open."""
    changed, failed = 0, []
    for row in connection.execute(_SET.order_by(table.c.CompanyID)).all():
        company = row.CompanyID.upper()
        for name in _SECRETS:
            stored = getattr(row, name)
            if stored is None or cipher.current(stored):
                continue
            try:
                anew = close_secret(cipher, open_secret(cipher, stored, company), company)
            except ConfigurationError as error:
                _log.error("%s", error)
                failed.append(company)
                continue
            # The old text in the condition: a rotation that came between wins.
            this = (table.c.CompanyID == row.CompanyID, table.c[name] == stored)
            changed += connection.execute(update(table).where(*this).values({name: anew})).rowcount
    return changed, failed


_SET = select(table.c.CompanyID, *(table.c[name] for name in _FIELDS)).where(table.c.WebhookUrl.is_not(None))


def _stored(row: Any) -> StoredWebhook:
    events = tuple(name for name in (row.WebhookEvents or "").split(",") if name)
    secrets = tuple(stored for stored in (row.WebhookSecret, row.WebhookOldSecret) if stored)
    return StoredWebhook(row.CompanyID.upper(), row.WebhookUrl, events, secrets)


def _place(company_id: str) -> str:
    return f"CompanySettings.WebhookSecret:{company_id}"
