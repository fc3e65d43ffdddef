"""Reads the forms in which vendors tell how long to wait. What cannot be read is no hint; a hint is never negative.

A hint can be of any length here: how long each kind of failure can last is known to :mod:`.failures`.
Gemini counts requests per day until midnight Pacific time (Gemini API documentation, "Rate limits").
"""

import math
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

#: a number this near to the present, in seconds since 1970, is a moment: some services send one in place of a span
_NEAR_SECONDS = 2 * 24 * 3600.0
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
    """``retry-after-ms`` or ``retry-after`` of an answer received at ``now`` (naive UTC).

    Seconds or an HTTP date by RFC 9110, section 10.2.3; also an ISO 8601 date, and a moment in seconds or milliseconds
    since 1970. A moment that has passed means now.
    """
    present = now.replace(tzinfo=UTC)
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return _seconds_from(milliseconds / 1000, present)
    text = (headers.get("retry-after") or "").strip()
    seconds = _number(text)
    if seconds is not None:
        return _seconds_from(seconds, present)
    moment = _moment(text)
    return None if moment is None else max(0.0, (moment - present).total_seconds())


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


def _seconds_from(number: float, present: datetime) -> float | None:
    """A number of seconds: a span, or a moment that is near to the present."""
    for since_1970 in (number, number / 1000):
        if abs(since_1970 - present.timestamp()) < _NEAR_SECONDS:
            return max(0.0, since_1970 - present.timestamp())
    return _sane(number)


def _moment(text: str) -> datetime | None:
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        # OverflowError: a year of more digits than a C integer holds.
        with suppress(ValueError, OverflowError):
            moment = read(text)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def _sane(seconds: float) -> float | None:
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
