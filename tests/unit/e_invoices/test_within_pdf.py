"""XML inside a PDF: which attachment counts, and whether the page bears it out."""

import pytest

from shared_code.e_invoices.detection import choose_e_invoice
from shared_code.e_invoices.page_comparison import Agreement, compare_with_pages, printed_ibans
from shared_code.e_invoices.reader import read_e_invoice
from shared_code.invoices.page import PageText
from tests.unit.e_invoices.written import cii, fatturapa, fatturapa_body, pdf_with, ubl

PAGE = (
    "Seller Ltd, Long Road 1, Sometown. Invoice No: C-1\nInvoice date: 15 January 2026\nFor Buyer Inc, 12345 Othertown.\n"
    "Net 100.00 VAT 19.00 Total 119.00 EUR\nPay to IBAN DE89 3704 0044 0532 0130 00"
)
WRONG_TOTAL = (
    "<ram:TaxBasisTotalAmount>100.00</ram:TaxBasisTotalAmount><ram:TaxTotalAmount>19.00</ram:TaxTotalAmount>"
    "<ram:GrandTotalAmount>150.00</ram:GrandTotalAmount>"
)


def account(iban: str) -> str:
    return (
        "<ram:SpecifiedTradeSettlementPaymentMeans><ram:TypeCode>58</ram:TypeCode><ram:PayeePartyCreditorFinancialAccount>"
        f"<ram:IBANID>{iban}</ram:IBANID></ram:PayeePartyCreditorFinancialAccount></ram:SpecifiedTradeSettlementPaymentMeans>"
    )


def chosen(*attachments: tuple[str, bytes], page: str | PageText = PAGE):
    return choose_e_invoice(pdf_with(*attachments), [page], read=read_e_invoice)


def compared(data: bytes, page: str | PageText = PAGE):
    comparison = compare_with_pages(read_e_invoice(data), [page])
    return comparison.agreement, [(each.field, each.expected, each.found) for each in comparison.findings]


def test_an_xml_that_the_page_bears_out_is_used_without_a_word():
    found, findings = chosen(("factur-x.xml", cii(settlement=account("DE89370400440532013000"))))
    assert (found.invoice.invoice_number, findings) == ("C-1", ())


@pytest.mark.parametrize(
    ("data", "words", "review"),
    [
        (cii()[:-20], "damaged", False),
        (b"<order/>", "not", False),
        (b"<!DOCTYPE a><a/>", "DTD", True),
        (ubl(totals=""), "does not give total", False),
    ],
)
def test_an_unusable_one_is_a_warning_and_the_next_is_tried(data, words, review):
    found, findings = chosen(("factur-x.xml", data))
    assert found is None
    (finding,) = findings
    assert (finding.code, finding.review) == ("embedded_xml_unusable", review)
    assert words in finding.message
    found, findings = chosen(("factur-x.xml", data), ("second.xml", cii()))
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
    found, (finding,) = chosen(("factur-x.xml", data))
    assert found is None
    assert finding.expected == missing
    assert finding.message.endswith(f"it does not give {missing}.")


def test_names_of_attachments_are_cleaned():
    _, (finding,) = chosen(("../\x00\u202eevil\n" + "x" * 300 + ".xml", b"<a/>"))
    assert finding.found.isprintable()
    assert len(finding.found) == 100


def test_many_attachments_are_not_all_opened():
    _, findings = chosen(*((f"{number}.xml", b"<a/>") for number in range(500)))
    assert len(findings) == 20


def test_an_xml_of_another_invoice_is_passed_over_for_the_one_of_the_page():
    other = cii().replace(b">C-1<", b">C-0<").replace(b"119.00", b"59.50")
    found, (finding,) = chosen(("advance.xml", other), ("invoice.xml", cii()))
    assert found.invoice.invoice_number == "C-1"
    assert not finding.review
    found, findings = chosen(("advance.xml", other))
    assert found is None
    assert all(finding.review for finding in findings)


def test_one_that_the_page_bears_out_is_preferred_to_one_that_it_does_not_contradict():
    without_account = PAGE.partition("Pay to")[0]
    unsure = cii(settlement=account("GB29NWBK60161331926819"))
    found, findings = chosen(("a.xml", unsure), ("b.xml", cii()), page=without_account)
    assert (found.invoice.payment, findings) == (None, ())
    found, (finding,) = chosen(("a.xml", unsure), page=without_account)
    assert finding.field == "payment.bank_accounts[0].iban"
    assert finding.review


@pytest.mark.parametrize("printed", ["119.00", "119,00", "€119.00"])
def test_a_total_on_the_page_agrees(printed):
    assert compared(cii(), PAGE.replace("119.00", printed)) == (Agreement.CONFIRMED, [])


@pytest.mark.parametrize(
    "page", [PageText(""), PageText("Scan 1"), PageText("", recognised=PAGE), PageText("", hidden=PAGE)]
)
def test_pages_without_text_that_a_person_sees_are_no_evidence(page):
    comparison = compare_with_pages(read_e_invoice(cii()), [page])
    assert comparison.agreement is Agreement.UNSURE
    assert [(finding.code, finding.review) for finding in comparison.findings] == [("xml_not_compared", True)]
    assert chosen(("factur-x.xml", cii()), page=page)[0] is not None


@pytest.mark.parametrize(
    ("data", "field", "printed"),
    [
        (cii().replace(b">C-1<", b">Z-77<"), "invoice_number", "C-1"),
        (cii(date='<udt:DateTimeString format="102">20250115</udt:DateTimeString>'), "invoice_date", None),
        (cii().replace(b"EUR", b"USD"), "currency", "EUR"),
        (cii().replace(b"Seller Ltd", b"Thief Brothers"), "seller.name", None),
        (cii().replace(b"119.00", b"952.00").replace(b">19.00", b">852.00"), "total", None),
        (
            cii(settlement=account("GB29NWBK60161331926819")),
            "payment.bank_accounts[0].iban",
            "DE89370400440532013000",
        ),
        (
            cii(settlement=account("DE89370400440532013000") + account("GB29NWBK60161331926819")),
            "payment.bank_accounts[1].iban",
            "DE89370400440532013000",
        ),
    ],
)
def test_an_xml_with_another_value_than_the_page_is_not_used(data, field, printed):
    agreement, findings = compared(data)
    assert agreement is Agreement.CONTRADICTED
    assert [(name, expected) for name, expected, _ in findings] == [(field, printed)]
    assert chosen(("factur-x.xml", data))[0] is None


@pytest.mark.parametrize(
    ("page", "field"),
    [
        (PAGE.replace("Invoice No: C-1", "Thank you very much"), "invoice_number"),
        (PAGE.replace("Invoice No: C-1", "Invoice No: 2026-C-1-A"), None),
        (PAGE.replace("15 January 2026", "see above"), "invoice_date"),
        (PAGE.replace("DE89 3704 0044 0532 0130 00", "as agreed"), "payment.bank_accounts[0].iban"),
        (PageText(PAGE.replace("Seller Ltd", ""), pictured=0.1), "seller.name"),
    ],
)
def test_a_value_that_the_page_does_not_show_at_all_asks_for_review(page, field):
    data = cii(settlement=account("DE89370400440532013000"))
    agreement, findings = compared(data, page)
    assert (agreement, [name for name, _, _ in findings]) == (
        (Agreement.UNSURE, [field]) if field else (Agreement.CONFIRMED, [])
    )
    assert chosen(("factur-x.xml", data), page=page)[0] is not None


def test_a_seller_in_a_logo_is_known_by_the_tax_number():
    number = '<ram:SpecifiedTaxRegistration><ram:ID schemeID="VA">DE123456789</ram:ID></ram:SpecifiedTaxRegistration>'
    data = cii().replace(b"Seller Ltd</ram:Name>", b"Seller Ltd</ram:Name>" + number.encode())
    page = PAGE.replace("Seller Ltd", "VAT ID DE 123456789")
    assert compared(data, PageText(page, pictured=0.1)) == (Agreement.CONFIRMED, [])
    assert compared(data, page)[0] is Agreement.UNSURE


def test_a_trading_name_on_the_page_is_the_seller_too():
    trading = (
        "<ram:SpecifiedLegalOrganization><ram:TradingBusinessName>Screw Paradise</ram:TradingBusinessName>"
        "</ram:SpecifiedLegalOrganization>"
    )
    data = cii().replace(b"Seller Ltd</ram:Name>", b"Seller Ltd</ram:Name>" + trading.encode())
    assert compared(data, PAGE.replace("Seller Ltd", "Screw Paradise")) == (Agreement.CONFIRMED, [])


def test_an_account_is_known_by_the_number_within_its_iban():
    data = cii(settlement=account("DE89370400440532013000"))
    page = PAGE.replace("IBAN DE89 3704 0044 0532 0130 00", "Konto 532013000, BLZ 370 400 44")
    assert compared(data, page) == (Agreement.CONFIRMED, [])


def test_a_wrong_total_in_xml_that_belongs_to_the_page_is_given_with_a_finding():
    page = PAGE.replace("Total ", "Sum ")
    assert compared(cii(totals=WRONG_TOTAL), page) == (Agreement.UNSURE, [("total", "119.00", "150.00")])


def test_a_total_that_the_page_gives_for_something_else_is_another_total():
    totals = "<ram:GrandTotalAmount>100.00</ram:GrandTotalAmount>"
    assert compared(cii(totals=totals)) == (Agreement.CONTRADICTED, [("total", "119.00", "100.00")])


def test_nothing_left_to_pay_proves_nothing():
    totals = "<ram:GrandTotalAmount>952.00</ram:GrandTotalAmount><ram:DuePayableAmount>0.00</ram:DuePayableAmount>"
    assert compared(cii(totals=totals), PAGE.replace("VAT", "Paid 0.00 VAT"))[0] is Agreement.CONTRADICTED


def test_each_of_several_invoices_is_compared():
    total = "<ImportoTotaleDocumento>{}</ImportoTotaleDocumento>"
    bodies = [fatturapa_body(number=f"F-{at}", general=total.format(f"12{at}.00")) for at in (2, 3)]
    page = PAGE.replace("Seller Ltd", "Anna Neri").replace("C-1", "F-2, F-3").replace("119.00", "122.00 and 123.00")
    assert compared(fatturapa(*bodies), page) == (Agreement.CONFIRMED, [])
    goods = "<DatiRiepilogo><ImponibileImporto>600.00</ImponibileImporto><Imposta>177.00</Imposta></DatiRiepilogo>"
    bodies[1] = fatturapa_body(number="F-3", general=total.format("777.00"), goods=goods)
    assert compared(fatturapa(*bodies), page)[0] is Agreement.CONTRADICTED


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("IBAN: DE89 3704 0044 0532 0130 00 BIC COBADEFFXXX", ("DE89370400440532013000",)),
        ("GB29NWBK60161331926819.", ("GB29NWBK60161331926819",)),
        ("IBAN: DE00 1234 5678 9012 3456 78", ("DE00123456789012345678",)),
        ("Order DE00 1234 5678 9012 3456 78, VAT DE123456789", ()),
    ],
)
def test_ibans_in_text(text, found):
    assert printed_ibans(text) == found
