"""SQLite never gives out a number again that a deleted row had.

Without AUTOINCREMENT the next row takes the highest number that stands in the table, plus one. A deleted key's number
went to the next key, which inherited its use; a deleted counter's number would get the bookings of calls that still
run. Azure SQL and PostgreSQL count by themselves.

Only the text of the tables' definitions changes, so that rows, references, indexes and triggers stay as they are and
a database of any size takes a moment (sqlite.org, "ALTER TABLE", section 7: changes that do not touch the content).
"""

import logging
import re
import sqlite3
from typing import Any

import sqlalchemy as sa
from alembic import op

from shared_code.database.migrations.column_types import dialect

revision = "0011"
down_revision = "0010"

_log = logging.getLogger(__name__)

_KEYS = {
    "TokenMaster": "TokenID",
    "TokenUsageLogs": "UsageID",
    "TokenUsageSummary": "SummaryID",
    "ApplicationLogs": "LogID",
    "RetryAttempts": "RetryID",
    "Quotas": "QuotaID",
    "QuotaCounters": "CounterID",
    "Extractions": "ExtractionID",
    "UsageDaily": "UsageDailyID",
    "AdminAudit": "AuditID",
    "Alerts": "AlertID",
}
#: rows that still name a row which may be gone
_REFERENCES = {
    "TokenMaster": ("TokenUsageLogs", "TokenUsageSummary", "RetryAttempts", "TokenReservations", "UsageDaily"),
    "Quotas": ("QuotaCounters",),
}


def upgrade() -> None:
    """Change the definitions, and begin above every number that is remembered anywhere."""
    if dialect() != "sqlite":
        return
    connection = op.get_bind()
    # SQLite makes its table of highest numbers together with the first table that counts, and keeps it.
    connection.exec_driver_sql('CREATE TABLE "NumbersUsedOnce" (ID INTEGER PRIMARY KEY AUTOINCREMENT)')
    connection.exec_driver_sql('DROP TABLE "NumbersUsedOnce"')
    definitions = {name: _definition(connection, name) for name in _KEYS}
    changed = {name: new for name, old in definitions.items() if (new := counting(old, _KEYS[name])) != old}
    for name in definitions.keys() - changed.keys():
        if "AUTOINCREMENT" not in definitions[name].upper():
            _log.warning("table %s was made in another way: SQLite may use its numbers again", name)
    _replace_definitions(connection, changed)
    for name in _KEYS:
        _begin_above(connection, name, _highest(connection, name))


def counting(definition: str, key: str) -> str:
    """A CREATE TABLE text whose key counts; the same text where it does already, or is made in a way unknown here."""
    if re.search(r"\bAUTOINCREMENT\b", definition, re.IGNORECASE):
        return definition
    name = rf"[\"`\[]?{key}[\"`\]]?"
    for pattern in (
        # beside the columns: PRIMARY KEY ("TokenID")
        rf"(PRIMARY\s+KEY\s*\(\s*{name})(\s*\))",
        # in the column: TokenID INTEGER NOT NULL PRIMARY KEY
        rf"({name}\s+INTEGER\s+(?:NOT\s+NULL\s+)?PRIMARY\s+KEY)(\b)",
    ):
        changed, count = re.subn(pattern, r"\1 AUTOINCREMENT\2", definition, flags=re.IGNORECASE)
        if count == 1:
            return changed
    return definition


def _definition(connection: sa.Connection, table: str) -> str:
    found = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"
    return str(connection.exec_driver_sql(found, (table,)).scalar_one())


def _replace_definitions(connection: sa.Connection, definitions: dict[str, str]) -> None:
    driver: Any = connection.connection.dbapi_connection
    protected = driver.getconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE)
    # Some builds of SQLite forbid this to everybody who does not ask for it.
    driver.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, False)  # noqa: FBT003 - the library's signature
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    try:
        for name, definition in definitions.items():
            connection.exec_driver_sql(
                "UPDATE sqlite_master SET sql = ? WHERE type = 'table' AND name = ?", (definition, name)
            )
        # Tells all other connections, which hold the old definitions, to read them again.
        connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    finally:
        # Off again, and this connection reads them again too.
        connection.exec_driver_sql("PRAGMA writable_schema = RESET")
        driver.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, protected)


def _highest(connection: sa.Connection, table: str) -> int:
    """The highest number that a row has, had, or is named by."""
    column = _KEYS[table]
    numbers = [
        connection.exec_driver_sql(f'SELECT max("{column}") FROM "{place}"').scalar()  # noqa: S608 - constants
        for place in (table, *_REFERENCES.get(table, ()))
    ]
    if table == "QuotaCounters":
        texts = connection.exec_driver_sql('SELECT "CounterIDs" FROM "TokenReservations"').scalars()
        numbers += [int(number) for text in texts for number in text.split(",") if number.strip().isdigit()]
    if table == "TokenMaster":
        audited = "SELECT max(CAST(substr(Target, 7) AS INTEGER)) FROM \"AdminAudit\" WHERE Target LIKE 'token %'"
        numbers.append(connection.exec_driver_sql(audited).scalar())
    numbers.append(connection.exec_driver_sql("SELECT max(seq) FROM sqlite_sequence WHERE name = ?", (table,)).scalar())
    return max((number for number in numbers if isinstance(number, int)), default=0)


def _begin_above(connection: sa.Connection, table: str, number: int) -> None:
    connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
    connection.exec_driver_sql("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, number))
