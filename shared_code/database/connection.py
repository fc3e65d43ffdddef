"""The one way to the database: engine, transactions, and retry of whole units of work.

Stores take an open :class:`sqlalchemy.Connection`; services hand a unit of work to :meth:`Database.run`. What the
database does to its clients (failover, throttling, deadlocks, dropped sockets, a serverless database that wakes up) is
dealt with here, once.
"""

import copy
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from weakref import WeakValueDictionary

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from shared_code.database.engines import (
    LOCK_TIMEOUT_SECONDS,
    WRITE_OPTION,
    build_engine,
    limit_sqlite_wait,
    reader_of,
    resolve_target,
)
from shared_code.database.error_causes import Cause, LoginFailed, classify
from shared_code.database.retry import CONTENTION_RETRY_AFTER, Clock, RetryBudget, Sleep, service_error
from shared_code.database.time_limit import seconds_left, time_limit
from shared_code.errors import ConfigurationError, DatabaseUnavailable, InternalError
from shared_code.settings import Settings

#: the least that one try may take, also the last one, which is made when the budget ends
_LEAST_SECONDS = 1.0
#: for one transaction of :meth:`Database.unhurried` work; the platform ends a function after ten minutes
_LONG_SECONDS = 300.0
#: for reports and lists that an operator asks for over HTTP
REPORT_SECONDS = 60.0


class _OutcomeUnknown(Exception):
    """COMMIT was sent and its answer never came."""

    def __init__(self, error: SQLAlchemyError) -> None:
        super().__init__("the outcome of COMMIT is unknown")
        self.error = error


def repeatable(_connection: Connection) -> None:
    """``on_unknown`` for work that may run twice without harm: a lost COMMIT is simply answered by another run."""


class Database:
    """An engine with our rules. Make it by :func:`create_database`; one per process.

    A unit of work ends with its retry budget, whatever it waits for: a free connection, a login, a server that does not
    answer, a lock. Work that takes long by its nature is given :meth:`unhurried`.

    :param places: how many connections there may be at once.
    """

    def __init__(self, engine: Engine, *, retry_budget_seconds: float, places: int, sleep: Sleep, clock: Clock) -> None:
        self.engine = engine
        self._writer = engine.execution_options(**{WRITE_OPTION: True})
        self._reader = reader_of(engine)
        self._retry_budget_seconds = retry_budget_seconds
        self._sleep = sleep
        self._clock = clock
        self._write_lock = _write_lock_for(engine)
        self._places = threading.BoundedSemaphore(places)
        self._held = threading.local()
        self._hurried = True
        self._long_seconds: float | None = None

    def unhurried(self, *, seconds: float | None = _LONG_SECONDS) -> "Database":
        """The same database for work that may take long: migrations, the timer, reports, diagnosis.

        A transaction may take ``seconds``, or any time when None; errors are retried within the budget as ever.
        """
        other = copy.copy(self)
        other._hurried, other._long_seconds = False, seconds  # noqa: SLF001 - of this class
        return other

    @property
    def dialect(self) -> str:
        """sqlite, postgresql or mssql."""
        return self.engine.dialect.name

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One write transaction: committed at the end of the block, rolled back when it raises. Not retried.

        :raises DatabaseUnavailable: the database cannot be reached or refuses for a passing reason.
        :raises InternalError: the database refused a statement.
        :raises IntegrityError: SQLAlchemy's, from the block.
        """
        try:
            with self._limit(self._retry_budget_seconds), self._transaction() as connection:
                yield connection
        except _OutcomeUnknown as unknown:
            raise service_error(unknown.error) from unknown.error
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            raise service_error(error) from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for reads; whatever was written on it is rolled back. Errors as :meth:`transaction`."""
        try:
            with self._limit(self._retry_budget_seconds), self._connected(self.engine) as connection:
                yield connection
        except SQLAlchemyError as error:
            raise service_error(error) from error

    def run[T](
        self,
        work: Callable[[Connection], T],
        *,
        budget_seconds: float | None = None,
        on_unknown: Callable[[Connection], T | None] | None = None,
    ) -> T:
        """Run a unit of work in one transaction, and again as a whole after passing errors, within the budget.

        :param on_unknown: after a COMMIT whose answer was lost: looks for what ``work`` writes by its unique key and
            returns the result when it is there, None when it is not (then ``work`` runs again). Without it such a loss
            is raised, because a second run could double the work; see :func:`repeatable`.
        :raises DatabaseUnavailable: the budget has ended, or waiting does not help.
        :raises InternalError: the database refused a statement.
        :raises IntegrityError: SQLAlchemy's, from ``work``; a store that expects one uses a savepoint.
        """
        deadline, retries = self._deadline(budget_seconds), None
        unknown = False
        while True:
            try:
                with self._limit(deadline - self._clock()):
                    if unknown and on_unknown is not None:
                        with self._connected(self.engine) as connection:
                            found = on_unknown(connection)
                        if found is not None:
                            return found
                        unknown = False
                    with self._transaction() as connection:
                        return work(connection)
            except _OutcomeUnknown as lost:
                if on_unknown is None:
                    raise service_error(lost.error) from lost.error
                unknown = True
                retries = self._wait(retries, deadline, lost.error)
            except IntegrityError:
                raise
            except SQLAlchemyError as error:
                retries = self._wait(retries, deadline, error)

    def read[T](self, work: Callable[[Connection], T], *, budget_seconds: float | None = None) -> T:
        """Run reads on one connection, perhaps without a transaction, again after errors. Errors as :meth:`run`."""
        deadline, retries = self._deadline(budget_seconds), None
        while True:
            try:
                with self._limit(deadline - self._clock()), self._connected(self._reader) as connection:
                    return work(connection)
            except SQLAlchemyError as error:
                retries = self._wait(retries, deadline, error)

    def close(self) -> None:
        """Close the pooled connections. The instance can be used again afterwards."""
        self.engine.dispose()

    def _deadline(self, budget_seconds: float | None) -> float:
        return self._clock() + (self._retry_budget_seconds if budget_seconds is None else budget_seconds)

    def _wait(self, retries: RetryBudget | None, deadline: float, error: SQLAlchemyError) -> RetryBudget:
        """Sleep before the next try of a unit of work; its budget, which the first error makes."""
        retries = retries or RetryBudget(deadline, sleep=self._sleep, clock=self._clock)
        retries.wait(error)
        return retries

    def _limit(self, seconds: float) -> AbstractContextManager[None]:
        """The time limit of one try."""
        return time_limit(max(seconds, _LEAST_SECONDS) if self._hurried else self._long_seconds)

    def _patience(self) -> float:
        """Seconds to wait for what this process itself has to give."""
        left = seconds_left()
        return self._retry_budget_seconds if left is None else left

    @contextmanager
    def _connected(self, engine: Engine) -> Iterator[Connection]:
        """A connection of the pool, or a new one. Raises :class:`LoginFailed` when none can be had."""
        if not self._places.acquire(timeout=self._patience()):
            raise DatabaseUnavailable(retry_after=CONTENTION_RETRY_AFTER)
        try:
            try:
                connection = engine.connect()
            except SQLAlchemyError as error:
                raise LoginFailed(error) from error
            with connection:
                if self._write_lock is not None:
                    limit_sqlite_wait(connection, self._patience())
                yield connection
        finally:
            self._places.release()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        if getattr(self._held, "depth", 0):
            raise InternalError("A write transaction was begun inside another one")
        self._held.depth = 1
        try:
            with self._write_turn(), self._connected(self._writer) as connection:
                yield from _unit(connection, lets_go=not self._hurried)
        finally:
            self._held.depth = 0

    @contextmanager
    def _write_turn(self) -> Iterator[None]:
        """SQLite has one writer: waiting here is fair and wakes at once, its own busy wait is neither."""
        if self._write_lock is None:
            yield
            return
        if not self._write_lock.acquire(timeout=self._patience()):
            raise DatabaseUnavailable(retry_after=CONTENTION_RETRY_AFTER)
        try:
            yield
        finally:
            self._write_lock.release()


def _unit(connection: Connection, *, lets_go: bool) -> Iterator[Connection]:
    """Begin, yield, commit or roll back; the first error is the one that is raised.

    :param lets_go: what waits too long for a lock fails and frees its own locks; on Azure SQL and SQLite, and where a
        time limit does it, that is so already.
    """
    transaction = connection.begin()
    try:
        if lets_go and connection.dialect.name == "postgresql":
            connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'"))
        yield connection
    except BaseException:  # whatever ends the unit, an interruption too: its transaction ends with it
        try:
            transaction.rollback()
        except SQLAlchemyError:
            # The connection is gone, and with it the transaction; the error at hand says why.
            connection.invalidate()
        raise
    try:
        transaction.commit()
    except DBAPIError as error:
        connection.invalidate()
        if classify(error).cause in (Cause.CONNECTION, Cause.OUTAGE):
            raise _OutcomeUnknown(error) from error
        raise


_write_locks: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
_write_locks_guard = threading.Lock()


def _write_lock_for(engine: Engine) -> threading.Lock | None:
    """The process's lock for this SQLite file, shared by all instances on it; None for servers."""
    if engine.dialect.name != "sqlite":
        return None
    path = str(Path(engine.url.database or "").resolve())
    with _write_locks_guard:
        return _write_locks.setdefault(path, threading.Lock())


def create_database(settings: Settings, *, sleep: Sleep = time.sleep, clock: Clock = time.monotonic) -> Database:
    """Make the database that the settings name. Nothing connects yet.

    :raises ConfigurationError: see :func:`shared_code.database.engines.resolve_target`.
    """
    return Database(
        build_engine(resolve_target(settings), settings),
        retry_budget_seconds=settings.db_retry_budget_seconds,
        places=settings.db_pool_size + settings.db_max_overflow,
        sleep=sleep,
        clock=clock,
    )


_default: Database | None = None


def install_default(database: Database | None) -> None:
    """Install the instance that the seed's functions use; bootstrap does."""
    global _default  # noqa: PLW0603 - the one process-wide instance, for calls that carry none
    _default = database


def default_database() -> Database:
    """The installed instance.

    :raises ConfigurationError: there is none.
    """
    if _default is None:
        raise ConfigurationError("No default database is installed; call shared_code.bootstrap first")
    return _default
