"""Looks after running jobs: ends what takes too much, and says whose fault it was.

CPU seconds are what the bytes cost, whatever else the machine does: a file that uses them up is refused. A process that
makes no progress, takes long because the machine is busy, or holds too much memory, says nothing about the file: it is
ended all the same, and the file may come again. Time is counted in short looks, so that a service that was itself
stopped blames nobody.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

_LOOK_SECONDS = 0.1
#: the most that one look counts, however long ago the last one was
_MOST_COUNTED_SECONDS = 0.5
#: CPU seconds that count as progress
_PROGRESS_SECONDS = 0.01
#: seconds without a job after which the thread ends
_REST_SECONDS = 5.0


class Overrun(StrEnum):
    """Why a job was ended: for what its bytes cost, or for the machine's sake."""

    CPU = "cpu"
    STALLED = "stalled"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class Limits:
    """For one job; times in seconds.

    :ivar cpu: CPU time of its process.
    :ivar stalled: without any CPU time used.
    :ivar wall: in all.
    :ivar slow: CPU time after which a job gives way to others.
    :ivar resident_mb: memory that its process may really use; for processes whose libraries reserve far more address
        space than that, so that the system cannot hold them to a limit.
    """

    cpu: float = 10.0
    stalled: float = 10.0
    wall: float = 45.0
    slow: float = 0.5
    resident_mb: float = math.inf


class Watched(Protocol):
    """A process as the watch sees it."""

    def cpu_now(self) -> float:
        """CPU seconds that it has used so far for its present job."""

    def resident_now(self) -> float:
        """Megabytes of memory that it uses."""

    def give_way(self) -> None:
        """Let other processes go first from now on."""

    def kill(self) -> None:
        """End it at once."""


@dataclass(slots=True)
class Job:
    """One job under watch; ``overrun`` is why it was ended, None while it was not."""

    process: Watched
    seconds: float = 0.0
    stalled_seconds: float = 0.0
    cpu_seconds: float = 0.0
    is_slow: bool = False
    overrun: Overrun | None = None


class Watch:
    """One thread for all jobs of a sandbox, which ends when there is nothing to do.

    :param on_slow: called when a job turns out to be slow.
    """

    def __init__(self, limits: Limits, *, on_slow: Callable[[], None]) -> None:
        self._limits = limits
        self._on_slow = on_slow
        self._changed = threading.Condition()
        self._jobs: dict[int, Job] = {}
        self._thread: threading.Thread | None = None

    @contextmanager
    def over(self, process: Watched) -> Iterator[Job]:
        """Watch a process for the length of a ``with`` block."""
        job = Job(process)
        with self._changed:
            self._jobs[id(job)] = job
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="sandbox-watch", daemon=True)
                self._thread.start()
            elif len(self._jobs) == 1:
                self._changed.notify_all()
        try:
            yield job
        finally:
            with self._changed:
                del self._jobs[id(job)]
                if not self._jobs:
                    self._changed.notify_all()

    def wait_idle(self) -> None:
        """Wait until no job runs."""
        with self._changed:
            self._changed.wait_for(lambda: not self._jobs)

    def look(self, passed: float) -> None:
        """Look at every job once; ``passed`` seconds after the last look."""
        with self._changed:
            jobs = list(self._jobs.values())
        slow = False
        for job in jobs:
            self._judge(job, passed)
            if not job.is_slow and job.cpu_seconds > self._limits.slow:
                job.is_slow = slow = True
                job.process.give_way()
            with self._changed:
                # Not one that has ended meanwhile: its process may be at the next job.
                if job.overrun is not None and id(job) in self._jobs:
                    job.process.kill()
        if slow:
            self._on_slow()

    def _judge(self, job: Job, passed: float) -> None:
        job.seconds += passed
        used = job.process.cpu_now()
        job.stalled_seconds = 0.0 if used > job.cpu_seconds + _PROGRESS_SECONDS else job.stalled_seconds + passed
        if not job.stalled_seconds:
            job.cpu_seconds = used
        if used > self._limits.cpu:
            job.overrun = Overrun.CPU
        elif job.stalled_seconds > self._limits.stalled or job.seconds > self._limits.wall:
            job.overrun = Overrun.STALLED
        elif math.isfinite(self._limits.resident_mb) and job.process.resident_now() > self._limits.resident_mb:
            job.overrun = Overrun.MEMORY

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._jobs and not self._changed.wait_for(lambda: bool(self._jobs), timeout=_REST_SECONDS):
                    self._thread = None
                    return
            before = time.monotonic()
            time.sleep(_LOOK_SECONDS)
            self.look(min(time.monotonic() - before, _MOST_COUNTED_SECONDS))
