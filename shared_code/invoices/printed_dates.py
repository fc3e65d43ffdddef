"""Dates as they are printed on invoices, and the rule by which day and month are told apart.

``05/03/2026`` has two readings. Three things settle which one is meant, in this order: a part above 12, another date of
the same document, the seller's country. Nothing else does: an unsettled date is reported as ambiguous, never decided by
a default. ``YYYY-MM-DD`` and ``YYYYMMDD`` are the calendar dates of ISO 8601.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from shared_code.invoices.printed_numbers import ascii_digits

_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COMPACT = re.compile(r"((?:19|20)[0-9]{2})([0-9]{2})([0-9]{2})(?:[0-9]{6})?")
#: eight digits within a text count as a date only when month and day are possible
_COMPACT_TOKEN = re.compile(r"(?<![0-9])((?:19|20)[0-9]{2})(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])(?![0-9])")
_YEAR_FIRST = re.compile(
    r"(?<![0-9/.-])([0-9]{4})\s?(?P<mark>[-/.])\s?([0-9]{1,2})\s?(?P=mark)\s?([0-9]{1,2})(?![0-9])"
    r"|(?<![0-9])([0-9]{4})\s?年\s?([0-9]{1,2})\s?月\s?([0-9]{1,2})(?![0-9])"
)
_YEAR_LAST = re.compile(
    r"(?<![0-9./-])([0-9]{1,2})\s?(?P<mark>[-/.])\s?([0-9]{1,2})\s?(?P=mark)\s?([0-9]{4}|[0-9]{2})(?![0-9]|[./-][0-9])"
)
#: Every repeat is bounded: unbounded ones would take minutes on a page of letters.
_GAP = r"[\s.,/-]{0,4}"
_WORD = r"([^\W\d_][^\s\d,./()-]{2,19})"
_DAY = r"([0-9]{1,2})(?:st|nd|rd|th|er|re|º|°|ª)?"
_YEAR = r"'?([0-9]{4}|[0-9]{2})(?![0-9])"
_DAY_FIRST = re.compile(
    rf"(?<![0-9]){_DAY}{_GAP}(?:(?:de|of|den|di|d')\s{{1,3}})?{_WORD}{_GAP}(?:(?:de|del)\s{{1,3}})?{_YEAR}"
)
_MONTH_FIRST = re.compile(rf"(?<![^\W\d_]){_WORD}{_GAP}{_DAY}(?:\s?,\s{{0,3}}|\s{{1,3}}|[/-]){_YEAR}")
_MAX_TEXT = 1_000_000
#: two digits of a year below this are of the 21st century
_CENTURY_PIVOT = 70
_MONTHS_IN_YEAR = 12
#: The months in the languages that customers' vendors write, twelve names in a row. Other grammatical forms of a
#: language have a row of their own.
_MONTH_NAMES = (
    "january february march april may june july august september october november december",
    "januar februar marz april mai juni juli august september oktober november dezember",
    "janner feber maerz april mai juni juli august september oktober november dezember",
    "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "januari februari maart april mei juni juli augustus september oktober november december",
    "janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro",
    "januari februari mars april maj juni juli augusti september oktober november december",
    "januar februar marts april maj juni juli august september oktober november desember",
    "styczen luty marzec kwiecien maj czerwiec lipiec sierpien wrzesien pazdziernik listopad grudzien",
    "stycznia lutego marca kwietnia maja czerwca lipca sierpnia wrzesnia pazdziernika listopada grudnia",
    "ocak subat mart nisan mayis haziran temmuz agustos eylul ekim kasim aralik",
    "जनवरी फरवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर अक्टूबर नवंबर दिसंबर",
    "जनवरी फ़रवरी मार्च अप्रैल मई जून जुलाई अगस्त सितम्बर अक्तूबर नवम्बर दिसम्बर",
    "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
    "يناير فبراير مارس ابريل مايو يونيه يوليه اغسطس سبتمبر اكتوبر نوفمبر ديسمبر",
    "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
)
_SHORTEST_NAME = 3
#: Usual abbreviations that are not the beginning of a name. None: could be more than one month.
_ABBREVIATIONS = {"sept": 9, "mrt": 3, "mrz": 3, "mch": 3, "avr": 4, "jui": None, "ju": None}


class Order(StrEnum):
    """Which part of a numeric date comes first."""

    DAY_FIRST = "day first"
    MONTH_FIRST = "month first"


#: Countries (ISO 3166-1) that write the month first. Canada and the Philippines write both ways, which settles nothing.
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
    """A date written as ``YYYY-MM-DD`` (ISO 8601), else None; ``impossible`` is set for 30 February."""
    if not text or not _ISO.fullmatch(text):
        return None
    year, month, day = (int(part) for part in text.split("-"))
    return _plain_date(year, month, day)


def dates_in(text: str) -> list[DateReading]:
    """Every date in a text, in the order of the text. Only the first million characters are looked at."""
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

    :param readings: dates of one document. Where they contradict each other, they show nothing.
    :param country: of the seller, ISO 3166-1 alpha-2.
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
        return replace(_plain_date(year, second, first), order=Order.DAY_FIRST)
    if second > _MONTHS_IN_YEAR:
        return replace(_plain_date(year, first, second), order=Order.MONTH_FIRST)
    day_first, month_first = _plain_date(year, second, first), _plain_date(year, first, second)
    if day_first == month_first or day_first.day_first is None:
        return month_first
    return DateReading(day_first=day_first.day_first, month_first=month_first.day_first)


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


def month_of(word: str) -> int | None:
    """The month (1 to 12) that a name or an abbreviation of at least three letters stands for, else None."""
    folded = _fold(word.rstrip("."))
    if folded in _ABBREVIATIONS:
        return _ABBREVIATIONS[folded]
    if folded in _MONTHS:
        return _MONTHS[folded]
    if len(folded) < _SHORTEST_NAME:
        return None
    months = {month for name, month in _MONTHS.items() if name.startswith(folded)}
    return months.pop() if len(months) == 1 else None


def _fold(word: str) -> str:
    """Lower case without the accents of Latin letters. Marks of other scripts stay: they are part of the letters."""
    decomposed = unicodedata.normalize("NFKD", word.casefold().replace("ı", "i").replace("ł", "l"))
    return "".join([char for char in decomposed if not "\u0300" <= char <= "\u036f"])


_MONTHS = {_fold(name): month for row in _MONTH_NAMES for month, name in enumerate(row.split(), start=1)}
