"""Usage summed per day, from which reports are made."""

import sqlalchemy as sa
from alembic import op

from shared_code.database.migrations.column_types import big_key, label, schema

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "UsageDaily",
        sa.Column("UsageDailyID", big_key(), primary_key=True, autoincrement=True),
        sa.Column("LocalDay", sa.Date, nullable=False),
        sa.Column("TokenID", sa.Integer, nullable=False),
        sa.Column("CompanyID", sa.String(50), nullable=False),
        sa.Column("Branch", label(50), nullable=False),
        sa.Column("RequestedBy", label(100), nullable=False),
        sa.Column("Model", sa.String(100), nullable=False),
        sa.Column("Source", sa.String(20), nullable=False),
        sa.Column("Requests", sa.BigInteger, nullable=False),
        sa.Column("Errors", sa.BigInteger, nullable=False),
        sa.Column("Unmeasured", sa.BigInteger, nullable=False),
        sa.Column("InputTokens", sa.BigInteger, nullable=False),
        sa.Column("OutputTokens", sa.BigInteger, nullable=False),
        sa.Column("ThoughtsTokens", sa.BigInteger, nullable=False),
        sa.Column("CachedTokens", sa.BigInteger, nullable=False),
        sa.Column("TotalTokens", sa.BigInteger, nullable=False),
        sa.Column("CostUSD", sa.Numeric(18, 8), nullable=False),
        sa.Column("Unpriced", sa.BigInteger, nullable=False),
        schema=schema(),
    )
    op.create_index(
        "UX_UsageDaily_Key",
        "UsageDaily",
        ["LocalDay", "TokenID", "CompanyID", "Branch", "RequestedBy", "Model", "Source"],
        unique=True,
        schema=schema(),
    )
    op.create_index("IX_UsageDaily_Company", "UsageDaily", ["CompanyID", "LocalDay"], schema=schema())
    op.create_index("IX_UsageDaily_TokenID", "UsageDaily", ["TokenID"], schema=schema())
