"""Our columns on the seed's tables."""

import sqlalchemy as sa
from alembic import op

from shared_code.database.migrations.column_types import moment, schema

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add them: nullable, or with a constant default, so that old rows need no change."""
    for table, columns in _columns().items():
        for column in columns:
            op.add_column(table, column, schema=schema())
    for table in ("ApplicationLogs", "RetryAttempts"):
        op.add_column(table, sa.Column("CallID", sa.String(36)))
        op.add_column(table, sa.Column("RequestID", sa.String(64)))


def _columns() -> dict[str, tuple[sa.Column[object], ...]]:
    return {
        "TokenMaster": (
            sa.Column("UpdatedAt", moment()),
            sa.Column("ExpiresAt", moment()),
            sa.Column("CooldownUntil", moment()),
            sa.Column("ProviderProject", sa.Unicode(100)),
            sa.Column("ApiKeyHint", sa.String(8)),
            sa.Column("ApiKeyFingerprint", sa.String(64)),
        ),
        "TokenUsageLogs": (
            sa.Column("CallID", sa.String(36)),
            sa.Column("Attempt", sa.Integer()),
            sa.Column("Kind", sa.String(20)),
            sa.Column("RequestID", sa.String(64)),
            sa.Column("CompanyID", sa.String(50)),
            sa.Column("LocalDay", sa.Date()),
            sa.Column("Model", sa.String(100)),
            sa.Column("ThoughtsTokens", sa.Integer()),
            sa.Column("CachedTokens", sa.Integer()),
            sa.Column("CostUSD", sa.Numeric(18, 8)),
            sa.Column("DurationMs", sa.Integer()),
            sa.Column("Source", sa.String(20)),
            sa.Column("Outcome", sa.String(40)),
            sa.Column("DocumentSha256", sa.String(64)),
            sa.Column("FoldedAt", moment()),
        ),
        "TokenUsageSummary": (
            sa.Column("ReservedTokens", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
            sa.Column("OpeningTokens", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        ),
    }
