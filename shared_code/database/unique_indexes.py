"""The unique indexes that the books stand on: without them bookings, claims and counters could double in silence.

A script that stopped half-way, a restored copy or a person's DROP INDEX leaves a database that works and counts wrong,
so their presence is looked up at each start, in one query.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, Index, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateIndex

from shared_code.database.error_causes import classify
from shared_code.database.tables import SCHEMA, metadata
from shared_code.errors import ConfigurationError

_PRESENT = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE 'CREATE UNIQUE%'",
    # One whose building failed is there, and holds nothing back.
    "postgresql": (
        "SELECT c.relname AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
        "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE i.indisunique AND i.indisvalid AND n.nspname = :schema"
    ),
    "mssql": (
        "SELECT i.name AS name FROM sys.indexes i JOIN sys.objects o ON o.object_id = i.object_id "
        "JOIN sys.schemas s ON s.schema_id = o.schema_id "
        "WHERE i.is_unique = 1 AND i.is_disabled = 0 AND s.name = :schema"
    ),
}
#: CREATE UNIQUE INDEX over equal rows: SQL Server, PostgreSQL, SQLite
_DOUBLE_ROWS = frozenset({"1505", "23505", "SQLITE_CONSTRAINT_UNIQUE"})


def missing(connection: Connection) -> list[Index]:
    """Those that the database lacks, by name. One query."""
    dialect = connection.dialect.name
    where = {} if dialect == "sqlite" else {"schema": SCHEMA}
    present = {str(name).lower() for name in connection.execute(text(_PRESENT[dialect]), where).scalars()}
    return [
        index
        for table in metadata.sorted_tables
        for index in sorted(table.indexes, key=lambda item: str(item.name))
        if index.unique and str(index.name).lower() not in present
    ]


def create(connection: Connection, indexes: Sequence[Index]) -> None:
    """Make them.

    :raises ConfigurationError: rows that are double stand in the way; names the index and its columns.
    :raises sqlalchemy.exc.DBAPIError: the database refuses for another reason.
    """
    for index in indexes:
        try:
            connection.execute(CreateIndex(index))
        except DBAPIError as error:
            if classify(error).number not in _DOUBLE_ROWS:
                raise
            columns = ", ".join(str(getattr(part, "name", part)) for part in index.expressions)
            raise ConfigurationError(
                f"{describe([index])}, and it cannot be made: rows are equal in {columns}. "
                "Take out the ones that do not belong there, then run 'manage.py db upgrade'"
            ) from error


def describe(indexes: Sequence[Index]) -> str:
    """Which they are, as the beginning of a sentence."""
    named = ", ".join(f"{index.name} on {index.table.name}" for index in indexes if index.table is not None)
    return f"The database lacks the unique index {named}" if len(indexes) == 1 else f"The database lacks {named}"
