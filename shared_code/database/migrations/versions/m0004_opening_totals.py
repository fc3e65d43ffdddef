"""Old rows get their place in the new accounts.

Duplicate summary rows of a key become one whose use is their sum. What the summary held is the opening balance, and
the usage rows it was made of count as folded, so that nothing is counted twice. Rows that people must look at (equal
keys, negative limits, unknown statuses) are reported and left as they are.
"""

import sqlalchemy as sa
from alembic import op

from shared_code.database.clock import utc_now
from shared_code.database.migrations.column_types import schema
from shared_code.database.migrations.findings import report

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Plain statements only: the same ones stand in the script for a DBA."""
    if not op.get_context().as_sql:
        report(op.get_bind(), schema())
    summary = _table(
        "TokenUsageSummary", "SummaryID", "TokenID", "TotalUsedTokens", "TotalRemainingTokens", "OpeningTokens"
    )
    master = _table("TokenMaster", "TokenID", "TotalTokenLimit")
    logs = _table("TokenUsageLogs", "CallID", "FoldedAt")
    _merge_duplicates(summary)
    limit = sa.select(master.c.TotalTokenLimit).where(master.c.TokenID == summary.c.TokenID).scalar_subquery()
    limited = sa.select(master.c.TokenID).where(master.c.TotalTokenLimit.is_not(None))
    # NULL would mean "no limit" from now on.
    op.execute(
        sa.update(summary)
        .where(summary.c.TotalRemainingTokens.is_(None), summary.c.TokenID.in_(limited))
        .values(TotalRemainingTokens=limit - sa.func.coalesce(summary.c.TotalUsedTokens, 0))
    )
    op.execute(sa.update(summary).values(OpeningTokens=sa.func.coalesce(summary.c.TotalUsedTokens, 0)))
    op.execute(sa.update(logs).where(logs.c.CallID.is_(None)).values(FoldedAt=utc_now()))


def _merge_duplicates(summary: sa.TableClause) -> None:
    first = sa.func.min(summary.c.SummaryID)
    doubled = (
        sa.select(first).where(summary.c.TokenID.is_not(None)).group_by(summary.c.TokenID).having(sa.func.count() > 1)
    )
    kept = sa.select(first).where(summary.c.TokenID.is_not(None)).group_by(summary.c.TokenID)
    row = summary.alias("same")
    used = sa.select(sa.func.sum(row.c.TotalUsedTokens)).where(row.c.TokenID == summary.c.TokenID).scalar_subquery()
    # What remains is computed from the limit below; a key without one keeps the least that a row claimed.
    least = (
        sa.select(sa.func.min(row.c.TotalRemainingTokens)).where(row.c.TokenID == summary.c.TokenID).scalar_subquery()
    )
    master = _table("TokenMaster", "TokenID", "TotalTokenLimit")
    limited = sa.select(master.c.TokenID).where(master.c.TotalTokenLimit.is_not(None))
    op.execute(
        sa.update(summary)
        .where(summary.c.SummaryID.in_(doubled))
        .values(
            TotalUsedTokens=used,
            TotalRemainingTokens=sa.case((summary.c.TokenID.in_(limited), sa.null()), else_=least),
        )
    )
    op.execute(sa.delete(summary).where(summary.c.TokenID.is_not(None), summary.c.SummaryID.not_in(kept)))


def _table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *(sa.column(column, sa.BigInteger()) for column in columns), schema=schema())
