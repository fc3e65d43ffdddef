"""Which documents are being read or were read, with their results."""

import sqlalchemy as sa
from alembic import op

from shared_code.database.clock import utc_now
from shared_code.database.migrations.column_types import big_key, moment, schema

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "Extractions",
        sa.Column("ExtractionID", big_key(), primary_key=True, autoincrement=True),
        sa.Column("ClaimKey", sa.String(64), nullable=False),
        sa.Column("CompanyID", sa.String(50), nullable=False),
        sa.Column("DocumentSha256", sa.String(64), nullable=False),
        sa.Column("PromptVersion", sa.String(20), nullable=False),
        sa.Column("Provider", sa.String(20), nullable=False),
        sa.Column("Model", sa.String(100), nullable=False),
        sa.Column("CallID", sa.String(36), nullable=False),
        sa.Column("State", sa.String(10), nullable=False),
        sa.Column("LeaseUntil", moment(), nullable=False),
        sa.Column("CreatedAt", moment(), nullable=False, server_default=utc_now()),
        sa.Column("FinishedAt", moment()),
        sa.Column("Status", sa.String(20)),
        sa.Column("Result", sa.UnicodeText),
        sa.Column("DuplicateKey", sa.String(64)),
        sa.Column("SimilarKey", sa.String(64)),
        sa.Column("InvoiceNumber", sa.Unicode(100)),
        schema=schema(),
    )
    op.create_index("UX_Extractions_ClaimKey", "Extractions", ["ClaimKey"], unique=True, schema=schema())
    op.create_index("IX_Extractions_Duplicate", "Extractions", ["CompanyID", "DuplicateKey"], schema=schema())
    op.create_index("IX_Extractions_Similar", "Extractions", ["CompanyID", "SimilarKey"], schema=schema())
    op.create_index("IX_Extractions_CreatedAt", "Extractions", ["CreatedAt"], schema=schema())
