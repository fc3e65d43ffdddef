"""Tokens set aside for running calls, and limits of companies, branches and users."""

import sqlalchemy as sa
from alembic import op

from shared_code.database.clock import utc_now
from shared_code.database.migrations.column_types import folded_company, label, moment, schema

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create them."""
    prefix = f"{schema()}." if schema() else ""
    op.create_table(
        "TokenReservations",
        sa.Column("CallID", sa.String(36), primary_key=True),
        sa.Column("Attempt", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("TokenID", sa.Integer),
        sa.Column("CompanyID", sa.String(50), nullable=False),
        sa.Column("Branch", label(50)),
        sa.Column("RequestedBy", label(100)),
        sa.Column("RequestID", sa.String(64)),
        sa.Column("LocalDay", sa.Date, nullable=False),
        sa.Column("Provider", sa.String(20), nullable=False),
        sa.Column("Model", sa.String(100), nullable=False),
        sa.Column("Source", sa.String(20), nullable=False),
        sa.Column("DocumentSha256", sa.String(64)),
        sa.Column("BoundTokens", sa.BigInteger, nullable=False),
        sa.Column("CounterIDs", sa.String(400), nullable=False, server_default=""),
        sa.Column("CreatedAt", moment(), nullable=False, server_default=utc_now()),
        sa.Column("LeaseUntil", moment(), nullable=False),
        schema=schema(),
    )
    op.create_index("IX_TokenReservations_LeaseUntil", "TokenReservations", ["LeaseUntil"], schema=schema())

    op.create_table(
        "Quotas",
        sa.Column("QuotaID", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("CompanyID", sa.String(50), nullable=False),
        sa.Column("Scope", sa.String(10), nullable=False),
        sa.Column("Subject", label(100), nullable=False, server_default=""),
        sa.Column("DailyLimit", sa.BigInteger),
        sa.Column("MonthlyLimit", sa.BigInteger),
        sa.Column("CreatedAt", moment(), nullable=False, server_default=utc_now()),
        sa.Column("UpdatedAt", moment()),
        schema=schema(),
    )
    op.create_index("UX_Quotas_Subject", "Quotas", [folded_company(), "Scope", "Subject"], unique=True, schema=schema())
    op.create_index("IX_Quotas_Subject", "Quotas", ["Subject"], schema=schema())

    op.create_table(
        "QuotaCounters",
        sa.Column("CounterID", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("QuotaID", sa.Integer, sa.ForeignKey(f"{prefix}Quotas.QuotaID"), nullable=False),
        sa.Column("Period", sa.String(10), nullable=False),
        sa.Column("LimitTokens", sa.BigInteger),
        sa.Column("UsedTokens", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("ReservedTokens", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        schema=schema(),
    )
    op.create_index("UX_QuotaCounters_Period", "QuotaCounters", ["QuotaID", "Period"], unique=True, schema=schema())

    op.create_table(
        "CompanySettings",
        sa.Column("CompanyID", sa.String(50), primary_key=True),
        sa.Column("TimeZone", sa.String(64), nullable=False),
        sa.Column("UpdatedAt", moment()),
        schema=schema(),
    )
