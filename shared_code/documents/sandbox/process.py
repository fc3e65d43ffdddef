"""One child process of the sandbox, as the service sees it: given a job, asked for its CPU time, ended.

The child gets no environment variables beyond what Python itself needs; bytes go in and results come out over pipes.
"""

import contextlib
import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, BinaryIO, cast

from shared_code import errors
from shared_code.documents.sandbox import frames
from shared_code.documents.sandbox.watch import Overrun, Watch
from shared_code.records import BYTES_PER_MB, FileBytes

#: the module whose ``main`` a child runs
WORKER = "shared_code.documents.sandbox.worker"
#: a process that holds more than this between jobs is replaced
REPLACE_ABOVE_MB = 220.0
_REPLACE_AFTER_JOBS = 2_000
_GOODBYE_SECONDS = 2.0
_CRASH_SECONDS = 0.5
_RETRY_SECONDS = 5.0
#: how much others are preferred to a slow job, see nice(2)
_NICE = 10
_START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "import importlib; importlib.import_module(sys.argv[3]).main(int(sys.argv[2]))"
)
#: what a Python process needs from the environment on some systems, and nothing else
_KEPT_ENVIRONMENT = ("SYSTEMROOT", "PATH", "LD_LIBRARY_PATH", "TMP", "TEMP", "TMPDIR", "HOME")
#: SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV
_CRASH_SIGNALS = frozenset({4, 5, 6, 7, 8, 10, 11})
_WINDOWS_CRASH = 0xC0000000


class End(StrEnum):
    """How a process ended during a job."""

    #: by itself
    CRASHED = "crashed"
    #: by somebody: the system that needs its memory, a person
    KILLED = "killed"
    #: by the watch, for the CPU time that the job took
    OUT_OF_CPU = "out of CPU time"
    #: by the watch, because the job made no progress or took too long on a busy machine
    STALLED = "stalled"
    #: by the watch, for the memory that it used
    OUT_OF_MEMORY = "out of memory"


_OVERRUNS = {Overrun.CPU: End.OUT_OF_CPU, Overrun.STALLED: End.STALLED, Overrun.MEMORY: End.OUT_OF_MEMORY}


class ProcessGone(Exception):
    """The process ended during a job; it is of no use any more."""

    def __init__(self, end: End) -> None:
        super().__init__(end.value)
        self.end = end


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to one job."""

    facts: dict[str, Any]
    parts: list[bytes]
    peak_mb: float


class Process:
    """One child. Used by one thread at a time; the watch may kill it meanwhile.

    :param memory_mb: what its ``worker`` is told to limit itself to.
    :param replace_above_mb: with more than this between jobs it is worn; ``REPLACE_ABOVE_MB`` unless given.
    :raises errors.Busy: it could not be started.
    """

    def __init__(self, memory_mb: int, *, worker: str = WORKER, replace_above_mb: float | None = None) -> None:
        environment = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
        # one heap for all threads: reserved address space would count against the limit
        environment["MALLOC_ARENA_MAX"] = "1"
        path = [os.path.abspath(entry) for entry in sys.path]  # noqa: PTH100 - '' is the working folder
        try:
            self._popen = subprocess.Popen(  # noqa: S603 - our own interpreter and code
                [sys.executable, "-I", "-c", _START, json.dumps(path), str(memory_mb), worker],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
            )
        except OSError as error:
            raise errors.Busy(
                "A process to read documents could not be started.", retry_after=_RETRY_SECONDS
            ) from error
        self.jobs = 0
        self.resident_mb = 0.0
        self._is_spent = False
        self._replace_above_mb = replace_above_mb
        #: CPU seconds when it was last ready for a job; none of its jobs pays for what came before
        self._cpu_before = math.inf

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    @property
    def is_worn(self) -> bool:
        """Whether it should do no further job."""
        return (
            self._is_spent
            or self._popen.poll() is not None
            or self.jobs >= _REPLACE_AFTER_JOBS
            or self.resident_mb > (self._replace_above_mb or REPLACE_ABOVE_MB)
        )

    def ask(self, header: dict[str, Any], parts: Sequence[FileBytes], watch: Watch) -> Result:
        """Do one job.

        :raises ProcessGone: the process ended.
        """
        with watch.over(self) as job:
            try:
                facts, blobs = self._exchange(header, parts)
            except (OSError, ValueError, frames.ConnectionLost) as error:
                code = self.close(at_once=True)
                raise ProcessGone(_end(job.overrun, code)) from error
            except BaseException:
                # Interrupted between job and answer: the next job would get the answer of this one.
                self.kill()
                raise
        self.jobs += 1
        self._cpu_before = facts.pop("cpu_seconds", 0.0)
        self.resident_mb = facts.pop("now_mb", 0.0)
        return Result(facts, blobs, facts.pop("peak_mb", 0.0))

    def _exchange(self, header: dict[str, Any], parts: Sequence[FileBytes]) -> tuple[dict[str, Any], list[bytes]]:
        answers = cast("BinaryIO", self._popen.stdout)
        if self._cpu_before == math.inf:
            hello, _ = frames.read_frame(answers)
            self._cpu_before = hello["cpu_seconds"]
        frames.write_frame(cast("BinaryIO", self._popen.stdin), header, parts)
        return frames.read_frame(answers)

    def cpu_now(self) -> float:
        """CPU seconds that it has used so far for its present job; 0.0 when it has ended."""
        import psutil

        try:
            times = psutil.Process(self.pid).cpu_times()
        except psutil.Error:
            return 0.0
        return max(times.user + times.system - self._cpu_before, 0.0)

    def resident_now(self) -> float:
        """Megabytes of memory that it uses; 0.0 when it has ended."""
        import psutil

        try:
            return float(psutil.Process(self.pid).memory_info().rss) / BYTES_PER_MB
        except psutil.Error:
            return 0.0

    def give_way(self) -> None:
        """Let other processes go first. It stays that way, so this is the last job of this process."""
        self._is_spent = True
        if hasattr(os, "setpriority"):
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, self.pid, _NICE)

    def kill(self) -> None:
        """End it at once; whoever waits for its answer is told."""
        self._is_spent = True
        self._popen.kill()

    def close(self, *, at_once: bool) -> int | None:
        """Close the pipes, wait, and return the exit code; ``at_once`` does not wait for a job."""
        if at_once:
            # one that crashed may take a moment to be gone
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(_CRASH_SECONDS)
            self._popen.kill()
        with contextlib.suppress(OSError):
            cast("BinaryIO", self._popen.stdin).close()
        try:
            self._popen.wait(_GOODBYE_SECONDS)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        cast("BinaryIO", self._popen.stdout).close()
        return self._popen.returncode


def _end(overrun: Overrun | None, code: int | None) -> End:
    if overrun is not None:
        return _OVERRUNS[overrun]
    if code is None:
        return End.KILLED
    crashed = code >= _WINDOWS_CRASH if os.name == "nt" else code > 0 or -code in _CRASH_SIGNALS
    return End.CRASHED if crashed else End.KILLED
