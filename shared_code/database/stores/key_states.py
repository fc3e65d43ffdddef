"""What the timer must know of each key to judge it, and the limits that people change in TokenMaster by hand."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select, update

from shared_code.database.clock import utc_now
from shared_code.database.stores.usage_sums import sum_per_key
from shared_code.database.tables import token_master, token_usage_summary, usage_daily

master = token_master
summary = token_usage_summary
daily = usage_daily


@dataclass(frozen=True, slots=True)
class KeyState:
    """One key: as typed where people type it; amounts are model tokens, ``typical_tokens`` those of a usual call.

    ``remaining`` is None when the key has no limit. ``expires_at`` is naive UTC.
    """

    token_id: int
    company_id: str | None
    status: str | None
    limit: int | None
    used: int
    remaining: int | None
    threshold: int | None
    expires_at: datetime | None
    typical_tokens: int


@dataclass(frozen=True, slots=True)
class ChangedLimit:
    """A key whose running total was made for another limit than TokenMaster holds."""

    token_id: int
    limit: int | None


def key_states(connection: Connection, *, since: date) -> list[KeyState]:
    """All keys by id; a usual call is the mean of those since ``since``."""
    usual = sum_per_key(
        daily.c.TokenID,
        daily.c.TotalTokens.label("Tokens"),
        daily.c.Requests.label("Requests"),
        where=[daily.c.LocalDay >= since],
    )
    joined = master.outerjoin(summary, summary.c.TokenID == master.c.TokenID).outerjoin(
        usual, usual.c.TokenID == master.c.TokenID
    )
    rows = connection.execute(
        select(
            master.c.TokenID,
            master.c.CompanyID,
            master.c.Status,
            master.c.TotalTokenLimit,
            master.c.ExpiresAt,
            summary.c.TotalUsedTokens,
            summary.c.Threshold,
            usual.c.Tokens,
            usual.c.Requests,
        )
        .select_from(joined)
        .order_by(master.c.TokenID)
    )
    return [_state(row) for row in rows]


def changed_limits(connection: Connection) -> list[ChangedLimit]:
    """Keys whose limit was changed by hand since their running total was made."""
    rows = connection.execute(
        select(master.c.TokenID, master.c.TotalTokenLimit)
        .select_from(master.join(summary, summary.c.TokenID == master.c.TokenID))
        .where(_differs())
        .order_by(master.c.TokenID)
    )
    return [ChangedLimit(row.TokenID, row.TotalTokenLimit) for row in rows]


def take_over_limit(connection: Connection, changed: ChangedLimit) -> bool:
    """Make what remains follow the limit; False when the limit or the total was changed meanwhile.

    The limit is locked first, and only as it was read: an older one must never win over a newer.
    """
    limit = master.c.TotalTokenLimit
    lock = (
        update(master)
        .where(
            master.c.TokenID == changed.token_id, limit.is_(None) if changed.limit is None else limit == changed.limit
        )
        .values(TotalTokenLimit=limit)
    )
    if connection.execute(lock).rowcount == 0:
        return False
    remaining = summary.c.TotalRemainingTokens
    used = func.coalesce(summary.c.TotalUsedTokens, 0)
    result = connection.execute(
        update(summary)
        .where(
            summary.c.TokenID == changed.token_id,
            remaining.is_not(None)
            if changed.limit is None
            else or_(remaining.is_(None), remaining + used != changed.limit),
        )
        .values(
            TotalRemainingTokens=None if changed.limit is None else changed.limit - used,
            LastUpdated=utc_now(),
        )
    )
    return result.rowcount == 1


def _differs() -> Any:
    limit, remaining = master.c.TotalTokenLimit, summary.c.TotalRemainingTokens
    total = remaining + func.coalesce(summary.c.TotalUsedTokens, 0)
    return or_(
        and_(limit.is_(None), remaining.is_not(None)),
        and_(limit.is_not(None), or_(remaining.is_(None), total != limit)),
    )


def _state(row: Any) -> KeyState:
    limit, used = row.TotalTokenLimit, int(row.TotalUsedTokens or 0)
    return KeyState(
        token_id=row.TokenID,
        company_id=row.CompanyID,
        status=row.Status,
        limit=limit,
        used=used,
        remaining=None if limit is None else limit - used,
        threshold=row.Threshold,
        expires_at=row.ExpiresAt,
        typical_tokens=round(int(row.Tokens or 0) / int(row.Requests)) if row.Requests else 0,
    )
