"""Measures a cell: the ways in turn, round by round, so that the machine's moods fall on all of them alike."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import psutil

from bench.figures import percentile
from bench.service.callers import Order, Timing
from bench.service.cells import PIPELINE, Cell
from bench.service.children import BenchFailed, Worker
from bench.service.model import Model
from bench.service.roles import Cpu, Tree

#: by then the writers in the background (log, telemetry) have written what they hold: they do so every 5 s
FLUSH_SECONDS = 6.0
_WARM_CALLS = 8


@dataclass
class Side:
    """One way of asking, ready to be measured.

    :ivar service: the process whose work counts as the service's; for the floor, the SDK's.
    :ivar others: what else works for these calls: client, model stand-in, storage, database server.
    :ivar idle: processor seconds per second that the service uses while nobody calls.
    """

    way: str
    worker: Worker
    service: Tree
    others: Sequence[Tree]
    idle: Cpu = field(default_factory=Cpu)


class Numbers:
    """Hands out numbers of documents, none of them twice."""

    def __init__(self) -> None:
        self._next = 1

    def take(self, count: int) -> int:
        """The first of so many."""
        first = self._next
        self._next += count
        return first


def warm_up(sides: Sequence[Side], cell: Cell, numbers: Numbers) -> None:
    """Let connections, child processes and caches come up; the model should answer at once meanwhile."""
    calls = max(_WARM_CALLS, 2 * cell.callers) if cell.kind != "large" else 2
    first = numbers.take(calls)
    for side in sides:
        side.worker.run(Order(cell.kind, first, calls, max(cell.callers, 2)))


def learn_idle(sides: Sequence[Side], meanwhile: Callable[[], None]) -> None:
    """See what the services use while nobody calls them. ``meanwhile`` takes some seconds and calls none of them."""
    before = [(time.monotonic(), side.service.cpu()) for side in sides]
    meanwhile()
    for side, (started, then) in zip(sides, before, strict=True):
        elapsed, used = time.monotonic() - started, side.service.cpu() - then
        side.idle = Cpu(used.own / elapsed, used.children / elapsed)


def measure(cell: Cell, sides: Sequence[Side], model: Model, numbers: Numbers, rounds: int) -> dict[str, Any]:
    """The figures of a cell, as they go into the file of results. Raises BenchFailed."""
    model.set_latency(0)
    warm_up(sides, cell, numbers)
    time.sleep(FLUSH_SECONDS)
    model.set_latency(cell.latency_ms)
    watches = {side.way: _Watch(side) for side in sides}
    for _ in range(rounds):
        order = Order(cell.kind, numbers.take(cell.calls), cell.calls, cell.callers)
        for side in sides:
            watches[side.way].run(order, model, by_model=cell.by_model)
    time.sleep(FLUSH_SECONDS)
    return {
        "cell": asdict(cell) | {"title": cell.title},
        "rounds": rounds,
        "ways": {way: watch.figures() for way, watch in watches.items()},
    }


class _Watch:
    """What one way did in the rounds of one cell."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self._timings: list[Timing] = []
        self._busy: list[float] = []
        self._others = 0.0
        side.service.forget_peaks()
        self._round_trips = self._trips_now()
        self._began, self._cpu = time.monotonic(), side.service.cpu()

    def run(self, order: Order, model: Model, *, by_model: bool) -> None:
        """One round. Raises BenchFailed when the model was not asked once per call, or not at all where it need not."""
        before, others = model.counts(), self._others_now()
        psutil.cpu_percent()
        self._timings.append(self._side.worker.run(order))
        self._busy.append(psutil.cpu_percent() / 100)
        self._others += self._others_now() - others
        after = model.counts()
        asked, expected = after["calls"] - before["calls"], order.calls if by_model else 0
        if asked != expected or after["unknown"]:
            raise BenchFailed(
                f"{self._side.way}: {order.calls} calls asked the model {asked} times instead of {expected} times"
                f" (and {after['unknown']} requests that it does not know)"
            )

    def figures(self) -> dict[str, Any]:
        """Milliseconds, calls per second, processor milliseconds per call, MB."""
        side, calls = self._side, sum(len(timing.seconds) for timing in self._timings)
        # Its timers and scanners run on between the rounds and during them.
        elapsed = time.monotonic() - self._began
        used = side.service.cpu() - self._cpu
        memory, trips = side.service.peaks(), self._trips_now()
        return {
            "rounds": [_round(timing) | {"busy": busy} for timing, busy in zip(self._timings, self._busy, strict=True)],
            "cpu_ms": {
                "service": max(used.own - side.idle.own * elapsed, 0.0) * 1000 / calls,
                "children": max(used.children - side.idle.children * elapsed, 0.0) * 1000 / calls,
                "others": self._others * 1000 / calls,
            },
            "memory_mb": {"service": memory.own, "child": memory.child},
            "round_trips": None if trips is None else (trips - (self._round_trips or 0)) / calls,
        }

    def _others_now(self) -> float:
        return sum(tree.cpu().total for tree in self._side.others)

    def _trips_now(self) -> int | None:
        return self._side.worker.facts()["round_trips"] if self._side.way == PIPELINE else None


def _round(timing: Timing) -> Mapping[str, float]:
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    times = {f"{name}_ms": percentile(timing.seconds, share) * 1000 for name, share in shares.items()}
    return times | {"calls_per_second": len(timing.seconds) / timing.wall_seconds}
