"""Dates as documents print them. An order of day and month that the document does not settle stays open."""

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass

_MONTH_NAMES = (
    ("jan", "janv", "ene", "gen"),
    ("feb", "fév", "fev"),
    ("mar", "mär", "mrt", "maa"),
    ("apr", "avr", "abr"),
    ("may", "mai", "mei", "mag"),
    ("jun", "juin", "giu"),
    ("jul", "juil", "lug"),
    ("aug", "aoû", "aou", "ago"),
    ("sep", "set"),
    ("oct", "okt", "ott"),
    ("nov",),
    ("dec", "dez", "déc", "dic"),
)
_NAMED = (
    re.compile(
        r"(?P<d>\d{1,2})(?:st|nd|rd|th|\.)?[\s-]*(?:of |de )?(?P<m>[^\W\d_]{3,10})\.?,?[\s-]*"
        r"(?:de |del )?(?P<y>\d{4}|\d{2})\b"
    ),
    re.compile(r"(?P<m>[^\W\d_]{3,10})\.?\s+(?P<d>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<y>\d{4})\b"),
)
_ISO = re.compile(r"(?P<y>(?:19|20)\d{2})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})\b")
_COMPACT = re.compile(r"(?P<y>20\d{2})(?P<m>[01]\d)(?P<d>[0-3]\d)\b")
_NUMERIC = re.compile(r"(?P<a>\d{1,2})(?P<s>[-/.])(?P<b>\d{1,2})(?P=s)(?P<y>\d{4}|\d{2})\b")
_ANY = re.compile(r"\b\d{1,2}([-/.])\d{1,2}\1(?:\d{4}|\d{2})\b")
_MONTHS = 12
_CENTURY = 100


@dataclass(frozen=True, slots=True)
class PrintedDate:
    """A date on the page; ``value`` is None when the order of day and month is open or the day does not exist."""

    printed: str
    value: dt.date | None


def date_at(text: str, *, day_first: bool | None) -> PrintedDate | None:
    """The date at the start of a text, or None when none stands there."""
    text = text.lstrip(" :.-")
    for pattern in (*_NAMED, _ISO, _COMPACT):
        match = pattern.match(text)
        month = _month(match["m"]) if match else None
        if match and month:
            return PrintedDate(match[0].strip(), _date(_year(match["y"]), month, int(match["d"])))
    match = _NUMERIC.match(text)
    if not match:
        return None
    first, second = int(match["a"]), int(match["b"])
    if match["s"] == "." or first > _MONTHS or first == second:
        day, month = first, second
    elif second > _MONTHS:
        day, month = second, first
    elif day_first is None:
        return PrintedDate(match[0], None)
    else:
        day, month = (first, second) if day_first else (second, first)
    return PrintedDate(match[0], _date(_year(match["y"]), month, day))


def settled_order(texts: Iterable[str]) -> bool | None:
    """True for day first, False for month first, when dates of the document with a part above 12 agree; else None."""
    pairs = (re.split(r"[-/.]", found[0])[:2] for text in texts for found in _ANY.finditer(text))
    orders = {int(first) > _MONTHS for first, second in pairs if (int(first) > _MONTHS) != (int(second) > _MONTHS)}
    return orders.pop() if len(orders) == 1 else None


def _month(text: str) -> int | None:
    if text.isdigit():
        return int(text)
    lowered = text.lower()
    for number, names in enumerate(_MONTH_NAMES, start=1):
        if lowered.startswith(names):
            return number
    return None


def _year(text: str) -> int:
    year = int(text)
    return year if year >= _CENTURY else 2000 + year


def _date(year: int, month: int, day: int) -> dt.date | None:
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None
