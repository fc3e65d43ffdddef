"""Changes of a key's row: by operators, and of what remains of its limit. The key itself: ``token_keys``."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from shared_code.database.clock import utc_now
from shared_code.database.stores.keys.token_fields import (
    MAX_THRESHOLD,
    MAX_TOKENS,
    checked_amount,
    checked_provider,
    checked_status,
    checked_text,
    naive_utc,
    without_nulls,
)
from shared_code.database.stores.keys.tokens import StoredKey, get_token
from shared_code.database.stores.lock_order import hold_company
from shared_code.database.stores.usage.reconciliation import booked_tokens_of
from shared_code.database.stores.usage.reservations import tokens_reserved_on
from shared_code.database.tables import token_master, token_usage_summary
from shared_code.records import KeyStatus, Provider

table = token_master
summary = token_usage_summary

#: columns of the key's own row that an operator may change, by their fields, and how a value is checked
_COLUMNS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "company_name": ("CompanyName", lambda name: checked_text("company_name", name, 200)),
    "provider": ("Provider", lambda provider: checked_provider(provider).value),
    "status": ("Status", lambda status: checked_status(status).value),
    "expires_at": ("ExpiresAt", naive_utc),
    "provider_project": ("ProviderProject", lambda project: checked_text("provider_project", project, 100)),
}


def lock_token(connection: Connection, token_id: int) -> StoredKey | None:
    """The row, held until the transaction ends: what is compared with it stays true until it is written."""
    touched = connection.execute(
        update(table).where(table.c.TokenID == token_id).values(UpdatedAt=table.c.UpdatedAt)
    ).rowcount
    return get_token(connection, token_id) if touched else None


def change_token(connection: Connection, row: StoredKey, changes: Mapping[str, Any]) -> None:
    """Write ``changes`` to a locked row; None empties a field, and means "no limit" for the limit.

    :param changes: ``company_name``, ``provider``, ``total_token_limit``, ``threshold``, ``status``, ``expires_at``,
        ``provider_project``, as many of them as are to be changed.
    :raises InvalidRequest: a value is malformed.
    """
    columns = {column: check(changes[field]) for field, (column, check) in _COLUMNS.items() if field in changes}
    if columns:
        _write(connection, row.token_id, columns)
    if "total_token_limit" in changes:
        set_limit(connection, row.token_id, changes["total_token_limit"])
    if "threshold" in changes:
        _set_threshold(connection, row, changes["threshold"])


def activate_token(connection: Connection, row: StoredKey) -> None:
    """Put a key back into service and end its rest."""
    _write(connection, row.token_id, {"Status": KeyStatus.ACTIVE.value, "CooldownUntil": None})


def token_facts(row: StoredKey) -> dict[str, Any]:
    """What people are shown of a key: its last four characters and its fingerprint, never the key.

    Status and provider as this system reads them; what it cannot read is shown as typed. Moments are naive UTC.
    """
    status, provider = KeyStatus.parse(row.status), Provider.parse(row.provider)
    return {
        "token_id": row.token_id,
        "company_id": row.company_id,
        "company_name": row.company_name,
        "provider": row.provider if provider is None else provider.value,
        "status": row.status if status is None else status.value,
        "api_key_hint": row.hint,
        "api_key_fingerprint": row.fingerprint,
        "in_plain_text": row.in_plain_text,
        "total_token_limit": row.total_token_limit,
        "threshold": row.threshold,
        "provider_project": row.provider_project,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "expires_at": row.expires_at,
        "cooldown_until": row.cooldown_until,
        "used_tokens": row.used_tokens or 0,
        "remaining_tokens": row.unused_tokens,
        "reserved_tokens": row.reserved_tokens,
    }


def _set_threshold(connection: Connection, row: StoredKey, threshold: int | None) -> None:
    checked_amount("threshold", threshold, MAX_THRESHOLD)
    ensure_summary(connection, row.token_id, row.total_token_limit)
    connection.execute(
        update(summary).where(summary.c.TokenID == row.token_id).values(Threshold=threshold, LastUpdated=utc_now())
    )


def _write(connection: Connection, token_id: int, columns: Mapping[str, Any]) -> None:
    connection.execute(update(table).where(table.c.TokenID == token_id).values({**columns, "UpdatedAt": utc_now()}))


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


def ensure_summary(connection: Connection, token_id: int, limit: int | None) -> bool:
    """Make the summary row of a key that was typed in by hand; False when there is one already.

    Use that was logged without a summary row counts against the limit, and so does what running calls hold.
    """
    exists = select(summary.c.SummaryID).where(summary.c.TokenID == token_id)
    if connection.execute(exists).first() is not None:
        return False
    company = connection.execute(select(table.c.CompanyID).where(table.c.TokenID == token_id)).scalar()
    if company:
        hold_company(connection, company.upper())
        if connection.execute(exists).first() is not None:
            return False
    opening, booked = booked_tokens_of(connection, token_id)
    used = opening + booked
    values = {
        "TokenID": token_id,
        "TotalUsedTokens": used,
        "TotalRemainingTokens": None if limit is None else limit - used,
        "ReservedTokens": tokens_reserved_on(connection, token_id),
        "OpeningTokens": opening,
    }
    try:
        with connection.begin_nested():
            connection.execute(insert(summary).values(without_nulls(values)))
    except IntegrityError:
        return False
    return True
