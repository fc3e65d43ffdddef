"""Companies are told of what became of their documents: where, and what is still to be sent."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from shared_code.database.clock import utc_now
from shared_code.database.migrations.column_types import big_key, dialect, folded_company, moment, schema, where

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add columns to the settings of companies, and a table of deliveries."""
    at = schema()
    for name, length in (
        ("WebhookUrl", 2000),
        ("WebhookEvents", 200),
        ("WebhookSecret", 500),
        ("WebhookOldSecret", 500),
    ):
        op.add_column("CompanySettings", sa.Column(name, sa.String(length)), schema=at)
    op.create_index(
        "IX_CompanySettings_Webhook",
        "CompanySettings",
        [folded_company()],
        schema=at,
        **where("WebhookUrl", "IS NOT NULL"),
    )
    op.create_table(
        "WebhookDeliveries",
        sa.Column("DeliveryID", big_key(), primary_key=True, autoincrement=True),
        sa.Column("MessageID", sa.String(40), nullable=False),
        sa.Column("CompanyID", sa.String(50), nullable=False),
        sa.Column("Event", sa.String(40), nullable=False),
        sa.Column("SubjectID", sa.String(40), nullable=False),
        sa.Column("Facts", sa.UnicodeText(), nullable=False),
        sa.Column("State", sa.String(10), nullable=False),
        sa.Column("OccurredAt", moment(), nullable=False, server_default=utc_now()),
        sa.Column("Since", moment(), nullable=False, server_default=utc_now()),
        sa.Column("NextAt", moment(), nullable=False),
        sa.Column("Attempts", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("LastStatus", sa.Integer()),
        sa.Column("LastError", sa.Unicode(300)),
        sa.Column("FinishedAt", moment()),
        schema=at,
        sqlite_autoincrement=True,
    )
    op.create_index("UX_WebhookDeliveries_MessageID", "WebhookDeliveries", ["MessageID"], unique=True, schema=at)
    # Azure SQL uses an index filtered by IS NULL only when the column stands in it.
    included: dict[str, Any] = {"mssql_include": ["FinishedAt"]} if dialect() == "mssql" else {}
    op.create_index(
        "IX_WebhookDeliveries_Due",
        "WebhookDeliveries",
        ["CompanyID", "NextAt"],
        schema=at,
        **included,
        **where("FinishedAt", "IS NULL"),
    )
    op.create_index("IX_WebhookDeliveries_State", "WebhookDeliveries", ["State", "CompanyID", "FinishedAt"], schema=at)
    op.create_index("IX_WebhookDeliveries_FinishedAt", "WebhookDeliveries", ["FinishedAt"], schema=at)
