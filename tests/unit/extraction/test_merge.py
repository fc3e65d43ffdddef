"""A second answer adds and corrects, value by value; it never takes away."""

from decimal import Decimal

from shared_code.extraction.answer.interpret import read_invoices
from shared_code.extraction.answer.merge import merged
from shared_code.extraction.answer.wire_schema import parse_answer
from shared_code.invoices.reading import Grounding, Reading
from shared_code.invoices.text_layer import TextLayer
from tests.unit.extraction.wire_answers import answer, invoice

PAGE = """Harbour Lane Supplies Ltd
Invoice No: BX-2026-0417
Date: 2 November 2026
Steel brackets 4 25.00 100.00
VAT 18% 18.00
Total USD 118.00"""
LINES = [{"description": "Steel brackets", "quantity": "4", "unit_price": "25.00", "net_amount": "100.00"}]
VALUES = {
    "seller": {"name": "Harbour Lane Supplies Ltd"},
    "invoice_number": "BX-2026-0417",
    "invoice_date": "2026-11-02",
    "currency": "USD",
    "total": "118.00",
    "total_printed": "USD 118.00",
}


def reading(*invoices, status="invoice") -> Reading:
    return read_invoices(parse_answer(answer(*invoices, status=status)), TextLayer([PAGE]))


def one(first: Reading, second: Reading):
    found = merged(first, second)
    assert len(found.invoices) == 1
    return found.invoices[0]


def test_a_blank_value_takes_nothing_away():
    entry = one(reading(invoice(**VALUES)), reading(invoice(**VALUES | {"total": None, "total_printed": None})))
    assert entry.invoice.total == Decimal("118.00")
    assert entry.grounded["total"] is Grounding.ANCHORED


def test_a_value_that_only_the_second_answer_has_is_added():
    entry = one(reading(invoice(**VALUES | {"invoice_number": None})), reading(invoice(**VALUES)))
    assert entry.invoice.invoice_number == "BX-2026-0417"


def test_of_two_values_the_one_on_the_page_is_taken_and_the_other_one_s_finding_goes():
    wrong = VALUES | {"total": "999.00", "total_printed": "USD 999.00"}
    entry = one(reading(invoice(**wrong)), reading(invoice(**VALUES)))
    assert entry.invoice.total == Decimal("118.00")
    assert "total" not in {finding.field for finding in entry.findings}
    back = one(reading(invoice(**VALUES)), reading(invoice(**wrong)))
    assert back.invoice.total == Decimal("118.00")


def test_of_two_values_that_are_both_off_the_page_the_first_stays():
    first, second = (VALUES | {"total": total, "total_printed": total} for total in ("999.00", "888.00"))
    assert one(reading(invoice(**first)), reading(invoice(**second))).invoice.total == Decimal("999.00")


def test_no_invoice_in_the_second_answer_is_a_doubt_and_no_loss():
    found = merged(reading(invoice(**VALUES)), reading(status="not_an_invoice"))
    assert found.invoices[0].invoice.total == Decimal("118.00")
    assert [(finding.code, finding.review) for finding in found.findings] == [("second_look_differs", True)]


def test_lines_are_those_whose_sums_hold_and_an_empty_table_wins_never():
    good = invoice(**VALUES, subtotal="100.00", line_items=LINES)
    bad = invoice(**VALUES, subtotal="100.00", line_items=[LINES[0] | {"net_amount": "10.00"}])
    assert one(reading(bad), reading(good)).invoice.line_items[0].net_amount == Decimal("100.00")
    assert one(reading(good), reading(bad)).invoice.line_items[0].net_amount == Decimal("100.00")
    assert len(one(reading(good), reading(invoice(**VALUES))).invoice.line_items) == 1
    assert len(one(reading(invoice(**VALUES)), reading(good)).invoice.line_items) == 1


def test_of_several_invoices_the_answer_with_more_is_taken_whole():
    two = reading(invoice(**VALUES), invoice(**VALUES | {"invoice_number": "BX-2026-0418"}))
    assert len(merged(reading(invoice(**VALUES)), two).invoices) == 2
    assert len(merged(two, reading(invoice(**VALUES))).invoices) == 2
