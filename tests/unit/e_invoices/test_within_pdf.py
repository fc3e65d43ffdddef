"""XML inside a PDF: which attachment counts, and whether the page bears it out."""

import pytest

from shared_code.e_invoices.detection import agrees_with_page, find_e_invoice, read_e_invoice
from tests.unit.documents.files import MEGABYTE
from tests.unit.e_invoices.written import cii, fatturapa, fatturapa_body, pdf_with, ubl

PAGE = "Seller Ltd, Long Road 1, Sometown. Invoice C-1 of 15 January 2026 for Buyer Inc, 12345 Othertown. Net {} VAT {} Total {} EUR"
WRONG_TOTAL = (
    "<ram:TaxBasisTotalAmount>100.00</ram:TaxBasisTotalAmount><ram:TaxTotalAmount>19.00</ram:TaxTotalAmount>"
    "<ram:GrandTotalAmount>150.00</ram:GrandTotalAmount>"
)


def test_known_names_come_first_and_the_root_decides():
    document = pdf_with(("a.xml", ubl(number="A")), ("Factur-X.xml", cii()), ("xrechnung.xml", ubl()))
    found, findings = find_e_invoice(document)
    assert (found.invoice.invoice_number, found.syntax, findings) == ("C-1", "CII", ())


def test_any_other_name_does_too():
    found, _ = find_e_invoice(pdf_with(("facture.xml", cii())))
    assert found.invoice.invoice_number == "C-1"


@pytest.mark.parametrize(
    ("data", "words", "review"),
    [
        (cii()[:-20], "damaged", False),
        (b"<order/>", "not an e-invoice", False),
        (b"<!DOCTYPE a><a/>", "DTD", True),
        (b"x" * (5 * MEGABYTE + 1), "too large", False),
        (ubl(totals=""), "no amounts", False),
    ],
)
def test_an_unusable_one_is_a_warning_and_the_next_is_tried(data, words, review):
    found, findings = find_e_invoice(pdf_with(("factur-x.xml", data)))
    assert found is None
    (finding,) = findings
    assert (finding.code, finding.review) == ("embedded_xml_unusable", review)
    assert words in finding.message
    found, findings = find_e_invoice(pdf_with(("factur-x.xml", data), ("second.xml", cii())))
    assert found is not None
    assert len(findings) == 1


@pytest.mark.parametrize(
    ("data", "missing"),
    [
        (cii(date=""), "invoice_date"),
        (cii().replace(b"EUR", b""), "currency"),
        (cii().replace(b"Seller Ltd", b""), "seller.name"),
    ],
)
def test_one_that_lacks_what_the_page_can_show_is_left_to_a_model(data, missing):
    found, (finding,) = find_e_invoice(pdf_with(("factur-x.xml", data)))
    assert found is None
    assert finding.expected == missing


def test_names_of_attachments_are_cleaned():
    _, (finding,) = find_e_invoice(pdf_with(("../\x00\u202eevil\n" + "x" * 300 + ".xml", b"<a/>")))
    assert finding.found.isprintable()
    assert len(finding.found) == 100


def test_many_attachments_are_not_all_opened():
    _, findings = find_e_invoice(pdf_with(*((f"{number}.xml", b"<a/>") for number in range(500))))
    assert len(findings) == 20


@pytest.mark.parametrize("printed", ["119.00", "119,00", "€119.00"])
def test_a_total_on_the_page_agrees(printed):
    assert agrees_with_page(read_e_invoice(cii()), [PAGE.format("100", "19", printed)]) == (True, ())


def test_pages_without_text_contradict_nothing():
    for pages in ([], [""], ["Scan 1"]):
        assert agrees_with_page(read_e_invoice(cii()), pages) == (True, ())


def test_a_wrong_total_in_xml_that_belongs_to_the_page_is_given_with_a_finding():
    agrees, (finding,) = agrees_with_page(
        read_e_invoice(cii(totals=WRONG_TOTAL)), [PAGE.format("100.00", "19.00", "119.00")]
    )
    assert agrees
    assert (finding.code, finding.field, finding.expected, finding.found) == (
        "xml_page_mismatch",
        "total",
        "119.00",
        "150.00",
    )
    assert finding.review


def test_xml_of_another_invoice_is_not_used():
    agrees, (finding,) = agrees_with_page(read_e_invoice(cii()), [PAGE.format("800.00", "152.00", "952.00")])
    assert not agrees
    assert (finding.code, finding.expected, finding.found, finding.review) == (
        "xml_page_mismatch",
        None,
        "119.00",
        True,
    )


def test_nothing_left_to_pay_proves_nothing():
    totals = "<ram:GrandTotalAmount>119.00</ram:GrandTotalAmount><ram:DuePayableAmount>0.00</ram:DuePayableAmount>"
    agrees, _ = agrees_with_page(read_e_invoice(cii(totals=totals)), [PAGE.format("800.00", "0.00", "952.00")])
    assert not agrees


def test_each_of_several_invoices_is_compared():
    total = "<ImportoTotaleDocumento>{}</ImportoTotaleDocumento>"
    bodies = [fatturapa_body(general=total.format("122.00")), fatturapa_body(general=total.format("777.00"))]
    assert agrees_with_page(read_e_invoice(fatturapa(*bodies)), [PAGE.format("1", "1", "122.00 and 777.00")])[0]
    goods = "<DatiRiepilogo><ImponibileImporto>600.00</ImponibileImporto><Imposta>177.00</Imposta></DatiRiepilogo>"
    bodies[1] = fatturapa_body(general=total.format("777.00"), goods=goods)
    assert not agrees_with_page(read_e_invoice(fatturapa(*bodies)), [PAGE.format("1", "1", "122.00")])[0]
