"""Usage from before the upgrade waits for the fold like any other, so that reports show it.

The opening balance of a key held that use as one sum. What is to be folded is taken out of it, so that nothing counts
twice; it may end below 0, where the old summary said less than the rows do. The timer sums the rows, batch by batch.

Such a row has no CallID and was marked as folded (by step 0004) without being in UsageDaily. A row that people typed
in later, and that was folded, has its place there; where one with the same labels is there, the row is left alone.
"""

import sqlalchemy as sa
from alembic import op

from shared_code.database.migrations.column_types import schema

revision = "0016"
down_revision = "0015"

_LABELS = ("Branch", "RequestedBy", "Model", "Source")


def upgrade() -> None:
    """Plain statements only: the same ones stand in the script for a DBA."""
    summary = _table("TokenUsageSummary", "TokenID", "OpeningTokens")
    logs = _table("TokenUsageLogs", "TokenID", "CallID", "FoldedAt", "TotalTokensUsed", *_LABELS)
    old = _never_summed(logs)
    # BIGINT before the sum: Azure SQL sums INT as INT.
    tokens = (
        sa.select(sa.func.coalesce(sa.func.sum(sa.cast(logs.c.TotalTokensUsed, sa.BigInteger)), _literal("0")))
        .where(logs.c.TokenID == summary.c.TokenID, old)
        .correlate(summary)
        .scalar_subquery()
    )
    op.execute(
        sa.update(summary)
        .where(summary.c.TokenID.in_(sa.select(logs.c.TokenID).where(logs.c.TokenID.is_not(None), old)))
        .values(OpeningTokens=summary.c.OpeningTokens - tokens)
    )
    op.execute(sa.update(logs).where(old).values(FoldedAt=sa.null()))


def _never_summed(logs: sa.TableClause) -> sa.ColumnElement[bool]:
    daily = _table("UsageDaily", "TokenID", *_LABELS)
    same = [sa.func.coalesce(logs.c[name], _literal("''")) == daily.c[name] for name in _LABELS]
    summed = (
        sa.select(_literal("1"))
        .select_from(daily)
        .where(daily.c.TokenID == sa.func.coalesce(logs.c.TokenID, _literal("0")), *same)
        .correlate(logs)
    )
    return sa.and_(logs.c.CallID.is_(None), logs.c.FoldedAt.is_not(None), ~sa.exists(summed))


def _literal(value: str) -> sa.ColumnElement[object]:
    return sa.literal_column(value)


def _table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *(sa.column(column) for column in columns), schema=schema())
