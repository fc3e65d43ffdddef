"""Sums of XML by the rules of EN 16931, beside the same amounts as a model reads them from a page."""

from datetime import date
from decimal import Decimal as D  # noqa: N817 - a table of amounts

import pytest

from shared_code.invoices.checks import check_invoice
from shared_code.invoices.reading import InvoiceReading
from shared_code.invoices.schema import Invoice, LineItem, Tax

#: what only the signs, or what XML tells besides, explain: amounts, and the finding that a printed invoice has
CASES = {
    "BR-CO-10: a line of no amount": (
        {
            "subtotal": "90",
            "lines": ("100", "-10"),
            "total": "90",
            "net_total": "90",
        },
        {},
        None,
    ),
    "BR-CO-13: a negative discount adds": (
        {"subtotal": "100", "discount_total": "-10", "net_total": "110"},
        {},
        "net_mismatch",
    ),
    "BR-CO-16: an earlier payment went back": (
        {"total": "220", "amount_paid": "-220", "amount_due": "440"},
        {},
        "due_mismatch",
    ),
    "BR-DEX-09: claims of others": ({"total": "238", "amount_due": "250"}, {"for_others": D(12)}, "due_mismatch"),
}


def codes(values, more, *, trusted):
    values = dict(values)
    lines = tuple(LineItem(net_amount=D(amount)) for amount in values.pop("lines", ()))
    invoice = Invoice(currency="EUR", line_items=lines, **{name: D(value) for name, value in values.items()})
    found = check_invoice(InvoiceReading(invoice, **more), today=date(2026, 11, 21), trusted=trusted).findings
    return [finding.code for finding in found if finding.code != "missing_field"]


@pytest.mark.parametrize("name", CASES)
def test_the_rule_of_the_standard_holds_for_xml_only(name):
    values, more, printed = CASES[name]
    assert codes(values, more, trusted=True) == []
    assert codes(values, more, trusted=False) == ([printed] if printed else [])


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"subtotal": "100", "discount_total": "-10", "net_total": "120"}, "net_mismatch"),
        ({"net_total": "100", "tax_total": "19", "total": "129"}, "total_mismatch"),
        ({"total": "220", "amount_paid": "-220", "amount_due": "400"}, "due_mismatch"),
        ({"subtotal": "100", "lines": ("10",)}, "lines_incomplete"),
    ],
)
def test_a_wrong_sum_in_xml_stays_one(values, code):
    assert codes(values, {}, trusted=True) == [code]


@pytest.mark.parametrize(
    ("amount", "right"), [("18679", True), ("18678.6", True), ("18678", False), ("18679.00", True)]
)
def test_a_tax_is_right_to_the_places_that_it_has(amount, right):
    tax = Tax(name="VAT", rate=D(27), taxable_amount=D("69180.00"), amount=D(amount), category="S")
    outcome = check_invoice(
        InvoiceReading(Invoice(currency="HUF", taxes=(tax,))), today=date(2026, 11, 21), trusted=True
    )
    assert ("tax_rate_mismatch" in {finding.code for finding in outcome.findings}) is not right
    assert outcome.confirmed == frozenset()


@pytest.mark.parametrize(("net", "review"), [("-100", False), (None, True), ("100", True)])
def test_a_negative_total_asks_for_review_unless_all_of_the_xml_is_negative(net, review):
    invoice = Invoice(document_type="invoice", total=D(-100), net_total=None if net is None else D(net))
    for trusted in (True, False):
        found = check_invoice(InvoiceReading(invoice), today=date(2026, 11, 21), trusted=trusted).findings
        (finding,) = [finding for finding in found if finding.code == "negative_total"]
        assert finding.review is (review or not trusted)
