"""One run: builds a world, lets uploads arrive for a while, and says what became of them and what was busiest."""

import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.figures import percentile
from bench.simulation.database import Database
from bench.simulation.engine import Clock, Process
from bench.simulation.inputs import Deployment, Figures, Load
from bench.simulation.instances import Fleet
from bench.simulation.provider import MINUTE, Companies, Key
from bench.simulation.upload import World, upload

_BURST_SECONDS = 10.0
_UNCOUNTED = 1 / 3


#: all kinds of places, those that are taken last first
INNERMOST_FIRST = (
    "provider's limit",
    "database log",
    "key's row",
    "database processors",
    "database workers",
    "connection pools",
    "processors of instances",
    "interpreters",
    "sandbox children",
    "seats",
    "timer's folding",
)
#: shares that differ by less are the same
_ALIKE = 0.05


@dataclass(frozen=True)
class Result:
    """Of one stamp. Times in seconds; shares 0 to 1.

    :ivar refused: by code, of the uploads that were counted; ``counted`` are those that ended.
    :ivar used: share of each kind of place, the busiest first. Who waits for a place holds others meanwhile: of places
        that are full alike the innermost comes first, because the others are full of those who wait for it.
    """

    arrived: int
    served: int
    refused_in_all: Counter[str]
    waiting: int
    counted: int
    refused: Counter[str]
    per_second: float
    p50: float
    p99: float
    instances: int
    in_outbox: int
    used: Sequence[tuple[str, float]]


def simulate(load: Load, size: Deployment, figures: Figures | None = None, *, seed: int = 1) -> Result:
    """Let the load come to one stamp of the deployment. The same arguments give the same result."""
    world = make_world(load, size, figures or Figures(), seed)
    clock = world.clock
    world.counted_from = _whole_minute(load.seconds * _UNCOUNTED)
    clock.start(_arrivals(world))
    clock.run(world.counted_from)
    meters = world.fleet.meters | world.database.meters
    for meter in (*meters.values(), *(key.row.meter for key in world.companies.keys)):
        meter.forget()
    taken = {key: key.project.taken for key in world.companies.keys}
    clock.run(load.seconds)
    seconds = load.seconds - world.counted_from
    used = {name: meter.share for name, meter in meters.items()}
    used |= _keys(world, taken, seconds) | {"timer's folding": _folding(world, seconds)}
    counted = len(world.times) + world.refused.total()
    return Result(
        arrived=world.arrived,
        served=world.served,
        refused_in_all=world.refused_in_all,
        waiting=world.waiting,
        counted=counted,
        refused=world.refused,
        per_second=len(world.times) / seconds,
        p50=percentile(world.times, 0.5) if world.times else math.nan,
        p99=percentile(world.times, 0.99) if world.times else math.nan,
        instances=world.fleet.instances,
        in_outbox=world.in_outbox,
        used=_ranked(used),
    )


def make_world(load: Load, size: Deployment, figures: Figures, seed: int) -> World:
    """A stamp to which nothing has come yet."""
    clock = Clock()
    database = Database(clock, size)
    fleet = Fleet(clock, size, database)
    companies = Companies(clock, size, figures)
    # Its row is there from the start, so that its use is counted over the whole time.
    companies.get(0)
    return World(clock, random.Random(seed), figures, size, load, fleet, database, companies)


def _ranked(used: dict[str, float]) -> Sequence[tuple[str, float]]:
    order = sorted(used.items(), key=lambda item: (-item[1], item[0]))
    alike = [item for item in order if item[1] >= order[0][1] - _ALIKE]
    alike.sort(key=lambda item: INNERMOST_FIRST.index(item[0]))
    return [*alike, *order[len(alike) :]]


def _whole_minute(seconds: float) -> float:
    return math.ceil(seconds / MINUTE) * MINUTE if seconds >= MINUTE else seconds


def _arrivals(world: World) -> Process:
    """Uploads as a Poisson process whose rate changes with the bursts; companies by their shares."""
    load, chance = world.load, world.random
    mean = load.per_hour / 3600 / world.size.stamps
    rest = (MINUTE - _BURST_SECONDS * load.burst) / (MINUTE - _BURST_SECONDS)
    highest = max(load.burst, rest)
    while True:
        yield chance.expovariate(mean * highest)
        now = load.burst if world.clock.now % MINUTE < _BURST_SECONDS else rest
        # Of a stream at the highest rate so many are kept as the rate of the moment asks.
        if chance.random() * highest > now:
            continue
        large = chance.random() < load.large_share
        size = load.large_bytes if large else load.small_bytes
        world.clock.start(upload(world, world.companies.get(_company(load, chance, world.size.stamps)), size))


def _company(load: Load, chance: random.Random, stamps: int) -> int:
    """Number of the company; the stamp that is simulated is that of the largest one, which has number 0."""
    others = load.companies // stamps - 1
    if others < 1 or chance.random() < load.largest_share * stamps:
        return 0
    return 1 + chance.randrange(others)


def _keys(world: World, before: Mapping[Key, int], seconds: float) -> dict[str, float]:
    """The busiest row, and what the most used project has taken of its limits, since there were so many calls."""
    keys = world.companies.keys
    calls = {key: key.project.taken - before.get(key, 0) for key in keys}
    return {
        "key's row": max(key.row.meter.used for key in keys) / seconds,
        "provider's limit": max(key.project.share(count, seconds) for key, count in calls.items()),
    }


def _folding(world: World, seconds: float) -> float:
    """Share of its time that the timer needs to add up the rows that come."""
    return len(world.times) / seconds * world.figures.fold_seconds
