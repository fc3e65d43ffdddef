"""Opens a database of the earlier system and finds its tables, however their names are written.

The tables are those of the two documents that the service grew out of: five of keys, use and logs, and one of limits.
PostgreSQL holds names that were not quoted in lower case, so names are compared without regard to case. Nothing is
written there: every read ends with a rollback.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import SecretStr

from shared_code.database.connection import Database, create_database
from shared_code.database.tables import SCHEMA
from shared_code.errors import ConfigurationError, Conflict
from shared_code.settings import Settings

#: rows that are read at once
PAGE = 500

MASTER, LOGS, SUMMARY = "TokenMaster", "TokenUsageLogs", "TokenUsageSummary"
APPLICATION_LOGS, RETRIES, QUOTAS = "ApplicationLogs", "RetryAttempts", "quotas"

#: table -> the column that numbers its rows, those by which it is told from another table of the name, and the others
_COLUMNS: Mapping[str, tuple[str, frozenset[str], tuple[str, ...]]] = {
    MASTER: (
        "TokenID",
        frozenset({"CompanyID", "ApiKey"}),
        ("CompanyName", "Provider", "TotalTokenLimit", "Status", "CreatedAt"),
    ),
    LOGS: (
        "UsageID",
        frozenset({"TokenID", "TotalTokensUsed"}),
        (
            "Branch",
            "RequestedBy",
            "InputTokens",
            "OutputTokens",
            "TextPromptTokens",
            "ImagePromptTokens",
            "TextCandidatesTokens",
            "RequestCount",
            "LoggedAt",
        ),
    ),
    SUMMARY: ("SummaryID", frozenset({"TokenID", "TotalUsedTokens"}), ("Threshold",)),
    APPLICATION_LOGS: (
        "LogID",
        frozenset({"LogLevel", "Message"}),
        ("Timestamp", "Logger", "Exception", "Module", "FunctionName", "LineNumber"),
    ),
    RETRIES: ("RetryID", frozenset({"TokenID", "IsRetryable"}), ("CompanyID", "Attempt", "ErrorMessage", "Timestamp")),
    QUOTAS: ("user_id", frozenset({"daily_limit"}), ("monthly_limit", "daily_used", "monthly_used", "last_reset")),
}
_NAMES = {name.lower(): name for name in _COLUMNS}
#: a column that only this service's own tables have
_OURS = {LOGS: "callid", MASTER: "apikeyfingerprint"}


@dataclass(frozen=True, slots=True)
class LegacyTable:
    """A table of the earlier system.

    :ivar place: its name as it stands in the database, with its schema.
    :ivar columns: the names of the documents -> the columns that hold them; those that are not there are left out.
    """

    name: str
    place: str
    clause: sa.TableClause
    columns: Mapping[str, str]
    rows: int

    @property
    def key(self) -> str:
        """The column that numbers its rows, by the documents' name."""
        return _COLUMNS[self.name][0]


def open_source(text: str, settings: Settings) -> Database:
    """The database that ``text`` names, a URL or an ODBC connection string of Azure SQL. Nothing connects yet.

    :param settings: time limits, and the identity that logs in to Azure SQL where the string holds no password.
    :raises ConfigurationError: it cannot be read, or is a SQLite file that does not exist.
    """
    is_url = "://" in text
    changes = {
        "database_url": SecretStr(text) if is_url else None,
        "azure_sql_connection_string": None if is_url else SecretStr(text),
        "db_pool_size": 1,
        "db_max_overflow": 1,
    }
    try:
        source = create_database(settings.model_copy(update=changes)).unhurried(seconds=None)
    except ConfigurationError as error:
        # The messages name the settings that the service itself is given.
        message = error.message
        for name in ("AZURE_SQL_CONNECTION_STRING", "DATABASE_URL"):
            message = message.replace(name, "--from")
        raise ConfigurationError(message) from None
    path = Path(source.engine.url.database or "")
    if source.dialect == "sqlite" and not path.is_file():
        source.close()
        raise ConfigurationError(f"--from: there is no file {path.resolve()}")
    return source


def find_tables(connection: sa.Connection) -> dict[str, LegacyTable]:
    """The earlier system's tables that are there, by the documents' names.

    :raises Conflict: a table is there twice, or the database is one of this service.
    """
    looks = sa.inspect(connection)
    found: defaultdict[str, list[LegacyTable]] = defaultdict(list)
    for schema in _schemas(looks, connection.dialect.name):
        for name in looks.get_table_names(schema=schema):
            known = _NAMES.get(name.lower())
            if known is None:
                continue
            columns = {column["name"].lower(): column["name"] for column in looks.get_columns(name, schema=schema)}
            if known in _OURS and _OURS[known] in columns:
                raise Conflict(
                    f"{name} of the database that --from names is this service's own already: "
                    "'manage.py db upgrade' with that database as the service's takes it over in place."
                )
            table = _table(connection, known, name, schema, columns)
            if table is not None:
                found[known].append(table)
    for name, tables in found.items():
        if len(tables) > 1:
            places = " and ".join(table.place for table in tables)
            raise Conflict(f"{name} is there more than once: {places}. Rename the one that is not to be taken over.")
    return {name: tables[0] for name, tables in found.items()}


def pages(source: Database, table: LegacyTable) -> Iterator[list[Mapping[str, Any]]]:
    """All rows, ordered by their number, a page at a time; the columns under the documents' names, None if absent.

    Limits have no number, and there are few: they are one page.
    """
    size = PAGE if table.name != QUOTAS else None
    last: Any = None
    while True:
        page = source.read(lambda connection, after=last: _page(connection, table, after, size))  # type: ignore[misc]
        if page:
            yield page
        if size is None or len(page) < size:
            return
        last = page[-1][table.key]


def _page(connection: sa.Connection, table: LegacyTable, after: Any, size: int | None) -> list[Mapping[str, Any]]:
    key = table.clause.c[table.columns[table.key]]
    statement = sa.select(*table.clause.c).order_by(key).limit(size)
    if after is not None:
        statement = statement.where(key > after)
    names = (table.key, *_COLUMNS[table.name][1], *_COLUMNS[table.name][2])
    rows = connection.execute(statement).mappings()
    return [{name: row[table.columns[name]] if name in table.columns else None for name in names} for row in rows]


def _schemas(looks: Any, dialect: str) -> list[str | None]:
    if dialect == "sqlite":
        return [None]
    ours = [name for name in looks.get_schema_names() if name.lower() == SCHEMA.lower()]
    return list(dict.fromkeys([looks.default_schema_name, *ours]))


def _table(
    connection: sa.Connection, known: str, name: str, schema: str | None, columns: Mapping[str, str]
) -> LegacyTable | None:
    """None for a table that only shares the name."""
    key, marks, others = _COLUMNS[known]
    if not {column.lower() for column in (key, *marks)} <= columns.keys():
        return None
    present = {column: columns[column.lower()] for column in (key, *marks, *others) if column.lower() in columns}
    clause = sa.table(name, *(sa.column(column) for column in present.values()), schema=schema)
    rows = connection.execute(sa.select(sa.func.count()).select_from(clause)).scalar() or 0
    return LegacyTable(known, f"{schema}.{name}" if schema else name, clause, present, int(rows))
