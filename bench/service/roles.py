"""Processor time and memory of a process and of its children, read from outside."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import psutil

_MB = 1 << 20


@dataclass(frozen=True)
class Cpu:
    """Seconds of user and system time: of the process itself, and of all its children, ended ones included."""

    own: float = 0.0
    children: float = 0.0

    @property
    def total(self) -> float:
        """Both."""
        return self.own + self.children

    def __sub__(self, earlier: "Cpu") -> "Cpu":
        return Cpu(self.own - earlier.own, self.children - earlier.children)

    def __add__(self, other: "Cpu") -> "Cpu":
        return Cpu(self.own + other.own, self.children + other.children)


@dataclass(frozen=True)
class Memory:
    """Largest resident size in MB: of the process, of its largest child."""

    own: float
    child: float


class Tree:
    """A process and everything below it."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)

    def cpu(self) -> Cpu:
        """Used since the start. A child that ended counts once its parent has taken note of the end."""
        times = self._root.cpu_times()
        children = _ended(times)
        for process in self._root.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                below = process.cpu_times()
                children += below.user + below.system + _ended(below)
        return Cpu(times.user + times.system, children)

    def forget_peaks(self) -> None:
        """Let the largest size begin anew, where the system can (Linux)."""
        for process in (self._root, *self._root.children(recursive=True)):
            with contextlib.suppress(OSError):
                Path(f"/proc/{process.pid}/clear_refs").write_text("5", encoding="ascii")

    def peaks(self) -> Memory:
        """Largest sizes since :meth:`forget_peaks`; present ones where the system does not keep them."""
        children = [_peak(process) for process in self._root.children(recursive=True)]
        return Memory(_peak(self._root), max(children, default=0.0))


def _ended(times: object) -> float:
    return getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)


def _peak(process: psutil.Process) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process.pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / _MB
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.memory_info().rss / _MB
    return 0.0
