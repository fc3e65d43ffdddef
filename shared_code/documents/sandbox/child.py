"""A process that does jobs for the service: what is the same whatever its jobs are.

It holds nothing worth stealing (no settings, no keys, an empty environment) and may be killed at any moment. It ends
when its standard input closes, also in the middle of a job: a second thread waits for that.
"""

import contextlib
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from shared_code import errors
from shared_code.documents import refusals
from shared_code.documents.sandbox import frames

type Answer = tuple[dict[str, Any], list[bytes]]
type Operation = Callable[[dict[str, Any], list[bytes]], Answer]

_MEGABYTE = 1_048_576


def serve(operations: Mapping[str, Operation], prepare: Callable[[], None]) -> None:
    """Answer frames with ``operations`` until the standard input ends.

    The first frame that goes out says that the process is ready.

    :param prepare: loads libraries and sets limits, once the pipes are out of the reach of what libraries print.
    """
    questions, answers = _take_over_streams()
    jobs: queue.SimpleQueue[tuple[dict[str, Any], list[bytes]]] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(questions, jobs), daemon=True).start()
    prepare()
    frames.write_frame(answers, {"cpu_seconds": time.process_time()})
    while True:
        header, parts = jobs.get()
        answer, blobs = _work(operations[header["operation"]], header, parts)
        answer["peak_mb"], answer["now_mb"] = _peak_mb(), _resident_mb()
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


def _receive(questions: BinaryIO, jobs: "queue.SimpleQueue[tuple[dict[str, Any], list[bytes]]]") -> None:
    with contextlib.suppress(frames.ConnectionLost, OSError):
        while True:
            jobs.put(frames.read_frame(questions))
    os._exit(0)


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


def _peak_mb() -> float:
    # The kernel's figure for this program; ru_maxrss begins with the size of the process that started it.
    with contextlib.suppress(OSError, ValueError, StopIteration), open("/proc/self/status", "rb") as status:  # noqa: PTH123 - as below
        return round(next(int(line.split()[1]) for line in status if line.startswith(b"VmHWM:")) / 1024, 1)
    try:
        import resource
    except ImportError:  # not on Windows
        return 0.0
    # kilobytes, but bytes on macOS
    unit = _MEGABYTE if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)


def _resident_mb() -> float:
    with contextlib.suppress(OSError, ValueError), open("/proc/self/statm", "rb") as statm:  # noqa: PTH123 - as above
        return round(int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / _MEGABYTE, 1)
    return 0.0
