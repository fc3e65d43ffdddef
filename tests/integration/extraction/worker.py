"""A process that runs the pipeline with many threads, for races, kills and freezes.

Workers come out of one fork server that has imported everything already, so that a new one costs milliseconds. An
aimed worker kills itself at a point of a call's life: what hits the point is wrapped around the product's seams here,
in the worker, and the product knows nothing of it.
"""

import itertools
import multiprocessing
import os
import signal
import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

import azure.storage.queue  # noqa: F401 - preloaded
import google.genai  # noqa: F401 - preloaded
import httpcore2
import openai  # noqa: F401 - preloaded
import psycopg  # noqa: F401 - preloaded
import pypdfium2  # noqa: F401 - preloaded
from sqlalchemy import Engine, event

from shared_code import bootstrap, errors
from shared_code.extraction.submission import Submission
from shared_code.metering import ledger
from shared_code.providers.gemini import client
from shared_code.records import Caller, CallIdentity, Source

#: points of a call's life at which an aimed worker dies
AFTER_RESERVE = "after reserve"
AFTER_SEND = "after send"
AFTER_ANSWER = "after answer"
BEFORE_COMMIT = "before COMMIT"
AFTER_COMMIT = "between COMMIT and response"
POINTS = (AFTER_RESERVE, AFTER_SEND, AFTER_ANSWER, BEFORE_COMMIT, AFTER_COMMIT)

_METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
context: Any = multiprocessing.get_context(_METHOD)
if _METHOD == "forkserver":
    context.set_forkserver_preload([__name__, __name__.replace("worker", "warm")])


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker does: read the documents ``numbers`` of ``sample`` on ``threads`` threads, each once.

    :ivar branches, users: so many take turns in handing documents over.
    :ivar dies_at: a point, and at which hit of it; None = it lives.
    """

    environment: dict[str, str]
    sample: Path
    numbers: Sequence[int]
    threads: int = 8
    company: str = "NT047"
    branches: int = 1
    users: int = 1
    deadline_seconds: float = 60.0
    dies_at: tuple[str, int] | None = None
    force: bool = False


def numbered(sample: Path, number: int) -> bytes:
    """The document with ``number`` bytes and a line end behind its own end: its size tells which one it is."""
    return sample.read_bytes() + b"\n%" + b"." * number


class Worker:
    """A process with a job. It waits for :meth:`go`; use it as a context manager."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._ours, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(job, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        if self.process.is_alive():
            self.process.kill()
        self.process.join(30)
        self.process.close()
        self._ours.close()

    def go(self) -> None:
        """Let the worker begin, as soon as it has built its services."""
        assert self._ours.recv() == "ready"
        self._ours.send("go")

    def results(self) -> list[dict[str, Any]]:
        """One entry per call that came to an end, when the worker is done or dead."""
        found = []
        try:
            while (result := self._ours.recv()) != "done":
                found.append(result)
        except (EOFError, ConnectionResetError):
            pass
        self.process.join(30)
        return found

    @property
    def was_killed(self) -> bool:
        """Whether it died by SIGKILL; known after :meth:`results`."""
        return self.process.exitcode == -signal.SIGKILL

    def kill(self) -> None:
        """End it without a word, if it still lives."""
        self.signal(signal.SIGKILL)

    def signal(self, number: int) -> None:
        """Send a signal, if the process still lives."""
        if self.process.is_alive() and self.process.pid:
            os.kill(self.process.pid, number)


def run_all(jobs: Sequence[Job]) -> list[Worker]:
    """Workers on these jobs, all let go together, once each of them is ready."""
    workers = [Worker(job) for job in jobs]
    for worker in workers:
        worker.go()
    return workers


def _work(job: Job, pipe: Connection) -> None:
    os.environ.update(job.environment)
    if job.dies_at is not None:
        _aim(*job.dies_at)
    bootstrap.services().ready()
    pipe.send("ready")
    pipe.recv()
    sending = threading.Lock()

    def call(number: int) -> None:
        result = _extract(job, number)
        with sending:
            pipe.send(result)

    with ThreadPoolExecutor(job.threads) as pool:
        list(pool.map(call, job.numbers))
    pipe.send("done")
    bootstrap.reset()


def _extract(job: Job, number: int) -> dict[str, Any]:
    submission = Submission(
        data=numbered(job.sample, number),
        identity=CallIdentity(
            str(uuid.uuid4()),
            Caller(job.company, f"user-{number % job.users}", f"branch-{number % job.branches}"),
            Source.HTTP,
            f"call-{number}",
        ),
        deadline_seconds=job.deadline_seconds,
        file_name="invoice.pdf",
        force=job.force,
    )
    try:
        data = bootstrap.services().extraction.extract(submission).data
    except errors.ServiceError as error:
        return {
            "number": number,
            "status": error.code,
            "retry_after": error.retry_after,
            "retryable": error.retryable,
            "details": dict(error.details),
        }
    return {
        "number": number,
        "status": "ok",
        "id": data["id"],
        "total_tokens": data["usage"]["total_tokens"],
        "invoices": data["invoices"],
    }


def _aim(point: str, hit: int) -> None:
    """Make this process kill itself at the ``hit``-th time that it comes to ``point``."""
    numbers = itertools.count(1)

    def strike() -> None:
        if next(numbers) == hit:
            os.kill(os.getpid(), signal.SIGKILL)

    if point == AFTER_RESERVE:
        _after(ledger.Ledger, "reserve", strike)
    elif point == AFTER_SEND:
        _before(httpcore2.HTTP11Connection, "_receive_response_headers", strike)
    elif point == AFTER_ANSWER:
        _after(client.GeminiProvider, "generate", strike)
    elif point == BEFORE_COMMIT:
        _before_commit_of(ledger.Ledger, "book", strike)
    elif point == AFTER_COMMIT:
        _after(ledger.Ledger, "book", strike)
    else:
        raise ValueError(point)


def _before_commit_of(owner: type, name: str, strike: Callable[[], None]) -> None:
    original, inside = getattr(owner, name), threading.local()

    def wrapped(*args: Any, **options: Any) -> Any:
        inside.it = True
        try:
            return original(*args, **options)
        finally:
            inside.it = False

    def commits(_connection: object) -> None:
        if getattr(inside, "it", False):
            strike()

    setattr(owner, name, wrapped)
    event.listen(Engine, "commit", commits)


def _after(owner: type, name: str, strike: Callable[[], None]) -> None:
    original = getattr(owner, name)

    def wrapped(*args: Any, **options: Any) -> Any:
        result = original(*args, **options)
        strike()
        return result

    setattr(owner, name, wrapped)


def _before(owner: type, name: str, strike: Callable[[], None]) -> None:
    original = getattr(owner, name)

    def wrapped(*args: Any, **options: Any) -> Any:
        strike()
        return original(*args, **options)

    setattr(owner, name, wrapped)
