"""What one upload leaves in the database: statements, transactions, round trips, bytes, time under the key's lock.

One caller, one-page PDF, a model that answers at once: nothing waits for anything, so the times are those of the work
itself. The figures are what ``bench.simulate`` and ``docs/scaling.md`` count with.

The bytes of PostgreSQL's log are counted without images of whole pages, which it writes once after each checkpoint and
SQL Server does not write at all.
"""

import logging
import re
import statistics
import tempfile
import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, text

from bench import rig
from bench.service.comparison import forget_settings
from bench.service.model import Model
from bench.service.roles import Tree
from shared_code.database.drivers.liveness import was_idle

_WARM, _CALLS = 40, 200
#: the writers in the background have written by then
_FLUSH_SECONDS = 3.0
_SUMMARY = "tokenusagesummary"
_TABLE = re.compile(r'(?:FROM|INTO|UPDATE)\s+(?:"?docUpload"?\.)?"?(\w+)"?')
_SIZES = (
    "SELECT c.relname, pg_total_relation_size(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind = 'r' AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"
)


@dataclass
class Watch:
    """What goes to the database through an engine, from all threads.

    :ivar counts: by kind: statements, reads, writes, transactions, log, trips.
    :ivar held: seconds from the lock of a key's running total until the transaction has ended.
    :ivar under_lock: round trips in that time, the one of the COMMIT included.
    :ivar visits: round trips of the uses of a connection, by the table that each names first.
    """

    counts: Counter[str] = field(default_factory=Counter)
    held: list[float] = field(default_factory=list)
    under_lock: list[int] = field(default_factory=list)
    visits: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def listen(self, engine: Engine) -> None:
        """Begin to count."""
        event.listen(engine, "after_cursor_execute", self._statement)
        event.listen(engine, "commit", self._end)
        event.listen(engine, "rollback", self._end)
        event.listen(engine.pool, "checkin", self._given_back)
        event.listen(engine.pool, "checkout", self._taken)
        if engine.dialect.name != "sqlite":
            event.listen(engine, "begin", self._begin)

    def forget(self) -> None:
        """Begin anew."""
        self.counts.clear()
        self.held.clear()
        self.under_lock.clear()
        self.visits.clear()

    def _trip(self, info: Any, *kinds: str) -> None:
        info["trips"] = info.get("trips", 0) + 1
        with self._lock:
            self.counts.update((*kinds, "trips"))

    def _taken(self, _connection: Any, record: Any, _proxy: Any) -> None:
        """A server is asked whether the connection still lives, if it was idle."""
        record.info |= {"trips": 0, "table": None}
        if was_idle(record):
            self._trip(record.info)

    def _begin(self, connection: Any) -> None:
        self._trip(connection.info)

    def _statement(self, connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        words = statement.lower()
        kind = "reads" if words.startswith(("select", "with")) else "writes"
        info = connection.info
        self._trip(info, "statements", kind)
        found = _TABLE.search(statement)
        if found and info.get("table") is None:
            info["table"] = found[1]
        if "held_since" in info:
            info["held_trips"] += 1
        elif words.startswith("update") and _SUMMARY in words:
            info["held_since"], info["held_trips"] = time.perf_counter(), 0

    def _end(self, connection: Any) -> None:
        self._trip(connection.info, "transactions")
        if "held_since" in connection.info:
            connection.info["held_trips"] += 1

    def _given_back(self, _connection: Any, record: Any) -> None:
        since = record.info.pop("held_since", None)
        with self._lock:
            self.visits[str(record.info.get("table"))].append(record.info.get("trips", 0))
            if since is not None:
                self.held.append(time.perf_counter() - since)
                self.under_lock.append(record.info.pop("held_trips"))


def main() -> None:
    forget_settings()
    with rig.gemini() as model, _databases() as databases:
        for backend, url, cpu in databases:
            for quotas in (0, 3):
                # A database of its own for each, so that neither finds what the other has left.
                with _service(model, url(quotas)) as (call, engine, add_quotas):
                    if quotas:
                        add_quotas()
                    _measure(f"{backend}, {quotas or 'no'} quotas", call, engine, cpu)


def _measure(name: str, call: Callable[[], None], engine: Engine, server_cpu: Callable[[], float]) -> None:
    watch = Watch()
    watch.listen(engine)
    for _ in range(_WARM):
        call()
    time.sleep(_FLUSH_SECONDS)
    watch.forget()
    before, cpu = _stored(engine), server_cpu()
    for _ in range(_CALLS):
        call()
    time.sleep(_FLUSH_SECONDS)
    cpu = (server_cpu() - cpu) / _CALLS * 1000
    counts, held, trips = watch.counts.copy(), sorted(watch.held), watch.under_lock
    grown = {key: (size - before.get(key, 0)) / _CALLS for key, size in _stored(engine).items()}
    print(f"\n{name}, per call of {_CALLS}")
    print("  " + ", ".join(f"{kind} {counts[kind] / _CALLS:.2f}" for kind in sorted(counts)))
    print(
        f"  key's lock: held {len(held) / _CALLS:.2f} times, {statistics.fmean(held) * 1000:.2f} ms on average, "
        f"{sum(held) / _CALLS * 1000:.2f} ms in all; round trips meanwhile {sum(trips) / _CALLS:.2f}"
    )
    each = ", ".join(
        f"{table} {statistics.fmean(trips):.1f} ({len(trips) / _CALLS:.2f} times)"
        for table, trips in watch.visits.items()
    )
    print(f"  round trips by use of a connection: {each}")
    if cpu:
        print(f"  the server's processor {cpu:.2f} ms")
    largest = sorted(((size, key) for key, size in grown.items() if size > 1), reverse=True)
    print("  bytes: " + ", ".join(f"{key} {size:,.0f}" for size, key in largest))


def _stored(engine: Engine) -> dict[str, float]:
    """Bytes by table with its indexes, and of the log, as far as the database tells."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            pages = connection.execute(text("PRAGMA page_count")).scalar_one()
            return {"file": pages * connection.execute(text("PRAGMA page_size")).scalar_one()}
        sizes = {row[0]: float(row[1]) for row in connection.execute(text(_SIZES))}
        sizes["write-ahead log"] = float(
            connection.execute(text("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')")).scalar_one()
        )
        sizes["all tables"] = sum(size for name, size in sizes.items() if name != "write-ahead log")
        return sizes


Databases = list[tuple[str, Callable[[int], str], Callable[[], float]]]


@contextmanager
def _databases() -> Iterator[Databases]:
    """Name, URL of a fresh database, and processor seconds of its server."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, rig.postgresql() as server:
        _without_page_images(server)
        tree = Tree(server.pid)
        yield [
            ("SQLite", lambda quotas: f"sqlite:///{Path(folder) / f'q{quotas}.db'}", lambda: 0.0),
            ("PostgreSQL", lambda quotas: server.new_database(f"q{quotas}"), lambda: tree.cpu().total),
        ]


def _without_page_images(server: rig.PostgreSql) -> None:
    from sqlalchemy import create_engine, make_url

    engine = create_engine(make_url(server.url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("ALTER SYSTEM SET full_page_writes = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()


@contextmanager
def _service(model: str, url: str) -> Iterator[tuple[Callable[[], None], Engine, Callable[[], None]]]:
    """One upload, the engine behind it, and what gives the caller a limit of each kind."""
    telemetry = {"APPLICATIONINSIGHTS_CONNECTION_STRING": Model(model).connection_string}
    with rig.environment(model, DATABASE_URL=url, LOG_LEVEL="INFO", **telemetry):
        from shared_code import bootstrap
        from shared_code.database.stores.operations.admin_audit import Actor
        from shared_code.extraction.submission import Submission
        from shared_code.records import Caller, CallIdentity, Source

        services, versions = bootstrap.services().ready(), rig.Versions()
        _quiet()

        def call() -> None:
            identity = CallIdentity(str(uuid.uuid4()), Caller(rig.COMPANY, "u", "b"), Source.HTTP)
            services.extraction.extract(Submission(versions(), identity, 200.0, "invoice.pdf", "application/pdf"))

        def add_quotas() -> None:
            for scope, subject in (("company", None), ("branch", "b"), ("user", "u")):
                services.quota_administration.add(
                    company_id=rig.COMPANY,
                    scope=scope,
                    subject=subject,
                    limits=(10**12, None),
                    actor=Actor("bench"),
                )

        yield call, services.database.engine, add_quotas


def _quiet() -> None:
    """Lines of the log go to the database only."""
    for handler in list(logging.getLogger().handlers):
        if type(handler) is logging.StreamHandler:
            logging.getLogger().removeHandler(handler)


if __name__ == "__main__":
    main()
