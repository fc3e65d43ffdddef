"""Keys and deeds of operators, and conditions that they should know of."""

import sqlalchemy as sa
from alembic import op

from shared_code.database.clock import utc_now
from shared_code.database.migrations.column_types import big_key, label, moment, schema, where

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "AdminKeys",
        sa.Column("KeyID", sa.String(32), primary_key=True),
        sa.Column("SecretSha256", sa.String(64), nullable=False),
        sa.Column("Role", sa.String(20), nullable=False),
        sa.Column("CompanyID", sa.String(50)),
        sa.Column("Label", sa.Unicode(100)),
        sa.Column("CreatedAt", moment(), nullable=False, server_default=utc_now()),
        sa.Column("RevokedAt", moment()),
        sa.Column("LastUsedAt", moment()),
        schema=schema(),
    )

    op.create_table(
        "AdminAudit",
        sa.Column("AuditID", big_key(), primary_key=True, autoincrement=True),
        sa.Column("At", moment(), nullable=False, server_default=utc_now()),
        sa.Column("Actor", sa.Unicode(100), nullable=False),
        sa.Column("Action", sa.String(50), nullable=False),
        sa.Column("Target", sa.Unicode(200)),
        sa.Column("Before", sa.UnicodeText),
        sa.Column("After", sa.UnicodeText),
        sa.Column("RequestID", sa.String(64)),
        schema=schema(),
    )

    op.create_table(
        "Alerts",
        sa.Column("AlertID", big_key(), primary_key=True, autoincrement=True),
        sa.Column("Kind", sa.String(40), nullable=False),
        sa.Column("Subject", label(200), nullable=False),
        sa.Column("Severity", sa.String(10), nullable=False),
        sa.Column("Message", sa.UnicodeText, nullable=False),
        sa.Column("Details", sa.UnicodeText),
        sa.Column("OpenedAt", moment(), nullable=False, server_default=utc_now()),
        sa.Column("LastSeenAt", moment(), nullable=False, server_default=utc_now()),
        sa.Column("ClosedAt", moment()),
        sa.Column("Occurrences", sa.Integer, nullable=False, server_default=sa.text("1")),
        schema=schema(),
    )
    op.create_index(
        "UX_Alerts_Open", "Alerts", ["Kind", "Subject"], unique=True, schema=schema(), **where("ClosedAt", "IS NULL")
    )
