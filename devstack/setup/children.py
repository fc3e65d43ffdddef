"""The processes of one stack: started in groups of their own, their output in one console, ended together."""

import subprocess
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from devstack.setup import processes
from devstack.setup.console import say

_MASK = "***"


@dataclass
class Child:
    """A started process. ``tail`` holds its last lines, for the message when it fails."""

    name: str
    arguments: list[str]
    process: subprocess.Popen[bytes]
    reader: threading.Thread
    tail: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self.process.poll()


class Children:
    """Starts processes and ends them all, in the opposite order of their start.

    :param secrets: values that are masked in the output of every child.
    """

    def __init__(self, *, cwd: Path, secrets: Iterable[str] = (), quiet: Iterable[str] = ()) -> None:
        self._cwd = cwd
        self._secrets = [secret for secret in secrets if secret]
        self._quiet = frozenset(quiet)
        self._children: list[Child] = []

    @property
    def running(self) -> list[Child]:
        """Those that were started and not taken off by ``finish``, dead or alive."""
        return list(self._children)

    def start(self, name: str, arguments: Sequence[str], *, env: Mapping[str, str]) -> Child:
        """Start a process without standard input; its output appears as ``name | line``."""
        process = subprocess.Popen(
            list(arguments),
            cwd=self._cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **processes.group_options(),  # type: ignore[call-overload] # which of two options depends on the platform
        )
        reader = threading.Thread(target=lambda: self._read(child), name=f"output of {name}", daemon=True)
        child = Child(name, list(arguments), process, reader)
        self._children.append(child)
        reader.start()
        return child

    def finish(self, child: Child) -> int:
        """Wait for the end of a process that does one job, and take it off the list. Returns its exit code."""
        code = child.process.wait()
        child.reader.join(timeout=2)
        self._children.remove(child)
        return code

    def first_dead(self) -> Child | None:
        """A process that ended by itself, if any."""
        return next((child for child in self._children if child.exit_code is not None), None)

    def stop(self, *, grace_seconds: float = 20.0) -> None:
        """End everything, the last started first, each with time to write what it holds."""
        for child in reversed(self._children):
            processes.ask_to_end(child.process.pid)
            try:
                child.process.wait(timeout=grace_seconds)
            except subprocess.TimeoutExpired:
                say(f"run: {child.name} did not end in {grace_seconds:.0f} s and is killed")
            self._kill(child)
        self._children.clear()

    def kill(self) -> None:
        """End everything at once."""
        for child in self._children:
            processes.kill(child.process.pid)

    def _kill(self, child: Child) -> None:
        """Also what the process may have left in its group; the group's number stays taken while it has members."""
        processes.kill(child.process.pid)
        child.process.wait()
        child.reader.join(timeout=2)

    def _read(self, child: Child) -> None:
        stream = child.process.stdout
        assert stream is not None
        with stream:
            for raw in stream:
                line = raw.decode("utf-8", errors="replace").rstrip()
                for secret in self._secrets:
                    line = line.replace(secret, _MASK)
                child.tail.append(line)
                del child.tail[:-20]
                if child.name not in self._quiet:
                    say(f"{child.name:7}| {line}")
