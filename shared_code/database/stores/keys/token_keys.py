"""Writes of the key itself: added, replaced, encrypted anew. Plain text exists here only between caller and cipher."""

import logging
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from shared_code.database import key_cipher
from shared_code.database.clock import utc_now
from shared_code.database.company_case import same_company
from shared_code.database.key_cipher import KeyCipher
from shared_code.database.stores.keys.token_fields import (
    MAX_THRESHOLD,
    MAX_TOKENS,
    checked_amount,
    checked_company,
    checked_key,
    checked_provider,
    checked_status,
    checked_text,
    naive_utc,
    without_nulls,
)
from shared_code.database.stores.lock_order import hold_company
from shared_code.database.tables import token_master, token_usage_summary
from shared_code.database.text_search import begins_with
from shared_code.errors import AlreadyExists, ConfigurationError
from shared_code.records import KeyStatus

table = token_master
summary = token_usage_summary

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NewToken:
    """A key to be stored. ``api_key`` is plain.

    ``total_token_limit`` is for life, None = no limit; below ``threshold`` remaining tokens the key is low, None = the
    column's default.
    """

    company_id: str
    api_key: str = field(repr=False)
    company_name: str | None = None
    provider: str | None = None
    total_token_limit: int | None = None
    threshold: int | None = None
    status: str = KeyStatus.ACTIVE.value
    expires_at: datetime | None = None
    provider_project: str | None = None


@dataclass(frozen=True, slots=True)
class Reencrypted:
    """What one batch did. ``last_id`` is None when there are no further rows."""

    last_id: int | None
    changed: int
    failed: tuple[int, ...] = ()


def add_token(connection: Connection, cipher: KeyCipher, new: NewToken) -> int:
    """Store a key, encrypted, with its summary row; returns its id.

    :raises InvalidRequest: a value is malformed.
    :raises AlreadyExists: the company has this key already.
    :raises ConfigurationError: no key ring.
    """
    secret, company = checked_key(new.api_key), checked_company(new.company_id)
    known_provider, known_status = checked_provider(new.provider), checked_status(new.status)
    checked_amount("total_token_limit", new.total_token_limit, MAX_TOKENS)
    checked_amount("threshold", new.threshold, MAX_THRESHOLD)
    _refuse_known_key(connection, cipher, company, secret, besides=None)
    values = {
        "CompanyID": company,
        "CompanyName": checked_text("company_name", new.company_name, 200),
        "Provider": known_provider.value,
        "TotalTokenLimit": new.total_token_limit,
        "Status": known_status.value,
        "ExpiresAt": naive_utc(new.expires_at),
        "ProviderProject": checked_text("provider_project", new.provider_project, 100),
        "ApiKeyHint": key_cipher.hint(secret),
        "ApiKeyFingerprint": key_cipher.fingerprint(secret),
    }
    try:
        with connection.begin_nested():
            inserted = connection.execute(insert(table).values(without_nulls(values)))
    except IntegrityError as error:
        raise _known_key(company) from error
    token_id = int((inserted.inserted_primary_key or (0,))[0])
    connection.execute(update(table).where(table.c.TokenID == token_id).values(ApiKey=cipher.encrypt(secret, token_id)))
    # Who makes a counter holds all running totals of the company: no further one may appear meanwhile.
    hold_company(connection, company)
    totals = {"TokenID": token_id, "TotalUsedTokens": 0, "TotalRemainingTokens": new.total_token_limit}
    connection.execute(insert(summary).values(without_nulls(totals | {"Threshold": new.threshold})))
    return token_id


def replace_key(connection: Connection, cipher: KeyCipher, token_id: int, api_key: str) -> bool:
    """Put a new key in place of a row's old one (rotation) and end its cooldown; False when there is no such row.

    :raises InvalidRequest: malformed.
    :raises AlreadyExists: the company has this key in another row.
    """
    secret = checked_key(api_key)
    company = connection.execute(select(table.c.CompanyID).where(table.c.TokenID == token_id)).first()
    if company is None:
        return False
    _refuse_known_key(connection, cipher, (company[0] or "").upper(), secret, besides=token_id)
    values = _key_values(cipher, secret, token_id) | {"CooldownUntil": None, "UpdatedAt": utc_now()}
    try:
        with connection.begin_nested():
            result = connection.execute(update(table).where(table.c.TokenID == token_id).values(values))
    except IntegrityError as error:
        raise _known_key(company[0]) from error
    return result.rowcount == 1


def reencrypt_batch(connection: Connection, cipher: KeyCipher, after_id: int, size: int) -> Reencrypted:
    """Bring up to ``size`` keys after ``after_id`` under the newest key of the ring, plain ones and their digest too.

    Safe beside traffic: a key that is replaced meanwhile keeps its new value. Keys that do not open are left and named.

    :raises ConfigurationError: the ring itself cannot serve.
    """
    cipher.check()
    rows = connection.execute(
        select(table.c.TokenID, table.c.ApiKey, table.c.ApiKeyFingerprint)
        .where(table.c.TokenID > after_id, table.c.ApiKey.is_not(None))
        .order_by(table.c.TokenID)
        .limit(size)
    ).all()
    changed, failed = 0, []
    for row in rows:
        if not row.ApiKey.strip() or (cipher.current(row.ApiKey) and row.ApiKeyFingerprint):
            continue
        try:
            changed += _reencrypt(connection, cipher, row.TokenID, row.ApiKey)
        except ConfigurationError as error:
            _log.error("token %d is left as it is: %s", row.TokenID, error)
            failed.append(row.TokenID)
    return Reencrypted(rows[-1].TokenID if len(rows) == size else None, changed, tuple(failed))


def count_plain_keys(connection: Connection) -> int:
    """Keys from before encryption that were not written again since."""
    key = table.c.ApiKey
    plain = (key.is_not(None), func.ltrim(key) != "", ~begins_with(key, key_cipher.PREFIX))
    return int(connection.execute(select(func.count(table.c.TokenID)).where(*plain)).scalar_one())


def _reencrypt(connection: Connection, cipher: KeyCipher, token_id: int, stored: str) -> int:
    secret = cipher.decrypt(stored, token_id)
    values = _key_values(cipher, secret, token_id)
    # The old text in the condition: a rotation that came between wins.
    change = update(table).where(table.c.TokenID == token_id, table.c.ApiKey == stored)
    try:
        with connection.begin_nested():
            return int(connection.execute(change.values(values)).rowcount)
    except IntegrityError:
        del values["ApiKeyFingerprint"]
    if cipher.current(stored):
        return 0
    _log.warning("token %d holds the same API key as another row of its company", token_id)
    return int(connection.execute(change.values(values)).rowcount)


def _refuse_known_key(
    connection: Connection, cipher: KeyCipher, company: str, secret: str, *, besides: int | None
) -> None:
    """The unique index sees keys with a fingerprint; rows from before encryption have none and are opened."""
    rows = connection.execute(
        select(table.c.TokenID, table.c.ApiKey, table.c.ApiKeyFingerprint).where(
            same_company(table.c.CompanyID, company)
        )
    )
    mark = key_cipher.fingerprint(secret)
    for row in rows:
        if row.TokenID == besides or not row.ApiKey:
            continue
        known = row.ApiKeyFingerprint or key_cipher.fingerprint(cipher.decrypt(row.ApiKey, row.TokenID))
        if known == mark:
            raise _known_key(company)


def _known_key(company: str | None) -> AlreadyExists:
    return AlreadyExists(f"Company {company} has this API key already.", details={"field": "api_key"})


def _key_values(cipher: KeyCipher, secret: str, token_id: int) -> dict[str, Any]:
    return {
        "ApiKey": cipher.encrypt(secret, token_id),
        "ApiKeyHint": key_cipher.hint(secret),
        "ApiKeyFingerprint": key_cipher.fingerprint(secret),
    }
