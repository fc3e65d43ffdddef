"""Which currencies a page shows: codes and marks beside amounts or labels, not words of prose."""

from collections.abc import Iterator

import pytest
from babel import Locale, localedata
from babel.numbers import get_territory_currencies

from shared_code.invoices.currencies import is_currency
from shared_code.invoices.currency_marks import codes_of_mark, currencies_in, share_a_mark


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Total TRY 118.00", "TRY"),
        ("Total: COP 118.000", "COP"),
        ("118,00 BAM", "BAM"),
        ("Currency: ALL", "ALL"),
        ("Total S/ 118.00", "PEN"),
        ("R$ 118,00", "BRL"),
        ("R118.00", "ZAR"),
        ("118,00 грн", "UAH"),
        ("11,000원", "KRW"),
        ("11.000 đ", "VND"),
        ("NIS 118.00", "ILS"),
        ("Tk 118.00", "BDT"),
        ("KD 11.800", "KWD"),
        ("SR 118.00", "SAR"),
        ("Birr 118.00", "ETB"),
        ("RD$118.00", "DOP"),
        ("GHS1,180.00", "GHS"),
        ("GHC 118.00", "GHS"),
        ("1,180.00EUR", "EUR"),
        ("U.S. $118.00", "USD"),
        ("L.E. 118.00", "EGP"),
        ("11,000円", "JPY"),
        ("118,00 zł", "PLN"),
        ("₹ 1,18,000.00", "INR"),
    ],
)
def test_a_mark_beside_an_amount_names_its_currency(text, code):
    assert code in currencies_in(text).possible


@pytest.mark.parametrize("text", ["CAD drawings 118.00 hours", "TOP quality", "ALL goods remain ours"])
def test_words_of_prose_name_none(text):
    assert not currencies_in(text).possible


def test_a_shared_mark_stays_open():
    found = currencies_in("Total $118.00")
    assert {"USD", "CAD", "AUD"} <= found.possible
    assert not found.certain


@pytest.mark.parametrize("text", ["Exchange rate: 1 USD = 12.50 GHS", "Kurs 1 EUR = 4,30 PLN"])
def test_an_exchange_rate_mentions_currencies_and_names_none(text):
    found = currencies_in(text)
    assert not found.possible
    assert len(found.mentioned) == 2


def test_units_are_a_currency_only_when_nothing_else_is():
    assert currencies_in("5 L milk\nTotal USD 12.00").possible == {"USD"}
    assert "HNL" in currencies_in("Total L 12.00").possible


def test_full_width_signs_are_the_usual_ones():
    assert currencies_in("合計 ￥11,000").possible == {"JPY", "CNY"}


def test_codes_that_are_words_count_in_capitals_only():
    assert codes_of_mark("ALL") == {"ALL"}
    assert codes_of_mark("all") == frozenset()
    assert codes_of_mark("usd") == {"USD"}
    assert codes_of_mark("pieces") == frozenset()


def test_currencies_that_can_be_confused_share_a_mark():
    assert share_a_mark("SEK", "NOK")
    assert not share_a_mark("EUR", "GBP")


@pytest.mark.parametrize("text", ["$" * 50_000, "A.B." * 30_000, "1 " * 50_000, "in " * 30_000])
def test_long_texts_take_no_more_than_their_length(text):
    assert currencies_in(text) is not None


#: letters that are units far more often, a space without width, and the pound of territories that have Britain's
NOT_KNOWN = {"LSL", "SOS", "STN", "SYP", "SZL", "KMF", "HTG", "CVE", "FKP", "GIP", "SHP", "SSP", "CUP", "PKR"}


def signs_of_their_countries() -> Iterator[tuple[str, str]]:
    """Each currency with the sign that is printed for it in its own country, by the Unicode CLDR."""
    for name in localedata.locale_identifiers():
        if "_" in name and (locale := Locale.parse(name)).territory:
            for code in get_territory_currencies(locale.territory):
                if is_currency(code) and locale.currency_symbols.get(code, code) != code:
                    yield code, locale.currency_symbols[code]


def test_the_sign_of_each_currency_in_its_own_country_is_known():
    unknown = {
        code
        for code, sign in set(signs_of_their_countries())
        if code not in currencies_in(f"Total {sign} 118.00").possible | currencies_in(f"118.00 {sign}").possible
    }
    assert unknown <= NOT_KNOWN
