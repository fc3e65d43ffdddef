"""Runs the decoders of untrusted files in processes of their own, with limits on memory and time.

A PDF of 1.5 MB can end the process that parses it, one of 54 KB can take 1.5 GB, one of 181 KB draws for minutes; none
of that may happen to the service or to another company. Few processes are kept ready; one that dies, hangs or grows is
replaced. ``seats`` says whose job is next, ``watch`` ends what takes too much. Nothing is written to disk.
"""

import atexit
import contextlib
import logging
import threading
from collections.abc import Sequence
from typing import Any

from shared_code import errors
from shared_code.documents import refusals
from shared_code.documents.sandbox.process import End, Process, ProcessGone, Result
from shared_code.documents.sandbox.refused_files import RefusedFiles
from shared_code.documents.sandbox.seats import Seats
from shared_code.documents.sandbox.turns import waiting
from shared_code.documents.sandbox.watch import Limits, Watch
from shared_code.records import FileBytes

MEMORY_MB = 512

#: two for one company, and one that is always left for another
_PROCESSES = 3
#: the same with one for one company: each process of an instance has a pool of its own, and they share the memory
_PROCESSES_OF_SEVERAL = 2
_WAIT_SECONDS = 20.0
_RETRY_SECONDS = 5.0
_ERRORS: dict[str, type[errors.RequestError]] = {
    error.code: error
    for error in (errors.InvalidFile, errors.TooManyPages, errors.UnsupportedFileType, errors.FileTooLarge)
}

_log = logging.getLogger(__name__)
_default: "Sandbox | None" = None
_default_size = _PROCESSES
_default_lock = threading.Lock()


class Sandbox:
    """A pool of child processes. Thread-safe; processes start on first use."""

    def __init__(
        self,
        *,
        processes: int = _PROCESSES,
        memory_mb: int = MEMORY_MB,
        limits: Limits | None = None,
        wait_seconds: float = _WAIT_SECONDS,
    ) -> None:
        self._memory_mb = memory_mb
        self._limits = limits or Limits()
        self._wait_seconds = wait_seconds
        self._most = processes
        self._seats = Seats(processes)
        self._watch = Watch(self._limits, on_slow=self._start_spare)
        self._refused = RefusedFiles()
        self._lock = threading.Lock()
        # The process used last is used first, so that little work keeps only one process running.
        self._idle: list[Process] = []

    def run(self, operation: str, parts: Sequence[FileBytes], *, company: str = "", **arguments: Any) -> Result:
        """Do one operation of ``worker.OPERATIONS`` on ``parts``.

        A package that stands above this one has its own function run: ``call``, with ``function`` as
        ``package.module:name``. It takes the parts as a list, and gives facts and parts.

        :param company: whose file it is; jobs of one company wait for each other before others wait for them.
        :raises errors.RequestError: the error with which the operation refused the file.
        :raises errors.InvalidFile: the bytes used up the CPU time of a job or crashed two processes, now or within
            the last hour; reason ``time`` or ``too_complex``.
        :raises errors.Busy: no process was free in time or could be started, or the process was stopped or killed.
        """
        header = {"operation": operation, **arguments}
        name = str(arguments.get("function", operation))
        self._refused.check(header, parts)
        with waiting(), self._seats.one_for(company, wait_seconds=self._wait_seconds):
            try:
                return self._judged(self._tried_twice(header, parts), name)
            except ProcessGone as gone:
                refusal = self._refusal(gone.end, name)
                if isinstance(refusal, errors.InvalidFile):
                    self._refused.add(header, parts, refusal)
                raise refusal from gone

    def start_ahead(self) -> None:
        """Start a process before the first job comes, when there is none; it loads its libraries meanwhile."""
        self._start_spare()

    def close(self, *, wait: bool = True) -> None:
        """End the children. The sandbox starts again when it is used again.

        :param wait: wait for running jobs. Without it, busy children end when this process ends and closes their pipes.
        """
        if wait:
            self._watch.wait_idle()
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            process.close(at_once=False)

    def _tried_twice(self, header: dict[str, Any], parts: Sequence[FileBytes]) -> Result:
        """The answer of one process, or of a fresh one when the first crashed or was killed.

        :raises ProcessGone: the last one ended too, or the watch ended the job.
        """
        process = self._ready()
        try:
            result = process.ask(header, parts, self._watch)
        except ProcessGone as gone:
            if gone.end not in {End.CRASHED, End.KILLED}:
                raise
            process = Process(self._memory_mb)
            try:
                result = process.ask(header, parts, self._watch)
            except ProcessGone as again:
                # The bytes are blamed for what they do each time.
                if again.end is End.CRASHED and gone.end is not End.CRASHED:
                    raise ProcessGone(End.KILLED) from again
                raise
        self._keep(process)
        return result

    def _ready(self) -> Process:
        while True:
            with self._lock:
                process = self._idle.pop() if self._idle else None
            if process is None:
                return Process(self._memory_mb)
            if not process.is_worn:
                return process
            process.close(at_once=False)

    def _keep(self, process: Process) -> None:
        if process.is_worn:
            process.close(at_once=False)
            return
        with self._lock:
            self._idle.append(process)

    def _start_spare(self) -> None:
        """Have a process ready for whoever comes next."""
        with self._lock:
            needed = not self._idle and self._seats.taken < self._most
        if needed:
            with contextlib.suppress(errors.Busy):
                self._keep(Process(self._memory_mb))

    def _refusal(self, end: End, operation: str) -> errors.ServiceError:
        _log.warning("Reading a document (%s) ended its process: %s", operation, end)
        if end is End.OUT_OF_CPU:
            return refusals.invalid_file("time", limit=self._limits.cpu)
        if end is End.CRASHED:
            return refusals.invalid_file("too_complex")
        return errors.Busy(retry_after=_RETRY_SECONDS)

    def _judged(self, result: Result, operation: str) -> Result:
        unexpected = result.facts.get("unexpected")
        if unexpected is not None:
            _log.warning("Reading a document failed in an unforeseen way (%s): %s", operation, unexpected)
        error = result.facts.get("error")
        if error is None:
            return result
        raise _ERRORS.get(error["code"], errors.InvalidFile)(error["message"], details=error["details"])


def share_instance(worker_processes: int) -> None:
    """Say how many processes of an instance have a sandbox; before the first use of :func:`default_sandbox`."""
    global _default_size  # noqa: PLW0603 - one per process, like the sandbox
    _default_size = _PROCESSES if worker_processes == 1 else _PROCESSES_OF_SEVERAL


def default_sandbox() -> Sandbox:
    """The sandbox of this process, made on first use and closed at exit."""
    global _default  # noqa: PLW0603 - one per process, like the process itself
    with _default_lock:
        if _default is None:
            _default = Sandbox(processes=_default_size)
            atexit.register(_default.close, wait=False)
        return _default
