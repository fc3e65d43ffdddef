"""The model provider: so much of each thing in a window of time for each project, and a refusal beyond that."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.simulation.engine import Clock, Places
from bench.simulation.inputs import Deployment, Figures

MINUTE = 60.0


@dataclass(frozen=True)
class Limit:
    """So much of something in each window of time; one call takes ``of_a_call``."""

    name: str
    seconds: float
    most: float
    of_a_call: float


class Project:
    """What one provider project takes. Never more than its limits in any window.

    Windows begin with the clock's minutes: real refusals name waits of up to a whole window, as such windows would.
    """

    def __init__(self, clock: Clock, limits: Sequence[Limit]) -> None:
        self._clock = clock
        self._limits = limits
        self._windows = [-1] * len(limits)
        self._calls = [0] * len(limits)
        #: calls that were taken in all
        self.taken = 0

    def ask(self) -> float | None:
        """None when a call is taken; else seconds until the next one may be."""
        now, waits = self._clock.now, 0.0
        for at, limit in enumerate(self._limits):
            window = int(now // limit.seconds)
            if window != self._windows[at]:
                self._windows[at], self._calls[at] = window, 0
            if (self._calls[at] + 1) * limit.of_a_call > limit.most:
                waits = max(waits, (window + 1) * limit.seconds - now)
        if waits:
            return waits
        self.taken += 1
        self._calls = [calls + 1 for calls in self._calls]
        return None

    def share(self, calls: int, seconds: float) -> float:
        """Part of its scarcest limit that so many calls in so many seconds are, 0 to 1."""
        shares = (calls / seconds * limit.of_a_call * limit.seconds / limit.most for limit in self._limits)
        return min(max(shares), 1.0)


@dataclass(eq=False)
class Key:
    """A company's key: its project, the row that holds its running total, and until when it rests."""

    project: Project
    row: Places
    rests_until: float = 0.0


@dataclass
class Company:
    """A company and its keys."""

    number: int
    keys: list[Key] = field(default_factory=list)

    def ready(self, now: float, random: random.Random, spent: set[Key]) -> Key | None:
        """One of those that neither rest nor were tried, at random."""
        able = [key for key in self.keys if key.rests_until <= now and key not in spent]
        return random.choice(able) if able else None

    def rests_for(self, now: float) -> float:
        """Seconds until the first key may serve again."""
        return max(min(key.rests_until for key in self.keys) - now, 0.05)


class Companies:
    """All companies, made as they come."""

    def __init__(self, clock: Clock, deployment: Deployment, figures: Figures) -> None:
        self._clock = clock
        self._keys = deployment.keys
        tier = deployment.tier
        self._limits = (
            Limit("requests", MINUTE, tier.requests_per_minute, 1),
            Limit("input tokens", MINUTE, tier.tokens_per_minute, figures.input_tokens),
            Limit("dollars", 10 * MINUTE, tier.dollars_per_ten_minutes, figures.dollars),
        )
        self._known: dict[int, Company] = {}

    def get(self, number: int) -> Company:
        """The company of this number."""
        if number not in self._known:
            self._known[number] = Company(number, [self._key() for _ in range(self._keys)])
        return self._known[number]

    @property
    def keys(self) -> list[Key]:
        """Of all companies that have come."""
        return [key for company in self._known.values() for key in company.keys]

    def _key(self) -> Key:
        return Key(Project(self._clock, self._limits), Places(self._clock, 1))
