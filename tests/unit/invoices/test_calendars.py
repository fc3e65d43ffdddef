"""Years of other calendars, and months in all languages, are Gregorian dates."""

from datetime import date

import pytest
from babel.dates import format_date

from shared_code.invoices.calendars import era_year, gregorian_year, is_persian, persian_date
from shared_code.invoices.month_names import months_of
from shared_code.invoices.printed_dates import dates_in, read_date, without_print_headers
from shared_code.invoices.text_layer import TextLayer


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("令和8年11月2日", date(2026, 11, 2)),
        ("R8.11.2", date(2026, 11, 2)),
        ("令和元年5月1日", date(2019, 5, 1)),
        ("2 พฤศจิกายน 2569", date(2026, 11, 2)),
        ("02/11/2569", date(2026, 11, 2)),
        ("115年11月2日", date(2026, 11, 2)),
        ("1405/08/11", date(2026, 11, 2)),
        ("ngày 2 tháng 11 năm 2026", date(2026, 11, 2)),
        ("2026년 11월 2일", date(2026, 11, 2)),
        ("2026. november 2.", date(2026, 11, 2)),
        ("2026 m. lapkričio 2 d.", date(2026, 11, 2)),
        ("2026. gada 2. novembris", date(2026, 11, 2)),
        ("2. listopadu 2026", date(2026, 11, 2)),
        ("2 Νοεμβρίου 2026", date(2026, 11, 2)),
        ("2 noiembrie 2026", date(2026, 11, 2)),
        ("2 Novemba 2026", date(2026, 11, 2)),
        ("2026-Nov-02", date(2026, 11, 2)),
        ("14–10–2026", date(2026, 10, 14)),
        ("2 11 2026", date(2026, 11, 2)),
        ("261102", date(2026, 11, 2)),
    ],
)
def test_reads_dates_of_other_calendars_and_languages(text, day):
    reading = read_date(text)
    assert reading is not None
    assert day in reading.candidates


@pytest.mark.parametrize(
    ("year", "month", "day", "gregorian"),
    [
        (1399, 12, 30, date(2021, 3, 20)),  # a leap year
        (1400, 1, 1, date(2021, 3, 21)),
        (1403, 1, 1, date(2024, 3, 20)),
        (1405, 6, 31, date(2026, 9, 22)),
        (1405, 7, 1, date(2026, 9, 23)),
    ],
)
def test_persian_dates(year, month, day, gregorian):
    assert is_persian(year)
    assert persian_date(year, month, day) == gregorian


@pytest.mark.parametrize(("year", "month", "day"), [(1400, 12, 30), (1400, 7, 31), (1400, 13, 1), (1400, 1, 0)])
def test_dates_that_the_persian_calendar_does_not_have_are_refused(year, month, day):
    with pytest.raises(ValueError, match="no such date"):
        persian_date(year, month, day)


def test_years_of_other_eras():
    assert [gregorian_year(year) for year in (2569, 115, 2026, 99)] == [2026, 2026, 2026, 99]
    assert era_year("平成", 31) == 2019


def test_a_month_that_means_two_in_two_languages_stays_open():
    assert months_of("listopad") == (11, 10)
    assert read_date("2 listopada 2026").candidates == {date(2026, 11, 2), date(2026, 10, 2)}


def test_the_header_of_a_browser_says_nothing_of_the_invoice():
    page = "11/28/26, 9:14 AM Invoice BX-1\nDate 02/11/2026"
    assert [reading.candidates for reading in dates_in(without_print_headers(page))] == [
        {date(2026, 11, 2), date(2026, 2, 11)}
    ]


#: Languages in which invoices of many countries are written; the short form only where the year has four digits.
WRITTEN = [
    "af",
    "am",
    "ar",
    "ar_DZ",
    "ar_IQ",
    "ar_EG",
    "ar_MA",
    "az",
    "be",
    "bg",
    "bn",
    "bs",
    "ca",
    "cs",
    "cy",
    "da",
    "de",
    "de_AT",
    "de_CH",
    "el",
    "en",
    "en_GB",
    "en_IN",
    "en_US",
    "en_ZA",
    "es",
    "es_MX",
    "et",
    "fi",
    "fil",
    "fr",
    "fr_CA",
    "gl",
    "gu",
    "ha",
    "he",
    "hi",
    "hr",
    "hu",
    "hy",
    "id",
    "ig",
    "is",
    "it",
    "ja",
    "ka",
    "kk",
    "km",
    "kn",
    "ko",
    "ky",
    "lt",
    "lv",
    "mk",
    "ml",
    "mr",
    "ms",
    "mt",
    "my",
    "nb",
    "ne",
    "nl",
    "nn",
    "pa",
    "pl",
    "pt",
    "pt_BR",
    "ro",
    "ru",
    "rw",
    "si",
    "sk",
    "sl",
    "so",
    "sq",
    "sr",
    "sv",
    "sw",
    "te",
    "th",
    "tr",
    "uk",
    "ur",
    "uz",
    "vi",
    "xh",
    "zh",
    "zh_TW",
    "zu",
]


@pytest.mark.parametrize("form", ["long", "medium"])
def test_dates_are_read_as_each_language_writes_them(form):
    unread = {
        (language, text)
        for language in WRITTEN
        for day in (date(2026, 11, 2), date(2026, 3, 25))
        if not TextLayer([text := f"| {format_date(day, form, locale=language)} |"]).has_date(day)
    }
    assert not unread
