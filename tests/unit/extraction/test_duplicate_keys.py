"""When two documents hold the same invoice, and when they perhaps do."""

from dataclasses import replace
from datetime import date
from decimal import Decimal as D  # noqa: N817 - a table of amounts

import pytest

from shared_code.invoices.result import duplicate_key, similar_key
from shared_code.invoices.schema import Invoice, Party


def bill(number="SPL/25-26/0417", day=date(2025, 11, 7), seller=None, total="175083.00"):
    party = Party(name="Sagar Polymers Pvt Ltd", tax_id="27AAACS1234F1ZS") if seller is None else seller
    return Invoice(invoice_number=number, invoice_date=day, total=D(total), seller=party)


GERMAN = Party(name="Lieferant GmbH", country="DE")


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (bill(number="#SPL-25-26 0417"), True),
        (bill(seller=Party(name="SAGAR polymers", tax_id="27 AAACS 1234F1ZS")), True),
        (bill(total="1"), True),
        (bill(day=date(2026, 3, 31)), True),
        (bill(day=date(2026, 4, 1)), False),
        (bill(day=date(2025, 3, 31)), False),
        (bill(number="SPL/25-26/0418"), False),
        (bill(seller=Party(name="Sagar Polymers Pvt Ltd")), False),
    ],
)
def test_the_same_seller_number_and_financial_year_are_the_same_invoice(other, same):
    assert (duplicate_key(bill()) == duplicate_key(other)) is same


def test_outside_india_the_financial_year_is_the_calendar_year():
    german = bill(seller=GERMAN, day=date(2026, 1, 1))
    assert duplicate_key(german) == duplicate_key(bill(seller=GERMAN, day=date(2026, 12, 31)))
    assert duplicate_key(german) != duplicate_key(bill(seller=GERMAN, day=date(2025, 12, 31)))
    assert duplicate_key(german) == duplicate_key(
        bill(seller=Party(name="LIEFERANT G.m.b.H", country="DE"), day=date(2026, 5, 5))
    )


def test_keys_need_all_their_parts():
    assert duplicate_key(replace(bill(), invoice_number=None)) is None
    assert duplicate_key(replace(bill(), invoice_date=None)) is None
    assert duplicate_key(replace(bill(), seller=Party())) is None
    assert similar_key(replace(bill(), total=None)) is None


def test_the_same_seller_total_and_date_are_similar_under_any_number():
    assert similar_key(bill()) == similar_key(bill(number="X", total="175083.0"))
    assert similar_key(bill()) != similar_key(bill(total="175083.01"))
    assert similar_key(bill()) != duplicate_key(bill())
