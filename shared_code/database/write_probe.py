"""Proves that the database takes a write now: a session that may only read, a lock, a full disk all answer reads.

Nothing durable is left behind. Servers roll back what was written: each probe writes a row of its own, so that probes
of many instances never wait for each other. SQLite writes to its file at COMMIT only, so there a number in the file's
header is changed that nobody reads.
"""

import itertools
import shutil
import uuid
from contextlib import suppress
from datetime import date
from pathlib import Path

from sqlalchemy import Connection, insert, update

from shared_code.database.clock import utc_in
from shared_code.database.connection import Database, repeatable
from shared_code.database.tables import extractions, token_reservations, token_usage_logs, token_usage_summary
from shared_code.errors import DatabaseUnavailable

#: what a log that grows and a few bookings need
_SQLITE_FREE_BYTES = 1_000_000
_numbers = itertools.count(1)


class _Undo(Exception):
    """Ends the probe's transaction without COMMIT."""


def prove_write(database: Database, *, budget_seconds: float) -> None:
    """Write to the tables that each call writes, or raise; takes at most about a second beyond the budget.

    :raises DatabaseUnavailable: there is no connection, no right to write, no lock or no space in that time.
    :raises InternalError: the tables are not those of this version.
    """
    if database.dialect == "sqlite":
        _prove_space(Path(database.engine.url.database or "."))
        database.run(_write_header, budget_seconds=budget_seconds, on_unknown=repeatable)
    else:
        with suppress(_Undo):
            database.run(_write_rows, budget_seconds=budget_seconds)


def _prove_space(file: Path) -> None:
    # A small write may still fit into the space that the log has already.
    if shutil.disk_usage(file.parent).free < _SQLITE_FREE_BYTES:
        raise DatabaseUnavailable("The disk of the database is full")


def _write_header(connection: Connection) -> None:
    connection.exec_driver_sql(f"PRAGMA user_version = {next(_numbers) % 1_000_000}")


def _write_rows(connection: Connection) -> None:
    connection.execute(
        insert(token_reservations).values(
            CallID=str(uuid.uuid4()),
            Attempt=1,
            CompanyID="",
            LocalDay=date(2000, 1, 1),
            Provider="",
            Model="",
            Source="",
            BoundTokens=0,
            LeaseUntil=utc_in(60),
        )
    )
    # No row has these ids. A table that another session has locked makes the statement wait all the same.
    connection.execute(update(extractions).where(extractions.c.ExtractionID == -1).values(State=extractions.c.State))
    summary, logs = token_usage_summary.c, token_usage_logs.c
    connection.execute(update(token_usage_summary).where(summary.SummaryID == -1).values(Threshold=summary.Threshold))
    connection.execute(update(token_usage_logs).where(logs.UsageID == -1).values(Attempt=logs.Attempt))
    raise _Undo
