"""What stands beside a label is that field's value, and labels are read with the words before them."""

from datetime import date
from decimal import Decimal

import pytest

from shared_code.invoices.printed_labels import amounts_of, beside_labels_in, days_in, texts_by_field


def beside(*lines: str) -> dict[str, tuple[str, ...]]:
    return dict(texts_by_field(beside_labels_in(lines)))


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("Invoice No: BX-2026-0417", "invoice_number", "BX-2026-0417"),
        ("Rechnungsnummer RE-4711", "invoice_number", "RE-4711"),
        ("N° de facture : F-2026-12", "invoice_number", "F-2026-12"),
        ("Factura Nº 4711", "invoice_number", "4711"),
        ("請求番号 BX-2026-0417", "invoice_number", "BX-2026-0417"),
        ("Invoice Date 2 November 2026", "invoice_date", "2 November 2026"),
        ("Data wystawienia: 02.11.2026", "invoice_date", "02.11.2026"),
        ("Order Date: 1 October 2026", "order_date", "1 October 2026"),
        ("PO Number 4500012", "order_number", "4500012"),
        ("Quotation No Q-12", "quote_number", "Q-12"),
        ("Gesamtbetrag 118,00 EUR", "total", "118,00 EUR"),
        ("Sub-Total 100.00", "subtotal", "100.00"),
        ("Amount due: 59.00", "amount_due", "59.00"),
        ("合計 ¥11,000", "total", "¥11,000"),
    ],
)
def test_a_value_stands_behind_its_label(line, field, value):
    assert beside(line)[field] == (value,)


def test_two_labels_in_one_line_share_it():
    assert beside("Invoice No: 12 Date: 2 Nov 2026") == {"invoice_number": ("12",), "invoice_date": ("2 Nov 2026",)}


def test_a_label_alone_has_its_value_in_the_line_below():
    assert beside("Invoice No", "BX-2026-0417")["invoice_number"] == ("BX-2026-0417",)


def test_a_row_of_labels_has_its_values_in_the_row_below():
    found = beside("Invoice No Due date Total", "BX-1 2026-12-02 118.00")
    assert (found["invoice_number"], found["due_date"], found["total"]) == (("BX-1",), ("2026-12-02",), ("118.00",))


def test_a_label_behind_a_label_names_that_one_s_value():
    assert beside("VAT total 18.00") == {"unknown": ("18.00",)}


@pytest.mark.parametrize("line", ["Birth date: 1 May 1980", "Warehouse number 12", "Carriage total 12.00"])
def test_a_general_label_behind_another_word_is_another_label(line):
    assert not {"invoice_date", "number", "invoice_number", "total"} & beside(line).keys()


def test_a_label_is_a_whole_word():
    assert beside("Subtotalling 12 is datedness") == {}


def test_amounts_beside_a_label_are_those_that_no_words_come_before():
    assert amounts_of(["USD 118.00", "before discount 130.00", "18% 18.00"]) == {Decimal("118.00"), Decimal("18.00")}


def test_only_the_first_date_beside_a_label_is_its_value():
    assert days_in(["2 November 2026, order of 1 October 2026"]) == {date(2026, 11, 2)}
    assert days_in(["02/11/2026"]) == {date(2026, 11, 2), date(2026, 2, 11)}


@pytest.mark.parametrize("line", ["total " * 20_000, "invoice no" * 10_000, "a." * 50_000])
def test_long_lines_take_no_more_than_their_length(line):
    assert beside_labels_in([line]) is not None
