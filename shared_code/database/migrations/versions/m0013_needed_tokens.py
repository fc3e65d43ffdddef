"""Claims remember how many tokens a document needs, when an answer was paid for that its limit left too little for."""

import sqlalchemy as sa
from alembic import op

from shared_code.database.migrations.column_types import schema

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add it; claims of old rows know of no need."""
    op.add_column("Extractions", sa.Column("NeededTokens", sa.BigInteger()), schema=schema())
