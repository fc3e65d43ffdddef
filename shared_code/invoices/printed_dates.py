"""Dates as they stand on paper, and the rule by which day and month are told apart.

``05/03/2026`` has two readings. What settles it, in this order: a part above 12, another date of the same document,
the seller's country. Nothing else does; an unsettled date is reported as ambiguous, never decided by a default.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from shared_code.invoices.months import month_of
from shared_code.invoices.printed_numbers import ascii_digits

_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COMPACT = re.compile(r"((?:19|20)[0-9]{2})([0-9]{2})([0-9]{2})(?:[0-9]{6})?")
#: within a text only where it can be nothing else
_COMPACT_TOKEN = re.compile(r"(?<![0-9])((?:19|20)[0-9]{2})(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])(?![0-9])")
_YEAR_FIRST = re.compile(
    r"(?<![0-9/.-])([0-9]{4})\s?(?P<mark>[-/.])\s?([0-9]{1,2})\s?(?P=mark)\s?([0-9]{1,2})(?![0-9])"
    r"|(?<![0-9])([0-9]{4})\s?年\s?([0-9]{1,2})\s?月\s?([0-9]{1,2})(?![0-9])"
)
_YEAR_LAST = re.compile(
    r"(?<![0-9./-])([0-9]{1,2})\s?(?P<mark>[-/.])\s?([0-9]{1,2})\s?(?P=mark)\s?([0-9]{4}|[0-9]{2})(?![0-9]|[./-][0-9])"
)
#: bounded everywhere: unbounded repeats would take minutes on a page of letters
_GAP = r"[\s.,/-]{0,4}"
_WORD = r"([^\W\d_][^\s\d,./()-]{2,19})"
_DAY = r"([0-9]{1,2})(?:st|nd|rd|th|er|re|º|°|ª)?"
_YEAR = r"'?([0-9]{4}|[0-9]{2})(?![0-9])"
_DAY_FIRST = re.compile(
    rf"(?<![0-9]){_DAY}{_GAP}(?:(?:de|of|den|di|d')\s{{1,3}})?{_WORD}{_GAP}(?:(?:de|del)\s{{1,3}})?{_YEAR}"
)
_MONTH_FIRST = re.compile(rf"(?<![^\W\d_]){_WORD}{_GAP}{_DAY}(?:\s?,\s{{0,3}}|\s{{1,3}}|[/-]){_YEAR}")
_MAX_TEXT = 1_000_000
_CENTURY_PIVOT = 70
_MONTHS_IN_YEAR = 12


class Order(StrEnum):
    """Which part of a numeric date comes first."""

    DAY_FIRST = "day first"
    MONTH_FIRST = "month first"


#: Countries that write the month first. Canada and the Philippines write both ways: no evidence.
_MONTH_FIRST_COUNTRIES = frozenset({"US", "FM", "PW", "MH", "PR", "GU", "AS", "VI", "MP"})
_MIXED_COUNTRIES = frozenset({"CA", "PH"})


@dataclass(frozen=True, slots=True)
class DateReading:
    """What one printed date can mean.

    :ivar day_first: the date when the day comes first, or when there is only one reading at all.
    :ivar month_first: the other reading of an ambiguous date, else None.
    :ivar order: what the date itself shows about the order (a part above 12), or None.
    :ivar impossible: ``YYYY-MM-DD`` of a date that no calendar has, such as 30 February, else None.
    """

    day_first: date | None = None
    month_first: date | None = None
    order: Order | None = None
    impossible: str | None = None

    @property
    def ambiguous(self) -> bool:
        """Whether day and month could be swapped."""
        return self.month_first is not None

    @property
    def candidates(self) -> frozenset[date]:
        """All dates that it can mean."""
        return frozenset(day for day in (self.day_first, self.month_first) if day)

    def settled(self, order: Order | None) -> date | None:
        """The date when ``order`` is known; None when it is ambiguous and the order is not."""
        if not self.ambiguous:
            return self.day_first
        if order is None:
            return None
        return self.day_first if order is Order.DAY_FIRST else self.month_first


def read_date(text: str) -> DateReading | None:
    """The one date in a short text, or None when there is none or more than one."""
    found = list(dict.fromkeys(dates_in(text)))
    return found[0] if len(found) == 1 else None


def read_iso(text: str | None) -> DateReading | None:
    """A date in our own form (``YYYY-MM-DD``), else None; ``impossible`` is set for 30 February."""
    if not text or not _ISO.fullmatch(text):
        return None
    year, month, day = (int(part) for part in text.split("-"))
    return _plain_date(year, month, day)


def dates_in(text: str) -> list[DateReading]:
    """Every date in a text, in all the forms that are read; the beginning of very long texts only."""
    plain = ascii_digits(unicodedata.normalize("NFKC", text[:_MAX_TEXT]))
    compact = _COMPACT.fullmatch(plain.strip())
    if compact:
        return [_plain_date(*(int(part) for part in compact.groups()))]
    found = [
        (match.start(), _plain_date(*(int(part) for part in match.groups() if part and part.isdecimal())))
        for pattern in (_YEAR_FIRST, _COMPACT_TOKEN)
        for match in pattern.finditer(plain)
    ]
    plain = _YEAR_FIRST.sub(lambda match: "|" * len(match[0]), plain)
    found += [(match.start(), _numeric(match)) for match in _YEAR_LAST.finditer(plain)]
    found += [(match.start(), reading) for match, reading in _with_month_names(plain)]
    return [reading for _, reading in sorted(found, key=lambda entry: entry[0])]


def order_of(readings: Iterable[DateReading], *, country: str | None) -> Order | None:
    """The order that the document's dates show, else the one of the seller's country, else None.

    Dates that contradict each other show nothing.
    """
    shown = {reading.order for reading in readings if reading.order}
    if len(shown) == 1:
        return shown.pop()
    if not country or country in _MIXED_COUNTRIES:
        return None
    return Order.MONTH_FIRST if country in _MONTH_FIRST_COUNTRIES else Order.DAY_FIRST


def _with_month_names(text: str) -> list[tuple[re.Match[str], DateReading]]:
    found: dict[int, tuple[re.Match[str], DateReading]] = {}
    for match in _DAY_FIRST.finditer(text):
        month = month_of(match[2])
        if month:
            found[match.end()] = (match, _plain_date(_full_year(match[3]), month, int(match[1])))
    for match in _MONTH_FIRST.finditer(text):
        month = month_of(match[1])
        if month and match.end() not in found:
            found[match.end()] = (match, _plain_date(_full_year(match[3]), month, int(match[2])))
    return list(found.values())


def _numeric(match: re.Match[str]) -> DateReading:
    first, second, year = int(match[1]), int(match[3]), _full_year(match[4])
    if first > _MONTHS_IN_YEAR and second > _MONTHS_IN_YEAR:
        return DateReading(impossible=f"{year:04}-{second:02}-{first:02}")
    if first > _MONTHS_IN_YEAR:
        return _ordered(_plain_date(year, second, first), Order.DAY_FIRST)
    if second > _MONTHS_IN_YEAR:
        return _ordered(_plain_date(year, first, second), Order.MONTH_FIRST)
    day_first, month_first = _plain_date(year, second, first), _plain_date(year, first, second)
    if day_first == month_first or day_first.day_first is None:
        return month_first
    return DateReading(day_first=day_first.day_first, month_first=month_first.day_first)


def _ordered(reading: DateReading, order: Order) -> DateReading:
    return DateReading(day_first=reading.day_first, order=order, impossible=reading.impossible)


def _plain_date(year: int, month: int, day: int) -> DateReading:
    try:
        return DateReading(day_first=date(year, month, day))
    except ValueError:
        return DateReading(impossible=f"{year:04}-{month:02}-{day:02}")


def _full_year(text: str) -> int:
    year = int(text)
    if len(text) > 2:  # noqa: PLR2004 - written out
        return year
    return year + (2000 if year < _CENTURY_PIVOT else 1900)
