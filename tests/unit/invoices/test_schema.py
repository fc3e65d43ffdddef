import json
import re
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_code.invoices.schema import (
    BankAccount,
    CashDiscount,
    India,
    IndiaQr,
    Invoice,
    LineItem,
    Party,
    Payment,
    Tax,
    as_dict,
    money_text,
)

FULL = Invoice(
    document_type="invoice",
    invoice_number="SPL/25-26/0417",
    due_date=date(2026, 1, 17),
    total=Decimal("175083.00"),
    seller=Party(name="Sagar Polymers Pvt Ltd", tax_id="27AAACS1234F1ZS", tax_id_type="GSTIN"),
    taxes=(Tax(name="CGST", rate=Decimal(9), amount=Decimal("13353.75")),),
    line_items=(
        LineItem(line_no="1", quantity=Decimal(1250), date=date(2025, 11, 7), taxes=(Tax(name="CGST"),), page=1),
    ),
    payment=Payment(
        discounts=(CashDiscount(percent=Decimal("2.50"), until=date(2025, 12, 17), base=Decimal("175083.00")),),
        bank_accounts=(BankAccount(ifsc="CNRB0000412"),),
    ),
    india=India(irn="f" * 64, reverse_charge=False, qr=IndiaQr(item_count=3, total=Decimal("175083.00"))),
    impossible_dates=(("invoice_date", "2026-02-30"),),
)


def test_every_key_is_there_and_absent_values_are_null():
    data = as_dict(Invoice())
    assert data["invoice_number"] is None
    assert data["taxes"] == []
    assert set(data["seller"]) == {
        "name",
        "trading_name",
        "tax_id",
        "tax_id_type",
        "pan",
        "registration_number",
        "address",
        "city",
        "state",
        "state_code",
        "postal_code",
        "country",
        "email",
        "phone",
    }
    assert {
        "ship_to",
        "remit_to",
        "round_off",
        "withholdings",
        "previous_balance",
        "tip",
        "fiscal",
        "notes",
    } <= data.keys()
    assert "impossible_dates" not in data


def test_amounts_are_decimal_strings_and_dates_are_iso():
    data = as_dict(FULL)
    assert data["total"] == "175083.00"
    assert data["due_date"] == "2026-01-17"
    assert data["line_items"][0]["quantity"] == "1250"
    assert data["payment"]["discounts"] == [{"percent": "2.50", "until": "2025-12-17", "base": "175083.00"}]


def test_an_impossible_date_is_shown_as_it_is_printed():
    assert as_dict(FULL)["invoice_date"] == "2026-02-30"


def test_an_answer_survives_json():
    assert json.loads(json.dumps(as_dict(FULL))) == as_dict(FULL)


@settings(derandomize=True, max_examples=100, deadline=None, database=None)
@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15))
def test_money_always_has_the_promised_form(value):
    text = money_text(value)
    assert re.fullmatch(r"-?\d+(\.\d{1,10})?", text)
    assert text not in {"-0", "-0.00"}
    assert abs(Decimal(text) - value) <= Decimal("0.00000000005")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1E+3", "1000"),
        ("-0.00", "0.00"),
        ("1.10", "1.10"),
        ("1.10000000000", "1.1"),
        ("0.00001049", "0.00001049"),
        ("0.00000000005", "0.0000000001"),
        ("336.9", "336.9"),
    ],
)
def test_money_keeps_the_digits_that_were_printed(value, text):
    assert money_text(Decimal(value)) == text
