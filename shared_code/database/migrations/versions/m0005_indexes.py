"""Indexes on the seed's tables; ``tables.py`` says which query each one serves."""

from alembic import op

from shared_code.database.migrations.column_types import folded_company, schema, where

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Unique ones over nullable columns are filtered: Azure SQL counts NULLs as equal."""
    at = schema()
    op.create_index("IX_TokenMaster_CompanyID", "TokenMaster", [folded_company()], schema=at)
    op.create_index(
        "UX_TokenMaster_Fingerprint",
        "TokenMaster",
        [folded_company(), "ApiKeyFingerprint"],
        unique=True,
        schema=at,
        **where("ApiKeyFingerprint", "IS NOT NULL"),
    )
    op.create_index(
        "UX_TokenUsageLogs_Call",
        "TokenUsageLogs",
        ["CallID", "Attempt", "Kind"],
        unique=True,
        schema=at,
        **where("CallID", "IS NOT NULL"),
    )
    op.create_index(
        "IX_TokenUsageLogs_Unfolded", "TokenUsageLogs", ["UsageID"], schema=at, **where("FoldedAt", "IS NULL")
    )
    op.create_index("IX_TokenUsageLogs_TokenID", "TokenUsageLogs", ["TokenID"], schema=at)
    op.create_index("IX_TokenUsageLogs_LoggedAt", "TokenUsageLogs", ["LoggedAt"], schema=at)
    op.create_index(
        "UX_TokenUsageSummary_TokenID",
        "TokenUsageSummary",
        ["TokenID"],
        unique=True,
        schema=at,
        **where("TokenID", "IS NOT NULL"),
    )
    op.create_index("IX_ApplicationLogs_Timestamp", "ApplicationLogs", ["Timestamp"])
    op.create_index("IX_ApplicationLogs_RequestID", "ApplicationLogs", ["RequestID"])
    op.create_index("IX_RetryAttempts_Timestamp", "RetryAttempts", ["Timestamp"])
