"""Where the values of a reading stand in its document is kept beside the result, compressed; old readings have none.

What the second reader found after the answer had gone is kept with it, and leaves the result as it is.
"""

import sqlalchemy as sa
from alembic import op

from shared_code.database.migrations.column_types import schema

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("Extractions", sa.Column("Evidence", sa.LargeBinary()), schema=schema())
    op.add_column("Extractions", sa.Column("EvidenceVersion", sa.Integer()), schema=schema())
    op.add_column("Extractions", sa.Column("LateVerdict", sa.UnicodeText()), schema=schema())
