"""TokenMaster: the companies' provider keys, with their budgets. Keys go in encrypted and come out as stored."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, String, bindparam, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from shared_code.database.clock import utc_now
from shared_code.database.company_case import folded, same_company
from shared_code.database.key_cipher import KeyCipher
from shared_code.database.stores.reconciliation import booked_tokens_of
from shared_code.database.stores.token_fields import MAX_TOKENS, checked_amount, naive_utc, without_nulls
from shared_code.database.stores.token_keys import (
    Reencrypted,
    add_token,
    count_plain_keys,
    reencrypt_batch,
    replace_key,
)
from shared_code.database.tables import company_settings, token_master, token_usage_summary
from shared_code.errors import ConfigurationError
from shared_code.records import ApiKey, KeyStatus, Provider

__all__ = [
    "ApiKeyRow",
    "Reencrypted",
    "add_token",
    "block_project",
    "company_keys",
    "count_plain_keys",
    "ensure_summary",
    "get_token",
    "list_tokens",
    "reencrypt_batch",
    "refuse_key",
    "replace_key",
    "set_cooldown",
    "set_limit",
    "set_status",
]

table = token_master
summary = token_usage_summary
zone = company_settings

# Built once: putting a statement together costs more than running it on SQLite.
_ROWS: Select[Any] = select(
    table,
    summary.c.SummaryID,
    summary.c.TotalUsedTokens,
    summary.c.TotalRemainingTokens,
    summary.c.ReservedTokens,
    summary.c.Threshold,
    zone.c.TimeZone,
).select_from(
    table.outerjoin(summary, summary.c.TokenID == table.c.TokenID).outerjoin(
        zone, folded(zone.c.CompanyID) == folded(table.c.CompanyID)
    )
)
_COMPANY_KEYS = _ROWS.where(same_company(table.c.CompanyID, bindparam("company", type_=String(50)))).order_by(
    table.c.TokenID
)


@dataclass(frozen=True, slots=True)
class ApiKeyRow:
    """One key as stored. ``status`` and ``provider`` are as typed; ``stored_key`` is ciphertext or a legacy plain key.

    Amounts are model tokens; moments are naive UTC. ``has_summary`` is False while no reservation was ever made.
    """

    token_id: int
    company_id: str | None
    company_name: str | None
    provider: str | None
    status: str | None
    stored_key: str | None = field(repr=False)
    total_token_limit: int | None
    created_at: datetime | None
    updated_at: datetime | None
    expires_at: datetime | None
    cooldown_until: datetime | None
    provider_project: str | None
    hint: str | None
    has_summary: bool
    used_tokens: int | None
    remaining_tokens: int | None
    reserved_tokens: int
    threshold: int | None
    time_zone: str | None
    fingerprint: str | None = None

    def decrypted(self, cipher: KeyCipher) -> ApiKey:
        """The key for use. Only for rows whose provider and status are readable.

        :raises ConfigurationError: the key does not open, or is empty.
        """
        provider, status = Provider.parse(self.provider), KeyStatus.parse(self.status)
        secret = cipher.decrypt(self.stored_key or "", self.token_id)
        if provider is None or status is None or not secret:
            what = "provider" if provider is None else "status" if status is None else "key"
            raise ConfigurationError(f"Token {self.token_id} has no readable {what}")
        limit = self.total_token_limit
        return ApiKey(
            token_id=self.token_id,
            company_id=(self.company_id or "").upper(),
            provider=provider,
            status=status,
            secret=secret,
            total_token_limit=limit,
            # Without a summary row nothing was used yet: the whole limit remains, and no row is never "no limit".
            remaining_tokens=self.remaining_tokens if self.has_summary else limit,
            reserved_tokens=self.reserved_tokens,
            threshold=self.threshold,
            cooldown_until=self.cooldown_until,
            provider_project=self.provider_project,
            has_summary=self.has_summary,
        )


def company_keys(connection: Connection, company_id: str) -> list[ApiKeyRow]:
    """All keys of a company, whatever their status, in one statement; ``company_id`` is in upper case."""
    return [_row(row) for row in connection.execute(_COMPANY_KEYS, {"company": company_id})]


def get_token(connection: Connection, token_id: int) -> ApiKeyRow | None:
    """One key, or None."""
    row = connection.execute(_ROWS.where(table.c.TokenID == token_id)).first()
    return None if row is None else _row(row)


def list_tokens(
    connection: Connection,
    *,
    company_id: str | None = None,
    status: KeyStatus | None = None,
    after_id: int = 0,
    limit: int = 100,
) -> list[ApiKeyRow]:
    """Keys in ascending order of id, after ``after_id``."""
    query = _ROWS.where(table.c.TokenID > after_id).order_by(table.c.TokenID).limit(limit)
    if company_id is not None:
        query = query.where(same_company(table.c.CompanyID, company_id))
    if status is not None:
        query = query.where(_status_is(status))
    return [_row(row) for row in connection.execute(query)]


def newest_usable(connection: Connection, provider: Provider, *, limit: int) -> list[ApiKeyRow]:
    """Usable keys of a provider, the newest first."""
    typed = func.lower(func.trim(func.coalesce(table.c.Provider, "")))
    names = [provider.value.lower(), *([""] if Provider.parse(None) is provider else [])]
    query = _ROWS.where(_usable(), typed.in_(names)).order_by(table.c.TokenID.desc()).limit(limit)
    return [_row(row) for row in connection.execute(query)]


def set_status(connection: Connection, token_id: int, status: KeyStatus, *, expected: KeyStatus | None = None) -> bool:
    """Change a key's status, only from ``expected`` when given; False when nothing was changed."""
    change = update(table).where(table.c.TokenID == token_id).values(Status=status.value, UpdatedAt=utc_now())
    if expected is not None:
        change = change.where(_status_is(expected))
    return connection.execute(change).rowcount == 1


def refuse_key(connection: Connection, token_id: int, status: KeyStatus, *, fingerprint: str) -> bool:
    """Take a key out of use that its provider refused; False when it was replaced or set aside meanwhile."""
    change = update(table).where(table.c.TokenID == token_id, _still_is(fingerprint), _usable())
    return connection.execute(change.values(Status=status.value, UpdatedAt=utc_now())).rowcount == 1


def set_cooldown(
    connection: Connection, token_id: int, until: datetime | None, *, fingerprint: str | None = None
) -> bool:
    """Let a key rest until a moment (never shorter than it already does); None ends the rest.

    :param fingerprint: of the key that is meant: one that took its place in the row meanwhile does not rest.
    """
    moment = naive_utc(until)
    change = update(table).where(table.c.TokenID == token_id).values(CooldownUntil=moment)
    if fingerprint is not None:
        change = change.where(_still_is(fingerprint))
    if moment is not None:
        change = change.where(or_(table.c.CooldownUntil.is_(None), table.c.CooldownUntil < moment))
    return connection.execute(change).rowcount == 1


def set_limit(connection: Connection, token_id: int, limit: int | None) -> bool:
    """Change a key's limit (None = no limit) and what remains of it; False when there is no such row."""
    checked_amount("total_token_limit", limit, MAX_TOKENS)
    changed = connection.execute(
        update(table).where(table.c.TokenID == token_id).values(TotalTokenLimit=limit, UpdatedAt=utc_now())
    )
    if changed.rowcount != 1:
        return False
    remaining = None if limit is None else limit - func.coalesce(summary.c.TotalUsedTokens, 0)
    moved = connection.execute(
        update(summary)
        .where(summary.c.TokenID == token_id)
        .values(TotalRemainingTokens=remaining, LastUpdated=utc_now())
    )
    if moved.rowcount == 0:
        ensure_summary(connection, token_id, limit)
    return True


def block_project(connection: Connection, company_id: str, project: str) -> int:
    """Set all usable keys of a company's provider project to Blocked (the provider suspended it); returns how many."""
    result = connection.execute(
        update(table)
        .where(same_company(table.c.CompanyID, company_id), table.c.ProviderProject == project, _usable())
        .values(Status=KeyStatus.BLOCKED.value, UpdatedAt=utc_now())
    )
    return int(result.rowcount)


def ensure_summary(connection: Connection, token_id: int, limit: int | None) -> bool:
    """Make the summary row of a key that was typed in by hand; False when there is one already.

    Use that was logged without a summary row counts against the limit.
    """
    exists = connection.execute(select(summary.c.SummaryID).where(summary.c.TokenID == token_id)).first()
    if exists is not None:
        return False
    opening, booked = booked_tokens_of(connection, token_id)
    used = opening + booked
    values = {
        "TokenID": token_id,
        "TotalUsedTokens": used,
        "TotalRemainingTokens": None if limit is None else limit - used,
        "OpeningTokens": opening,
    }
    try:
        with connection.begin_nested():
            connection.execute(insert(summary).values(without_nulls(values)))
    except IntegrityError:
        return False
    return True


def _row(row: Row[Any]) -> ApiKeyRow:
    return ApiKeyRow(
        token_id=row.TokenID,
        company_id=row.CompanyID,
        company_name=row.CompanyName,
        provider=row.Provider,
        status=row.Status,
        stored_key=row.ApiKey,
        total_token_limit=row.TotalTokenLimit,
        created_at=row.CreatedAt,
        updated_at=row.UpdatedAt,
        expires_at=row.ExpiresAt,
        cooldown_until=row.CooldownUntil,
        provider_project=row.ProviderProject,
        hint=row.ApiKeyHint,
        has_summary=row.SummaryID is not None,
        used_tokens=row.TotalUsedTokens,
        remaining_tokens=row.TotalRemainingTokens,
        reserved_tokens=row.ReservedTokens or 0,
        threshold=row.Threshold,
        time_zone=row.TimeZone,
        fingerprint=row.ApiKeyFingerprint,
    )


def _usable() -> Any:
    return or_(_status_is(KeyStatus.ACTIVE), _status_is(KeyStatus.BELOW_THRESHOLD))


def _still_is(fingerprint: str) -> Any:
    """A key from before encryption has no fingerprint; one that replaces it gets one."""
    return or_(table.c.ApiKeyFingerprint.is_(None), table.c.ApiKeyFingerprint == fingerprint)


def _status_is(status: KeyStatus) -> Any:
    """Status is typed by people: case and blanks do not count."""
    return func.lower(func.replace(table.c.Status, " ", "")) == status.value.lower()
