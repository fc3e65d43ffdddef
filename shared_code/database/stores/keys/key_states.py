"""What the timer must know of each key to judge it, and the limits that people change in TokenMaster by hand."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, func, or_, select, update

from shared_code.database.clock import utc_now
from shared_code.database.stores.keys.tokens import ROWS, StoredKey, stored_key
from shared_code.database.stores.usage.usage_sums import keys_between, sum_per_key
from shared_code.database.tables import token_master, token_usage_summary, usage_daily

master = token_master
summary = token_usage_summary
daily = usage_daily


@dataclass(frozen=True, slots=True)
class KeyState:
    """A key, and the model tokens that a usual call takes from it."""

    key: StoredKey
    typical_tokens: int

    @property
    def remaining(self) -> int | None:
        """Model tokens that the limit leaves; None without a limit.

        From the limit itself: TotalRemainingTokens follows one that was changed by hand only with the next run.
        """
        limit = self.key.total_token_limit
        return None if limit is None else limit - (self.key.used_tokens or 0)


@dataclass(frozen=True, slots=True)
class ChangedLimit:
    """A key whose running total was made for another limit than TokenMaster holds."""

    token_id: int
    limit: int | None


def key_ids(connection: Connection) -> list[int]:
    """The ids of all keys, ascending."""
    return list(connection.execute(select(master.c.TokenID).order_by(master.c.TokenID)).scalars())


def companies_of(connection: Connection, token_ids: Collection[str]) -> set[str]:
    """The companies (in upper case) of some keys."""
    ids = [int(number) for number in token_ids if number.isdecimal()]
    if not ids:
        return set()
    rows = connection.execute(select(master.c.CompanyID).where(master.c.TokenID.in_(ids))).scalars()
    return {company.strip().upper() for company in rows if company}


def key_states(connection: Connection, *, since: date, first: int, last: int) -> list[KeyState]:
    """Keys with ids from ``first`` to ``last``, by id; a usual call is the mean of those since ``since``."""
    usual = sum_per_key(
        daily.c.TokenID,
        daily.c.TotalTokens.label("Tokens"),
        daily.c.Requests.label("Requests"),
        where=[daily.c.LocalDay >= since, keys_between(daily.c.TokenID, first, last)],
    )
    rows = connection.execute(
        ROWS.outerjoin(usual, usual.c.TokenID == master.c.TokenID)
        .add_columns(usual.c.Tokens, usual.c.Requests)
        .where(master.c.TokenID.between(first, last))
        .order_by(master.c.TokenID)
    )
    return [
        KeyState(stored_key(row), round(int(row.Tokens or 0) / int(row.Requests)) if row.Requests else 0)
        for row in rows
    ]


def changed_limits(connection: Connection, *, first: int, last: int) -> list[ChangedLimit]:
    """Keys with ids from ``first`` to ``last`` whose limit was changed by hand since their running total was made."""
    rows = connection.execute(
        select(master.c.TokenID, master.c.TotalTokenLimit, summary.c.TotalUsedTokens, summary.c.TotalRemainingTokens)
        .select_from(master.join(summary, summary.c.TokenID == master.c.TokenID))
        .where(master.c.TokenID.between(first, last))
        .order_by(master.c.TokenID)
    )
    # Compared here, not in SQL: a number typed at the end of BIGINT's range would overflow there.
    return [ChangedLimit(row.TokenID, row.TotalTokenLimit) for row in rows if _differs(row)]


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
            else or_(remaining.is_(None), remaining != changed.limit - used),
        )
        .values(
            TotalRemainingTokens=None if changed.limit is None else changed.limit - used,
            LastUpdated=utc_now(),
        )
    )
    return result.rowcount == 1


def _differs(row: Any) -> bool:
    limit = row.TotalTokenLimit
    expected = None if limit is None else limit - (row.TotalUsedTokens or 0)
    return bool(row.TotalRemainingTokens != expected)
