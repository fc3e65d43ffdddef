"""The processes of a comparison: measuring processes that take orders, and a local stack as a person starts it.

Each heads a group of its own, so that Ctrl-C reaches the bench alone; the bench then ends them in order.
"""

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.documents import ROOT
from bench.service.callers import Order, Timing
from devstack.setup import processes
from devstack.setup.ports import free_ports

_START_SECONDS = 90
_WORKER_SECONDS = 3
_END_SECONDS = 20


class BenchFailed(Exception):
    """Something that was measured did not do what is measured. ``str()`` says what."""


class Worker:
    """A measuring process, see :func:`bench.service.callers.serve`."""

    def __init__(self, module: str, *arguments: object, log: Path, env: Mapping[str, str] | None = None) -> None:
        self._log = log
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", f"bench.service.{module}", *map(str, arguments)],
                cwd=ROOT,
                env=os.environ | (env or {}),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                **processes.group_options(),
            )
        self._answer()

    @property
    def pid(self) -> int:
        """Its number."""
        return self.process.pid

    def run(self, order: Order) -> Timing:
        """Run an order and wait for its end. Raises BenchFailed."""
        return Timing(**self._ask(json.dumps(asdict(order))))

    def facts(self) -> dict[str, Any]:
        """What the process counts itself."""
        return self._ask("facts")

    def end(self) -> None:
        """Let it end by itself; end it when it does not, as in the middle of an order."""
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=_WORKER_SECONDS)
        processes.kill(self.pid)
        self.process.wait()
        self.process.stdout.close()

    def _ask(self, line: str) -> dict[str, Any]:
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        answer = json.loads(self._answer())
        if "error" in answer:
            raise BenchFailed(answer["error"])
        return answer

    def _answer(self) -> str:
        line = self.process.stdout.readline()
        if not line:
            raise BenchFailed(f"a measuring process ended:\n{_tail(self._log)}")
        return line


class LocalStack:
    """``dev.py run`` with everything as it is by default, but for the model server and where telemetry goes."""

    def __init__(self, folder: Path, *, gemini_url: str, database: str | None, env: Mapping[str, str]) -> None:
        folder.mkdir(exist_ok=True)
        self.port = free_ports(1)[0]
        self._state, self._ready, self._log = folder / "state", folder / "ready.json", folder / "console.log"
        command = [sys.executable, "dev.py", "run", "--port", str(self.port), "--state", str(self._state)]
        command += ["--ready-file", str(self._ready), "--gemini-url", gemini_url]
        command += ["--database", database] if database else []
        with self._log.open("wb") as console:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=os.environ | env,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                **processes.group_options(),
            )
        self._env = dict(env)

    def wait_until_ready(self) -> dict[str, int]:
        """The pids of its processes by name. Raises BenchFailed."""
        deadline = time.monotonic() + _START_SECONDS
        while not self._ready.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise BenchFailed(f"the local stack did not start:\n{_tail(self._log)}")
            time.sleep(0.05)
        return json.loads(self._ready.read_text(encoding="utf-8"))["pids"]

    def settings(self) -> dict[str, str]:
        """Settings of its functions, for another process on the same database."""
        lines = (self._state / "settings.env").read_text(encoding="utf-8").splitlines()
        return self._env | dict(shlex.split(line)[0].partition("=")[::2] for line in lines)

    def end(self) -> None:
        """Ctrl-C, and force when that does not help."""
        if self.process.poll() is None:
            self.process.send_signal(signal.CTRL_BREAK_EVENT if sys.platform == "win32" else signal.SIGINT)
        try:
            self.process.wait(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            # The second request ends everything at once.
            self.process.send_signal(signal.SIGINT)
            self.process.wait()


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """What ends processes is not cut short by a second Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:])
