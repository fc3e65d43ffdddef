"""Column types of the migrations, frozen: ``tables.py`` may move on, steps that ran may not."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mssql
from sqlalchemy.types import TypeEngine

SCHEMA = "docUpload"


def dialect() -> str:
    """sqlite, postgresql or mssql."""
    return op.get_context().dialect.name


def schema() -> str | None:
    """Where the tables stand; SQLite has no schemas."""
    return None if dialect() == "sqlite" else SCHEMA


def moment() -> TypeEngine[datetime]:
    """Naive UTC to the microsecond."""
    return sa.DateTime().with_variant(mssql.DATETIME2(6), "mssql")


def label(length: int) -> TypeEngine[str]:
    """Text compared exactly as written."""
    return sa.Unicode(length).with_variant(mssql.NVARCHAR(length, collation="Latin1_General_100_BIN2"), "mssql")


def big_key() -> TypeEngine[int]:
    """A key that numbers itself, beyond 2.1 billion where the database can."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def where(column: str, condition: str) -> dict[str, Any]:
    """Options of a filtered index: ``where("CallID", "IS NOT NULL")``."""
    return {
        "mssql_where": sa.text(f"[{column}] {condition}"),
        "postgresql_where": sa.text(f'"{column}" {condition}'),
        "sqlite_where": sa.text(f'"{column}" {condition}'),
    }


def folded_company() -> str | sa.TextClause:
    """CompanyID as an index column that does not tell upper from lower case."""
    return "CompanyID" if dialect() == "mssql" else sa.text('upper("CompanyID")')
