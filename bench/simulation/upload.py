"""The way of one upload through the service, as ``docs/architecture.md`` describes it, in waits and uses of places."""

import math
import random
from collections import Counter
from dataclasses import dataclass, field

from bench.simulation.database import Database
from bench.simulation.engine import Clock, Process
from bench.simulation.inputs import Deployment, Figures, Load
from bench.simulation.instances import Fleet, Worker
from bench.simulation.provider import Companies, Company, Key
from shared_code.extraction.submission import LEAST_CALL_SECONDS
from shared_code.providers.retry import Retries
from shared_code.settings import Settings

_DEADLINE_SECONDS = Settings.model_fields["request_deadline_seconds"].default
BUSY = "BUSY"
DATABASE = "DATABASE_UNAVAILABLE"
RATE_LIMITED = "PROVIDER_RATE_LIMITED"
UNAVAILABLE = "PROVIDER_UNAVAILABLE"
#: shares of the interpreter's work before the model is asked, when the answer is there, and beside the booking
_BEFORE, _AFTER = 0.4, 0.6


class Refused(Exception):
    """The upload ends without a reading; ``str()`` is the code of the answer."""


@dataclass
class World:
    """Everything that one run of the simulation is made of, and what came of its uploads.

    :ivar counted_from: uploads that end before are not counted in ``times`` and ``refused``.
    """

    clock: Clock
    random: random.Random
    figures: Figures
    size: Deployment
    load: Load
    fleet: Fleet
    database: Database
    companies: Companies
    counted_from: float = 0.0
    arrived: int = 0
    served: int = 0
    #: of all uploads, and of those that are counted
    refused_in_all: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    #: seconds of the uploads that are counted
    times: list[float] = field(default_factory=list)
    #: bookings that went to the outbox because the database took too long
    in_outbox: int = 0

    def refuse(self, code: str) -> None:
        """One upload ends without a reading."""
        self.refused_in_all[code] += 1
        self.refused[code] += self.clock.now >= self.counted_from

    @property
    def waiting(self) -> int:
        """Uploads that have come and not ended."""
        return self.fleet.in_work


def upload(world: World, company: Company, size: int) -> Process:
    """One upload, from its arrival to its answer."""
    clock, fleet = world.clock, world.fleet
    begun, worker = clock.now, fleet.route()
    world.arrived += 1
    slot = worker.let_in(company.number, size)
    if slot is None:
        world.refuse(BUSY)
        return
    fleet.in_work += 1
    try:
        yield from _Reading(world, worker, company).run()
    except Refused as refusal:
        world.refuse(str(refusal))
    else:
        world.served += 1
        if clock.now >= world.counted_from:
            world.times.append(clock.now - begun)
    worker.let_out(slot)
    fleet.in_work -= 1


class _Reading:
    """One upload that was let in."""

    def __init__(self, world: World, worker: Worker, company: Company) -> None:
        self._world = world
        self._worker = worker
        self._company = company
        self._begun = world.clock.now
        self._retries = Retries(clock=lambda: world.clock.now, random=world.random.random)
        self._tries = 0
        figures = world.figures
        self._own, self._trips = figures.own_cpu, figures.trips
        #: processor seconds of the database for one round trip
        self._per_trip = figures.database_cpu / sum(self._trips)

    def run(self) -> Process:
        """Read the document. Raises Refused."""
        worker = self._worker
        yield from self._read(self._trips[0])
        yield from worker.think(self._own * _BEFORE)
        if not (yield from worker.parse(self._world.figures.child_cpu)):
            raise Refused(BUSY)
        key = yield from self._ask()
        yield from worker.think(self._own * _AFTER)
        yield from self._read(self._trips[2])
        if not (yield from self._write(key, self._trips[3])):
            self._world.in_outbox += 1

    def _ask(self) -> Process:
        """Get an answer of the model; the key that gave it. Raises Refused."""
        world, company = self._world, self._company
        spent: set[Key] = set()
        key = company.ready(world.clock.now, world.random, spent)
        if key is None:
            raise Refused(RATE_LIMITED)
        yield from self._reserve(key)
        while True:
            wait = key.project.ask()
            if wait is None and world.random.random() >= world.figures.failures:
                yield self._model_seconds()
                return key
            yield world.figures.refusal_seconds
            if wait is None:
                yield self._pause(UNAVAILABLE)
            else:
                key.rests_until = world.clock.now + wait
                spent.add(key)
                key = yield from self._other_key(spent)

    def _other_key(self, spent: set[Key]) -> Process:
        """Another key at once, or the first one that has rested, if that is soon enough. Raises Refused."""
        world, company = self._world, self._company
        key = company.ready(world.clock.now, world.random, spent)
        if key is None:
            yield self._pause(RATE_LIMITED, company.rests_for(world.clock.now))
            spent.clear()
            key = company.ready(world.clock.now, world.random, spent)
            if key is None:
                raise Refused(RATE_LIMITED)
        yield from self._reserve(key)
        return key

    def _pause(self, code: str, seconds: float | None = None) -> float:
        """Seconds until a further try, by the service's own policy unless given. Raises Refused."""
        delay = self._retries.delay_before(self._tries + 1, Exception())
        left = _DEADLINE_SECONDS - (self._world.clock.now - self._begun)
        if delay is None or (pause := delay if seconds is None else seconds) + LEAST_CALL_SECONDS > left:
            raise Refused(code)
        self._tries += 1
        return pause

    def _model_seconds(self) -> float:
        figures = self._world.figures
        return figures.model_seconds * math.exp(self._world.random.gauss(0.0, figures.model_spread))

    def _reserve(self, key: Key) -> Process:
        if not (yield from self._write(key, self._trips[1])):
            raise Refused(DATABASE)

    def _read(self, trips: int) -> Process:
        if not (yield from self._world.database.read(self._worker.pool, trips=trips, cpu=trips * self._per_trip)):
            raise Refused(DATABASE)

    def _write(self, key: Key, trips: int) -> Process:
        """One of the two transactions that write; each limit costs a round trip more, under the lock."""
        world, more = self._world, self._world.load.quotas
        return (
            yield from world.database.write(
                self._worker.pool,
                row=key.row,
                trips=trips + more,
                locked=world.figures.locked_trips + more,
                cpu=(trips + more) * self._per_trip,
                log_bytes=world.figures.log_bytes / 2,
            )
        )
