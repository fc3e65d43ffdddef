"""Timer schedules: NCrontab expressions of five or six fields, and constant intervals.

The library croniter computes the times. Here stands what it does not know of NCrontab: names of months and days written
out, and that much of what other crons take (``L``, ``#``, ``?``, day 7, a range that runs backwards) is an error.
Times are local times of this machine, as there.
"""

import calendar
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from croniter import croniter

from devstack.host.errors import FunctionProblem

_MONTHS = tuple(name.casefold() for name in calendar.month_name[1:])
_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_SHORTEST_NAME = 3
_FIELDS = 6
_SIGNS = re.compile(r"[0-9*,/-]+")
_HOURS_OF_A_DAY = 24
#: a time span as .NET writes it, in host.json and in schedules
_SPAN = re.compile(r"(-)?(?:(\d+)\.)?(\d+):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?")
#: just before a minute, hour, day, month and year begin
_BEFORE_ALL = datetime(1999, 12, 31, 23, 59, 59)  # noqa: DTZ001 - the wall clock, as in every schedule


@dataclass(frozen=True)
class ConstantSchedule:
    """Every so often, counted from the last run."""

    interval: timedelta

    def next_after(self, moment: datetime) -> datetime:
        """One interval later."""
        return moment + self.interval

    @property
    def below_one_minute(self) -> bool:
        """Whether it is too frequent to keep a status."""
        return self.interval < timedelta(minutes=1)


@dataclass(frozen=True)
class CronSchedule:
    """Six fields of numbers: second, minute, hour, day, month, day of week (0 is Sunday)."""

    expression: str

    def next_after(self, moment: datetime) -> datetime:
        """The next time of the wall clock that fits every field."""
        return self._following(moment.replace(tzinfo=None)).astimezone()

    @property
    def below_one_minute(self) -> bool:
        """Whether it fires more than once within a minute: too frequent to keep a status."""
        first = self._following(_BEFORE_ALL)
        return self._following(first) - first < timedelta(minutes=1)

    def _following(self, moment: datetime) -> datetime:
        # Day of month and day of week must both fit: not either of them, as in Unix cron.
        times = croniter(self.expression, moment, datetime, day_or=False, second_at_beginning=True)
        found: datetime = times.get_next()
        return found


Schedule = ConstantSchedule | CronSchedule


def parse_schedule(text: str) -> Schedule:
    """A cron expression or ``hh:mm:ss``. Raises :class:`FunctionProblem`, also for a date that never comes."""
    fields = text.split()
    if len(fields) == _FIELDS - 1:
        fields = ["0", *fields]
    try:
        if len(fields) == _FIELDS:
            return _cron(fields)
        interval = parse_time_span(text)
    except (ValueError, FunctionProblem) as error:
        raise FunctionProblem(f"The schedule expression '{text}' was not recognized: {error}") from error
    if interval <= timedelta(0):
        raise FunctionProblem(f"The schedule expression '{text}' was not recognized: it must be above zero.")
    return ConstantSchedule(interval)


def _cron(fields: list[str]) -> CronSchedule:
    """Raises ValueError; croniter's own errors are such."""
    *others, month, day = fields
    numbers = [*others, _without_names(month, _MONTHS, first=1), _without_names(day, _DAYS, first=0)]
    for field in numbers:
        if not _SIGNS.fullmatch(field):
            raise ValueError(f"'{field}' is not a valid field.")
    if re.search(r"(?<!/)\b0*7\b", numbers[-1]):
        raise ValueError("7 is no day of the week (0 to 6).")
    # Step 1 is no step there: 5/1 is 5, where croniter counts on from 5.
    text = re.sub(r"/0*1\b", "", " ".join(numbers))
    schedule = CronSchedule(re.sub(r"(\d+)-(\d+)(/\d+)?", _forward_range, text))
    schedule.next_after(_BEFORE_ALL)
    return schedule


def _forward_range(match: re.Match[str]) -> str:
    """A range as it stands; croniter lets one that does not go up run once around the clock."""
    low, high = int(match[1]), int(match[2])
    if low > high:
        raise ValueError(f"'{match[0]}' runs backwards.")
    return match[0] if low < high else match[1]


def _without_names(field: str, names: tuple[str, ...], *, first: int) -> str:
    """The field with numbers for names; what is no name (``mon``, ``Monday``) stays."""

    def number(match: re.Match[str]) -> str:
        word = match[0].casefold()
        known = [index for index, name in enumerate(names, first) if name.startswith(word)]
        return str(known[0]) if known and len(word) >= _SHORTEST_NAME else match[0]

    return re.sub(r"[A-Za-z]+", number, field)


def parse_time_span(text: str) -> timedelta:
    """``hh:mm:ss`` or ``d.hh:mm:ss``. A first number of 24 or more means days: ``24:00:00`` is 24 days, as there.

    Raises :class:`FunctionProblem` for anything else.
    """
    match = _SPAN.fullmatch(text.strip())
    if match is None:
        raise FunctionProblem(f"'{text}' is not a valid time span (hh:mm:ss).")
    sign, days, first, second, third, fraction = match.groups()
    numbers = [int(first), int(second), int(third or 0)]
    if days is None and third is not None and numbers[0] >= _HOURS_OF_A_DAY:
        span = timedelta(days=numbers[0], hours=numbers[1], minutes=numbers[2])
    else:
        span = timedelta(days=int(days or 0), hours=numbers[0], minutes=numbers[1], seconds=numbers[2])
    if fraction:
        span += timedelta(microseconds=int(fraction.ljust(7, "0")) // 10)
    return -span if sign else span
