"""Azure SQL uses an index filtered by ``IS NULL`` only when the column stands in the index too.

Microsoft Learn, "Create filtered indexes": the column of the filter is a key or an included column of the index when
the query's condition is not the filter word for word, which for ``IS NULL`` it never counts as.
"""

from alembic import op

from shared_code.database.migrations.column_types import dialect, schema, where

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make the two again with the column in them; the other backends need no column."""
    if dialect() != "mssql":
        return
    op.drop_index("IX_TokenUsageLogs_Unfolded", "TokenUsageLogs", schema=schema())
    op.create_index(
        "IX_TokenUsageLogs_Unfolded",
        "TokenUsageLogs",
        ["UsageID"],
        schema=schema(),
        mssql_include=["FoldedAt"],
        **where("FoldedAt", "IS NULL"),
    )
    op.drop_index("UX_Alerts_Open", "Alerts", schema=schema())
    op.create_index(
        "UX_Alerts_Open",
        "Alerts",
        ["Kind", "Subject"],
        unique=True,
        schema=schema(),
        mssql_include=["ClosedAt"],
        **where("ClosedAt", "IS NULL"),
    )
