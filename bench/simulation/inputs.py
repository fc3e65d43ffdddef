"""What the simulation counts with: figures of the service that were measured, and sizes of a deployment.

Where a figure comes from stands beside it, and in ``docs/scaling.md``; what could not be measured is called assumed.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figures:
    """One upload of a one-page PDF. Times in seconds, of one core of the machine that measured.

    :ivar own_cpu: of the serving process, ``child_cpu`` of those that parse documents: ``docs/performance.md``, over
        HTTP with 16 callers.
    :ivar trips: round trips to the database of the four transactions: keys, reserve, earlier documents, settle; then
        those of reserve and settle that follow the lock of the key's running total (``dev.py bench footprint``).
    :ivar database_cpu: of the server, all statements of the upload (PostgreSQL, the same).
    :ivar log_bytes: that the upload writes into the database's log (the same).
    :ivar row_bytes: by which the tables grow (the same).
    :ivar fold_seconds: of the timer for each usage row (``dev.py bench fold``, SQLite).
    :ivar input_tokens: of the model call, as the recorded answer of the bench reports them; ``dollars`` is what it
        costs, with 1,249 output tokens, at the prices of gemini-3.5-flash-lite.
    :ivar model_seconds: that it takes in the middle, ``model_spread`` how much that varies (log-normal), ``failures``
        which part of them fails for a passing cause, ``refusal_seconds`` how soon: assumed.
    """

    own_cpu: float = 0.032
    child_cpu: float = 0.006
    trips: tuple[int, int, int, int] = (4, 9, 4, 10)
    locked_trips: int = 2
    database_cpu: float = 0.009
    log_bytes: int = 9_000
    row_bytes: int = 6_500
    fold_seconds: float = 0.000_017
    input_tokens: int = 3_574
    dollars: float = 0.0042
    model_seconds: float = 3.0
    model_spread: float = 0.35
    failures: float = 0.01
    refusal_seconds: float = 0.1

    def database_seconds(self, trip: float, commit: float) -> float:
        """That one upload holds a connection when nothing waits."""
        return sum(self.trips) * trip + self.database_cpu + 2 * commit


@dataclass(frozen=True)
class Tier:
    """What a provider project may ask. Sources, and what could not be verified: ``docs/scaling.md``."""

    name: str
    requests_per_minute: float
    tokens_per_minute: float
    dollars_per_ten_minutes: float


TIER_1 = Tier("Tier 1", 4_000, 4e6, 10)
TIER_3 = Tier("Tier 3", 30_000, 30e6, 200)
#: for what is simulated without a provider's limit, or with one that was raised on request
NO_LIMITS = Tier("limits raised", 1e12, 1e15, 1e12)


@dataclass(frozen=True)
class Deployment:
    """Sizes of one deployment of the service, and of what it uses.

    :ivar cores: processors of an instance; a part of one on the smallest.
    :ivar concurrency: uploads at which the platform starts another instance.
    :ivar instances: that run when the load begins. ``most`` is all that there can be.
    :ivar new_per_second: instances that the platform starts in a second at most; each is there after ``start_seconds``.
    :ivar seats: uploads in work (MAX_CONCURRENT_UPLOADS) and ``upload_mb`` that they hold (MAX_UPLOAD_MEMORY_MB), in an
        instance; its processes share them. ``readers``: sandbox children of a process.
    :ivar pool: connections of a process, overflow included.
    :ivar workers: that the database has for all of them; ``log_rate`` in bytes a second.
    :ivar trip_seconds: to the database and back; ``commit_seconds``: until the log is on its disk.
    :ivar keys: of a company, each of a provider project of its own, which has the limits of ``tier``.
    :ivar stamps: deployments of this size, each with companies of its own; the load is shared out among them.
    """

    name: str = "defaults"
    cores: float = 1.0
    processes: int = 1
    concurrency: int = 16
    instances: int = 1
    most: int = 60
    new_per_second: int = 1
    start_seconds: float = 8.0
    seats: int = 96
    upload_mb: int = 512
    readers: int = 3
    pool: int = 4
    workers: int = 300
    database_cores: int = 4
    log_rate: float = 18e6
    trip_seconds: float = 0.001
    commit_seconds: float = 0.006
    keys: int = 1
    tier: Tier = TIER_1
    stamps: int = 1


@dataclass(frozen=True)
class Load:
    """Invoices that arrive.

    :ivar per_hour: of all stamps together.
    :ivar companies: that send them. The largest one sends ``largest_share``, the others equally much.
    :ivar burst: how many times the mean arrives in ten seconds of each minute; less in the others, so that the mean
        is kept.
    :ivar quotas: limits of tokens that count for each caller, besides the key's own.
    :ivar seconds: that are simulated; what arrives in the first third is not counted.
    """

    per_hour: float
    companies: int = 1
    largest_share: float = 1.0
    burst: float = 1.0
    quotas: int = 0
    seconds: float = 300.0
    small_bytes: int = 200_000
    large_bytes: int = 5_000_000
    large_share: float = 0.03
