"""Sees whether something was written, so that a command can say to which database."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, event

from shared_code.database.connection import Database
from shared_code.database.engines import WRITE_OPTION


@dataclass(slots=True)
class WriteWatch:
    """What was seen so far."""

    has_written: bool = False


@contextmanager
def watch_writes(database: Database) -> Iterator[WriteWatch]:
    """Notes each write transaction that is committed within the block, on whichever connection of ``database``."""
    watch = WriteWatch()

    def note(connection: Connection) -> None:
        if connection.get_execution_options().get(WRITE_OPTION):
            watch.has_written = True

    event.listen(database.engine, "commit", note)
    try:
        yield watch
    finally:
        event.remove(database.engine, "commit", note)
