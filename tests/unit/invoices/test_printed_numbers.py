from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_code.invoices.printed_numbers import (
    amounts_in,
    decimal_mark_of,
    read_amount,
    read_normalised,
)

ONE_READING = [
    ("1,75,083.00", "175083.00"),
    ("12,34,567.89", "1234567.89"),
    ("1.234,56", "1234.56"),
    ("1,234.56", "1234.56"),
    ("42'987,56", "42987.56"),
    ("42’987.56", "42987.56"),
    ("1 234,56", "1234.56"),
    ("1\u00a0234,56", "1234.56"),
    ("1\u202f234,56", "1234.56"),
    ("١٬٢٣٤٫٥٦", "1234.56"),
    ("٢٫٥", "2.5"),
    ("१,७५,०८३.००", "175083.00"),
    ("1.234.567", "1234567"),
    ("1,234.567", "1234.567"),
    ("0.123", "0.123"),
    (".50", "0.50"),
    ("5.", "5"),
    ("12,-", "12"),
    ("CHF 12.--", "12"),
    ("(12.00)", "-12.00"),
    ("($1,234.00)", "-1234.00"),
    ("12.00-", "-12.00"),
    ("-12.00", "-12.00"),
    ("− 12.00", "-12.00"),
    ("€ -9,32", "-9.32"),
    ("-$5.00", "-5.00"),
    ("₹ 1,75,083.00", "175083.00"),
    ("Rs. 500", "500"),
    ("US$ 23,990.00", "23990.00"),
    ("GH₵ 76,440.00", "76440.00"),
    ("12.00 €", "12.00"),
    ("12,50 Kč", "12.50"),
    ("EUR 1.234,50", "1234.50"),
    ("-0.00", "0.00"),
]


@pytest.mark.parametrize(("text", "value"), ONE_READING)
def test_reads_amounts_as_they_are_printed(text, value):
    assert read_amount(text) == (Decimal(value),)


@pytest.mark.parametrize(
    ("text", "grouped", "decimal"),
    [("1.234", "1234", "1.234"), ("1,234", "1234", "1.234"), ("$3,000", "3000", "3.000")],
)
def test_a_single_mark_before_three_digits_has_two_readings(text, grouped, decimal):
    assert set(read_amount(text)) == {Decimal(grouped), Decimal(decimal)}


def test_the_decimal_mark_of_the_document_orders_the_two_readings():
    assert read_amount("1.234", decimal_mark=".")[0] == Decimal("1.234")
    assert read_amount("1.234", decimal_mark=",")[0] == Decimal(1234)


@pytest.mark.parametrize(
    "text",
    ["", "-", "EUR", "1e5", "40 x 5.25", "A123", "12 34", "1,2,3", "123,456,78", "--5", "12½", "12⁵⁰", "9 %", "ten",
     "1234567890123456", "NaN", "Infinity", "1_000", "5 crore", "2026-03-05", "1.234,56,78", "9" * 5000],
)  # fmt: skip
def test_what_is_not_one_amount_is_not_read(text):
    assert read_amount(text) == ()


def test_a_percent_sign_belongs_to_rates_only():
    assert read_amount("@ 9 %", percent=True) == (Decimal(9),)
    assert read_amount("19,5%", percent=True) == (Decimal("19.5"),)


@pytest.mark.parametrize(
    ("text", "value"), [("2 hours", 2), ("1.00 kg", 1), ("2,5 h", "2.5"), ("10 Stk.", 10), ("7", 7), ("5 m²", 5)]
)
def test_a_quantity_may_carry_its_unit(text, value):
    assert read_amount(text, with_unit=True) == (Decimal(value),)


def test_the_decimal_mark_is_known_only_when_all_amounts_agree():
    assert decimal_mark_of(["1,234", "12.50"]) == "."
    assert decimal_mark_of(["1.234.567"]) == ","
    assert decimal_mark_of(["12.50", "13,50"]) is None
    assert decimal_mark_of(["1,234", "500", "no"]) is None


@pytest.mark.parametrize("text", ["1,234.00", "--1", "٣", "1_0", " 1", "1.2345678", "", None, "1.", "+1", "1e2"])
def test_normalised_values_are_strict_ascii(text):
    assert read_normalised(text) is None


def test_normalised_values_are_exact():
    assert read_normalised("-1234567890.10") == Decimal("-1234567890.10")


@pytest.mark.parametrize("text", ["CHF-36.50", "CHF -36.50", "B/.36.50", "Rs.36.50", "EUR36,50", "36.50A"])
def test_an_amount_glued_to_a_mark_is_found(text):
    assert Decimal("36.50") in amounts_in(f"Total {text}", with_decimals=True)


@pytest.mark.parametrize("text", ["A-36.50", "INV-2026.11", "12/36.50"])
def test_parts_of_codes_are_no_amounts(text):
    assert not amounts_in(f"Number {text}", with_decimals=True)


def test_all_amounts_of_a_page_are_found():
    page = "Total ₹ 1,75,083.00\nNetto 12 345,67\nقيمة ١٬٢٣٤٫٥٦\n$2,779.5 due."
    wanted = {Decimal(175083), Decimal("12345.67"), Decimal("1234.56"), Decimal("2779.50")}
    assert wanted <= amounts_in(page)
    assert Decimal("1.00") not in amounts_in(page)


AMOUNTS = st.decimals(min_value=-999_999_999, max_value=999_999_999, places=2, allow_nan=False, allow_infinity=False)


def _western(digits: str, group: str) -> str:
    head = len(digits) % 3 or 3
    return group.join([digits[:head], *(digits[at : at + 3] for at in range(head, len(digits), 3))])


def _indian(digits: str) -> str:
    if len(digits) <= 3:
        return digits
    rest, last = digits[:-3], digits[-3:]
    head = len(rest) % 2 or 2
    return ",".join([rest[:head], *(rest[at : at + 2] for at in range(head, len(rest), 2)), last])


STYLES = {
    "plain": lambda whole, cents: f"{whole}.{cents}",
    "english": lambda whole, cents: f"{_western(whole, ',')}.{cents}",
    "german": lambda whole, cents: f"{_western(whole, '.')},{cents}",
    "swiss": lambda whole, cents: f"{_western(whole, chr(0x2019))}.{cents}",
    "french": lambda whole, cents: f"{_western(whole, chr(0x202F))},{cents}",
    "indian": lambda whole, cents: f"{_indian(whole)}.{cents}",
    "arabic": lambda whole, cents: f"{_western(whole, chr(0x66C))}{chr(0x66B)}{cents}".translate(
        {48 + n: 0x660 + n for n in range(10)}
    ),
    "devanagari": lambda whole, cents: f"{_indian(whole)}.{cents}".translate({48 + n: 0x966 + n for n in range(10)}),
}
SIGNS = {
    "minus": "-{}",
    "true minus": "\u2212{}",
    "behind": "{}-",
    "brackets": "({})",
    "currency": "-€ {}",
    "behind currency": "EUR -{}",
}


@settings(derandomize=True, max_examples=60, deadline=None, database=None)
@given(value=AMOUNTS, style=st.sampled_from(sorted(STYLES)), sign=st.sampled_from(sorted(SIGNS)))
def test_every_amount_with_cents_is_read_back_from_every_notation(value, style, sign):
    whole, cents = f"{abs(value):.2f}".split(".")
    text = STYLES[style](whole, cents)
    if value < 0:
        text = SIGNS[sign].format(text)
    assert read_amount(text) == (value,)
    assert abs(value) in amounts_in(f"Total {STYLES[style](whole, cents)} due")


@settings(derandomize=True, max_examples=60, deadline=None, database=None)
@given(whole=st.integers(0, 10**15 - 1), style=st.sampled_from(["english", "german", "swiss", "french", "indian"]))
def test_whole_amounts_are_among_their_readings(whole, style):
    text = STYLES[style](str(whole), "00").removesuffix("00").rstrip(".,")
    assert Decimal(whole) in read_amount(text)


@settings(derandomize=True, max_examples=200, deadline=None, database=None)
@given(text=st.text(alphabet="0123456789.,'- ()€$%Rs٣٫٬kg\u00a0−/", max_size=40))
def test_no_text_breaks_the_reader(text):
    for value in (
        read_amount(text) + read_amount(text, with_unit=True) + read_amount(text, percent=True, decimal_mark=",")
    ):
        assert value.is_finite()
        assert abs(value) < 10**15
