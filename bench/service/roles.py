"""Processor time and memory of a process and of its children, read from outside."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import psutil

_MB = 1 << 20
_WORKER = "devstack.host.worker_processes"


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
    """Largest resident size in MB: of the process with the workers that it has, of its largest child."""

    own: float
    child: float


class Tree:
    """A process and everything below it. Worker processes of the local host count as the process itself."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._workers = {each.pid for each in self._root.children() if _WORKER in each.cmdline()}

    def cpu(self) -> Cpu:
        """Used since the start. A child that ended counts once its parent has taken note of the end."""
        times = self._root.cpu_times()
        own, children = times.user + times.system, _ended(times)
        for process in self._root.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                below = process.cpu_times()
                used = below.user + below.system
                own, children = (own + used, children) if process.pid in self._workers else (own, children + used)
                children += _ended(below)
        return Cpu(own, children)

    def forget_peaks(self) -> None:
        """Let the largest size begin anew, where the system can (Linux)."""
        for process in (self._root, *self._root.children(recursive=True)):
            with contextlib.suppress(OSError):
                Path(f"/proc/{process.pid}/clear_refs").write_text("5", encoding="ascii")

    def peaks(self) -> Memory:
        """Largest sizes since :meth:`forget_peaks`; present ones where the system does not keep them."""
        below = self._root.children(recursive=True)
        children = [_peak(process) for process in below if process.pid not in self._workers]
        workers = [_peak(process) for process in below if process.pid in self._workers]
        return Memory(_peak(self._root) + sum(workers), max(children, default=0.0))


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
