"""How many rows there are: whether a database is empty, and what was made."""

from typing import Any

from sqlalchemy import Connection, Table, func, select

from shared_code.database.stores.operations.alerts import NOTE
from shared_code.database.tables import (
    admin_keys,
    alerts,
    application_logs,
    console_sessions,
    metadata,
    usage_daily,
    written_results,
)

#: logins, what a service that runs says of itself, and a row that comes with the schema
_NO_DATA = {admin_keys.name, console_sessions.name, application_logs.name, written_results.name}


def rows_by_table(connection: Connection) -> dict[str, int]:
    """Rows of each table that has any; logins, lines of the log and the timer's own note do not count."""
    counted = {}
    for table in metadata.sorted_tables:
        if table.name not in _NO_DATA:
            number = count(connection, table, *([alerts.c.Severity != NOTE] if table is alerts else []))
            if number:
                counted[table.name] = number
    return counted


def count(connection: Connection, table: Table, *which: Any) -> int:
    """Rows of a table."""
    return int(connection.execute(select(func.count()).select_from(table).where(*which)).scalar_one())


def calls_booked(connection: Connection) -> int:
    """Calls in all daily sums."""
    return int(connection.execute(select(func.sum(usage_daily.c.Requests))).scalar_one() or 0)
