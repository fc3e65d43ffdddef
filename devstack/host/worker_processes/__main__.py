"""A worker process: does what the host asks until its standard input ends. ``python -m ... ROOT``; the host starts it.

Ctrl-C and its like are for the host, which lets running functions end and then closes the input.
"""

import os
import pickle
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

from devstack.host.console import apply_log_level, start_console
from devstack.host.settings import load_host_config
from devstack.host.worker import InvocationResult, Worker

#: seconds that running functions and threads of the app get to end when the host has gone
EXIT_GRACE_SECONDS = 5.0
#: the platform hands over whatever comes; the app's own pools decide what runs
_MOST_INVOCATIONS = 1_000


def main() -> None:
    """Serve one host."""
    orders, answers = _take_over_streams()
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            # Not SIG_IGN: processes that the app starts would inherit it.
            signal.signal(getattr(signal, name), lambda *_: None)
    root = Path(sys.argv[1])
    start_console()
    apply_log_level(load_host_config(root, os.environ))
    sys.path.insert(0, str(root))
    os.chdir(root)
    worker = Worker()
    worker.start()
    desk = _Desk(worker, answers)
    desk.answer(0, None)
    with ThreadPoolExecutor(_MOST_INVOCATIONS, thread_name_prefix="invocation") as threads:
        try:
            while True:
                number, method, arguments = pickle.load(orders)  # noqa: S301 - from the host that started us
                threads.submit(desk.work, number, method, arguments)
                del arguments
        except (EOFError, OSError, pickle.UnpicklingError):
            # Python would wait for the app's threads without end.
            watchdog = threading.Timer(EXIT_GRACE_SECONDS, os._exit, (0,))
            watchdog.daemon = True
            watchdog.start()


class _Desk:
    """Has the worker do what is asked, and writes the answers, one at a time."""

    def __init__(self, worker: Worker, answers: BinaryIO) -> None:
        self._methods = {"load": worker.load, "invoke": worker.invoke}
        self._answers = answers
        self._lock = threading.Lock()

    def work(self, number: int, method: str, arguments: tuple[Any, ...]) -> None:
        """Answer one question, whatever becomes of it."""
        try:
            answer = self._methods[method](*arguments)  # type: ignore[operator]
        except Exception as error:  # noqa: BLE001 - whoever asked waits for an answer
            answer = repr(error)
            if method == "invoke":
                answer = InvocationResult(ok=False, returned=None, outputs={}, error=answer)
        self.answer(number, answer)

    def answer(self, number: int, value: object) -> None:
        """Write it whole."""
        with self._lock:
            try:
                pickle.dump((number, value), self._answers, protocol=5)
                self._answers.flush()
            except OSError:
                return  # the host has gone; so will this process


def _take_over_streams() -> tuple[BinaryIO, BinaryIO]:
    """The pipes to the host, moved away from where a function could read or print."""
    orders, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    os.dup2(2, 1)
    return orders, answers


if __name__ == "__main__":
    main()
