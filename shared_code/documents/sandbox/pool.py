"""Runs the decoders of untrusted files in processes of their own, with limits on memory and time.

A PDF of 1.5 MB can end the process that parses it, one of 54 KB can take 1.5 GB; neither may happen to the service. Two
processes are kept ready; one that dies, hangs or grows is replaced. Bytes go in and results come out over pipes:
nothing is written to disk, and the children get no environment variables beyond what Python itself needs.
"""

import atexit
import contextlib
import json
import logging
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from shared_code import errors
from shared_code.documents import refusals
from shared_code.documents.sandbox import frames

MEMORY_MB = 512
SECONDS = 20.0

_PROCESSES = 2
#: a process that holds more than this between jobs is replaced
_REPLACE_ABOVE_MB = 220.0
_REPLACE_AFTER_JOBS = 2_000
_WAIT_SECONDS = 60.0
_GOODBYE_SECONDS = 2.0
_CRASH_SECONDS = 0.5
_START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from shared_code.documents.sandbox.worker import main; main(int(sys.argv[2]))"
)
#: what a Python process needs from the environment on some systems, and nothing else
_KEPT_ENVIRONMENT = ("SYSTEMROOT", "PATH", "LD_LIBRARY_PATH", "TMP", "TEMP", "TMPDIR", "HOME")
#: SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV
_CRASH_SIGNALS = frozenset({4, 5, 6, 7, 8, 10, 11})
_WINDOWS_CRASH = 0xC0000000
_ERRORS: dict[str, type[errors.RequestError]] = {
    error.code: error
    for error in (errors.InvalidFile, errors.TooManyPages, errors.UnsupportedFileType, errors.FileTooLarge)
}

_log = logging.getLogger(__name__)
_default: "Sandbox | None" = None
_default_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to one job."""

    facts: dict[str, Any]
    parts: list[bytes]
    peak_mb: float


class _ProcessGone(Exception):
    """The process ended during a job; ``late`` when it was ended because time was up."""

    def __init__(self, *, late: bool) -> None:
        super().__init__("time is up" if late else "the process ended")
        self.late = late


def _crashed(returncode: int | None) -> bool:
    """Whether a process brought itself down, as against being killed by someone."""
    return returncode is not None and (-returncode in _CRASH_SIGNALS or returncode >= _WINDOWS_CRASH)


class _Process:
    """One child. Used by one thread at a time."""

    def __init__(self, memory_mb: int) -> None:
        environment = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
        # one heap for all threads: reserved address space would count against the limit
        environment["MALLOC_ARENA_MAX"] = "1"
        path = [os.path.abspath(entry) for entry in sys.path]  # noqa: PTH100 - '' is the working folder
        try:
            self._popen = subprocess.Popen(  # noqa: S603 - our own interpreter and code
                [sys.executable, "-I", "-c", _START, json.dumps(path), str(memory_mb)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
            )
        except OSError as error:
            raise errors.Busy("A process to read documents could not be started.") from error
        self.jobs = 0
        self.resident_mb = 0.0

    @property
    def is_worn(self) -> bool:
        return (
            self._popen.poll() is not None or self.jobs >= _REPLACE_AFTER_JOBS or self.resident_mb > _REPLACE_ABOVE_MB
        )

    def ask(self, header: dict[str, Any], parts: Sequence[bytes], *, seconds: float) -> Result:
        """Do one job.

        :raises _ProcessGone: the process ended; it is of no use any more.
        """
        late = threading.Event()

        def end() -> None:
            late.set()
            self._popen.kill()

        timer = threading.Timer(max(seconds, 0.0), end)
        timer.daemon = True
        timer.start()
        try:
            frames.write_frame(cast("BinaryIO", self._popen.stdin), header, parts)
            facts, blobs = frames.read_frame(cast("BinaryIO", self._popen.stdout))
        except (OSError, ValueError, frames.ConnectionLost) as error:
            raise _ProcessGone(late=late.is_set()) from error
        except BaseException:
            # Interrupted between job and answer: the next job would get the answer of this one.
            self._popen.kill()
            raise
        finally:
            timer.cancel()
        self.jobs += 1
        self.resident_mb = facts.pop("now_mb", 0.0)
        return Result(facts, blobs, facts.pop("peak_mb", 0.0))

    def end(self, *, at_once: bool) -> int | None:
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


class Sandbox:
    """A pool of child processes. Thread-safe; processes start on first use."""

    def __init__(self, *, processes: int = _PROCESSES, memory_mb: int = MEMORY_MB, seconds: float = SECONDS) -> None:
        self._memory_mb = memory_mb
        self._seconds = seconds
        # The process used last is used first, so that little work keeps only one process running.
        self._seats: queue.LifoQueue[_Process | None] = queue.LifoQueue()
        for _ in range(processes):
            self._seats.put(None)
        self._processes = processes

    def run(self, operation: str, parts: Sequence[bytes], **arguments: Any) -> Result:
        """Do one operation of ``worker.OPERATIONS`` on ``parts``.

        :raises errors.RequestError: the error with which the operation refused the file.
        :raises errors.InvalidFile: the process crashed or had to be ended; reason ``time``, ``memory`` or
            ``too_complex``.
        :raises errors.Busy: no process was free for a minute, or none could be started.
        """
        header = {"operation": operation, **arguments}
        try:
            process = self._seats.get(timeout=_WAIT_SECONDS)
        except queue.Empty as error:
            raise errors.Busy from error
        deadline = time.monotonic() + self._seconds
        try:
            for last_try in (False, True):
                process = self._ready(process)
                try:
                    return self._judged(process.ask(header, parts, seconds=deadline - time.monotonic()), operation)
                except _ProcessGone as gone:
                    crashed = _crashed(process.end(at_once=True))
                    process = None
                    if gone.late:
                        _log.warning("Reading a document took more than %.0f s (%s)", self._seconds, operation)
                        raise refusals.invalid_file("time", limit=self._seconds) from gone
                    if crashed or last_try:
                        _log.warning("Reading a document ended the process (%s)", operation)
                        raise refusals.invalid_file("too_complex") from gone
            raise AssertionError("both tries end above")
        finally:
            self._seats.put(process)

    def close(self, *, wait: bool = True) -> None:
        """End the children. The sandbox starts again when it is used again.

        :param wait: wait for running jobs. Without it, busy children end when this process ends and closes their pipes.
        """
        taken = 0
        with contextlib.suppress(queue.Empty):
            while taken < self._processes:
                process = self._seats.get(block=wait)
                taken += 1
                if process is not None:
                    process.end(at_once=False)
        for _ in range(taken):
            self._seats.put(None)

    def _ready(self, process: _Process | None) -> _Process:
        if process is not None and process.is_worn:
            process.end(at_once=False)
            process = None
        return process or _Process(self._memory_mb)

    def _judged(self, result: Result, operation: str) -> Result:
        unexpected = result.facts.get("unexpected")
        if unexpected is not None:
            _log.warning("Reading a document failed in an unforeseen way (%s): %s", operation, unexpected)
        error = result.facts.get("error")
        if error is None:
            return result
        raise _ERRORS.get(error["code"], errors.InvalidFile)(error["message"], details=error["details"])


def default_sandbox() -> Sandbox:
    """The sandbox of this process, made on first use and closed at exit."""
    global _default  # noqa: PLW0603 - one per process, like the process itself
    with _default_lock:
        if _default is None:
            _default = Sandbox()
            atexit.register(_default.close, wait=False)
        return _default
