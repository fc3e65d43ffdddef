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
    #: a socket broke, the server was not reached or did not answer in time: a new connection may work at once
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


class LoginFailed(SQLAlchemyError):
    """No connection could be had: the login itself, or what is asked before the first statement."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(getattr(error, "orig", None) or error))
        self.error = error


class TimeLimitReached(SQLAlchemyError):
    """The time of the work was up before its next statement."""

    def __init__(self) -> None:
        super().__init__("The database work took longer than its time limit")


_CONTENTION = DatabaseFailure(Cause.CONTENTION)
#: a socket is broken, so those of the pool may be too
_LOST = DatabaseFailure(Cause.CONNECTION, disconnect=True, whole_pool=True)
#: the server moves, stops or starts: all sockets to it are stale
_MOVED = DatabaseFailure(Cause.OUTAGE, disconnect=True, whole_pool=True)
#: the server limits this client: other connections go on
_THROTTLED = DatabaseFailure(Cause.OUTAGE, disconnect=True)
#: the server is short of memory, space or time for this statement: its connections are as good as before
_SHORT = DatabaseFailure(Cause.OUTAGE)
#: the session cannot write, as all that were opened before a failover; new ones may reach the server that can
_READ_ONLY = _LOST
#: a statement was stopped by a time limit, ours or the server's
_OVERDUE = DatabaseFailure(Cause.CONNECTION)
_REFUSED = DatabaseFailure(Cause.REFUSED)
_STATEMENT = DatabaseFailure(Cause.STATEMENT)


def _by_code[T](*groups: tuple[Iterable[T], DatabaseFailure]) -> dict[T, DatabaseFailure]:
    return {code: replace(failure, number=str(code)) for codes, failure in groups for code in codes}


# The driver's text ends "(40613) (SQLExecDirectW)"; with several errors each has its own pair.
_ODBC_NUMBER = re.compile(r"\((\d{2,6})\)\s*\(SQL")
#: SQL Server error numbers, from Microsoft Learn:
#:
#: [events] "Database engine events and errors", whose texts say to try again, or what there is too little of
#: [transient] "Troubleshoot transient connection errors in SQL Database" and the page on SqlConfigurableRetryFactory
#: [limits] "Resource management in Azure SQL Database" and "Resource governance errors"
#:
#: An unknown number at login is an outage all the same, see :func:`classify`.
_MSSQL = _by_code(
    # [events] deadlock, lock time-out, no lock to be had, update conflict, version store shrunk, "retry later"
    ((1203, 1204, 1205, 1221, 1222, 1807, 3935, 3960, 3961, 3966), _CONTENTION),
    # [transient] the database moves, starts, or is being recovered or restored
    ((615, 921, 922, 926, 927, 942, 952, 4221, 40143, 40166, 40197, 40540, 40613, 40623, 42108, 42109), _MOVED),
    # [events] the server shuts down, is paused, or ended the session
    ((596, 6005, 17142, 17148, 18401, 18451), _MOVED),
    # [events] read-only, a secondary replica, or a replica that changes its role
    ((976, 978, 979, 983, 988, 3906, 3908), _READ_ONLY),
    # [transient], [limits] too many requests, workers, sessions or operations; the login took too long
    ((10922, 10928, 10929, 10936, 14355, 17197, 17300, 17809, 40501, 45168, 49918, 49919, 49920), _THROTTLED),
    # [limits] the session was ended: too long a transaction, too many locks, too much tempdb, log or memory
    ((40549, 40550, 40551, 40552, 40553), _THROTTLED),
    # [events] too little memory, or no plan in time
    ((701, 802, 8628, 8645, 8651, 8657), _SHORT),
    # [events] no space in the database or its log, the log not available
    ((1101, 1105, 9001, 9002), _SHORT),
    # [events] reading or writing the files failed
    ((823, 824, 829, 844, 845, 846, 847), _SHORT),
    # [transient] Also "no such user in that database", hence tried twice again and no more.
    ((4060,), replace(_THROTTLED, max_retries=2)),
    # [transient] the numbers of the network layer
    ((20, 64, 121, 233, 997, 10053, 10054, 10060, 17830), _LOST),
    # [events] login, password, firewall, network rules, permission; [limits] the size quota is reached
    ((229, 230, 916, 18452, 18456, 18470, 18486, 18487, 18488, 40532, 40544, 40607, 40615, 40914, 47073), _REFUSED),
)
_ODBC_STATES = _by_code(
    (("08001", "08003", "08004", "08007", "08S01"), _LOST),
    (("HYT00", "HYT01"), replace(_OVERDUE, disconnect=True)),
    (("28000",), _REFUSED),
)

#: SQLSTATE values: PostgreSQL documentation, appendix A (PostgreSQL Error Codes)
_POSTGRESQL = _by_code(
    (("40001", "40P01", "55P03"), _CONTENTION),
    # shutting down or starting
    (("57P01", "57P02", "57P03", "57P05"), _MOVED),
    # too many connections
    (("53300",), _THROTTLED),
    # idle for too long, within a transaction or not; or the transaction took too long
    (("25P03", "25P04"), _LOST),
    (("25006",), _READ_ONLY),
    (("57014",), _OVERDUE),
    (("28000", "28P01", "3D000", "42501"), _REFUSED),
)
#: classes of states: connection, insufficient resources (disk, memory), the operator, the system (input and output)
_POSTGRESQL_CLASSES = {"08": _LOST, "53": _SHORT, "57": _SHORT, "58": _SHORT}
#: libpq gives no SQLSTATE for a refused login, only the server's words
_LIBPQ = (
    (
        re.compile(
            r"authentication failed|role \".*\" does not exist|database \".*\" does not exist|no pg_hba\.conf entry"
        ),
        _REFUSED,
        "login",
    ),
    (re.compile(r"too many (clients|connections)|connection slots are reserved"), _THROTTLED, "53300"),
    (re.compile(r"database system is (starting up|shutting down|in recovery|not yet accepting)"), _MOVED, "57P03"),
)

#: the file has to be opened anew
_FILE_REFUSED = replace(_REFUSED, disconnect=True, whole_pool=True)
#: primary result codes (sqlite.org, "Result and Error Codes")
_SQLITE = _by_code(
    ((sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED), _CONTENTION),
    ((sqlite3.SQLITE_FULL, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PERM), _REFUSED),
    ((sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR), _FILE_REFUSED),
    ((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB), _FILE_REFUSED),
)


def classify(error: BaseException) -> DatabaseFailure:
    """Classify an exception of SQLAlchemy or of a driver; what is no database's counts as the statement's fault.

    An unknown error of a login (:class:`LoginFailed`) is an outage: nothing was asked that could be at fault.
    """
    if isinstance(error, LoginFailed):
        failure = classify(error.error)
        return replace(_SHORT, number=failure.number or "login") if failure.cause is Cause.STATEMENT else failure
    if isinstance(error, TimeLimitReached):
        return replace(_OVERDUE, number="time limit")
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
        otherwise = _POSTGRESQL_CLASSES.get(state[:2], _STATEMENT)
        return replace(_POSTGRESQL.get(state, otherwise), number=state)
    if not isinstance(error, psycopg.OperationalError):
        return _STATEMENT
    for pattern, failure, number in _LIBPQ:
        if pattern.search(str(error)):
            return replace(failure, number=number)
    return replace(_LOST, number="connection")


def _classify_sqlite(error: Any) -> DatabaseFailure:
    code: int | None = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return _STATEMENT
    # An extended result code holds the primary one in its lowest eight bits.
    return replace(_SQLITE.get(code & 0xFF, _STATEMENT), number=str(getattr(error, "sqlite_errorname", code & 0xFF)))


_DRIVERS = {"sqlite3": _classify_sqlite, "pyodbc": _classify_odbc, "psycopg": _classify_postgresql}
