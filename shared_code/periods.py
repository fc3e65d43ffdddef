"""Days and months of a company, by its own time zone: pure arithmetic, daylight saving included.

A quota period is a name (``2026-11-21`` for a day, ``2026-11`` for a month). A new period is a new counter row, so
nothing is ever reset; the name is decided once, when a call is reserved.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_DAY_NAME_LENGTH = 10
_DECEMBER = 12
#: files among the zones that stand for the machine's own setting, or for none
_NO_ZONES = frozenset({"localtime", "Factory", "posixrules"})
_SECOND, _DAY = timedelta(seconds=1), timedelta(days=1)
_EARLIEST_ZONE = timedelta(hours=14)


def zone(name: str | None, default: str) -> ZoneInfo:
    """The company's zone; an unknown or absent name is the default zone, so that a typing error stops no work.

    The timer tells of names that are not known (alert ``zone_unreadable``).
    """
    return ZoneInfo(zone_name(name or "") or default)


@lru_cache(maxsize=1024)
def zone_name(typed: str) -> str | None:
    """The zone that was typed, without the blanks around it; None when no zone has that name on every machine."""
    name = typed.strip()
    if not name or name in _NO_ZONES:
        return None
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def local_day(now: datetime, tz: ZoneInfo) -> date:
    """The calendar day in ``tz`` of an aware moment."""
    return now.astimezone(tz).date()


class Offset(NamedTuple):
    """From ``since`` to before ``until`` (naive UTC, whole seconds) a clock is ``offset`` seconds ahead of UTC."""

    since: datetime
    until: datetime
    offset: int


def offsets(first: datetime, last: datetime, tz: ZoneInfo) -> list[Offset]:
    """What the clock of ``tz`` adds to each moment from ``first`` to ``last`` (naive UTC), in order of time."""
    found: list[Offset] = []
    since, last = first.replace(microsecond=0), last.replace(microsecond=0) + _SECOND
    while since < last:
        offset, until = _offset(since, tz), since
        while until < last and _offset(until, tz) == offset:
            until += _DAY
        # The change, if there is one, is within the last day: halve that to the second.
        low, until = max(since, until - _DAY), min(until, last)
        while _offset(until, tz) != offset and until - low > _SECOND:
            middle = low + timedelta(seconds=(until - low) // _SECOND // 2)
            low, until = (middle, until) if _offset(middle, tz) == offset else (low, middle)
        found.append(Offset(since, until, offset))
        since = until
    return found


def _offset(moment: datetime, tz: ZoneInfo) -> int:
    local = moment.replace(tzinfo=UTC).astimezone(tz)
    return round((local.replace(tzinfo=None) - moment).total_seconds())


def latest_day(now: datetime) -> date:
    """The calendar day that it is where days begin first (UTC+14), of an aware moment."""
    return (now.astimezone(UTC) + _EARLIEST_ZONE).date()


def day_period(day: date) -> str:
    """Name of the daily period that ``day`` is."""
    return day.isoformat()


def month_period(day: date) -> str:
    """Name of the monthly period that ``day`` is in."""
    return f"{day.year:04d}-{day.month:02d}"


def is_day(period: str) -> bool:
    """Whether this names a day, not a month."""
    return len(period) == _DAY_NAME_LENGTH


def period_days(period: str) -> tuple[date, date]:
    """The first and the last day of a period."""
    if is_day(period):
        day = date.fromisoformat(period)
        return day, day
    year, month = (int(part) for part in period.split("-"))
    following = date(year + 1, 1, 1) if month == _DECEMBER else date(year, month + 1, 1)
    return date(year, month, 1), following - timedelta(days=1)


def period_end(period: str, tz: ZoneInfo) -> datetime:
    """The first moment (aware, UTC) after the period: local midnight, whatever the clock does that night."""
    following = period_days(period)[1] + timedelta(days=1)
    return datetime.combine(following, time.min, tzinfo=tz).astimezone(UTC)
