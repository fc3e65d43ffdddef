"""The seed's tables on PostgreSQL when their names were not quoted: ``TokenMaster`` is ``tokenmaster`` there.

PostgreSQL folds unquoted names to lower case (its documentation, 4.1.1, "Identifiers and Key Words"); this code quotes
them all. Such tables would stay beside new, empty ones without a word. An upgrade from the seed renames them instead,
with their rows, keys and running numbers; what it must not decide by itself it refuses with the statements to run.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from shared_code.database.error_causes import classify
from shared_code.database.tables import (
    SCHEMA,
    application_logs,
    retry_attempts,
    token_master,
    token_usage_logs,
    token_usage_summary,
)
from shared_code.errors import ConfigurationError

_log = logging.getLogger(__name__)

#: those that the seed made
_TABLES = {
    table.name.lower(): table
    for table in (token_master, token_usage_logs, token_usage_summary, application_logs, retry_attempts)
}
#: a table that is not the seed's may have such a name too: it is the seed's when it has the key, and these
_MARKS = {"applicationlogs": {"loglevel", "functionname"}, "retryattempts": {"isretryable", "tokenid"}}
_KEYS = {
    "tokenmaster": "tokenid",
    "tokenusagelogs": "usageid",
    "tokenusagesummary": "summaryid",
    "applicationlogs": "logid",
    "retryattempts": "retryid",
}
_NOT_OWNER = "42501"

_FIND = text("""
SELECT n.nspname AS schema_name, c.relname AS table_name,
       (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS column_names
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relname = ANY(:tables)
  AND n.nspname IN (lower(:ours), :ours, current_schema())
ORDER BY n.nspname, c.relname
""")
_PRESENT = text("""
SELECT c.relname AS table_name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relname = ANY(:tables) AND n.nspname IN (:ours, current_schema())
""")


@dataclass(frozen=True, slots=True)
class UnquotedTable:
    """A table of the seed under its folded name.

    :ivar old_name: with its schema, as SQL writes it without quotes.
    :ivar beside: whether the table that this code reads stands beside it already.
    :ivar statements: what makes it the table that this code reads, or copies its rows there.
    """

    old_name: str
    beside: bool
    statements: tuple[str, ...]


def find(connection: Connection) -> list[UnquotedTable]:
    """The seed's tables with unquoted names; none where all are as this code reads them. PostgreSQL only."""
    names = {"tables": list(_TABLES), "ours": SCHEMA}
    found = [row for row in connection.execute(_FIND, names) if _is_the_seeds(row.table_name, row.column_names)]
    if not found:
        return []
    quoted = {"tables": [table.name for table in _TABLES.values()], "ours": SCHEMA}
    present = set(connection.execute(_PRESENT, quoted).scalars())
    made = []
    for row in found:
        beside = _TABLES[row.table_name].name in present
        columns = _renamed(row.table_name, row.column_names)
        write = _copy if beside else _rename
        statements = write(row.schema_name, row.table_name, columns)
        made.append(UnquotedTable(f"{row.schema_name}.{row.table_name}", beside, tuple(statements)))
    return made


def remedy(found: Sequence[UnquotedTable]) -> str:
    """The statements for all of them, as one text that psql runs."""
    lines = [f"{statement};" for table in found for statement in table.statements]
    return "\n".join(["Stop the service, and run as the owner of the tables:", "BEGIN;", *lines, "COMMIT;"])


def take_over(connection: Connection) -> None:
    """Rename the seed's tables to the names that this code reads.

    :raises ConfigurationError: a table of the right name is there too, or the login does not own the old one; the
        message holds the statements to run.
    """
    found = find(connection)
    names = ", ".join(table.old_name for table in found)
    if any(table.beside for table in found):
        raise ConfigurationError(
            f"Tables with unquoted names stand beside those that are read: {names}. {remedy(found)}"
        )
    try:
        with connection.begin_nested():
            for table in found:
                for statement in table.statements:
                    connection.exec_driver_sql(statement)
    except DBAPIError as error:
        if classify(error).number != _NOT_OWNER:
            raise
        raise ConfigurationError(f"This login may not rename the tables {names}. {remedy(found)}") from error
    if found:
        _log.warning("tables with unquoted names were renamed, statements of others must quote the new ones: %s", names)


def _is_the_seeds(table: str, columns: Sequence[str]) -> bool:
    return {_KEYS[table], *_MARKS.get(table, ())} <= set(columns)


def _renamed(table: str, columns: Sequence[str]) -> dict[str, str]:
    """Old name of each column -> the name that this code reads; columns of others keep theirs."""
    wanted = {column.name.lower(): column.name for column in _TABLES[table].columns}
    return {column: wanted.get(column, column) for column in columns}


def _rename(schema: str, table: str, columns: dict[str, str]) -> list[str]:
    ours = _TABLES[table]
    statements = []
    if ours.schema and schema != SCHEMA:
        statements.append(f"ALTER TABLE {_quoted(schema, table)} SET SCHEMA {_quoted(SCHEMA)}")
        statements.insert(0, f"CREATE SCHEMA IF NOT EXISTS {_quoted(SCHEMA)}")
        schema = SCHEMA
    statements.append(f"ALTER TABLE {_quoted(schema, table)} RENAME TO {_quoted(ours.name)}")
    statements += [
        f"ALTER TABLE {_quoted(schema, ours.name)} RENAME COLUMN {_quoted(old)} TO {_quoted(new)}"
        for old, new in columns.items()
        if old != new
    ]
    return statements


def _copy(schema: str, table: str, columns: dict[str, str]) -> list[str]:
    """Its rows, or none where numbers meet; the old table then gets a name that says so."""
    ours = _TABLES[table]
    target = _quoted(ours.schema, ours.name) if ours.schema else _quoted(ours.name)
    known = {old: new for old, new in columns.items() if new in ours.columns}
    key = columns[_KEYS[table]]
    to, source = ", ".join(map(_quoted, known.values())), ", ".join(map(_quoted, known))
    return [
        f"INSERT INTO {target} ({to}) SELECT {source} FROM {_quoted(schema, table)}",  # noqa: S608 - names of tables
        f"SELECT setval(pg_get_serial_sequence('{target}', '{key}'), (SELECT max({_quoted(key)}) FROM {target}))",  # noqa: S608
        f"ALTER TABLE {_quoted(schema, table)} RENAME TO {_quoted(f'{table}_copied')}",
    ]


def _quoted(*parts: str) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)
