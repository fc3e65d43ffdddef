"""Log rows name the operation that the telemetry of their request carries."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add it; old rows have none."""
    op.add_column("ApplicationLogs", sa.Column("OperationID", sa.String(32)))
    op.create_index("IX_ApplicationLogs_OperationID", "ApplicationLogs", ["OperationID"])
