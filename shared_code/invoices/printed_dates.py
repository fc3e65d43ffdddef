"""Dates as they are printed on invoices, and the rule by which day and month are told apart.

``05/03/2026`` has two readings. Three things settle which one is meant, in this order: a part above 12, another date of
the same document, the seller's country. Nothing else does: an unsettled date is reported as ambiguous, never decided by
a default. ``YYYY-MM-DD`` and ``YYYYMMDD`` are the calendar dates of ISO 8601. Years of other calendars become
Gregorian ones (:mod:`.calendars`). What must not stand before a date is looked at behind its first digit: quicker.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from shared_code.invoices.calendars import era_year, gregorian_year, is_persian, persian_date
from shared_code.invoices.month_names import months_of
from shared_code.invoices.printed_numbers import ascii_digits

_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COMPACT = re.compile(r"((?:19|20)[0-9]{2})([0-9]{2})([0-9]{2})(?:[0-9]{6})?")
#: eight digits within a text count as a date only when month and day are possible
_COMPACT_TOKEN = re.compile(r"(?<![0-9])((?:19|20)[0-9]{2})(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])(?![0-9])")
#: six digits are a date only when they are all that is printed
_SHORT_COMPACT = re.compile(r"([0-9]{2})(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])")
_SPACED = re.compile(r"([0-9]{1,2}) ([0-9]{1,2}) ([0-9]{4})|([0-9]{4}) ([0-9]{1,2}) ([0-9]{1,2})")
_YEAR_FIRST = re.compile(
    r"([0-9](?<![0-9/.-].)[0-9]{2,3})\s?(?P<mark>[-/.])\s?([0-9]{1,2})\s?(?P=mark)\s?([0-9]{1,2})(?![0-9]|[/.-][0-9])"
    r"|([0-9](?<![0-9].)[0-9]{2,3})\s?[年년]\s?([0-9]{1,2})\s?[月월]\s?([0-9]{1,2})(?![0-9])"
)
_ERA = re.compile(
    r"(令和|平成|昭和|大正|明治|R(?<![^\W_].)|H(?<![^\W_].)|S(?<![^\W_].))\s?([0-9]{1,2}|元)\s?(?:年|[./-])\s?"
    r"([0-9]{1,2})\s?(?:月|[./-])\s?([0-9]{1,2})(?![0-9])"
)
_VIETNAMESE = re.compile(
    r"([0-9](?<![0-9].)[0-9]?)\s{1,2}th(?:áng|g)\s{1,2}([0-9]{1,2})(?:\s{1,2}năm\s{1,2}|,\s?)([0-9]{4})(?![0-9])"
)
_MONGOLIAN = re.compile(r"([0-9](?<![0-9].)[0-9]{3})\s?оны\s([0-9]{1,2})-р\sсарын\s([0-9]{1,2})(?![0-9])")
_YEAR_LAST = re.compile(
    r"([0-9](?<![0-9./-].)[0-9]?)\s?(?P<mark>[-/.])\s?([0-9]{1,2})\s?(?P=mark)\s?([0-9]{4}|[0-9]{2})(?![0-9]|[./-][0-9])"
)
#: Every repeat is bounded: unbounded ones would take minutes on a page of letters.
_GAP = r"[\s.,/-]{0,4}"
#: a word, or an abbreviation of two syllables as in Thai and Lao
_WORD = r"([^\W\d_][^\s\d,./()-]{2,19}|[\u0e01-\u0ecd]{1,3}\.[\u0e01-\u0ecd]{1,3})"
_DAY = r"([0-9](?<![0-9].)[0-9]?)(?:st|nd|rd|th|er|re|º|°|ª)?"
_YEAR = r"'?([0-9]{4}|[0-9]{2})(?![0-9])"
_BEFORE_MONTH = r"(?:(?:day\s{1,2}of|de|of|den|di|d'|ta['’])\s{1,3})?"
#: "of" a year, and which era it is of
_BEFORE_YEAR = r"(?:(?:de|del|ค\.ศ\.|พ\.ศ\.)\s{0,3})?"
_DAY_FIRST = re.compile(rf"{_DAY}{_GAP}{_BEFORE_MONTH}{_WORD}{_GAP}{_BEFORE_YEAR}{_YEAR}")
_MONTH_FIRST = re.compile(rf"(?<![^\W\d_]){_WORD}{_GAP}{_DAY}(?:\s?,\s{{0,3}}|\s{{1,3}}|[/-]){_YEAR}")
#: 2026-Nov-02, 2026. november 2., 2026 m. lapkričio 2 d., 2026 թ. նոյեմբերի 2
_YEAR_MONTH_DAY = re.compile(rf"([0-9](?<![0-9].)[0-9]{{3}}){_GAP}(?:[mթ]\.\s?)?{_WORD}{_GAP}([0-9]{{1,2}})(?![0-9])")
#: 2026. gada 2. novembris, 2026 ж. 2 қараша, 2026-ж., 2-ноябрь
_YEAR_DAY_MONTH = re.compile(rf"([0-9](?<![0-9].)[0-9]{{3}})[.-]?\s?(?:gada|ж\.,?)\s([0-9]{{1,2}})[.-]?\s?{_WORD}")
#: marks that only say in which direction letters run (Unicode Standard Annex 9)
_DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
#: months of two words in Syria, Iraq, Jordan and Lebanon
_TWO_WORDS = re.compile("(كانون|تشرين) (?=ال)")
_DASHES = re.compile("[\u2010\u2011\u2012\u2013\u2014\u2212]")
#: how a browser heads the pages that it prints: a date and a time, which belong to the printing
_PRINT_HEADER = re.compile(r"[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4},? [0-9]{1,2}:[0-9]{2}(?: ?[AP]M)?")
_MAX_TEXT = 1_000_000
#: two digits of a year below this are of the 21st century
_CENTURY_PIVOT = 70
_MONTHS_IN_YEAR = 12
#: numbers below are no years: ``115/11/02`` is one of Taiwan's, ``250/11/02`` is none
_LEAST_YEAR = 999


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
    :ivar others: less likely readings, because the month's name is that of another month in another language.
    """

    day_first: date | None = None
    month_first: date | None = None
    order: Order | None = None
    impossible: str | None = None
    others: frozenset[date] = frozenset()

    @property
    def ambiguous(self) -> bool:
        """Whether day and month could be swapped."""
        return self.month_first is not None

    @property
    def candidates(self) -> frozenset[date]:
        """All dates that it can mean."""
        return self.others.union(day for day in (self.day_first, self.month_first) if day)

    def settled(self, order: Order | None) -> date | None:
        """The date when ``order`` is known; None when it is ambiguous and the order is not."""
        if not self.ambiguous:
            return self.day_first
        if order is None:
            return None
        return self.day_first if order is Order.DAY_FIRST else self.month_first


class PlacedDate(NamedTuple):
    """A date in a text, and where it stands there."""

    start: int
    end: int
    reading: DateReading


def read_date(text: str) -> DateReading | None:
    """The one date in a short text, or None when there is none or more than one."""
    for all_languages in (False, True):
        found = list(dict.fromkeys(dates_in(text, all_languages=all_languages)))
        if found:
            return found[0] if len(found) == 1 else None
    return _bare_digits(_plain(text).strip())


def read_iso(text: str | None) -> DateReading | None:
    """A date written as ``YYYY-MM-DD`` (ISO 8601), else None; ``impossible`` is set for 30 February."""
    return _plain_date(*map(int, text.split("-"))) if text and _ISO.fullmatch(text) else None


def dates_in(text: str, *, all_languages: bool = False) -> list[DateReading]:
    """Every date in a text, in the order of the text. Only the first million characters are looked at.

    :param all_languages: know the months of all languages, not only of the usual ones; slower.
    """
    return [found.reading for found in _placed(_plain(text), all_languages=all_languages)]


def date_places(text: str, *, all_languages: bool = False) -> list[PlacedDate]:
    """The same with places. Where characters of the text count as several, the place is the whole text."""
    plain = _plain(text)
    found = _placed(plain, all_languages=all_languages)
    return found if len(plain) == len(text) else [one._replace(start=0, end=len(text)) for one in found]


def _placed(plain: str, *, all_languages: bool) -> list[PlacedDate]:
    if compact := _COMPACT.fullmatch(plain.strip()):
        return [PlacedDate(0, len(plain), _plain_date(*(int(part) for part in compact.groups())))]
    found: list[PlacedDate] = []
    for form in _NUMERIC_FORMS:
        readings, plain = _take(plain, *form)
        found += readings
    found += [PlacedDate(*match.span(), read) for match, read in _with_month_names(plain, all_languages=all_languages)]
    return sorted(found, key=lambda entry: entry.start)


def without_print_headers(text: str) -> str:
    """The text without the date and time that a browser prints at the edge of each page."""
    return _PRINT_HEADER.sub(" ", text)


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


def _take(
    text: str, pattern: re.Pattern[str], read: Callable[[re.Match[str]], DateReading | None]
) -> tuple[list[PlacedDate], str]:
    """The dates of one form with their places, and the text without them, so that no part is read as another date."""
    found: list[PlacedDate] = []
    pieces, at = [], 0
    for match in pattern.finditer(text):
        reading = read(match)
        if reading is not None:
            found.append(PlacedDate(*match.span(), reading))
            pieces += [text[at : match.start()], "|" * len(match[0])]
            at = match.end()
    return found, "".join([*pieces, text[at:]])


def _plain(text: str) -> str:
    folded = ascii_digits(unicodedata.normalize("NFKC", text[:_MAX_TEXT]))
    return _DASHES.sub("-", _TWO_WORDS.sub(r"\1", _DIRECTIONS.sub("", folded)).replace("،", ","))


def _bare_digits(text: str) -> DateReading | None:
    """Digits that are a date only where a date is expected: ``261102``, ``02 11 2026``."""
    short, spaced = _SHORT_COMPACT.fullmatch(text), _SPACED.fullmatch(text)
    if short:
        return _plain_date(_full_year(short[1]), int(short[2]), int(short[3]))
    if spaced and spaced[1]:
        return _by_order(int(spaced[1]), int(spaced[2]), gregorian_year(int(spaced[3])))
    return _plain_date(int(spaced[4]), int(spaced[5]), int(spaced[6])) if spaced else None


def _with_month_names(text: str, *, all_languages: bool) -> list[tuple[re.Match[str], DateReading]]:
    found: dict[int, tuple[re.Match[str], DateReading]] = {}
    # groups of day, month and year
    forms = ((_DAY_FIRST, 1, 2, 3), (_MONTH_FIRST, 2, 1, 3), (_YEAR_DAY_MONTH, 2, 3, 1), (_YEAR_MONTH_DAY, 3, 2, 1))
    taken: set[int] = set()
    for pattern, day, month, year in forms:
        for match in pattern.finditer(text):
            months = months_of(match[month], all_languages=all_languages)
            if months and taken.isdisjoint((match.start(month), match.end())):
                taken |= {match.start(month), match.end()}
                found[match.end()] = (match, _named(_full_year(match[year]), months, int(match[day])))
    return list(found.values())


def _named(year: int, months: Sequence[int], day: int) -> DateReading:
    """A date with the name of a month, which may be that of several."""
    likeliest, *others = [_plain_date(year, month, day) for month in months]
    return replace(likeliest, others=frozenset(other.day_first for other in others if other.day_first))


def _in_era(match: re.Match[str]) -> DateReading:
    year = 1 if match[2] == "元" else int(match[2])
    return _plain_date(era_year(match[1], year), int(match[3]), int(match[4]))


def _year_first(match: re.Match[str]) -> DateReading | None:
    year, month, day = (int(part) for part in match.groups() if part and part.isdecimal())
    if is_persian(year):
        try:
            return DateReading(day_first=persian_date(year, month, day))
        except ValueError:
            return None
    year = gregorian_year(year)
    return _plain_date(year, month, day) if year > _LEAST_YEAR else None


def _day_month_year(match: re.Match[str]) -> DateReading:
    day, month, year = (int(part) for part in match.groups())
    return _plain_date(year, month, day)


def _numeric(match: re.Match[str]) -> DateReading:
    year = _full_year(match[4])
    if int(match[4]) != year and len(match[4]) > 2:  # noqa: PLR2004 - a year of Thailand's, which writes the day first
        return _plain_date(year, int(match[3]), int(match[1]))
    return _by_order(int(match[1]), int(match[3]), year)


def _by_order(first: int, second: int, year: int) -> DateReading:
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
        return gregorian_year(year)
    return year + (2000 if year < _CENTURY_PIVOT else 1900)


_NUMERIC_FORMS = (
    (_ERA, _in_era),
    (_YEAR_FIRST, _year_first),
    (_COMPACT_TOKEN, _year_first),
    (_VIETNAMESE, _day_month_year),
    (_MONGOLIAN, _year_first),
    (_YEAR_LAST, _numeric),
)
