"""AdminKeys: who may use the admin API. A key is ``id.secret``; only the SHA-256 of the secret is kept.

The secret has 256 random bits, so a plain digest is as good as a slow one, and a login costs one look-up by id.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, insert, select, update

from shared_code.database.clock import utc_now
from shared_code.database.stores.keys.token_fields import checked_company, checked_text
from shared_code.database.stores.row_records import from_row
from shared_code.database.tables import admin_keys

table = admin_keys

_SHAPE = re.compile(r"(?P<id>[A-Za-z0-9_\-]{1,32})\.(?P<secret>[A-Za-z0-9_\-]{20,200})")
_ID_BYTES = 8
_SECRET_BYTES = 32


class AdminRole(StrEnum):
    """What a login may do, from the fewest rights to the most; each role includes the ones before it."""

    VIEWER = "viewer"
    REVIEWER = "reviewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def includes(self, other: "AdminRole") -> bool:
        """Whether this role may do what ``other`` may."""
        order = list(AdminRole)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class AdminKey:
    """A key as stored. ``company_id`` binds it to one company; None = all. Moments are naive UTC."""

    key_id: str
    role: AdminRole
    company_id: str | None
    label: str | None
    created_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    secret_sha256: str = field(repr=False)

    def opens(self, secret: str) -> bool:
        """Whether ``secret`` is this key's, compared in constant time, and the key is not revoked."""
        same = hmac.compare_digest(_digest(secret), self.secret_sha256)
        return same and self.revoked_at is None


def split_key(text: str) -> tuple[str, str] | None:
    """``(id, secret)`` of what was sent as a key; None when it does not look like a key."""
    found = _SHAPE.fullmatch(text.strip())
    return (found["id"], found["secret"]) if found else None


def create_admin_key(
    connection: Connection, *, role: AdminRole, company_id: str | None = None, label: str | None = None
) -> tuple[str, str]:
    """Make a key; returns its id and the whole key, which is known nowhere else.

    :raises InvalidRequest: a value is malformed.
    """
    key_id, secret = secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
    connection.execute(
        insert(table).values(
            KeyID=key_id,
            SecretSha256=_digest(secret),
            Role=role.value,
            CompanyID=None if company_id is None else checked_company(company_id),
            Label=checked_text("label", label, 100),
        )
    )
    return key_id, f"{key_id}.{secret}"


def find_admin_key(connection: Connection, key_id: str) -> AdminKey | None:
    """The key under an id, revoked ones too."""
    row = connection.execute(select(table).where(table.c.KeyID == key_id)).first()
    return None if row is None else _key(row)


def labels_of(connection: Connection, key_ids: Sequence[str]) -> dict[str, str]:
    """The labels of those of these keys that have one, revoked ones too."""
    rows = connection.execute(select(table.c.KeyID, table.c.Label).where(table.c.KeyID.in_(key_ids)))
    return {row.KeyID: row.Label for row in rows if row.Label}


def list_admin_keys(connection: Connection) -> list[AdminKey]:
    """All keys, oldest first."""
    return [_key(row) for row in connection.execute(select(table).order_by(table.c.CreatedAt, table.c.KeyID))]


def revoke_admin_key(connection: Connection, key_id: str) -> bool:
    """End a key for good; False when there is none, or it is revoked already."""
    change = update(table).where(table.c.KeyID == key_id, table.c.RevokedAt.is_(None)).values(RevokedAt=utc_now())
    return connection.execute(change).rowcount == 1


def stamp_admin_key(connection: Connection, key_id: str) -> None:
    """Note that a key was used now."""
    connection.execute(update(table).where(table.c.KeyID == key_id).values(LastUsedAt=utc_now()))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(row: Any) -> AdminKey:
    known = {role.value for role in AdminRole}
    role = (row.Role or "").strip().lower()
    return from_row(
        AdminKey,
        row,
        # An unknown role, typed in by hand, gets the fewest rights.
        role=AdminRole(role) if role in known else AdminRole.VIEWER,
        company_id=(row.CompanyID or "").strip().upper() or None,
        secret_sha256=(row.SecretSha256 or "").strip().lower(),
    )
