"""Says what a database error means, by the number or state that the server gave.

The exception's class cannot be trusted: the ODBC driver reports one and the same server error as ProgrammingError,
Error or OperationalError, depending on its severity. This module only judges; ``db_connection`` acts.
"""

import re
import sqlite3
from dataclasses import dataclass
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
class Verdict:
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


# The driver's text ends "(40613) (SQLExecDirectW)"; with several errors each has its own pair.
_ODBC_NUMBER = re.compile(r"\((\d{2,6})\)\s*\(SQL")

_MSSQL_CONTENTION = frozenset({1204, 1205, 1222, 3960, 3961})
#: the server moves or starts: sockets to it are stale
_MSSQL_MOVED = frozenset({4221, 40143, 40197, 40540, 40613, 42108, 42109})
#: the server limits us: other connections go on
_MSSQL_THROTTLED = frozenset({10928, 10929, 40501, 49918, 49919, 49920})
_MSSQL_NETWORK = frozenset({20, 64, 121, 233, 997, 10053, 10054, 10060})
#: also "no such user in that database", hence tried twice again and no more
_MSSQL_CANNOT_OPEN = frozenset({4060})
_MSSQL_REFUSED = frozenset({18456, 18452, 40532, 40544, 40615})
_ODBC_LOST = frozenset({"08S01", "08001", "08003", "08004", "08007"})
_ODBC_LOGIN_REFUSED = "28000"

_PG_CONTENTION = frozenset({"40001", "40P01", "55P03"})
#: shutting down or starting, too many connections, a standby that is about to take over
_PG_OUTAGE = frozenset({"57P01", "57P02", "57P03", "57P05", "53300", "25006"})
_PG_REFUSED = frozenset({"28000", "28P01", "3D000", "42501"})
#: libpq gives no SQLSTATE for a refused login
_PG_REFUSED_TEXT = re.compile(
    r"authentication failed|role \".*\" does not exist|database \".*\" does not exist|no pg_hba\.conf entry"
)

_SQLITE_CONTENTION = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_SQLITE_REFUSED = frozenset(
    {
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
    }
)
_STATEMENT = Verdict(Cause.STATEMENT)


def judge(error: BaseException) -> Verdict:
    """Judge an exception of SQLAlchemy or of a driver."""
    verdict = _judge_one(error)
    behind = error.__context__
    # A deadlock's victim has lost its savepoints with its transaction: rolling back to one then fails by an error of
    # its own, raised while the telling one was handled.
    while verdict.cause is Cause.STATEMENT and _of_a_database(behind):
        earlier = _judge_one(behind)
        verdict = earlier if earlier.transient else verdict
        behind = behind.__context__
    return verdict


def _of_a_database(error: BaseException | None) -> TypeGuard[BaseException]:
    return isinstance(error, SQLAlchemyError) or _driver(error) in ("pyodbc", "psycopg", "sqlite3")


def _driver(error: BaseException | None) -> str:
    return type(error).__module__.partition(".")[0]


def _judge_one(error: BaseException) -> Verdict:
    if isinstance(error, PoolTimeout):
        return Verdict(Cause.CONTENTION, "pool")
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    original = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    verdict = _judge_driver(original)
    if verdict.cause is Cause.STATEMENT and lost:
        return Verdict(Cause.CONNECTION, verdict.number, disconnect=True)
    return verdict


def _judge_driver(error: BaseException) -> Verdict:
    if isinstance(error, sqlite3.Error):
        return _judge_sqlite(error)
    if _driver(error) == "pyodbc":
        return _judge_odbc(error)
    if _driver(error) == "psycopg":
        return _judge_postgresql(error)
    return _STATEMENT


def odbc_numbers(text: str) -> list[int]:
    """SQL Server error numbers in a driver message, first error first."""
    return [int(number) for number in _ODBC_NUMBER.findall(text)]


def _judge_odbc(error: BaseException) -> Verdict:
    state = str(error.args[0]) if error.args else ""
    numbers = odbc_numbers(str(error.args[-1]) if error.args else "")
    for number in numbers:
        verdict = _MSSQL.get(number)
        if verdict is not None:
            return verdict
    shown = str(numbers[0]) if numbers and numbers[0] else state
    if state == _ODBC_LOGIN_REFUSED:
        return Verdict(Cause.REFUSED, shown)
    if state in _ODBC_LOST:
        return Verdict(Cause.CONNECTION, shown, disconnect=True, whole_pool=True)
    return Verdict(Cause.STATEMENT, shown)


def _mssql_verdicts() -> dict[int, Verdict]:
    groups = (
        (_MSSQL_REFUSED, {"cause": Cause.REFUSED}),
        (_MSSQL_CONTENTION, {"cause": Cause.CONTENTION}),
        (_MSSQL_MOVED, {"cause": Cause.OUTAGE, "disconnect": True, "whole_pool": True}),
        (_MSSQL_THROTTLED, {"cause": Cause.OUTAGE, "disconnect": True}),
        (_MSSQL_CANNOT_OPEN, {"cause": Cause.OUTAGE, "disconnect": True, "max_retries": 2}),
        (_MSSQL_NETWORK, {"cause": Cause.CONNECTION, "disconnect": True, "whole_pool": True}),
    )
    facts: dict[int, dict[str, Any]] = {number: meaning for numbers, meaning in groups for number in numbers}
    return {number: Verdict(number=str(number), **meaning) for number, meaning in facts.items()}


_MSSQL = _mssql_verdicts()


def _judge_postgresql(error: BaseException) -> Verdict:
    state: str | None = getattr(error, "sqlstate", None)
    if state is None:
        return _judge_libpq(error)
    if state in _PG_CONTENTION:
        return Verdict(Cause.CONTENTION, state)
    if state in _PG_OUTAGE:
        return Verdict(Cause.OUTAGE, state, disconnect=state != "25006", whole_pool=state.startswith("57"))
    if state.startswith("08"):
        return Verdict(Cause.CONNECTION, state, disconnect=True, whole_pool=True)
    return Verdict(Cause.REFUSED if state in _PG_REFUSED else Cause.STATEMENT, state)


def _judge_libpq(error: BaseException) -> Verdict:
    import psycopg

    if not isinstance(error, psycopg.OperationalError):
        return _STATEMENT
    if _PG_REFUSED_TEXT.search(str(error)):
        return Verdict(Cause.REFUSED, "login")
    return Verdict(Cause.CONNECTION, "connection", disconnect=True, whole_pool=True)


def _judge_sqlite(error: sqlite3.Error) -> Verdict:
    code: Any = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return _STATEMENT
    primary = code & 0xFF
    name = str(getattr(error, "sqlite_errorname", primary))
    if primary in _SQLITE_CONTENTION:
        return Verdict(Cause.CONTENTION, name)
    return Verdict(Cause.REFUSED if primary in _SQLITE_REFUSED else Cause.STATEMENT, name)
