"""The database as its clients see it: workers, processors, a log, and rows that one transaction holds at a time."""

from bench.simulation.engine import Clock, Meter, Pipe, Places, Process
from bench.simulation.inputs import Deployment

#: seconds that a unit of work may take in all (DB_RETRY_BUDGET_SECONDS), and for one lock
BUDGET_SECONDS, LOCK_SECONDS = 20.0, 15.0


class Database:
    """One database. A transaction is counted as a worker from its first statement to its end."""

    def __init__(self, clock: Clock, size: Deployment) -> None:
        self._clock = clock
        self._size = size
        self._workers = Places(clock, size.workers)
        self._processors = Places(clock, size.database_cores)
        self._log = Pipe(clock, size.log_rate)
        self._pools = Meter(clock)

    @property
    def meters(self) -> dict[str, Meter]:
        """What can be busy."""
        return {
            "database workers": self._workers.meter,
            "database processors": self._processors.meter,
            "database log": self._log.meter,
            "connection pools": self._pools,
        }

    def new_pool(self) -> Places:
        """The connections of one process."""
        return Places(self._clock, self._size.pool, self._pools)

    def read(self, pool: Places, *, trips: int, cpu: float) -> Process:
        """One use of a connection for reading; says whether it could be had in time."""
        return (yield from self._transaction(pool, trips=trips, cpu=cpu))

    def write(self, pool: Places, *, row: Places, trips: int, locked: int, cpu: float, log_bytes: float) -> Process:
        """One transaction; ``locked`` round trips of it hold ``row``. Says whether it was committed."""
        return (yield from self._transaction(pool, trips=trips, cpu=cpu, row=row, locked=locked, log_bytes=log_bytes))

    def _transaction(
        self,
        pool: Places,
        *,
        trips: int,
        cpu: float,
        row: Places | None = None,
        locked: int = 0,
        log_bytes: float = 0.0,
    ) -> Process:
        if not (yield from pool.take(BUDGET_SECONDS)):
            return False
        done = False
        if (yield from self._workers.take(BUDGET_SECONDS)):
            # The statement that waits for the lock is the last of those before it.
            before = 1.0 if row is None else (trips - locked) / trips
            yield from self._work(trips - locked, cpu * before)
            if row is None:
                done = True
            elif (yield from row.take(LOCK_SECONDS)):
                yield from self._work(locked, cpu * (1 - before))
                yield self._log.seconds(log_bytes) + self._size.commit_seconds
                row.give()
                done = True
            self._workers.give()
        pool.give()
        return done

    def _work(self, trips: int, cpu: float) -> Process:
        yield trips * self._size.trip_seconds
        yield from self._processors.use(cpu)
