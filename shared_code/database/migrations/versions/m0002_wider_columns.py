"""Columns of the seed's tables that end too soon.

Token sums become BIGINT (INT ends at 2.1 billion), text that people type becomes Unicode (the ODBC driver turns other
characters of a VARCHAR into ``?``), an encrypted key needs room, and stamps are UTC by the database's clock.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

from shared_code.database.clock import utc_now
from shared_code.database.migrations.column_types import dialect, label, schema

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Change them; SQLite copies each table once."""
    with op.batch_alter_table("TokenMaster", schema=schema()) as master:
        _retype(master, "CompanyName", sa.String(200), sa.Unicode(200))
        _retype(master, "ApiKey", sa.String(500), sa.String(1000))
        _retype(master, "TotalTokenLimit", sa.Integer(), sa.BigInteger())
        _stamp(master, "CreatedAt")
    with op.batch_alter_table("TokenUsageLogs", schema=schema()) as logs:
        _retype(logs, "Branch", sa.String(50), label(50))
        _retype(logs, "RequestedBy", sa.String(100), label(100))
        _stamp(logs, "LoggedAt")
    with op.batch_alter_table("TokenUsageSummary", schema=schema()) as summary:
        # The default stands in the way on Azure SQL: it is dropped before and made again.
        summary.alter_column(
            "TotalUsedTokens",
            existing_type=sa.Integer(),
            type_=sa.BigInteger(),
            existing_nullable=True,
            existing_server_default=sa.text("0"),
            server_default=sa.text("0"),
        )
        _retype(summary, "TotalRemainingTokens", sa.Integer(), sa.BigInteger())
        _stamp(summary, "LastUpdated")
    long_text = sa.Text().with_variant(sa.String(), "mssql")
    with op.batch_alter_table("ApplicationLogs") as application_logs:
        _retype(application_logs, "Message", long_text, sa.UnicodeText())
        _retype(application_logs, "Exception", long_text, sa.UnicodeText())
        _stamp(application_logs, "Timestamp")
    with op.batch_alter_table("RetryAttempts") as retry_attempts:
        _retype(retry_attempts, "ErrorMessage", long_text, sa.UnicodeText())
        _stamp(retry_attempts, "Timestamp")


def _retype(table: BatchOperations, column: str, old: sa.types.TypeEngine[Any], new: sa.types.TypeEngine[Any]) -> None:
    table.alter_column(column, existing_type=old, type_=new, existing_nullable=True)


def _stamp(table: BatchOperations, column: str) -> None:
    now = sa.text("GETDATE()" if dialect() == "mssql" else "CURRENT_TIMESTAMP")
    table.alter_column(
        column,
        existing_type=sa.DateTime(),
        existing_nullable=True,
        existing_server_default=now,
        server_default=utc_now(),
    )
