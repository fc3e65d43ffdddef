"""Amounts with two readings: the arithmetic of the invoice chooses."""

from decimal import Decimal as D  # noqa: N817 - a table of amounts

import pytest

from shared_code.extraction.answer.interpret import read_invoices
from shared_code.extraction.answer.wire_schema import parse_answer
from shared_code.invoices.text_layer import TextLayer
from tests.unit.extraction.wire_answers import answer, invoice, read


def test_the_arithmetic_chooses_between_the_readings_of_an_amount():
    line = {"quantity": "1.000", "unit_price": "2,500", "net_amount": "2.500"}
    found, findings = read(
        "",
        currency="KWD",
        currency_printed="KWD",
        total_printed="KWD 2.625",
        total="2.625",
        subtotal="2.500",
        tax_total="0.125",
        line_items=[line],
    )
    assert not findings
    assert (found.total, found.subtotal) == (D("2.625"), D("2.500"))
    assert found.line_items[0].quantity * found.line_items[0].unit_price == found.line_items[0].net_amount == D("2.500")


def test_a_dollar_has_no_thousandths():
    found, findings = read("", currency="USD", currency_printed="US$", total="3000", total_printed="US$3,000")
    assert found.total == D(3000)
    assert not findings


def test_an_amount_that_nothing_decides_is_flagged():
    _, findings = read("", currency="KWD", currency_printed="KWD", total_printed="KWD 2.625")
    assert ("ambiguous_amount", "total") in findings


def test_both_decimal_marks_on_one_page():
    lines = [{"quantity": "2", "unit_price": "1.234,50", "net_amount": "2,469.00"}]
    found, _ = read(
        "",
        currency="EUR",
        currency_printed="€",
        total="2469.00",
        total_printed="€ 2.469,00",
        subtotal="2'469.00",
        line_items=lines,
    )
    assert (found.line_items[0].unit_price, found.line_items[0].net_amount, found.total) == (
        D("1234.50"),
        D("2469.00"),
        D("2469.00"),
    )


def test_what_is_no_amount_is_null_with_a_warning():
    found, findings = read("", total_printed="one lakh only", total=None, tax_total="2 x 9.00")
    assert found.total is None
    assert {("unreadable_amount", "total"), ("unreadable_amount", "tax_total")} <= findings


@pytest.mark.parametrize("word", ["FREE", "included", "N/C", "Exempt", "Zero rated", "inkl.", "gratuit"])
def test_words_in_place_of_an_amount_are_no_unreadable_amount(word):
    _, findings = read("", total_printed="100.00", tax_total=word, line_items=[{"net_amount": word}])
    assert not findings


def test_a_percentage_in_the_discount_column_is_no_amount():
    reading = read_invoices(
        parse_answer(
            answer(
                invoice(
                    line_items=[
                        {"quantity": "1", "unit_price": "$3,000", "discount_amount": "15%", "net_amount": "$2,550"}
                    ]
                )
            )
        ),
        TextLayer([]),
    )
    assert reading.invoices[0].invoice.line_items[0].discount_amount is None
    assert reading.invoices[0].unchecked_lines == {0}
    assert not reading.invoices[0].findings


def test_a_document_without_any_sure_decimal_mark_is_read_as_its_sums_demand():
    lines = [{"quantity": "2", "unit_price": "1.250", "net_amount": "2.500"}]
    found, findings = read(
        "",
        currency="KWD",
        currency_printed="KWD",
        total_printed="2.501",
        total=None,
        tax_total="0.001",
        subtotal="2.500",
        line_items=lines,
    )
    assert (found.line_items[0].unit_price, found.subtotal, found.total) == (D("1.250"), D("2.500"), D("2.501"))
    assert not findings
    lines = [{"quantity": "2", "unit_price": "1.250", "net_amount": "2.500"}]
    found, _ = read(
        "", currency="JPY", currency_printed="JPY", total_printed="2.750", total=None, tax_total="250", line_items=lines
    )
    assert (found.line_items[0].net_amount, found.total) == (D(2500), D(2750))
