"""Years of other calendars, as invoices print them, in the Gregorian one.

* Thailand counts from 543 BC; the days and months are Gregorian.
* Taiwan counts from 1912 (Republic of China era).
* Japan counts in eras, the first year of each written 元 or 1.
* Iran's year begins on Nowruz; months 1 to 6 have 31 days, 7 to 11 have 30, the last 29 or 30. A year is a leap year
  when ``(25 y + 11) mod 33 < 8`` (the 33-year rule, which holds for the years 1178 to 1633).
"""

from datetime import date, timedelta

_THAI_YEARS = range(2480, 2641)
_THAI_OFFSET = 543
_ROC_OFFSET = 1911
#: years of Taiwan's era that are written with three digits
_ROC_YEARS = range(100, 200)
_PERSIAN_YEARS = range(1360, 1431)
#: Nowruz 1360
_PERSIAN_START = date(1981, 3, 21)
_LONG_MONTHS = 6
_MONTHS = 12
#: the year before the first one of each era; eras since 1868
_ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925, "大正": 1911, "明治": 1867, "R": 2018, "H": 1988, "S": 1925}


def gregorian_year(year: int) -> int:
    """The year itself, or that of Thailand's or Taiwan's calendar as a Gregorian one."""
    if year in _THAI_YEARS:
        return year - _THAI_OFFSET
    return year + _ROC_OFFSET if year in _ROC_YEARS else year


def era_year(era: str, year: int) -> int:
    """The Gregorian year of a year in a Japanese era.

    :raises KeyError: it is no era.
    """
    return _ERAS[era] + year


def is_persian(year: int) -> bool:
    """Whether the year can only be one of Iran's calendar."""
    return year in _PERSIAN_YEARS


def persian_date(year: int, month: int, day: int) -> date:
    """A date of Iran's calendar.

    :raises ValueError: the calendar has no such date.
    """
    longest = 31 if month <= _LONG_MONTHS else 30 if month < _MONTHS or _is_leap(year) else 29
    if not (1 <= month <= _MONTHS and 1 <= day <= longest):
        raise ValueError("no such date in the Persian calendar")
    days = sum(366 if _is_leap(passed) else 365 for passed in range(_PERSIAN_YEARS.start, year))
    days += 31 * min(month - 1, _LONG_MONTHS) + 30 * max(month - 1 - _LONG_MONTHS, 0) + day - 1
    return _PERSIAN_START + timedelta(days=days)


def _is_leap(year: int) -> bool:
    return (25 * year + 11) % 33 < 8  # noqa: PLR2004 - the rule itself
