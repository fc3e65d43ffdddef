"""Timer schedules: NCrontab expressions of five or six fields, and constant intervals.

Times are local times of this machine, as there. Day of month and day of week must both fit (not either of them, as in
Unix cron); ``n/step`` counts from n to the end of the field.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from devstack.host.errors import FunctionProblem
from devstack.host.time_spans import parse_time_span

_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("second", 0, 59, ()),
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 6, _DAYS),
)
_SHORTEST_NAME = 3
#: the longest wait for a date that exists: 29 February across a century that skips it
_SEARCH_DAYS = 366 * 9


class Schedule(Protocol):
    """When a timer fires."""

    def next_after(self, moment: datetime) -> datetime:
        """The first time after ``moment`` (aware, local)."""
        ...

    @property
    def below_one_minute(self) -> bool:
        """Whether it is too frequent to keep a status."""
        ...


@dataclass(frozen=True)
class ConstantSchedule:
    """Every so often, counted from the last run."""

    interval: timedelta

    def next_after(self, moment: datetime) -> datetime:
        """One interval later."""
        return moment + self.interval

    @property
    def below_one_minute(self) -> bool:
        """Shorter than a minute."""
        return self.interval < timedelta(minutes=1)


@dataclass(frozen=True)
class CronSchedule:
    """The values that each field allows: second, minute, hour, day, month, day of week (0 is Sunday)."""

    fields: tuple[frozenset[int], ...]

    def next_after(self, moment: datetime) -> datetime:
        """The next time of the wall clock that fits every field. Raises :class:`FunctionProblem` when none does."""
        start = moment.replace(tzinfo=None, microsecond=0) + timedelta(seconds=1)
        day = start.replace(hour=0, minute=0, second=0)
        for _ in range(_SEARCH_DAYS):
            if self._fits_day(day):
                found = self._time_of(day, max(start, day))
                if found is not None:
                    return found.astimezone()
            day += timedelta(days=1)
        raise FunctionProblem("The schedule names a date that does not exist.")

    @property
    def below_one_minute(self) -> bool:
        """Fires more than once within a minute."""
        return len(self.fields[0]) > 1

    def _fits_day(self, day: datetime) -> bool:
        _, _, _, days, months, weekdays = self.fields
        return day.month in months and day.day in days and day.isoweekday() % 7 in weekdays

    def _time_of(self, day: datetime, earliest: datetime) -> datetime | None:
        seconds, minutes, hours = (sorted(field) for field in self.fields[:3])
        for hour in hours:
            for minute in minutes:
                if day.replace(hour=hour, minute=minute, second=seconds[-1]) < earliest:
                    continue
                for second in seconds:
                    found = day.replace(hour=hour, minute=minute, second=second)
                    if found >= earliest:
                        return found
        return None


def parse_schedule(text: str) -> Schedule:
    """A cron expression or ``hh:mm:ss``. Raises :class:`FunctionProblem`, also for a date that never comes."""
    parts = text.split()
    if len(parts) == len(_FIELDS) - 1:
        parts = ["0", *parts]
    if len(parts) == len(_FIELDS):
        schedule = CronSchedule(tuple(_field(part, *field) for part, field in zip(parts, _FIELDS, strict=True)))
        schedule.next_after(datetime(2000, 1, 1).astimezone())
        return schedule
    try:
        interval = parse_time_span(text)
    except FunctionProblem:
        interval = timedelta(0)
    if interval <= timedelta(0):
        raise FunctionProblem(
            f"The schedule expression '{text}' was not recognized as a valid cron expression or timespan string."
        )
    return ConstantSchedule(interval)


def _field(text: str, name: str, low: int, high: int, names: tuple[str, ...]) -> frozenset[int]:
    found: set[int] = set()
    for piece in text.split(","):
        match = re.fullmatch(r"(\*|[0-9A-Za-z]+(?:-[0-9A-Za-z]+)?)(?:/([0-9]+))?", piece)
        step = int(match.group(2) or 1) if match else 0
        if match is None or step < 1:
            raise FunctionProblem(f"'{text}' is not a valid {name} field of a schedule.")
        first, last = _bounds(match.group(1), name, (low, high), names)
        if last is None:
            last = high if match.group(2) and step > 1 else first
        if first > last:
            raise FunctionProblem(f"'{piece}' in the {name} field of a schedule runs backwards.")
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _bounds(text: str, name: str, limits: tuple[int, int], names: tuple[str, ...]) -> tuple[int, int | None]:
    if text == "*":
        return limits
    values = [_value(one, name, limits, names) for one in text.split("-")]
    return values[0], values[1] if len(values) > 1 else None


def _value(text: str, name: str, limits: tuple[int, int], names: tuple[str, ...]) -> int:
    low, high = limits
    if text.isdigit():
        value = int(text)
    else:
        known = [
            index for index, one in enumerate(names) if one.startswith(text.casefold()) and len(text) >= _SHORTEST_NAME
        ]
        value = low + known[0] if known else high + 1
    if not low <= value <= high:
        raise FunctionProblem(f"'{text}' is not a valid {name} of a schedule ({low} to {high}).")
    return value
