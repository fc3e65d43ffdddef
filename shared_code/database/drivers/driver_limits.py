"""Ends a wait for the database server when the time limit of the thread is up (see :mod:`.time_limit`).

Nothing of it is state of a session: PostgreSQL's sessions may be shared between clients by a pooler (PgBouncer in
transaction mode), where ``SET statement_timeout`` would reach another client's statements.

* PostgreSQL: each wait of the driver ends with the limit. The statement is cancelled at the server, so that it lets go
  of its locks; when the server does not answer that either, the socket is closed.
* Azure SQL: the driver's own query time-out, brought up to date before each statement and COMMIT. When it is up, the
  driver asks the server to cancel and waits four seconds for its answer (measured with driver 18.6; for statements,
  COMMIT and ROLLBACK alike), which are taken off the limit.
"""

import math
from functools import cache
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection, Dialect
from sqlalchemy.pool import ConnectionPoolEntry

from shared_code.database.error_causes import TimeLimitReached
from shared_code.database.time_limit import seconds_left

#: how long the server may take to confirm that it has stopped
_CANCEL_SECONDS = 1.0
_ODBC_CANCEL_SECONDS = 4
#: for the round trip that shows whether a pooled connection still works
_ODBC_PING_SECONDS = 1


def hold_to_time_limits(engine: Engine) -> None:
    """Listen to the engine of a server. Call it last: it opens the connections, with what others have prepared."""
    event.listen(engine, "before_cursor_execute", _refuse_late)
    if engine.dialect.name == "postgresql":
        event.listen(engine, "do_connect", _connect_postgresql)
    else:
        event.listen(engine, "do_connect", _connect_odbc)
        event.listen(engine, "begin", _limit_next)
        event.listen(engine, "after_cursor_execute", _limit_next)
        event.listen(engine, "checkin", _limit_ping)


def _login_seconds(configured: float) -> int:
    left = seconds_left()
    return max(1, math.ceil(configured if left is None else min(configured, left)))


def _connect_postgresql(
    _dialect: Dialect, _record: ConnectionPoolEntry, arguments: list[Any], parameters: dict[str, Any]
) -> DBAPIConnection:
    limited = {**parameters, "connect_timeout": _login_seconds(parameters["connect_timeout"])}
    opened: DBAPIConnection = _limited_connection().connect(*arguments, **limited)
    return opened


@cache
def _limited_connection() -> Any:
    """The driver's connection with the limit; a function because the driver is loaded for PostgreSQL only."""
    import psycopg

    class LimitedConnection(psycopg.Connection[Any]):
        def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
            left = seconds_left()
            if left is None:
                return super().wait(gen, interval, timeout)
            try:
                # ROLLBACK gets its moment also when the limit has passed: it saves the connection.
                return super().wait(gen, interval, max(left, _CANCEL_SECONDS))
            except psycopg.errors._WaitTimeout as error:  # noqa: SLF001 - what the method is documented to raise
                return self._stop(gen, error)

        def _stop(self, gen: Any, late: Exception) -> Any:
            try:
                self.cancel_safe(timeout=_CANCEL_SECONDS)
                # Raises QueryCanceled as a rule; an answer that came in the last moment is as good as any.
                return super().wait(gen, timeout=_CANCEL_SECONDS)
            except psycopg.errors.QueryCanceled:
                raise
            except psycopg.OperationalError:
                self.close()
                raise psycopg.OperationalError("The server did not answer within the time limit") from late

    return LimitedConnection


def _connect_odbc(
    dialect: Dialect, _record: ConnectionPoolEntry, arguments: list[Any], parameters: dict[str, Any]
) -> DBAPIConnection:
    limited = {**parameters, "timeout": _login_seconds(parameters["timeout"])}
    opened: Any = dialect.loaded_dbapi.connect(*arguments, **limited)
    opened.timeout = _odbc_seconds()
    return opened  # type: ignore[no-any-return]  # the driver has no types


def _odbc_seconds() -> int:
    left = seconds_left()
    return 0 if left is None else max(1, int(left) - _ODBC_CANCEL_SECONDS)


def _limit_next(connection: Connection, *_: Any) -> None:
    # A cursor takes the time-out that its connection has when it is made, which is before any event of it.
    driver: Any = connection.connection.driver_connection
    driver.timeout = _odbc_seconds()


def _refuse_late(*_: Any) -> None:
    if seconds_left() == 0.0:
        raise TimeLimitReached


def _limit_ping(driver: Any, _record: ConnectionPoolEntry) -> None:
    if driver is not None:
        driver.timeout = _ODBC_PING_SECONDS
