from decimal import Decimal as D  # noqa: N817 - a table of amounts

import pytest

from shared_code.invoices.countries import country_code, country_of, state_codes
from shared_code.invoices.identity_numbers import check_identity
from shared_code.invoices.schema import BankAccount, India, Invoice, Party, Payment, Tax
from shared_code.invoices.taxes import check_gst


def seller_codes(**values):
    return [check.finding.code for check in check_identity(Invoice(seller=Party(**values))) if check.finding]


def account_codes(**values):
    invoice = Invoice(payment=Payment(bank_accounts=(BankAccount(**values),)))
    return [check.finding.code for check in check_identity(invoice) if check.finding]


@pytest.mark.parametrize(
    "party",
    [
        {"tax_id": "27AAACS1234F1ZS"},
        {"tax_id": "24AABCT5678K1ZX", "tax_id_type": "GSTIN", "state": "Gujarat", "state_code": "24"},
        {"tax_id": "27AAACS1234F1ZS", "pan": "AAACS1234F", "state": "Maharashtra"},
        {"tax_id": "NL810433941B01", "tax_id_type": "VAT"},
        {"tax_id": "DE136695976"},
        {"tax_id": "GB980780684", "tax_id_type": "VAT"},
        {"tax_id": "CHE107787577IVA"},
        {"tax_id": "C0003456789", "tax_id_type": "TIN"},
        {"tax_id": "12-3456789", "tax_id_type": "EIN"},
        {"tax_id": "no form at all"},
        {},
    ],
)
def test_good_and_unknown_numbers_pass(party):
    assert seller_codes(**party) == []


@pytest.mark.parametrize(
    ("party", "code"),
    [
        ({"tax_id": "12ABCDE0123A1A2", "tax_id_type": "GSTIN"}, "bad_gstin"),
        ({"tax_id": "98AAAAA7654Z3Z2"}, "bad_gstin"),
        ({"tax_id": "27AAACS1234F1ZT"}, "bad_gstin"),
        ({"tax_id": "27AAACS1234F1ZS", "pan": "AAACS9999F"}, "pan_mismatch"),
        ({"pan": "12345ABCDE"}, "bad_pan"),
        ({"tax_id": "DE136695977", "tax_id_type": "VAT"}, "bad_vat_id"),
        ({"tax_id": "136695977", "tax_id_type": "VAT", "country": "DE"}, "bad_vat_id"),
        ({"tax_id": "27AAACS1234F1ZS", "state_code": "24"}, "state_code_mismatch"),
        ({"state": "Maharashtra", "state_code": "5"}, "state_code_mismatch"),
    ],
)
def test_numbers_that_refute_themselves_are_found(party, code):
    assert code in seller_codes(**party)


@pytest.mark.parametrize(
    ("account", "codes"),
    [
        ({"iban": "NL50INGB0683251309", "bic": "INGBNL2A"}, []),
        ({"iban": "NL51INGB0683251309"}, ["bad_iban"]),
        ({"ifsc": "CNRB0000412"}, []),
        ({"ifsc": "CTS0011223"}, ["bad_ifsc"]),
        ({"bic": "MSFTINB123"}, ["bad_bic"]),
        ({"account_number": "998877665544332"}, []),
    ],
)
def test_accounts_are_checked_by_form_and_digits(account, codes):
    assert account_codes(**account) == codes


def test_an_irn_is_64_hex_digits():
    assert not [check for check in check_identity(Invoice(india=India(irn="a" * 64))) if check.finding]
    assert [check.finding.code for check in check_identity(Invoice(india=India(irn="a" * 63)))] == ["bad_irn"]


def gst(seller="27AAACS1234F1ZS", place="27", supply=None, number="A-1", **taxes):
    rows = tuple(Tax(name=name, amount=D(amount)) for name, amount in taxes.items())
    india = India(place_of_supply_code=place, supply_type=supply)
    return [
        finding.code
        for finding in check_gst(Invoice(invoice_number=number, seller=Party(tax_id=seller), taxes=rows, india=india))
    ]


def test_inside_a_state_cgst_and_sgst_between_states_igst():
    assert gst(CGST="9", SGST="9") == []
    assert gst(place="09", IGST="18") == []
    assert gst(place="27", IGST="18") == ["gst_place_mismatch"]
    assert gst(place="09", CGST="9", SGST="9") == ["gst_place_mismatch"]
    assert gst(place="27", supply="SEZWP", IGST="18") == []
    assert gst(place=None, IGST="18") == []


def test_igst_and_cgst_exclude_each_other_and_the_halves_are_equal():
    assert gst(CGST="9", SGST="9", IGST="18") == ["gst_mixed"]
    assert gst(CGST="9", SGST="8") == ["gst_halves_differ"]
    assert gst(CGST="9", UTGST="9") == []


def test_a_gst_number_has_at_most_16_characters():
    assert gst(number="SPL/25-26/0417/XYZ") == ["number_too_long"]


def test_the_place_s_code_and_name_must_agree():
    invoice = Invoice(
        seller=Party(tax_id="27AAACS1234F1ZS"), india=India(place_of_supply="Gujarat", place_of_supply_code="27")
    )
    assert [finding.code for finding in check_gst(invoice)] == ["state_code_mismatch"]


def test_invoices_without_gst_are_left_alone():
    assert check_gst(Invoice(seller=Party(tax_id="DE136695976"), taxes=(Tax(name="VAT", amount=D(1)),))) == []


@pytest.mark.parametrize(
    ("text", "codes"),
    [("27", {"27"}), ("27-Maharashtra", {"27"}), ("Maharashtra (27)", {"27"}), ("uttar pradesh", {"09"}), ("9", {"09"}), ("Orissa", {"21"}), ("Andhra Pradesh", {"28", "37"}), ("Bavaria", set()), ("85", set()), (None, set())],
)  # fmt: skip
def test_states_of_india_are_known_by_code_and_name(text, codes):
    assert state_codes(text) == codes


@pytest.mark.parametrize(
    ("party", "code"),
    [
        ({"country": "GH", "address": "Berlin, Germany"}, "GH"),
        ({"tax_id": "27AAACS1234F1ZS"}, "IN"),
        ({"tax_id": "C0003456789"}, "GH"),
        ({"tax_id": "NL810433941B01"}, "NL"),
        ({"tax_id": "EL094259216"}, "GR"),
        ({"address": "12 Ring Road Central, Accra, Ghana"}, "GH"),
        ({"address": "123 456th St\nNew York, NY, 10001"}, "US"),
        ({"address": "4557 De Silva St, Fremont CA 94538"}, "US"),
        ({"address": "14 Fort Chambers, Mumbai 400001"}, None),
        ({}, None),
    ],
)
def test_a_seller_s_country_is_known_from_what_is_printed(party, code):
    assert country_of(Party(**party)) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("gh", "GH"),
        ("Österreich", "AT"),
        ("U.K.", "GB"),
        ("UK", "GB"),
        ("MYS", "MY"),
        ("USA", "US"),
        ("XYZ", None),
        ("Atlantis", None),
        (None, None),
    ],
)
def test_countries_are_known_by_code_and_name(text, code):
    assert country_code(text) == code
