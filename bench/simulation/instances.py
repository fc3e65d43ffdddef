"""Instances of the service: processors, interpreters, seats, and the platform that starts more of them."""

import math
from dataclasses import dataclass, field

from bench.simulation.database import Database
from bench.simulation.engine import Clock, Meter, Places, Process
from bench.simulation.inputs import Deployment
from shared_code.errors import Busy
from shared_code.extraction.upload_slots import UploadSlot, UploadSlots
from shared_code.records import BYTES_PER_MB

#: seconds that an upload waits for one of the processes that parse documents
_READER_SECONDS = 20.0
_LOOK_SECONDS = 1.0


class Worker:
    """One worker process of an instance. Its uploads are let in by the very class that lets them in in the service."""

    def __init__(self, fleet: "Fleet", processors: Places) -> None:
        size, clock = fleet.size, fleet.clock
        self._clock = clock
        self.processors = processors
        self._stretch = fleet.stretch
        self._interpreter = Places(clock, 1, fleet.meters["interpreters"])
        self._readers = Places(clock, size.readers, fleet.meters["sandbox children"])
        seats = size.seats // size.processes
        self._slots = UploadSlots(seats, size.upload_mb * BYTES_PER_MB // size.processes)
        self._seats = fleet.meters["seats"]
        self._seats.change(there=seats)
        self.pool = fleet.database.new_pool()
        self.in_work = 0

    def let_in(self, company: int, size: int) -> UploadSlot | None:
        """Room for one upload; None when the process, or the company in it, has as many as it may."""
        try:
            slot = self._slots.take(size)
        except Busy:
            return None
        try:
            self._slots.assign(slot, str(company))
        except Busy:
            self._slots.release(slot)
            return None
        self.in_work += 1
        self._seats.change(busy=1)
        return slot

    def let_out(self, slot: UploadSlot) -> None:
        """It has ended."""
        self._slots.release(slot)
        self.in_work -= 1
        self._seats.change(busy=-1)

    def think(self, cpu: float) -> Process:
        """Run Python code: one thread of the process at a time, on one of the instance's processors."""
        yield from self._interpreter.take()
        yield from self.processors.use(cpu * self._stretch)
        self._interpreter.give()

    def parse(self, cpu: float) -> Process:
        """Have a document parsed by a child process; says whether one was free in time."""
        if not (yield from self._readers.take(_READER_SECONDS)):
            return False
        yield from self.processors.use(cpu * self._stretch)
        self._readers.give()
        return True


@dataclass
class Fleet:
    """All instances, and who sends uploads to them.

    An upload goes to the process that has least to do. When more are in work than ``concurrency`` for each instance,
    the platform starts others, and until those are there the present ones take what comes.
    """

    clock: Clock
    size: Deployment
    database: Database
    workers: list[Worker] = field(default_factory=list)
    instances: int = 0
    in_work: int = 0
    starting: int = 0

    def __post_init__(self) -> None:
        names = ("processors of instances", "interpreters", "sandbox children", "seats")
        self.meters = {name: Meter(self.clock) for name in names}
        #: a part of a processor takes longer for the same work
        self.stretch = math.ceil(self.size.cores) / self.size.cores
        for _ in range(self.size.instances):
            self._add()
        self.clock.start(self._scale())

    def route(self) -> Worker:
        """The process for the next upload."""
        return min(self.workers, key=lambda worker: worker.in_work)

    def _add(self) -> None:
        processors = Places(self.clock, math.ceil(self.size.cores), self.meters["processors of instances"])
        self.workers += [Worker(self, processors) for _ in range(self.size.processes)]
        self.instances += 1

    def _scale(self) -> Process:
        while True:
            yield _LOOK_SECONDS
            wanted = min(math.ceil(self.in_work / self.size.concurrency), self.size.most)
            for _ in range(min(wanted - self.instances - self.starting, self.size.new_per_second)):
                self.starting += 1
                self.clock.start(self._start())

    def _start(self) -> Process:
        yield self.size.start_seconds
        self.starting -= 1
        self._add()
