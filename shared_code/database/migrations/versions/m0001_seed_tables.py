"""The five tables of the documents that the service grew out of, word for word. Those that exist are left alone."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import CreateTable

from shared_code.database.migrations.column_types import dialect, schema

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the missing ones."""
    metadata = sa.MetaData()
    for table in (*_token_tables(metadata), *_log_tables(metadata)):
        _create_if_missing(table)


def _now() -> sa.TextClause:
    return sa.text("GETDATE()" if dialect() == "mssql" else "CURRENT_TIMESTAMP")


def _token_tables(metadata: sa.MetaData) -> tuple[sa.Table, ...]:
    prefix = f"{schema()}." if schema() else ""
    master = sa.Table(
        "TokenMaster",
        metadata,
        sa.Column("TokenID", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("CompanyID", sa.String(50)),
        sa.Column("CompanyName", sa.String(200)),
        sa.Column("ApiKey", sa.String(500)),
        sa.Column("Provider", sa.String(100)),
        sa.Column("TotalTokenLimit", sa.Integer),
        sa.Column("Status", sa.String(50)),
        sa.Column("CreatedAt", sa.DateTime, server_default=_now()),
        schema=schema(),
    )
    logs = sa.Table(
        "TokenUsageLogs",
        metadata,
        sa.Column("UsageID", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("TokenID", sa.Integer, sa.ForeignKey(f"{prefix}TokenMaster.TokenID")),
        sa.Column("Branch", sa.String(50)),
        sa.Column("RequestedBy", sa.String(100)),
        sa.Column("InputTokens", sa.Integer),
        sa.Column("OutputTokens", sa.Integer),
        sa.Column("TextPromptTokens", sa.Integer),
        sa.Column("ImagePromptTokens", sa.Integer),
        sa.Column("TextCandidatesTokens", sa.Integer),
        sa.Column("TotalTokensUsed", sa.Integer),
        sa.Column("RequestCount", sa.Integer),
        sa.Column("LoggedAt", sa.DateTime, server_default=_now()),
        schema=schema(),
    )
    summary = sa.Table(
        "TokenUsageSummary",
        metadata,
        sa.Column("SummaryID", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("TokenID", sa.Integer, sa.ForeignKey(f"{prefix}TokenMaster.TokenID")),
        sa.Column("TotalUsedTokens", sa.Integer, server_default=sa.text("0")),
        sa.Column("TotalRemainingTokens", sa.Integer),
        sa.Column("Threshold", sa.Integer, server_default=sa.text("3000")),
        sa.Column("LastUpdated", sa.DateTime, server_default=_now()),
        schema=schema(),
    )
    return master, logs, summary


def _log_tables(metadata: sa.MetaData) -> tuple[sa.Table, ...]:
    application_logs = sa.Table(
        "ApplicationLogs",
        metadata,
        sa.Column("LogID", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("Timestamp", sa.DateTime, server_default=_now()),
        sa.Column("LogLevel", sa.String(20)),
        sa.Column("Logger", sa.String(255)),
        sa.Column("Message", sa.Text().with_variant(sa.String(), "mssql")),
        sa.Column("Exception", sa.Text().with_variant(sa.String(), "mssql")),
        sa.Column("Module", sa.String(255)),
        sa.Column("FunctionName", sa.String(255)),
        sa.Column("LineNumber", sa.Integer),
    )
    retry_attempts = sa.Table(
        "RetryAttempts",
        metadata,
        sa.Column("RetryID", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("TokenID", sa.Integer),
        sa.Column("CompanyID", sa.String(50)),
        sa.Column("Attempt", sa.Integer),
        sa.Column("ErrorMessage", sa.Text().with_variant(sa.String(), "mssql")),
        sa.Column("IsRetryable", sa.Boolean),
        sa.Column("Timestamp", sa.DateTime, server_default=_now()),
    )
    return application_logs, retry_attempts


def _create_if_missing(table: sa.Table) -> None:
    if dialect() == "mssql":
        # No CREATE TABLE IF NOT EXISTS there; and it must hold in a script as well, where nothing can be asked first.
        ddl = str(CreateTable(table).compile(dialect=op.get_context().dialect)).strip()
        name = f"{table.schema}.{table.name}" if table.schema else table.name
        op.execute(sa.text(f"IF OBJECT_ID(N'{name}', N'U') IS NULL {ddl}"))
    else:
        op.execute(CreateTable(table, if_not_exists=True))
