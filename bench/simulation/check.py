"""The simulation held to the service: the same load on both, with the processor time that the service used just then.

The pipeline runs in process on SQLite, as in ``bench.service``, with 16 callers and a model of 50 ms. On SQLite the
database's work is part of the process's own, so the simulated database takes no time of its own. What other processes
of the machine used meanwhile is taken off its processors; but only a quiet machine can show that the simulation is
wrong, because how a busy one shares its processors out is not simulated.

``published`` gives what ``docs/performance.md`` shows, which was measured on a machine that did nothing else.
"""

import math
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from bench import documents, rig
from bench.documents import ROOT
from bench.figures import percentile
from bench.service.callers import Order
from bench.service.children import Worker
from bench.service.comparison import forget_settings
from bench.service.machine import facts
from bench.service.model import Model
from bench.service.roles import Tree
from bench.simulation.engine import Process
from bench.simulation.inputs import NO_LIMITS, Deployment, Figures, Load
from bench.simulation.run import make_world
from bench.simulation.upload import World, upload

CALLERS, MODEL_SECONDS = 16, 0.05
_ROUNDS, _CALLS = 5, 240
#: by which the simulated rate may differ from the measured one
TOLERANCE = 0.25
#: of the page's table, behind the way: p50, calls/s, CPU of the service, CPU of its children
_COLUMNS = (0, 4, 6, 7)
#: seconds of the simulation
_UNCOUNTED_SECONDS, _COUNTED_SECONDS = 5.0, 20.0
_PIECE_SECONDS = 0.01
#: processors that others of the machine may use
_MOST_OF_OTHERS = 0.3


@dataclass(frozen=True)
class Round:
    """What the pipeline did. CPU in seconds per call; ``cores`` are those that others left, ``idle`` those unused."""

    per_second: float
    p50: float
    own_cpu: float
    child_cpu: float
    cores: float
    idle: float


def main() -> None:
    """Measure, simulate, compare. Ends with an error when they differ by more than TOLERANCE on a quiet machine."""
    rounds = measure()
    print(f"{'':10} {'calls/s':>16} {'p50 ms':>16} {'CPU ms, own + child':>22} {'cores left':>11} {'idle':>5}")
    differences = []
    for number, measured in enumerate(rounds, start=1):
        rate, p50 = closed_loop(measured)
        differences.append(rate / measured.per_second - 1)
        print(
            f"round {number:<4} {measured.per_second:7.1f} {rate:8.1f} {measured.p50 * 1000:7.0f} {p50 * 1000:8.0f} "
            f"{measured.own_cpu * 1000:14.1f} + {measured.child_cpu * 1000:4.1f} {measured.cores:11.2f} "
            f"{measured.idle:5.2f}"
        )
    print("two figures in a cell: measured, simulated")
    middle = statistics.median(differences)
    print(f"the simulated rate differs by {middle:+.0%} (median of {len(rounds)} rounds), {facts()['date']}")
    others = psutil.cpu_count() - statistics.median(each.cores for each in rounds)
    if others > _MOST_OF_OTHERS:
        print(f"but others used {others:.1f} processors meanwhile, which says little: repeat it on a quiet machine")
    elif abs(middle) > TOLERANCE:
        sys.exit(f"bench: the simulation is off by {middle:+.0%}; {TOLERANCE:.0%} are allowed")


def published(page: Path = ROOT / "docs" / "performance.md") -> Iterator[tuple[str, int, Round]]:
    """Way of asking, callers, and what was measured of one-page PDFs on SQLite, as the page has it."""
    text = page.read_text(encoding="utf-8").partition("<!-- figures")[2]
    cores = re.search(r"^(\d+) cores", text, re.MULTILINE)
    assert cores, page
    cell = rf"one-page PDF, model {MODEL_SECONDS * 1000:.0f} ms, (\d+) callers?, SQLite"
    for callers, way, cells in re.findall(rf"\| {cell} \| (pipeline|over HTTP) \|(.*)\|", text):
        figures = [cell.strip().replace(",", "") for cell in cells.split("|")]
        p50, rate, own, child = (float(figures[at]) for at in _COLUMNS)
        yield way, int(callers), Round(rate, p50 / 1000, own / 1000, child / 1000, float(cores[1]), 1.0)


def measure() -> Sequence[Round]:
    """The pipeline, round by round."""
    forget_settings()
    with ExitStack() as ending:
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)))
        documents.build(folder)
        model = Model(ending.enter_context(rig.gemini()))
        env = {
            "DATABASE_URL": f"sqlite:///{folder}/check.db",
            "GEMINI_BASE_URL": model.url,
            "TOKEN_ENCRYPTION_KEYS": rig.RING,
            "PYTHON_THREADPOOL_THREAD_COUNT": "32",
            "APPLICATIONINSIGHTS_CONNECTION_STRING": model.connection_string,
        }
        worker = Worker("pipeline", folder, log=folder / "pipeline.log", env=env)
        ending.callback(worker.end)
        worker.run(Order("page", 1, 4 * CALLERS, CALLERS))
        model.set_latency(MODEL_SECONDS * 1000)
        ours = [Tree(worker.pid), Tree(model.counts()["pid"])]
        first = 1_000
        return [_round(worker, ours, first + number * _CALLS) for number in range(_ROUNDS)]


def _round(worker: Worker, ours: Sequence[Tree], first: int) -> Round:
    before, busy, idle, began = ours[0].cpu(), _others(ours), psutil.cpu_times().idle, time.monotonic()
    timing = worker.run(Order("page", first, _CALLS, CALLERS))
    passed = time.monotonic() - began
    used = ours[0].cpu() - before
    taken = (_others(ours) - busy) / passed
    return Round(
        per_second=_CALLS / timing.wall_seconds,
        p50=percentile(timing.seconds, 0.5),
        own_cpu=used.own / _CALLS,
        child_cpu=used.children / _CALLS,
        cores=max(psutil.cpu_count() - taken, 0.1),
        idle=(psutil.cpu_times().idle - idle) / passed,
    )


def _others(ours: Sequence[Tree]) -> float:
    """Processor seconds that the machine has spent on everything but this."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - getattr(times, "iowait", 0.0) - sum(tree.cpu().total for tree in ours)


def closed_loop(measured: Round, callers: int = CALLERS) -> tuple[float, float]:
    """Calls per second and p50 of the simulation, with so many callers and the processor time of a measured round."""
    size = Deployment(
        cores=math.ceil(measured.cores), most=1, pool=1_000, workers=1_000, trip_seconds=0.0, commit_seconds=0.0
    )
    size = replace(size, tier=NO_LIMITS, log_rate=1e12, database_cores=1_000)
    figures = Figures(
        own_cpu=measured.own_cpu,
        child_cpu=measured.child_cpu,
        database_cpu=0.0,
        model_seconds=MODEL_SECONDS,
        model_spread=0.0,
        failures=0.0,
    )
    world = make_world(Load(0), size, figures, seed=1)
    world.counted_from = _UNCOUNTED_SECONDS
    world.clock.start(_others_work(world, math.ceil(measured.cores) - measured.cores))
    for _ in range(callers):
        world.clock.start(_caller(world))
    world.clock.run(_UNCOUNTED_SECONDS + _COUNTED_SECONDS)
    return len(world.times) / _COUNTED_SECONDS, percentile(world.times, 0.5)


def _others_work(world: World, share: float) -> Process:
    """Keeps a processor busy for a share of the time, in small pieces, as other programs of the machine do."""
    processors = world.fleet.route().processors
    while share:
        world.clock.start(processors.use(share * _PIECE_SECONDS))
        yield _PIECE_SECONDS


def _caller(world: World) -> Process:
    company = world.companies.get(0)
    while True:
        yield from upload(world, company, world.load.small_bytes)
