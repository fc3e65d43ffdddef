"""A process that does jobs for the service: what is the same whatever its jobs are.

It holds nothing worth stealing (no settings, no keys, an empty environment) and may be killed at any moment. It ends
when its standard input closes, also in the middle of a job: a second thread waits for that.
"""

import contextlib
import functools
import os
import queue
import re
import select
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from shared_code import errors
from shared_code.documents import refusals
from shared_code.documents.sandbox import frames

type Job = tuple[dict[str, Any], list[bytes]]
type Answer = tuple[dict[str, Any], list[bytes]]
type Operation = Callable[[dict[str, Any], list[bytes]], Answer]

_MEGABYTE = 1_048_576
#: the most memory so far, and that of now, in kilobytes (proc(5))
_FIGURES = re.compile(rb"^VmHWM:\s+(\d+) kB$.*?^VmRSS:\s+(\d+) kB$", re.DOTALL | re.MULTILINE)


def serve(operations: Mapping[str, Operation], prepare: Callable[[], None]) -> None:
    """Answer frames with ``operations`` until the standard input ends.

    The first frame that goes out says that the process is ready.

    :param prepare: loads libraries and sets limits, once the pipes are out of the reach of what libraries print.
    """
    questions, answers = _take_over_streams()
    next_job = _jobs(questions)
    prepare()
    memory = _Memory()
    frames.write_frame(answers, {"cpu_seconds": time.process_time()})
    while True:
        header, parts = next_job()
        answer, blobs = _work(operations[header["operation"]], header, parts)
        answer["peak_mb"], answer["now_mb"] = memory.megabytes()
        answer["cpu_seconds"] = time.process_time()
        frames.write_frame(answers, answer, blobs)
        del header, parts, answer, blobs


def _take_over_streams() -> tuple[BinaryIO, BinaryIO]:
    """The pipes to the service, moved away from where a library could print into them."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    return questions, answers


def _jobs(questions: BinaryIO) -> Callable[[], Job]:
    """What waits for the next job. A second thread ends the process when the other side closes the pipe.

    Where the system can tell that without reading, only that is left to the thread: to hand over each job costs as much
    as to receive it.
    """
    if hasattr(select, "poll"):
        threading.Thread(target=_wait_for_the_end, args=(questions.fileno(),), daemon=True).start()
        return functools.partial(_received, questions)
    jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(questions, jobs), daemon=True).start()
    return jobs.get


def _wait_for_the_end(descriptor: int) -> None:
    poll = select.poll()
    poll.register(descriptor, 0)  # that the other side is gone is told in any case
    poll.poll()
    os._exit(0)


def _received(questions: BinaryIO) -> Job:
    try:
        return frames.read_frame(questions)
    except (frames.ConnectionLost, OSError):
        os._exit(0)


def _receive(questions: BinaryIO, jobs: "queue.SimpleQueue[Job]") -> None:
    while True:
        jobs.put(_received(questions))


def _work(operation: Operation, header: dict[str, Any], parts: list[bytes]) -> Answer:
    try:
        return operation(header, parts)
    except errors.ServiceError as error:
        return _refused(error)
    except MemoryError:
        return _refused(refusals.invalid_file("memory"))
    except RecursionError:
        return _refused(refusals.invalid_file("too_complex"))
    except Exception as error:  # noqa: BLE001 - libraries raise whatever the bytes provoke; the service logs the kind
        return _refused(refusals.invalid_file("corrupt"), unexpected=_where(error))


def _refused(error: errors.ServiceError, **more: str) -> Answer:
    return {"error": {"code": error.code, "message": error.message, "details": error.details}, **more}, []


def _where(error: BaseException) -> str:
    """Type and place of an exception; its text could hold words of the document."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code.co_filename if trace is not None else "?"
    return f"{type(error).__name__} at {os.path.basename(code)}:{trace.tb_lineno if trace is not None else 0}"  # noqa: PTH119 - only the name


class _Memory:
    """The memory of this process: by the kernel's figures, where there are any."""

    def __init__(self) -> None:
        self._status: int | None = None
        with contextlib.suppress(OSError):
            # Kept open: to open it costs three times as much as to read it.
            self._status = os.open("/proc/self/status", os.O_RDONLY)

    def megabytes(self) -> tuple[float, float]:
        """The most so far, and now; 0.0 for what the system does not tell."""
        if self._status is not None:
            # ru_maxrss begins with the size of the process that started this one.
            figures = _FIGURES.search(os.pread(self._status, 8_192, 0))
            if figures is not None:
                return round(int(figures[1]) / 1024, 1), round(int(figures[2]) / 1024, 1)
        try:
            import resource
        except ImportError:  # not on Windows
            return 0.0, 0.0
        # kilobytes, but bytes on macOS
        unit = _MEGABYTE if sys.platform == "darwin" else 1024
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1), 0.0
