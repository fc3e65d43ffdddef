"""The proofs under load and under ``kill -9``, short in the tests and long in ``soak``."""

import signal
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from shared_code.database import tables
from shared_code.database.stores.usage import reservations
from shared_code.labels import new_reading_id
from shared_code.metering.booking import Booking
from shared_code.records import Caller, CallIdentity, Provider, Reservation, Source, Usage
from shared_code.rollup.run import STEPS
from tests.integration.rollup.books import BLOB_STEPS, Books
from tests.integration.rollup.processes import FolderOutbox, context, roll, run_until_killed, services_on, write

_LONG_AGO = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=1_200)


@dataclass(frozen=True)
class Storm:
    """What a storm did: rows written, seconds of each write, runs of each roller."""

    rows: int
    waits: list[float]
    runs: list[int]

    def p99(self) -> float:
        return sorted(self.waits)[int(len(self.waits) * 0.99)]


def storm(url: str, books: Books, *, seconds: float, rollers: int = 2, threads: int = 4) -> Storm:
    """Writers at full speed beside processes that roll up every 50 ms; then one last run, and the books must agree."""
    tokens = [books.add_key(limit=10**9) for _ in range(3)]
    stop = context.Event()
    pipes, processes = [], []
    for target, arguments in [(write, (tokens, threads))] + [(roll, (0.05,))] * rollers:
        receiving, sending = context.Pipe(duplex=False)
        processes.append(context.Process(target=target, args=(url, *arguments, stop, sending), daemon=True))
        pipes.append(receiving)
    for process in processes:
        process.start()
    assert [_received(pipe) for pipe in pipes] == ["ready"] * len(pipes)
    time.sleep(seconds)
    stop.set()
    reports = [_received(pipe) for pipe in pipes]
    for process in processes:
        process.join(30)
        assert process.exitcode == 0
    waits, rolls = reports[0], reports[1:]
    assert [failed for _, failed in rolls] == [set()] * rollers
    books.run()
    books.assert_exact()
    assert books.alerts() == []
    assert sum(row["Requests"] for row in books.daily().values()) == len(waits)
    return Storm(len(waits), waits, [runs for runs, _ in rolls])


def _received(pipe):
    assert pipe.poll(60), "a process of the storm said nothing"
    return pipe.recv()


class Victims:
    """A database on which each step has work to do, again after every kill."""

    def __init__(self, url: str, books: Books, outbox: Path) -> None:
        self.url, self.books, self.folder = url, books, outbox
        self.services = services_on(url, outbox)
        self.token = books.add_key(limit=10**6)
        self.tired = books.add_key(limit=100_000, threshold=10_000)
        self.adrift = books.add_key()
        books.use(self.tired, 95_000)
        books.use(self.adrift, 50, move=False, Model="gemini-2.5-pro")
        self.limit, self.tokens, self.requests, self.kills = 10**6, 0, 2, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.services.database.close()
        self.services.background.shutdown(wait=False)

    def kill(self, step: str, point: str | int) -> bool:
        """Give every step something to do and kill a process in one of them; False when it came to its end."""
        self._work()
        arguments = (self.url, step, point, self.folder)
        process = context.Process(target=run_until_killed, args=arguments, daemon=True)
        process.start()
        process.join(60)
        assert process.exitcode in (0, -signal.SIGKILL), (step, point, process.exitcode)
        self.kills += process.exitcode != 0
        return process.exitcode != 0

    def check(self) -> None:
        """A clean run completes everything; nothing was lost or counted twice."""
        for name, step in STEPS:
            if name not in BLOB_STEPS:
                step(self.services.rollup)
        books = self.books
        sums = [(key[1], row["TotalTokens"], row["Requests"]) for key, row in books.daily().items()]
        assert sum(tokens for token, tokens, _ in sums if token == self.token) == self.tokens
        assert sum(requests for *_, requests in sums) == self.requests
        assert books.summary(self.token) == (self.tokens, self.limit - self.tokens)
        assert [row.ReservedTokens for row in books.rows(tables.token_usage_summary)] == [0, 0, 0]
        assert books.rows(tables.token_reservations) == []
        assert self.services.outbox.depth() == 0
        assert books.status(self.tired) == "BelowThreshold"
        assert sorted(books.alerts()) == [
            ("below_threshold", str(self.tired)),
            ("key_stranded", str(self.tired)),
            ("model_ending", "gemini-2.5-pro"),
            ("unmeasured_call", "gemini-3.5-flash-lite"),
            ("usage_drift", str(self.adrift)),
        ]
        assert books.rows(tables.retry_attempts) == []
        assert books.rows(tables.claims) == []
        assert all(row.State == "failed" for row in books.rows(tables.extractions))
        assert all(row.LoggedAt != _LONG_AGO for row in books.rows(tables.token_usage_logs))

    def _work(self) -> None:
        """What writers, operators and time leave behind."""
        books = self.books
        self.limit += 1_000
        books.change(tables.token_master, {"TokenID": self.token}, TotalTokenLimit=self.limit)
        books.change(tables.token_master, {"TokenID": self.tired}, Status="Active")
        books.change(tables.alerts, {"ClosedAt": None}, ClosedAt=_LONG_AGO)
        for _ in range(3):
            books.use(self.token, 10)
        books.use(self.token, 5, LoggedAt=_LONG_AGO)
        self._reserve(lease_seconds=-60)  # its process is gone: 1,000 tokens are booked, unmeasured
        reservation = self._reserve(lease_seconds=3_600)
        FolderOutbox(self.folder).put(
            Booking(reservation, reservation.usage_row(Usage(total_tokens=640), outcome="ok"))
        )
        self.tokens += 3 * 10 + 5 + 1_000 + 640
        self.requests += 3 + 1 + 1 + 1
        books.database.run(self._leave_old_rows)

    def _leave_old_rows(self, connection) -> None:
        connection.execute(tables.retry_attempts.insert().values(Timestamp=_LONG_AGO))
        connection.execute(tables.application_logs.insert().values(Timestamp=_LONG_AGO))
        claim = {
            "CompanyID": "NT047",
            "DocumentSha256": "s",
            "PromptVersion": "1",
            "Provider": "",
            "Model": "",
            "CallID": "c",
            "LeaseUntil": _LONG_AGO,
        }
        for state, updated in (("done", _LONG_AGO), ("running", datetime.now(UTC).replace(tzinfo=None))):
            connection.execute(
                tables.claims.insert().values(
                    ClaimKey=str(uuid.uuid4()), State=state, UpdatedAt=updated, RunningID=new_reading_id(), **claim
                )
            )
        old = {"ClaimKey": "", "State": "done", "CreatedAt": _LONG_AGO}
        connection.execute(tables.extractions.insert().values(**old, **claim))
        connection.execute(tables.admin_audit.insert().values(At=_LONG_AGO, Actor="a", Action="x"))
        alert = {"Kind": "estimate_miss", "Severity": "warning", "Message": "m", "LastSeenAt": _LONG_AGO}
        for closed_at in (None, _LONG_AGO):
            connection.execute(tables.alerts.insert().values(Subject=str(uuid.uuid4()), ClosedAt=closed_at, **alert))

    def _reserve(self, *, lease_seconds: int) -> Reservation:
        reservation = Reservation(
            identity=CallIdentity(str(uuid.uuid4()), Caller("NT047", "bzumah", "RUB"), Source.HTTP),
            attempt=1,
            token_id=self.token,
            local_day=self.books.clock().date(),
            provider=Provider.GEMINI,
            model="gemini-3.5-flash-lite",
            bound_tokens=1_000,
        )

        def work(connection) -> None:
            assert reservations.reserve_on_key(connection, self.token, reservation.bound_tokens)
            assert reservations.insert_reservation(connection, reservation, known=0, lease_seconds=lease_seconds)

        self.books.database.run(work)
        return reservation
