"""What becomes of a model's answer beside the text of the pages."""

from datetime import date
from decimal import Decimal as D  # noqa: N817 - a table of amounts

import pytest

from shared_code.extraction.answer.interpret import read_invoices
from shared_code.extraction.answer.wire_schema import parse_answer
from shared_code.invoices.reading import Grounding
from shared_code.invoices.text_layer import TextLayer
from tests.unit.extraction.wire_answers import answer, invoice, read

US_PAGE = """CONTOSO LTD.
123 456th St, New York, NY, 10001
INVOICE: INV-100   INVOICE DATE: 11/15/2019   DUE DATE: 12/01/2019
SUBTOTAL $100.00  SALES TAX $10.00  TOTAL $110.00
PREVIOUS UNPAID BALANCE $500.00  AMOUNT DUE $610.00
Thank you for your business, Microsoft Corporation of Redmond"""
US_SELLER = {"name": "CONTOSO LTD.", "address": "123 456th St, New York, NY, 10001"}
US = {
    "seller": US_SELLER, "invoice_number": "INV-100", "invoice_number_printed": "INVOICE: INV-100", "invoice_date": "2019-11-15",
    "invoice_date_printed": "11/15/2019", "due_date": "12/01/2019", "total": "110.00", "total_printed": "$110.00", "currency": "USD",
    "currency_printed": "$", "subtotal": "$100.00", "tax_total": "$10.00", "previous_balance": "$500.00", "amount_due": "$610.00",
}  # fmt: skip


def test_values_that_are_on_the_page_are_taken():
    found, findings = read(US_PAGE, **US)
    assert findings == set()
    assert (found.invoice_number, found.invoice_date, found.due_date) == (
        "INV-100",
        date(2019, 11, 15),
        date(2019, 12, 1),
    )
    assert (found.total, found.currency, found.net_total, found.amount_due) == (
        D("110.00"),
        "USD",
        D("100.00"),
        D("610.00"),
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"total": "1.00", "total_printed": "$1.00"}, "total"),
        ({"invoice_number": "HACKED-1", "invoice_number_printed": "HACKED-1"}, "invoice_number"),
        ({"invoice_date": "2020-01-15", "invoice_date_printed": None}, "invoice_date"),
        ({"currency": "EUR", "currency_printed": "EUR"}, "currency"),
        ({"seller_tax_id": "123456789012"}, "seller.tax_id"),
        ({"bank_account": "NL50INGB0683251309"}, "payment.bank_accounts[0].iban"),
    ],
)
def test_critical_values_that_are_not_on_the_page_are_kept_and_doubted(change, field):
    found, findings = read(US_PAGE, **US | change)
    assert ("ungrounded", field) in findings
    kept = {
        "total": found.total,
        "invoice_number": found.invoice_number,
        "invoice_date": found.invoice_date,
        "currency": found.currency,
        "seller.tax_id": found.seller.tax_id,
        "payment.bank_accounts[0].iban": found.payment and found.payment.bank_accounts[0].iban,
    }[field]
    assert str(kept) == next(iter(change.values()))


def test_without_a_text_layer_nothing_is_refused():
    found, findings = read("", **US)
    assert findings == set()
    assert found.total == D("110.00")
    found, _ = read("Scanned by an app 2026", **US)
    assert found.invoice_number == "INV-100"


def test_what_is_printed_rules_over_what_the_model_makes_of_it():
    found, findings = read(
        "",
        **US
        | {"invoice_number": "100", "invoice_number_printed": "#00012", "total": "11.00", "invoice_date": "2019-11-16"},
    )
    assert {
        ("number_differs", "invoice_number"),
        ("total_differs", "total"),
        ("date_differs", "invoice_date"),
    } <= findings
    assert (found.invoice_number, found.total, found.invoice_date) == ("00012", D("110.00"), date(2019, 11, 15))


def test_leading_zeros_and_a_hash_in_front_of_the_number():
    found, findings = read("", **US | {"invoice_number": "#00012", "invoice_number_printed": "No. 00012"})
    assert found.invoice_number == "00012"
    assert not findings


def test_the_due_date_settles_an_ambiguous_date():
    found, findings = read(
        "",
        **US
        | {
            "seller": {"name": "East Repair Inc."},
            "invoice_date": "2019-11-02",
            "invoice_date_printed": "11/02/2019",
            "due_date": "26/02/2019",
        },
    )
    assert found.invoice_date == date(2019, 2, 11)
    assert ("date_differs", "invoice_date") in findings


def test_a_date_that_nothing_settles_is_flagged():
    found, findings = read(
        "",
        **US
        | {
            "seller": {"name": "Contoso"},
            "currency": "GBP",
            "currency_printed": "£",
            "invoice_date": "2019-06-10",
            "invoice_date_printed": "6/10/2019",
            "due_date": "7/10/2019",
        },
    )
    assert findings == {("ambiguous_date", "invoice_date"), ("ambiguous_date", "due_date")}
    assert found.invoice_date == date(2019, 6, 10)
    assert found.due_date is None


def test_an_ambiguous_date_is_noticed_on_the_page_when_the_model_gives_no_print():
    page = (
        US_PAGE.replace("11/15/2019", "06/10/2019")
        .replace("12/01/2019", "07/10/2019")
        .replace(", New York, NY, 10001", "")
    )
    _, findings = read(
        page,
        **US
        | {"seller": {"name": "Contoso"}, "invoice_date": "2019-06-10", "invoice_date_printed": None, "due_date": None},
    )
    assert ("ambiguous_date", "invoice_date") in findings


def test_30_february_is_given_as_it_is_printed_and_flagged():
    found, findings = read(
        "", **US | {"invoice_date": "2026-02-30", "invoice_date_printed": "2026-02-30", "due_date": None}
    )
    assert found.invoice_date is None
    assert found.impossible_dates == (("invoice_date", "2026-02-30"),)
    assert ("impossible_date", "invoice_date") in findings


@pytest.mark.parametrize(
    ("printed", "seller", "finding"),
    [
        ("US$ 110.00", {"name": "X"}, None),
        ("$ 110.00", {"name": "X"}, "ambiguous_currency"),
        ("$ 110.00", {"name": "X", "country": "US"}, None),
        ("$ 110.00", {"name": "X", "country": "SG"}, "ambiguous_currency"),
        ("SGD $ 110.00", {"name": "X"}, "ungrounded"),
        ("$ 110.00", {"name": "X", "country": "EC"}, None),
        ("110.00", {"name": "X", "country": "US"}, "ungrounded"),
        ("€ 110.00", {"name": "X", "country": "US"}, "ungrounded"),
    ],
)
def test_a_currency_needs_printed_evidence(printed, seller, finding):
    found, findings = read("", **US | {"seller": seller, "total_printed": printed, "currency_printed": None})
    assert {code for code, field in findings if field == "currency"} == ({finding} if finding else set())
    assert found.currency == "USD"


def test_a_currency_that_is_none_is_refused():
    found, findings = read("", **US | {"currency": "PIECES"})
    assert found.currency is None
    assert ("bad_currency", "currency") in findings


def test_words_for_nothing_are_null():
    found, findings = read(
        "",
        notes="N/A",
        payment_terms="none",
        due_date="-",
        tax_total="null",
        seller={"name": "not stated", "tax_id": "n/a"},
    )
    assert (found.notes, found.payment, found.due_date, found.tax_total, found.seller.name, found.seller.tax_id) == (
        None,
    ) * 6
    assert not findings


def test_indian_and_fiscal_fields_are_put_in_their_places():
    found, _ = read(
        "",
        seller={"name": "Sagar", "tax_id": "27AAACS1234F1ZS"}, seller_tax_id="GSTIN: 27AAACS1234F1ZS", irn="AB" * 32, ack_date="2025-11-07", place_of_supply="Maharashtra (27)",
        reverse_charge="No", fiscal_device_id="EVAT000112-7734", line_items=[{"line_no": "1", "hsn_sac": "39012000"}], line_taxes=[{"line_no": "1", "name": "IGST", "rate": "5%", "amount": "5.00"}],
        bank_accounts=[{"account_number": "0412 2010 07788", "ifsc": "cnrb0000412"}], withholdings=[{"name": "TDS", "rate": "2 %", "amount": "(10.00)"}],
    )  # fmt: skip
    assert found.seller.tax_id_type == "GSTIN"
    assert found.india.irn == "ab" * 32
    assert (found.india.ack_date, found.india.place_of_supply_code, found.india.reverse_charge) == (
        date(2025, 11, 7),
        "27",
        False,
    )
    assert found.fiscal.device_id == "EVAT000112-7734"
    assert found.line_items[0].taxes[0].rate == 5
    assert (found.payment.bank_accounts[0].account_number, found.payment.bank_accounts[0].ifsc) == (
        "0412201007788",
        "CNRB0000412",
    )
    assert found.withholdings[0].amount == -10


def test_parties_without_a_known_role_do_not_break_the_reading():
    _, findings = read(
        "", seller={"name": "A"}, parties=[{"role": "vendor", "name": "B"}, {"role": "buyer", "name": "C"}]
    )
    assert ("unknown_party", None) in findings


def test_each_of_several_invoices_is_grounded_in_its_own_pages():
    first, second = US_PAGE, US_PAGE.replace("INV-100", "INV-200").replace("$110.00", "$120.00")
    entries = [
        invoice(**US, first_page="1", last_page="1"),
        invoice(
            **US | {"invoice_number": "INV-200", "invoice_number_printed": None, "total": "110.00"},
            first_page="2",
            last_page="2",
        ),
    ]
    reading = read_invoices(parse_answer(answer(*entries)), TextLayer([first, second]))
    assert reading.invoices[0].invoice.total == D("110.00")
    assert reading.invoices[1].invoice.invoice_number == "INV-200"
    assert reading.invoices[1].grounded["total"] is Grounding.MISSING


def test_an_iban_printed_in_groups_is_found():
    page = US_PAGE + "\nIBAN NL50 INGB 0683 2513 09"
    found, findings = read(page, **US | {"bank_account": "NL50INGB0683251309"})
    assert found.payment.bank_accounts[0].iban == "NL50INGB0683251309"
    assert not findings


def test_a_line_number_is_no_evidence_of_a_small_total():
    page = US_PAGE + "\n1 Consulting $100.00\n"
    _, findings = read(page, **US | {"total": "1.00", "total_printed": "1.00"})
    assert ("ungrounded", "total") in findings
