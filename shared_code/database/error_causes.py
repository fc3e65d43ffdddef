"""Says what a database error means, by the number or state that the server gave.

The exception's class cannot be trusted: the ODBC driver reports one and the same server error as ProgrammingError,
Error or OperationalError, depending on its severity. This module only classifies; :mod:`.connection` acts.
"""

import re
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, TypeGuard

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout


class Cause(Enum):
    """Why a statement or a login failed, as far as a retry is concerned."""

    #: deadlock, lock time-out, busy file: gone within moments
    CONTENTION = "contention"
    #: a socket broke or the server was not reached: a new connection may work at once
    CONNECTION = "connection"
    #: failover, throttling, a serverless database that wakes up: takes seconds
    OUTAGE = "outage"
    #: login or database refused; waiting does not help
    REFUSED = "refused"
    #: the statement itself
    STATEMENT = "statement"


@dataclass(frozen=True, slots=True)
class DatabaseFailure:
    """What an error means.

    :ivar number: SQL Server error number, SQLSTATE or SQLite result code, as text for logs; '' when there is none.
    :ivar disconnect: the connection must not be used again.
    :ivar whole_pool: its pooled neighbours are suspect too.
    :ivar max_retries: fewer than the budget allows, or None.
    """

    cause: Cause
    number: str = ""
    disconnect: bool = False
    whole_pool: bool = False
    max_retries: int | None = None

    @property
    def transient(self) -> bool:
        """Whether the whole unit of work is worth another try."""
        return self.cause in (Cause.CONTENTION, Cause.CONNECTION, Cause.OUTAGE)


_CONTENTION = DatabaseFailure(Cause.CONTENTION)
#: a socket is broken, so those of the pool may be too
_LOST = DatabaseFailure(Cause.CONNECTION, disconnect=True, whole_pool=True)
#: the server moves, stops or starts: all sockets to it are stale
_MOVED = DatabaseFailure(Cause.OUTAGE, disconnect=True, whole_pool=True)
#: the server limits this client: other connections go on
_THROTTLED = DatabaseFailure(Cause.OUTAGE, disconnect=True)
_REFUSED = DatabaseFailure(Cause.REFUSED)
_STATEMENT = DatabaseFailure(Cause.STATEMENT)


def _by_code[T](*groups: tuple[Iterable[T], DatabaseFailure]) -> dict[T, DatabaseFailure]:
    return {code: replace(failure, number=str(code)) for codes, failure in groups for code in codes}


# The driver's text ends "(40613) (SQLExecDirectW)"; with several errors each has its own pair.
_ODBC_NUMBER = re.compile(r"\((\d{2,6})\)\s*\(SQL")
#: SQL Server error numbers: Microsoft Learn, "Troubleshoot transient connection errors in Azure SQL Database", and the
#: lists of Microsoft's own clients (SqlConfigurableRetryFactory of dotnet/SqlClient,
#: SqlServerTransientExceptionDetector of dotnet/efcore)
_MSSQL = _by_code(
    ((1204, 1205, 1222, 3960, 3961), _CONTENTION),
    ((4221, 40143, 40197, 40540, 40613, 42108, 42109), _MOVED),
    ((10928, 10929, 40501, 49918, 49919, 49920), _THROTTLED),
    # Also "no such user in that database", hence tried twice again and no more.
    ((4060,), replace(_THROTTLED, max_retries=2)),
    ((20, 64, 121, 233, 997, 10053, 10054, 10060), _LOST),
    ((18452, 18456, 40532, 40544, 40615), _REFUSED),
)
_ODBC_STATES = _by_code((("08001", "08003", "08004", "08007", "08S01"), _LOST), (("28000",), _REFUSED))

#: SQLSTATE values: PostgreSQL documentation, appendix A (PostgreSQL Error Codes)
_POSTGRESQL = _by_code(
    (("40001", "40P01", "55P03"), _CONTENTION),
    # shutting down or starting
    (("57P01", "57P02", "57P03", "57P05"), _MOVED),
    # too many connections
    (("53300",), _THROTTLED),
    # a standby that is about to take over
    (("25006",), DatabaseFailure(Cause.OUTAGE)),
    (("28000", "28P01", "3D000", "42501"), _REFUSED),
)
_POSTGRESQL_CONNECTION_CLASS = "08"
#: libpq gives no SQLSTATE for a refused login
_LIBPQ_REFUSED = re.compile(
    r"authentication failed|role \".*\" does not exist|database \".*\" does not exist|no pg_hba\.conf entry"
)

#: primary result codes (sqlite.org, "Result and Error Codes")
_SQLITE = _by_code(
    ((sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED), _CONTENTION),
    ((sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL), _REFUSED),
    ((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOTADB), _REFUSED),
)


def classify(error: BaseException) -> DatabaseFailure:
    """Classify an exception of SQLAlchemy or of a driver; what is no database's counts as the statement's fault."""
    failure = _classify_one(error)
    behind = error.__context__
    # A deadlock's victim has lost its savepoints with its transaction: rolling back to one then fails by an error of
    # its own, raised while the telling one was handled.
    while failure.cause is Cause.STATEMENT and _of_a_database(behind):
        earlier = _classify_one(behind)
        failure = earlier if earlier.transient else failure
        behind = behind.__context__
    return failure


def _of_a_database(error: BaseException | None) -> TypeGuard[BaseException]:
    return isinstance(error, SQLAlchemyError) or _driver(error) in _DRIVERS


def _driver(error: BaseException | None) -> str:
    return type(error).__module__.partition(".")[0]


def _classify_one(error: BaseException) -> DatabaseFailure:
    if isinstance(error, PoolTimeout):
        return replace(_CONTENTION, number="pool")
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    original = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    classify_driver = _DRIVERS.get(_driver(original))
    failure = classify_driver(original) if classify_driver else _STATEMENT
    if failure.cause is Cause.STATEMENT and lost:
        return DatabaseFailure(Cause.CONNECTION, failure.number, disconnect=True)
    return failure


def _classify_odbc(error: Any) -> DatabaseFailure:
    state, message = (str(error.args[0]), str(error.args[-1])) if error.args else ("", "")
    numbers = [int(number) for number in _ODBC_NUMBER.findall(message)]
    for number in numbers:
        if number in _MSSQL:
            return _MSSQL[number]
    shown = str(numbers[0]) if numbers and numbers[0] else state
    return replace(_ODBC_STATES.get(state, _STATEMENT), number=shown)


def _classify_postgresql(error: Any) -> DatabaseFailure:
    import psycopg

    state: str | None = getattr(error, "sqlstate", None)
    if state is not None:
        otherwise = _LOST if state.startswith(_POSTGRESQL_CONNECTION_CLASS) else _STATEMENT
        return replace(_POSTGRESQL.get(state, otherwise), number=state)
    if not isinstance(error, psycopg.OperationalError):
        return _STATEMENT
    if _LIBPQ_REFUSED.search(str(error)):
        return replace(_REFUSED, number="login")
    return replace(_LOST, number="connection")


def _classify_sqlite(error: Any) -> DatabaseFailure:
    code: int | None = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return _STATEMENT
    # An extended result code holds the primary one in its lowest eight bits.
    return replace(_SQLITE.get(code & 0xFF, _STATEMENT), number=str(getattr(error, "sqlite_errorname", code & 0xFF)))


_DRIVERS = {"sqlite3": _classify_sqlite, "pyodbc": _classify_odbc, "psycopg": _classify_postgresql}
