"""Jobs: uploads that are read later, each under the id of the reading that it is to make."""

import sqlalchemy as sa
from alembic import op

from shared_code.database.clock import utc_now
from shared_code.database.migrations.column_types import big_key, moment, schema, where

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Make the table."""
    at = schema()
    op.create_table(
        "Jobs",
        sa.Column("JobID", big_key(), primary_key=True, autoincrement=True),
        sa.Column("PublicID", sa.String(36), nullable=False),
        sa.Column("CompanyID", sa.String(50), nullable=False),
        sa.Column("DocumentSha256", sa.String(64), nullable=False),
        sa.Column("State", sa.String(10), nullable=False),
        sa.Column("Slot", sa.Integer()),
        sa.Column("SentAt", moment()),
        sa.Column("CallID", sa.String(36)),
        sa.Column("LeaseUntil", moment()),
        sa.Column("ReadingID", sa.String(36)),
        sa.Column("CreatedAt", moment(), nullable=False, server_default=utc_now()),
        sa.Column("UpdatedAt", moment(), nullable=False, server_default=utc_now()),
        schema=at,
        sqlite_autoincrement=True,
    )
    op.create_index("UX_Jobs_PublicID", "Jobs", ["PublicID"], unique=True, schema=at)
    op.create_index(
        "UX_Jobs_Slot", "Jobs", ["CompanyID", "Slot"], unique=True, schema=at, **where("Slot", "IS NOT NULL")
    )
    op.create_index("IX_Jobs_Turn", "Jobs", ["CompanyID", "State", "JobID"], schema=at)
    op.create_index("IX_Jobs_State", "Jobs", ["State", "UpdatedAt"], schema=at)
    op.create_index("IX_Jobs_Document", "Jobs", ["CompanyID", "DocumentSha256"], schema=at)
    op.create_index("IX_Jobs_UpdatedAt", "Jobs", ["UpdatedAt"], schema=at)
