"""People sign in at the console, and stay so for a while; what its pages ask is found in indexes."""

import sqlalchemy as sa
from alembic import op

from shared_code.database.clock import utc_now
from shared_code.database.migrations.column_types import folded_company, moment, schema

revision = "0021"
down_revision = "0020"


#: of UsageDaily, what reports sum
_SUMS = (
    *("Requests", "Errors", "TotalTokens", "CostUSD", "Unpriced", "Unmeasured"),
    *("InputTokens", "OutputTokens", "ThoughtsTokens", "CachedTokens"),
)
#: table, name of the index behind it, columns
_INDEXES = (
    ("UsageDaily", "TokenID", ["TokenID", "LocalDay", "TotalTokens"]),
    ("UsageDaily", "Charts", ["LocalDay", "CompanyID", "Model", "Source", *_SUMS]),
    ("Extractions", "Company", ["CompanyID", "ExtractionID"]),
    ("Extractions", "InvoiceNumber", ["InvoiceNumber"]),
    ("Extractions", "CallID", ["CallID"]),
    ("TokenUsageLogs", "RequestID", ["RequestID"]),
    ("AdminAudit", "RequestID", ["RequestID"]),
)
#: the same in tables that the login's own schema has
_OWN_INDEXES = (
    ("ApplicationLogs", "CallID", ["CallID"]),
    ("RetryAttempts", "CallID", ["CallID"]),
    ("RetryAttempts", "RequestID", ["RequestID"]),
)


def upgrade() -> None:
    """Add a table of sessions, and indexes. That of use by key has more columns now."""
    at = schema()
    op.create_table(
        "ConsoleSessions",
        sa.Column("Sha256", sa.String(64), primary_key=True),
        sa.Column("Kind", sa.String(10), nullable=False),
        sa.Column("KeyID", sa.String(32), nullable=False),
        sa.Column("CreatedAt", moment(), nullable=False, server_default=utc_now()),
        sa.Column("LastUsedAt", moment(), nullable=False, server_default=utc_now()),
        sa.Column("ExpiresAt", moment(), nullable=False),
        schema=at,
    )
    op.create_index("IX_ConsoleSessions_ExpiresAt", "ConsoleSessions", ["ExpiresAt"], schema=at)
    op.create_index("IX_CompanySettings_CompanyID", "CompanySettings", [folded_company()], schema=at)
    op.drop_index("IX_UsageDaily_TokenID", "UsageDaily", schema=at)
    for table, name, columns in _INDEXES:
        op.create_index(f"IX_{table}_{name}", table, columns, schema=at)
    for table, name, columns in _OWN_INDEXES:
        op.create_index(f"IX_{table}_{name}", table, columns)
