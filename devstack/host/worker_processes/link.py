"""One worker process as the host sees it: asked over a pipe, answered over another, by many threads at once."""

import contextlib
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, BinaryIO, cast

_PACKAGE = "devstack.host.worker_processes"
#: where this host's own modules are found
_HOME = Path(__file__).resolve().parents[3]


class WorkerGone(Exception):
    """The process ended before it answered."""


class WorkerLink:
    """A process that is being started.

    :param root: folder of the app.
    :param on_end: called once on a thread of its own, when the process has ended in any way.
    """

    def __init__(self, root: Path, on_end: Callable[["WorkerLink"], None]) -> None:
        paths = [str(_HOME), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and code
            [sys.executable, "-m", _PACKAGE, str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # What functions log and print stands where the host's lines stand.
            stderr=sys.stdout.fileno(),
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in paths if path)},
        )
        self._orders = cast("BinaryIO", self._process.stdin)
        self._answers = cast("BinaryIO", self._process.stdout)
        self._on_end = on_end
        self._lock, self._sending = threading.Lock(), threading.Lock()
        self._asked: dict[int, Future[Any]] = {}
        self._numbers = 0
        self._ended = False
        #: done when the worker can be asked
        self.started = self._expect(0)
        threading.Thread(target=self._read, name=f"worker-{self.pid}", daemon=True).start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether nothing should be asked of it any more."""
        return self._ended or self._process.poll() is not None

    def ask(self, method: str, *arguments: Any) -> "Future[Any]":
        """Have the process call a method of its :class:`~devstack.host.worker.Worker`.

        The future raises :class:`WorkerGone` when the process ends before the answer.
        """
        with self._lock:
            self._numbers += 1
            number = self._numbers
        answer = self._expect(number)
        # One that has ended fails the write; who reads its answers tells all who wait.
        with self._sending, contextlib.suppress(OSError, ValueError):
            # Written as it is made: a large body is not copied.
            pickle.dump((number, method, arguments), self._orders, protocol=5)
            self._orders.flush()
        return answer

    def close(self) -> None:
        """Let it end by itself: it sees the end of its input."""
        with self._sending, contextlib.suppress(OSError):
            self._orders.close()

    def wait(self, seconds: float) -> None:
        """Wait for its end, and end it when it does not come."""
        try:
            self._process.wait(max(seconds, 0.0))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _expect(self, number: int) -> "Future[Any]":
        answer: Future[Any] = Future()
        with self._lock:
            if not self._ended:
                self._asked[number] = answer
                return answer
        answer.set_exception(WorkerGone())
        return answer

    def _read(self) -> None:
        # A process that is killed leaves half an answer.
        with contextlib.suppress(EOFError, OSError, pickle.UnpicklingError):
            while True:
                number, value = pickle.load(self._answers)  # noqa: S301 - our own process
                with self._lock:
                    answer = self._asked.pop(number)
                answer.set_result(value)
        with self._lock:
            self._ended = True
            left = list(self._asked.values())
            self._asked.clear()
        for answer in left:
            answer.set_exception(WorkerGone())
        self._on_end(self)
