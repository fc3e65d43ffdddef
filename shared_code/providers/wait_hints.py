"""Reads the forms in which vendors tell how long to wait. What cannot be read is no hint; a hint is never negative.

Gemini counts requests per day until midnight Pacific time (Gemini API documentation, "Rate limits").
"""

import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

_LONGEST_SECONDS = 7 * 24 * 3600.0
#: the time zone of Gemini's daily limits
_QUOTA_ZONE = "America/Los_Angeles"
_SPAN_UNIT_SECONDS = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_SPAN = r"(?:\d+(?:\.\d+)?(?:ms|d|h|m|s))+"
_SPAN_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|d|h|m|s)")
_SPAN_ONLY = re.compile(_SPAN)
_RETRY_IN = re.compile(rf"(?:retry|try again) (?:in|after) ({_SPAN})", re.IGNORECASE)


def utc_now() -> datetime:
    """Now as naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


def seconds_of_span(text: object) -> float | None:
    """``33s``, ``33.75s``, ``6m0s``, ``7h12m``, ``120ms`` as seconds; None for anything else."""
    if not isinstance(text, str) or not _SPAN_ONLY.fullmatch(text.strip()):
        return None
    parts = _SPAN_PART.findall(text)
    return _sane(sum(float(number) * _SPAN_UNIT_SECONDS[unit] for number, unit in parts))


def seconds_in_text(message: str) -> float | None:
    """The span in ``Please retry in 33.75s.`` or ``Please try again in 6m0s.``; None when there is none."""
    found = _RETRY_IN.search(message)
    return seconds_of_span(found.group(1)) if found else None


def seconds_of_headers(headers: Mapping[str, str], now: datetime) -> float | None:
    """``retry-after-ms`` or ``retry-after`` (seconds or an HTTP date) of an answer received at ``now`` (naive UTC)."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return _sane(milliseconds / 1000)
    text = headers.get("retry-after")
    seconds = _number(text)
    if seconds is not None or not text:
        return _sane(seconds)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return _sane(max(0.0, (moment - now.replace(tzinfo=UTC)).total_seconds()))


def longest(hints: Iterable[float | None]) -> float | None:
    """The longest of the hints; None when there is none."""
    return max((hint for hint in hints if hint is not None), default=None)


def next_quota_day(now: datetime) -> datetime:
    """The first reset of Gemini's daily limits after ``now``: midnight Pacific time. Both naive UTC."""
    zone = ZoneInfo(_QUOTA_ZONE)
    tomorrow = now.replace(tzinfo=UTC).astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), tzinfo=zone).astimezone(UTC).replace(tzinfo=None)


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _sane(seconds: float | None) -> float | None:
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return None
    return min(seconds, _LONGEST_SECONDS)
