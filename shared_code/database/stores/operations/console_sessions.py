"""ConsoleSessions: who is signed in at the console, and links that sign somebody in once. Only digests are kept.

A session is its admin key's: it ends with it, at the latest after :data:`LONGEST_SECONDS`, and when nobody has used it
for :data:`IDLE_SECONDS`. A secret has 256 random bits, so a plain digest is as good as a slow one.
"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, case, delete, insert, select, update
from sqlalchemy.sql.elements import ColumnElement

from shared_code.database.clock import utc_in, utc_now
from shared_code.database.stores.operations.admin_keys import AdminKey, find_admin_key
from shared_code.database.tables import console_sessions

table = console_sessions

IDLE_SECONDS = 2 * 60 * 60
LONGEST_SECONDS = 12 * 60 * 60
LINK_SECONDS = 5 * 60
#: the use of a session is noted at most once in this time
_STALE_SECONDS = 60
_SECRET_BYTES = 32
_SESSION, _LINK = "session", "link"


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that counts. ``is_stale``: its last use was noted so long ago that the present one should be."""

    key: AdminKey
    is_stale: bool


def digest_of(secret: str) -> str:
    """A secret as it is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


def start_session(connection: Connection, key_id: str) -> str:
    """Begin a session of an admin key; returns its secret, which is known nowhere else. Takes ended ones away."""
    connection.execute(delete(table).where(table.c.ExpiresAt <= utc_now()))
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    _add(connection, digest_of(secret), _SESSION, key_id, LONGEST_SECONDS)
    return secret


def find_session(connection: Connection, secret: str) -> OpenSession | None:
    """The session of a secret; None when it has ended, or never was."""
    stale = case((table.c.LastUsedAt <= utc_in(-_STALE_SECONDS), 1), else_=0).label("Stale")
    not_idle = table.c.LastUsedAt > utc_in(-IDLE_SECONDS)
    found = connection.execute(select(table.c.KeyID, stale).where(*_open(secret, _SESSION), not_idle)).first()
    key = None if found is None else find_admin_key(connection, found.KeyID)
    if found is None or key is None or key.revoked_at is not None:
        return None
    return OpenSession(key, found.Stale == 1)


def stamp_session(connection: Connection, secret: str) -> None:
    """Note that a session was used now."""
    connection.execute(update(table).where(*_open(secret, _SESSION)).values(LastUsedAt=utc_now()))


def end_session(connection: Connection, secret: str) -> str | None:
    """End a session; the id of its key, or None when there was none."""
    this = (table.c.Sha256 == digest_of(secret), table.c.Kind == _SESSION)
    found = connection.execute(select(table.c.KeyID).where(*this)).scalar()
    connection.execute(delete(table).where(*this))
    return found


def add_link(connection: Connection, digest: str, key_id: str) -> None:
    """Store a link that signs its reader in as an admin key, by the digest of its secret."""
    _add(connection, digest, _LINK, key_id, LINK_SECONDS)


def use_link(connection: Connection, secret: str) -> AdminKey | None:
    """Use a link up; the key that it is for, or None when it was used, has ended or never was."""
    this = _open(secret, _LINK)
    key_id = connection.execute(select(table.c.KeyID).where(*this)).scalar()
    if key_id is None or connection.execute(delete(table).where(*this)).rowcount != 1:
        return None
    key = find_admin_key(connection, key_id)
    return key if key is not None and key.revoked_at is None else None


def _add(connection: Connection, digest: str, kind: str, key_id: str, seconds: int) -> None:
    values: dict[str, Any] = {"Sha256": digest, "Kind": kind, "KeyID": key_id, "ExpiresAt": utc_in(seconds)}
    connection.execute(insert(table).values(values))


def _open(secret: str, kind: str) -> tuple[ColumnElement[bool], ...]:
    return table.c.Sha256 == digest_of(secret), table.c.Kind == kind, table.c.ExpiresAt > utc_now()
