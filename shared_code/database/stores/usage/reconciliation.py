"""Whether a key's running total agrees with what was booked, and the one correction of it.

``TotalUsedTokens`` must be ``OpeningTokens`` + UsageDaily + rows that wait for the fold. All of it is read in one
statement: what stands in the tables at one moment agrees, two reads one after the other need not.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    cast,
    func,
    select,
    update,
)

from shared_code.database.clock import utc_now
from shared_code.database.stores.usage.usage_sums import keys_between, sum_per_key
from shared_code.database.tables import token_master, token_usage_logs, token_usage_summary, usage_daily

logs = token_usage_logs
summary = token_usage_summary
daily = usage_daily

#: TokenID is an INT
_LOWEST, _HIGHEST = -(2**31), 2**31 - 1


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A key whose totals disagree: ``recorded`` stands in the summary, ``booked`` is what its rows add up to."""

    token_id: int
    company_id: str | None
    recorded: int
    booked: int


def find_discrepancies(connection: Connection, *, first: int = _LOWEST, last: int = _HIGHEST) -> list[Discrepancy]:
    """Keys with ids from ``first`` to ``last`` whose totals disagree, by id."""
    rows = connection.execute(_totals(first, last))
    return [Discrepancy(row.TokenID, row.CompanyID, int(row.Recorded), int(row.Booked)) for row in rows]


def recorded_keys(connection: Connection) -> list[int]:
    """The ids of keys that have a running total, ascending."""
    ids = select(summary.c.TokenID).where(summary.c.TokenID.is_not(None)).order_by(summary.c.TokenID)
    return list(connection.execute(ids).scalars())


def repair(connection: Connection, token_id: int) -> Discrepancy | None:
    """Move a key's total, and what remains, to what was booked; the discrepancy that was found, or None.

    The row is locked before anything is read, so that bookings that commit meanwhile are neither lost nor doubled.
    """
    lock = update(summary).where(summary.c.TokenID == token_id).values(OpeningTokens=summary.c.OpeningTokens)
    if connection.execute(lock).rowcount == 0:
        return None
    found = find_discrepancies(connection, first=token_id, last=token_id)
    if not found:
        return None
    difference = found[0].booked - found[0].recorded
    connection.execute(
        update(summary)
        .where(summary.c.TokenID == token_id)
        .values(
            TotalUsedTokens=func.coalesce(summary.c.TotalUsedTokens, 0) + difference,
            TotalRemainingTokens=summary.c.TotalRemainingTokens - difference,
            LastUpdated=utc_now(),
        )
    )
    return found[0]


def booked_tokens_of(connection: Connection, token_id: int) -> tuple[int, int]:
    """``(opening, booked)`` of a key without a running total: model tokens logged before this system, and since.

    Rows from before the upgrade that are marked as folded, but are not in UsageDaily, are the opening balance.
    """
    logged = select(_sum(logs.c.TotalTokensUsed)).where(logs.c.TokenID == token_id).scalar_subquery()
    folded = select(_sum(daily.c.TotalTokens)).where(daily.c.TokenID == token_id).scalar_subquery()
    waiting = (
        select(_sum(logs.c.TotalTokensUsed))
        .where(logs.c.TokenID == token_id, logs.c.FoldedAt.is_(None))
        .scalar_subquery()
    )
    row = connection.execute(select(logged.label("logged"), folded.label("folded"), waiting.label("waiting"))).one()
    booked = int(row.folded) + int(row.waiting)
    return max(int(row.logged) - booked, 0), booked


def _totals(first: int, last: int) -> Select[Any]:
    folded = sum_per_key(
        daily.c.TokenID, daily.c.TotalTokens.label("Tokens"), where=[keys_between(daily.c.TokenID, first, last)]
    )
    # BIGINT before the sum: Azure SQL sums INT as INT.
    tokens = cast(logs.c.TotalTokensUsed, BigInteger).label("Tokens")
    waits = [logs.c.FoldedAt.is_(None), keys_between(logs.c.TokenID, first, last)]
    waiting = sum_per_key(logs.c.TokenID, tokens, where=waits)
    recorded = func.coalesce(summary.c.TotalUsedTokens, 0)
    booked = summary.c.OpeningTokens + func.coalesce(folded.c.Tokens, 0) + func.coalesce(waiting.c.Tokens, 0)
    joined = (
        summary.outerjoin(folded, folded.c.TokenID == summary.c.TokenID)
        .outerjoin(waiting, waiting.c.TokenID == summary.c.TokenID)
        .outerjoin(token_master, token_master.c.TokenID == summary.c.TokenID)
    )
    return (
        select(summary.c.TokenID, token_master.c.CompanyID, recorded.label("Recorded"), booked.label("Booked"))
        .select_from(joined)
        .where(summary.c.TokenID.between(first, last), recorded != booked)
        .order_by(summary.c.TokenID)
    )


def _sum(column: ColumnElement[Any]) -> ColumnElement[int]:
    # BIGINT before the sum: Azure SQL sums INT as INT.
    return func.coalesce(func.sum(cast(column, BigInteger)), 0)
