"""A clock, processes that wait, and places that they wait for: all that a discrete-event simulation needs.

A process is a generator. It yields seconds to let pass, or None to be woken by somebody else. Events of one moment
happen in the order in which they were planned, so that a run depends on nothing but its input.
"""

import heapq
import itertools
import math
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

Process = Generator[float | None, Any, Any]


class Clock:
    """Runs processes. ``now`` is in seconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Any, Any]] = []
        self._number = itertools.count()
        self._running: Process | None = None

    @property
    def running(self) -> Process:
        """The process that is at work."""
        assert self._running is not None
        return self._running

    def start(self, process: Process, *, after: float = 0.0) -> None:
        """Begin a process."""
        self._plan(after, process, None)

    def wake(self, process: Process, value: Any) -> None:
        """Go on with a process that has yielded None; ``value`` is what its yield gives."""
        self._plan(0.0, process, value)

    def expire(self, waiter: "Waiter", *, after: float) -> None:
        """Let somebody wait no longer than so many seconds."""
        self._plan(after, waiter, None)

    def run(self, until: float) -> None:
        """Let time pass; what has not ended by then stays as it is."""
        while self._events and self._events[0][0] <= until:
            self.now, _, who, value = heapq.heappop(self._events)
            if isinstance(who, Waiter):
                if not who.is_over:
                    who.is_over = True
                    self.wake(who.process, value=False)
                continue
            self._running = who
            try:
                pause = who.send(value)
            except StopIteration:
                continue
            if pause is not None:
                self._plan(pause, who, None)
        self.now = until

    def _plan(self, after: float, who: Any, value: Any) -> None:
        heapq.heappush(self._events, (self.now + after, next(self._number), who, value))


@dataclass(slots=True, eq=False)
class Waiter:
    """A process in a line; ``is_over`` when it was served or has given up."""

    process: Process
    is_over: bool = False


class Meter:
    """How much of something is in use over time: of one place, or of many alike."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._busy = self._there = 0.0
        self._used = self._could = self._since = 0.0

    def change(self, *, busy: float = 0.0, there: float = 0.0) -> None:
        """More or fewer of them are in use, or there at all."""
        self._note()
        self._busy += busy
        self._there += there

    def spend(self, seconds: float) -> None:
        """Count work whose end is known when it begins."""
        self._used += seconds

    def forget(self) -> None:
        """Begin to count anew."""
        self._note()
        self._used = self._could = 0.0

    @property
    def share(self) -> float:
        """Part of what was there that was in use, 0 to 1."""
        self._note()
        return self._used / self._could if self._could else 0.0

    @property
    def used(self) -> float:
        """Seconds of use, of all together."""
        self._note()
        return self._used

    def _note(self) -> None:
        passed, self._since = self._clock.now - self._since, self._clock.now
        self._used += self._busy * passed
        self._could += self._there * passed


class Places:
    """So many places, and one line for them: first come, first served."""

    def __init__(self, clock: Clock, count: int, meter: Meter | None = None) -> None:
        self._clock = clock
        self.meter = meter or Meter(clock)
        self.meter.change(there=count)
        self._free = count
        self._line: deque[Waiter] = deque()

    def take(self, patience: float = math.inf) -> Process:
        """Wait for a place, at most ``patience`` seconds; says whether there is one. Use ``yield from``."""
        if self._free:
            self._free -= 1
            self.meter.change(busy=1)
            return True
        waiter = Waiter(self._clock.running)
        self._line.append(waiter)
        if patience < math.inf:
            self._clock.expire(waiter, after=patience)
        return (yield None)

    def give(self) -> None:
        """Leave it to the next one."""
        while self._line:
            waiter = self._line.popleft()
            if not waiter.is_over:
                waiter.is_over = True
                self._clock.wake(waiter.process, value=True)
                return
        self._free += 1
        self.meter.change(busy=-1)

    def use(self, seconds: float) -> Process:
        """Take a place, hold it so long, leave it."""
        yield from self.take()
        yield seconds
        self.give()


class Pipe:
    """Takes bytes in one after the other, at a rate."""

    def __init__(self, clock: Clock, bytes_per_second: float) -> None:
        self._clock = clock
        self._rate = bytes_per_second
        self._free_at = 0.0
        self.meter = Meter(clock)
        self.meter.change(there=1)

    def seconds(self, size: float) -> float:
        """How long it takes from now until these bytes are in, with those before them."""
        work = size / self._rate
        self.meter.spend(work)
        self._free_at = max(self._free_at, self._clock.now) + work
        return self._free_at - self._clock.now
