"""Changes of a key's row by an operator, but for the key itself (``token_keys``)."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, update

from shared_code.database.clock import utc_now
from shared_code.database.stores.token_fields import (
    MAX_THRESHOLD,
    checked_amount,
    checked_provider,
    checked_status,
    checked_text,
    naive_utc,
)
from shared_code.database.stores.tokens import ApiKeyRow, ensure_summary, get_token, set_limit
from shared_code.database.tables import token_master, token_usage_summary
from shared_code.records import KeyStatus, Provider

table = token_master
summary = token_usage_summary

#: what an operator may change
CHANGEABLE = (
    "company_name",
    "provider",
    "total_token_limit",
    "threshold",
    "status",
    "expires_at",
    "provider_project",
)


def lock_token(connection: Connection, token_id: int) -> ApiKeyRow | None:
    """The row, held until the transaction ends: what is compared with it stays true until it is written."""
    touched = connection.execute(
        update(table).where(table.c.TokenID == token_id).values(UpdatedAt=table.c.UpdatedAt)
    ).rowcount
    return get_token(connection, token_id) if touched else None


def change_token(connection: Connection, row: ApiKeyRow, changes: Mapping[str, Any]) -> None:
    """Write some of :data:`CHANGEABLE` to a locked row; None empties a field, and means "no limit" for the limit.

    :raises InvalidRequest: a value is malformed.
    """
    columns: dict[str, Any] = {}
    if "company_name" in changes:
        columns["CompanyName"] = checked_text("company_name", changes["company_name"], 200)
    if "provider" in changes:
        columns["Provider"] = checked_provider(changes["provider"]).value
    if "status" in changes:
        columns["Status"] = checked_status(changes["status"]).value
    if "expires_at" in changes:
        columns["ExpiresAt"] = naive_utc(changes["expires_at"])
    if "provider_project" in changes:
        columns["ProviderProject"] = checked_text("provider_project", changes["provider_project"], 100)
    if columns:
        _write(connection, row.token_id, columns)
    if "total_token_limit" in changes:
        set_limit(connection, row.token_id, changes["total_token_limit"])
    if "threshold" in changes:
        _set_threshold(connection, row, changes["threshold"])


def activate_token(connection: Connection, row: ApiKeyRow) -> None:
    """Put a key back into service and end its rest."""
    _write(connection, row.token_id, {"Status": KeyStatus.ACTIVE.value, "CooldownUntil": None})


def token_facts(row: ApiKeyRow) -> dict[str, Any]:
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
        "total_token_limit": row.total_token_limit,
        "threshold": row.threshold,
        "provider_project": row.provider_project,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "expires_at": row.expires_at,
        "cooldown_until": row.cooldown_until,
        "used_tokens": row.used_tokens or 0,
        "remaining_tokens": row.remaining_tokens if row.has_summary else row.total_token_limit,
        "reserved_tokens": row.reserved_tokens,
    }


def _set_threshold(connection: Connection, row: ApiKeyRow, threshold: int | None) -> None:
    checked_amount("threshold", threshold, MAX_THRESHOLD)
    ensure_summary(connection, row.token_id, row.total_token_limit)
    connection.execute(
        update(summary).where(summary.c.TokenID == row.token_id).values(Threshold=threshold, LastUpdated=utc_now())
    )


def _write(connection: Connection, token_id: int, columns: Mapping[str, Any]) -> None:
    connection.execute(update(table).where(table.c.TokenID == token_id).values({**columns, "UpdatedAt": utc_now()}))
