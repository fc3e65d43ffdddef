"""What the timer looks for: results of dropped files that were lost after their booking, and claims of killed runs.

A result that was written has a row in WrittenResults. The first row is the moment of this step: what was booked before
it left no row, and counts as written.
"""

import sqlalchemy as sa
from alembic import op

from shared_code.database.clock import utc_now
from shared_code.database.migrations.column_types import big_key, moment, schema

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Create the table with its first row, and the index by which the timer finds ended leases."""
    table = op.create_table(
        "WrittenResults",
        sa.Column("WrittenResultID", big_key(), primary_key=True, autoincrement=True),
        sa.Column("Label", sa.String(64), nullable=False),
        sa.Column("WrittenAt", moment(), nullable=False, server_default=utc_now()),
        schema=schema(),
        sqlite_autoincrement=True,
    )
    op.create_index("UX_WrittenResults_Label", "WrittenResults", ["Label"], unique=True, schema=schema())
    op.execute(table.insert().values(Label="begin"))
    op.create_index("IX_Extractions_State", "Extractions", ["State", "LeaseUntil"], schema=schema())
