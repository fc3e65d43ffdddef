"""Asks whether a pooled connection still lives, unless it was in use a moment ago and nothing failed on it.

The question is a round trip, and an upload takes a connection four times. A connection that has died within that moment
fails at its first statement; the unit of work then begins anew with another one, as when it dies a statement later.
"""

import math
import time
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

#: for so many seconds after its last use a connection is taken for alive
_MOMENT_SECONDS = 5.0
#: in what the pool keeps with a connection
_USED_AT, _FAILED = "used_at", "failed"


def ask_idle_connections(engine: Engine) -> None:
    """Listen to the engine of a server."""
    dialect = engine.dialect

    def ask(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        if not was_idle(record):
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            # What closes one closes all, as a rule: the pool opens new ones, beginning with this one.
            raise InvalidatePoolError from error

    event.listen(engine, "handle_error", _note_failure)
    event.listen(engine, "checkin", _note_use)
    event.listen(engine, "checkout", ask)


def was_idle(record: ConnectionPoolEntry) -> bool:
    """Whether a connection that is taken from the pool is asked; one that was just opened is not."""
    used_at = record.info.get(_USED_AT)
    return used_at is not None and time.monotonic() - used_at > _MOMENT_SECONDS


def _note_use(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info[_USED_AT] = -math.inf if record.info.pop(_FAILED, False) else time.monotonic()


def _note_failure(context: ExceptionContext) -> None:
    if context.connection is not None and not context.connection.invalidated:
        context.connection.info[_FAILED] = True
