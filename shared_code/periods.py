"""Days and months of a company, by its own time zone: pure arithmetic, daylight saving included.

A quota period is a name (``2026-11-21`` for a day, ``2026-11`` for a month). A new period is a new counter row, so
nothing is ever reset; the name is decided once, when a call is reserved.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_DAY_NAME_LENGTH = 10
_DECEMBER = 12
#: files among the zones that stand for the machine's own setting, or for none
_NO_ZONES = frozenset({"localtime", "Factory", "posixrules"})
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
