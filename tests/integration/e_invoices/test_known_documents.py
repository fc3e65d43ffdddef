"""The e-invoices of the shared set, from bytes to answer, against the values that they are known to hold."""

import json
from datetime import date

import pytest

from shared_code import errors
from shared_code.documents.file_type import Kind
from shared_code.e_invoices.detection import choose_e_invoice, reading_of
from shared_code.e_invoices.reader import read_e_invoice
from shared_code.invoices.result import build_result
from tests.unit.documents.files import FOLDER, invoice

TODAY = date(2026, 11, 21)
FILES = {
    entry["file"]: entry
    for entry in json.loads((FOLDER / "manifest.json").read_text("utf-8"))["files"]
    if entry["kind"].startswith("e-invoice")
}
KNOWN = [name for name, entry in FILES.items() if "expected" in entry]
DOCUMENT_TYPES = {"380": "invoice", "389": "invoice", "TD01": "invoice"}


def answer(open_invoice, name):
    document, pages = open_invoice(name)
    if document.kind is Kind.XML:
        found, findings = read_e_invoice(document.media[0].data), ()
    else:
        found, findings = choose_e_invoice(document, pages)
        assert found is not None
    result = build_result(reading_of(found), pages=pages, today=TODAY, source_findings=findings)
    return found, result.result_dict()


def test_the_set_holds_all_syntaxes():
    assert {FILES[name]["expected"]["syntax"] for name in KNOWN} == {"CII", "UBL", "FatturaPA"}
    assert len(KNOWN) == 9


@pytest.mark.parametrize("name", KNOWN)
def test_every_known_value_comes_out_exactly(open_invoice, name):
    found, data = answer(open_invoice, name)
    (got,) = data["invoices"]
    accounts = (got["payment"] or {"bank_accounts": []})["bank_accounts"]
    got |= {
        "syntax": found.syntax,
        "guideline": found.guideline,
        "issuer": got["seller"]["name"],
        "buyer": got["buyer"]["name"],
        "line_count": len(got["line_items"]),
        "iban": accounts[0]["iban"] if accounts else None,
        "type_code": got["document_type"],
    }
    expected = dict(FILES[name]["expected"])
    expected["type_code"] = DOCUMENT_TYPES[expected["type_code"]]
    assert {key: got[key] for key in expected} == expected


@pytest.mark.parametrize("name", [name for name in KNOWN if FILES[name]["outcome"] == "extract"])
def test_sound_ones_raise_nothing_but_what_their_made_up_numbers_deserve(open_invoice, name):
    _, data = answer(open_invoice, name)
    allowed = {"bad_vat_id", "bad_iban", "self_billed"} | ({"missing_field"} if name == "fpa-FPR01.xml" else set())
    assert {finding["code"] for finding in data["warnings"]} <= allowed


def test_a_total_that_is_left_out_is_not_made_up(open_invoice):
    _, data = answer(open_invoice, "fpa-FPR01.xml")
    (got,) = data["invoices"]
    assert (got["total"], got["amount_due"], got["net_total"], got["tax_total"]) == (None, "6.10", "5.00", "1.10")
    assert ("missing_field", "total") in {(finding["code"], finding["field"]) for finding in data["warnings"]}
    assert data["status"] == "needs_review"


def test_a_total_that_is_not_net_plus_tax_is_given_and_flagged(open_invoice):
    """BR-CO-15 fails, and the page prints another total, which is the XML's own amount payable."""
    _, data = answer(open_invoice, "fx-CALC-001.pdf")
    flagged = {finding["code"]: (finding["expected"], finding["found"]) for finding in data["warnings"]}
    assert flagged["total_mismatch"] == ("3042.00", "3000.00")
    assert flagged["xml_page_mismatch"] == ("3042.00", "3000.00")
    assert data["status"] == "needs_review"
    assert data["confidence"]["total"] == "low"


def test_an_impossible_date_is_given_as_text_and_flagged(open_invoice):
    _, data = answer(open_invoice, "fx-DATA-002.xml")
    assert data["invoices"][0]["invoice_date"] == "2026-02-30"
    assert ("impossible_date", "invoice_date") in {(finding["code"], finding["field"]) for finding in data["warnings"]}
    assert data["status"] == "needs_review"


def test_a_self_billed_invoice_is_an_invoice_and_says_so(open_invoice):
    _, data = answer(open_invoice, "zf-EN16931_Gutschrift.ubl.xml")
    assert data["invoices"][0]["document_type"] == "invoice"
    assert "self_billed" in {finding["code"] for finding in data["warnings"]}


def test_broken_xml_in_a_pdf_leaves_the_document_to_a_model_with_a_warning(open_invoice):
    document, pages = open_invoice("fx-XML-001-broken-xml.pdf")
    found, (finding,) = choose_e_invoice(document, pages)
    assert found is None
    assert (finding.code, finding.found, finding.review) == ("embedded_xml_unusable", "factur-x.xml", False)
    assert "damaged" in finding.message


def test_a_plain_pdf_has_no_e_invoice_and_no_warning(open_invoice):
    document, pages = open_invoice("az-invoice.pdf")
    assert choose_e_invoice(document, pages) == (None, ())


def test_the_external_entity_of_the_set_is_refused():
    with pytest.raises(errors.InvalidFile, match=r"^Failed to process invoice: ") as caught:
        read_e_invoice(invoice("nasty-xxe.xml"))
    assert caught.value.details["reason"] == "dtd"


def test_zugferd_1_is_read_in_depth(open_invoice):
    found, _ = answer(open_invoice, "zf1-BASIC_Einfach.pdf")
    got = found.invoice
    assert got.seller.tax_id == "DE123456789"
    assert got.seller.tax_id_type == "VAT"
    assert (got.seller.address, got.seller.postal_code, got.seller.city) == ("Lieferantenstraße 20", "80333", "München")
    assert got.buyer.address == "Hans Muster, Kundenstraße 15"
    assert got.payment.bank_accounts[0].bic == "GENODEF1M04"
    assert got.payment.reference == "2013-471102"
    assert got.delivery_date == date(2013, 3, 5)
    (tax,) = got.taxes
    assert [str(part) for part in (tax.name, tax.rate, tax.taxable_amount, tax.amount)] == [
        "VAT",
        "19.00",
        "198.00",
        "37.62",
    ]
    (line,) = got.line_items
    assert (line.product_code, str(line.quantity), line.unit, str(line.net_amount)) == (
        "TB100A4",
        "20.0000",
        "C62",
        "198.00",
    )
    assert "Zahlbar innerhalb 30 Tagen" in got.notes


def test_allowances_and_several_rates_are_read_in_depth(open_invoice):
    found, data = answer(open_invoice, "zf-EN16931_Rabatte.cii.xml")
    got = found.invoice
    assert got.po_numbers == ("2013-471331",)
    assert (str(got.subtotal), str(got.amount_paid), str(got.amount_due)) == ("202.70", "50.00", "165.07")
    assert [str(tax.rate) for tax in got.taxes] == ["7.00", "19.00"]
    assert got.line_items[0].description == "Kunstrasen grün 3m breit - 300cm x 100 cm"
    assert [str(line.unit_price) for line in got.line_items] == ["3.3333", "5.5000", "5.4900", "2.7700"]
    assert "line_mismatch" not in {finding["code"] for finding in data["warnings"]}


def test_ubl_is_read_in_depth(open_invoice):
    got = answer(open_invoice, "xr-01.01a_ubl.xml")[0].invoice
    assert (got.seller.tax_id, got.seller.registration_number) == ("DE123456789", "[HRA-Eintrag]")
    assert (got.seller.email, got.seller.phone) == ("seller@email.de", "+49 1234-5678")
    assert (got.payment.method, got.payment.terms) == ("SEPA credit transfer", "Zahlbar sofort ohne Abzug.")
    assert got.line_items[0].description == "Zeitschrift [...] - Zeitschrift Inland"
    assert [str(line.tax_rate) for line in got.line_items] == ["7", "7"]


def test_fatturapa_is_read_in_depth(open_invoice):
    got = answer(open_invoice, "fpa-FPR01.xml")[0].invoice
    assert (got.seller.tax_id, got.buyer.tax_id, got.buyer.tax_id_type) == ("IT01234567890", "09876543210", "TIN")
    assert (got.po_numbers, got.contract_number, got.delivery_date) == (("66685",), "123", date(2012, 10, 22))
    assert (got.due_date, got.payment.method, got.payment.terms) == (date(2015, 1, 30), "cash", "in instalments")
    assert got.notes.startswith("LA FATTURA FA RIFERIMENTO")
    assert "\nSEGUE DESCRIZIONE" in got.notes
