"""Memory of the service over thousands of calls, in process and over HTTP, and at uploads of 20 MB.

``BENCH_CALLS`` says how many calls each way takes, 2,000 unless given.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import psutil

from bench import documents
from bench.own_host import OwnHost, surroundings
from bench.service.callers import Order
from bench.service.children import Worker

_CALLS = int(os.environ.get("BENCH_CALLS") or 2000)
_LOOKS = 10
_CALLERS = 8
_WARM_CALLS = 100
_LARGE_CALLERS, _LARGE_CALLS = 3, 12
_LOOK_SECONDS = 0.02
#: what the writers in the background hold is written by then
_FLUSH_SECONDS = 6.0
_MB = 1 << 20


@dataclass(frozen=True)
class Sizes:
    """Resident MB: of the service, and of each of its children, the largest first."""

    service: float
    children: tuple[float, ...]


def main() -> None:
    with TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as name, ExitStack() as ending:
        folder = Path(name)
        documents.build(folder)
        environment = ending.enter_context(surroundings())
        # It makes its company itself.
        own = environment | {"DATABASE_URL": f"sqlite:///{folder}/pipeline.db"}
        worker = Worker("pipeline", folder, log=folder / "pipeline.log", env=own)
        ending.callback(worker.end)
        _show("pipeline in process", worker.pid, worker.run, first=1)
        host = ending.enter_context(OwnHost(environment, folder / "host.log"))
        host.wait_until_it_listens()
        templates = {kind: documents.load(folder, kind) for kind in ("page", "large")}
        _show("over HTTP", host.process.pid, lambda order: host.upload(templates[order.kind], order), first=1_000_000)


def _show(title: str, pid: int, run: Callable[[Order], object], *, first: int) -> None:
    """Many small calls, then large ones; prints as it goes."""
    print(f"\n{title}: {_CALLS} calls by {_CALLERS} callers, one-page PDF", flush=True)
    run(Order("page", first, _WARM_CALLS, _CALLERS))
    step, seen = max(_CALLS // _LOOKS, _CALLERS), []
    for done in range(0, _CALLS + 1, step):
        if done:
            run(Order("page", first + _WARM_CALLS + done, step, _CALLERS))
        seen.append(sizes(pid))
        children = ", ".join(f"{child:.0f}" for child in seen[-1].children)
        print(f"  after {done:6} calls: service {seen[-1].service:6.1f} MB, children {children} MB", flush=True)
    later = [one.service for one in seen[len(seen) // 2 :]]
    print(f"  second half: {bytes_per_call(later, step):+.0f} bytes per call", flush=True)
    time.sleep(_FLUSH_SECONDS)
    before = sizes(pid).service
    with Peak(pid) as peak:
        run(Order("large", first + 500_000, _LARGE_CALLS, _LARGE_CALLERS))
    in_flight = _LARGE_CALLERS * documents.LARGE_BYTES / _MB
    time.sleep(_FLUSH_SECONDS)
    print(
        f"  {_LARGE_CALLS} uploads of 20 MB by {_LARGE_CALLERS} callers: peak {peak.megabytes:.0f} MB,"
        f" {(peak.megabytes - before) / in_flight:.1f} times the bytes in flight more than before;"
        f" afterwards {sizes(pid).service:.0f} MB",
        flush=True,
    )


def bytes_per_call(megabytes: Sequence[float], calls: int) -> float:
    """The slope of the line through sizes that were taken every so many calls (least squares)."""
    count = len(megabytes)
    middle, mean = (count - 1) / 2, sum(megabytes) / count
    rise = sum((at - middle) * (size - mean) for at, size in enumerate(megabytes))
    return rise / sum((at - middle) ** 2 for at in range(count)) * _MB / calls


def sizes(pid: int) -> Sizes:
    """What a process and its children hold now."""
    process = psutil.Process(pid)
    children = sorted((child.memory_info().rss / _MB for child in process.children(recursive=True)), reverse=True)
    return Sizes(process.memory_info().rss / _MB, tuple(children))


class Peak:
    """The largest size of a process, children not counted, while the block runs."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.megabytes = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            self.megabytes = max(self.megabytes, self._process.memory_info().rss / _MB)
