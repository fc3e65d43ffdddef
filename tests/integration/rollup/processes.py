"""Processes that roll up, write, or die in the middle of a step.

They come out of one fork server that has imported everything already, so that a new one costs milliseconds.
"""

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import psycopg  # noqa: F401 - preloaded
from sqlalchemy import event

from shared_code.bootstrap import build_services
from shared_code.bootstrap.container import Services
from shared_code.metering.booking import Booking
from shared_code.metering.outbox import Replayed
from shared_code.rollup.run import STEPS, run_rollup
from shared_code.settings import Settings
from tests.integration.rollup.books import BLOB_STEPS, NO_STORAGE, Books, Clock

with contextlib.suppress(ImportError):  # where no ODBC driver manager is installed
    import pyodbc  # noqa: F401 - preloaded

_METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
context = multiprocessing.get_context(_METHOD)
if _METHOD == "forkserver":
    context.set_forkserver_preload([__name__])

BEFORE_COMMIT = "before COMMIT"
_WRITES = ("INSERT", "UPDATE", "DELETE")


class FolderOutbox:
    """An outbox whose messages are files: what the queue promises, without a queue."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, booking: Booking) -> None:
        (self.folder / f"{booking.reservation.identity.call_id}.json").write_text(booking.to_text(), encoding="utf-8")

    def replay(self, book, *, most: int, attempt) -> Replayed:
        done = Replayed()
        for path in sorted(self.folder.iterdir())[:most]:
            done.seen += 1
            booking = Booking.from_text(path.read_text(encoding="utf-8"))
            if attempt(path.name, partial(_book, book, booking)):
                path.unlink()
                done.booked += 1
        return done

    def depth(self) -> int:
        return len(list(self.folder.iterdir()))


def _book(book, booking: Booking) -> bool:
    book(booking)
    return True


def services_on(url: str, outbox: Path | None = None, **settings) -> Services:
    named = {"azure_sql_connection_string": None, "azurewebjobsstorage": NO_STORAGE if outbox else None}
    waiting = FolderOutbox(outbox) if outbox else None
    return build_services(Settings(database_url=url, **named, **settings), clock=Clock(), outbox=waiting)


def roll(url: str, every_seconds: float, stop, report) -> None:
    """Run the timer's work again and again; hands back how often, and which steps failed."""
    services, runs, failed = services_on(url), 0, set()
    services.database.read(lambda connection: None)
    report.send("ready")
    while not stop.is_set():
        failed |= {(result.name, result.error) for result in run_rollup(services.rollup) if result.error}
        runs += 1
        time.sleep(every_seconds)
    report.send((runs, failed))


def write(url: str, tokens: list[int], threads: int, stop, report) -> None:
    """Book calls at full speed; hands back how many, and how long each took (seconds)."""
    services = services_on(url, db_pool_size=threads)
    books = Books(services, Clock())
    waits: list[float] = []
    report.send("ready")

    def writer(number: int) -> None:
        turn = number
        while not stop.is_set():
            started = time.perf_counter()
            books.use(tokens[turn % len(tokens)], 1 + turn % 7, Branch=f"b{turn % 3}", RequestedBy=f"u{turn % 11}")
            waits.append(time.perf_counter() - started)
            turn += threads

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(writer, range(threads)))
    report.send(waits)


def run_until_killed(url: str, step: str, point: str | int, outbox: Path) -> None:
    """Run the steps up to ``step``, and die in it: before its first COMMIT that has written, or at its n-th write."""
    logging.disable(logging.CRITICAL)
    services = services_on(url, outbox)
    for name, work in STEPS:
        if name == step:
            _arm(services, point)
        if name not in BLOB_STEPS:
            work(services.rollup)
        if name == step:
            break
    os._exit(0)


def _arm(services: Services, point: str | int) -> None:
    lock, writes = threading.Lock(), [0]

    def after(_connection, _cursor, statement, *_):
        if statement.startswith(_WRITES):
            with lock:
                writes[0] += 1
            if writes[0] == point:
                os.kill(os.getpid(), signal.SIGKILL)

    def commit(_connection):
        if writes[0] and point == BEFORE_COMMIT:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(services.database.engine, "after_cursor_execute", after)
    event.listen(services.database.engine, "commit", commit)
