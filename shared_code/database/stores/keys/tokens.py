"""TokenMaster: the companies' provider keys, with their budgets. Keys go in encrypted and come out as stored."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, String, bindparam, cast, func, or_, select, update

from shared_code.database import key_cipher
from shared_code.database.clock import utc_now
from shared_code.database.company_case import folded, same_company
from shared_code.database.key_cipher import KeyCipher
from shared_code.database.stores.keys.token_fields import naive_utc
from shared_code.database.stores.prepared import Prepared
from shared_code.database.tables import company_settings, token_master, token_usage_summary
from shared_code.errors import ConfigurationError
from shared_code.records import ApiKey, KeyStatus, Provider

table = token_master
summary = token_usage_summary
zone = company_settings

_PAGE = 500

# Built once: putting a statement together costs more than running it on SQLite.
ROWS: Select[Any] = select(
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
_COMPANY_KEYS = Prepared(
    ROWS.where(same_company(table.c.CompanyID, bindparam("company", type_=String(50)))).order_by(table.c.TokenID)
)


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One key as TokenMaster and TokenUsageSummary hold it.

    ``status`` and ``provider`` are as typed; ``stored_key`` is ciphertext or a legacy plain key.

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

    @property
    def in_plain_text(self) -> bool:
        """Whether the key is from before encryption and was not written again since."""
        stored = (self.stored_key or "").strip()
        return bool(stored) and not stored.startswith(key_cipher.PREFIX)

    @property
    def unused_tokens(self) -> int | None:
        """What remains of the limit, None when there is none.

        Without a summary row nothing was used yet: the whole limit remains, and no row is never "no limit".
        """
        return self.remaining_tokens if self.has_summary else self.total_token_limit

    @property
    def available_tokens(self) -> int | None:
        """Tokens that a new reservation could take, or None when there is no limit."""
        return None if self.unused_tokens is None else self.unused_tokens - self.reserved_tokens

    def decrypted(self, cipher: KeyCipher) -> ApiKey:
        """The key for use. Only for rows whose provider and status are readable.

        :raises ConfigurationError: the key does not open, or is empty.
        """
        provider, status = Provider.parse(self.provider), KeyStatus.parse(self.status)
        secret = cipher.decrypt(self.stored_key or "", self.token_id)
        if provider is None or status is None or not secret:
            what = "provider" if provider is None else "status" if status is None else "key"
            raise ConfigurationError(f"Token {self.token_id} has no readable {what}")
        return ApiKey(
            token_id=self.token_id,
            company_id=(self.company_id or "").upper(),
            provider=provider,
            status=status,
            secret=secret,
            stored_key=self.stored_key,
            total_token_limit=self.total_token_limit,
            remaining_tokens=self.unused_tokens,
            reserved_tokens=self.reserved_tokens,
            cooldown_until=self.cooldown_until,
            provider_project=self.provider_project,
            has_summary=self.has_summary,
        )


def company_keys(connection: Connection, company_id: str) -> list[StoredKey]:
    """All keys of a company, whatever their status, in one statement; ``company_id`` is in upper case."""
    return [stored_key(row) for row in _COMPANY_KEYS.rows(connection, {"company": company_id})]


def is_key_of(connection: Connection, token_id: int | None, company_id: str) -> bool:
    """Whether a key is there, and the company's."""
    own = select(table.c.TokenID).where(table.c.TokenID == token_id, same_company(table.c.CompanyID, company_id))
    return connection.execute(own).first() is not None


def get_token(connection: Connection, token_id: int) -> StoredKey | None:
    """One key, or None."""
    row = connection.execute(ROWS.where(table.c.TokenID == token_id)).first()
    return None if row is None else stored_key(row)


def list_tokens(
    connection: Connection,
    *,
    company_id: str | None = None,
    status: KeyStatus | None = None,
    after_id: int = 0,
    limit: int = 100,
) -> list[StoredKey]:
    """Keys in ascending order of id, after ``after_id``."""
    query = ROWS.where(table.c.TokenID > after_id).order_by(table.c.TokenID).limit(limit)
    if company_id is not None:
        query = query.where(same_company(table.c.CompanyID, company_id))
    if status is not None:
        query = query.where(_status_is(status))
    return [stored_key(row) for row in connection.execute(query)]


def all_tokens(
    connection: Connection, *, company_id: str | None = None, status: KeyStatus | None = None
) -> list[StoredKey]:
    """Keys in ascending order of id, however many they are."""
    found: list[StoredKey] = []
    while page := list_tokens(
        connection, company_id=company_id, status=status, after_id=found[-1].token_id if found else 0, limit=_PAGE
    ):
        found += page
    return found


def count_usable(connection: Connection) -> int:
    """Keys that can serve now, by status and end date."""
    return int(connection.execute(select(func.count()).select_from(table).where(*_serves_now())).scalar_one())


@dataclass(frozen=True, slots=True)
class StoredText:
    """What stands in a row's ApiKey: ciphertext, or a legacy plain key."""

    token_id: int
    company_id: str
    text: str | None = field(repr=False)


def usable_texts(connection: Connection, *, after_id: int, limit: int) -> list[StoredText]:
    """The stored keys that can serve now, in ascending order of id after ``after_id``."""
    query = (
        select(table.c.TokenID, table.c.CompanyID, table.c.ApiKey)
        .where(table.c.TokenID > after_id, *_serves_now())
        .order_by(table.c.TokenID)
        .limit(limit)
    )
    return [
        StoredText(row.TokenID, (row.CompanyID or "").strip().upper(), row.ApiKey) for row in connection.execute(query)
    ]


def usable_by_company(connection: Connection) -> dict[str, str]:
    """Companies (ids in upper case) with keys that can serve now: a text that changes when one is added or changed."""
    # As text: a moment that was typed beyond what a datetime takes must not hide the other companies.
    changed = cast(table.c.UpdatedAt, String(40)).label("Changed")
    columns = (table.c.CompanyID, table.c.TokenID, table.c.ApiKeyFingerprint, table.c.TotalTokenLimit, changed)
    rows = connection.execute(
        select(*columns).where(*_serves_now(), table.c.CompanyID.is_not(None)).order_by(table.c.TokenID)
    )
    found: dict[str, str] = {}
    for row in rows:
        key = f"{row.TokenID}:{(row.ApiKeyFingerprint or '')[:12]}:{row.TotalTokenLimit}:{row.Changed or ''}"
        company = row.CompanyID.strip().upper()
        found[company] = f"{found[company]} {key}" if company in found else key
    return found


def newest_usable(connection: Connection, provider: Provider, *, limit: int) -> list[StoredKey]:
    """Usable keys of a provider, the newest first."""
    typed = func.lower(func.trim(func.coalesce(table.c.Provider, "")))
    names = [provider.value.lower(), *([""] if Provider.parse(None) is provider else [])]
    query = ROWS.where(_usable(), typed.in_(names)).order_by(table.c.TokenID.desc()).limit(limit)
    return [stored_key(row) for row in connection.execute(query)]


def set_status(connection: Connection, token_id: int, status: KeyStatus, *, expected: KeyStatus | None = None) -> bool:
    """Change a key's status, only from ``expected`` when given; False when nothing was changed."""
    change = update(table).where(table.c.TokenID == token_id).values(Status=status.value, UpdatedAt=utc_now())
    if expected is not None:
        change = change.where(_status_is(expected))
    return connection.execute(change).rowcount == 1


def refuse_key(connection: Connection, token_id: int, status: KeyStatus, *, stored_key: str) -> bool:
    """Take a key out of use that its provider refused; False when it was set aside meanwhile.

    :param stored_key: as the row held it when the call began: a key that took its place meanwhile stays in use.
    """
    change = update(table).where(table.c.TokenID == token_id, table.c.ApiKey == stored_key, _usable())
    return connection.execute(change.values(Status=status.value, UpdatedAt=utc_now())).rowcount == 1


def set_cooldown(
    connection: Connection, token_id: int, until: datetime | None, *, stored_key: str | None = None
) -> bool:
    """Let a key rest until a moment (never shorter than it already does); None ends the rest.

    :param stored_key: as the row held it when the call began: a key that took its place meanwhile does not rest.
    """
    moment = naive_utc(until)
    change = update(table).where(table.c.TokenID == token_id).values(CooldownUntil=moment)
    if stored_key is not None:
        change = change.where(table.c.ApiKey == stored_key)
    if moment is not None:
        change = change.where(or_(table.c.CooldownUntil.is_(None), table.c.CooldownUntil < moment))
    return connection.execute(change).rowcount == 1


def block_project(connection: Connection, company_id: str, project: str) -> int:
    """Set all usable keys of a company's provider project to Blocked (the provider suspended it); returns how many."""
    result = connection.execute(
        update(table)
        .where(same_company(table.c.CompanyID, company_id), table.c.ProviderProject == project, _usable())
        .values(Status=KeyStatus.BLOCKED.value, UpdatedAt=utc_now())
    )
    return int(result.rowcount)


def stored_key(row: Any) -> StoredKey:
    """The key of a row of :data:`ROWS`."""
    # Spelled out, unlike other rows: every upload reads its company's keys.
    return StoredKey(
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


def _serves_now() -> tuple[Any, Any]:
    return _usable(), or_(table.c.ExpiresAt.is_(None), table.c.ExpiresAt > utc_now())


def _usable() -> Any:
    return or_(_status_is(KeyStatus.ACTIVE), _status_is(KeyStatus.BELOW_THRESHOLD))


def _status_is(status: KeyStatus) -> Any:
    """Status is typed by people: case and blanks do not count."""
    return func.lower(func.replace(table.c.Status, " ", "")) == status.value.lower()
