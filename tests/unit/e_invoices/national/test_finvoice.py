"""Finvoice as several makers write it; values by hand."""

import pytest

from shared_code.e_invoices.reader import read_e_invoice
from tests.unit.e_invoices.national.read_whole import answer, asking, differences

_PARTIES = """
<SellerPartyDetails><SellerPartyIdentifier>2345678-0</SellerPartyIdentifier>
<SellerOrganisationName>Kahvila Kettu Oy</SellerOrganisationName>
<SellerOrganisationTradingName>Kettu</SellerOrganisationTradingName>
<SellerOrganisationTaxCode>FI23456780</SellerOrganisationTaxCode>
<SellerPostalAddressDetails><SellerStreetName>Satamakatu 3</SellerStreetName><SellerTownName>Turku</SellerTownName>
<SellerPostCodeIdentifier>20100</SellerPostCodeIdentifier><CountryCode>FI</CountryCode></SellerPostalAddressDetails>
</SellerPartyDetails>
<SellerInformationDetails><SellerCommonEmailaddressIdentifier>laskut@kettu.example</SellerCommonEmailaddressIdentifier>
<SellerAccountDetails><SellerAccountID IdentificationSchemeName="IBAN">FI2112345600000785</SellerAccountID>
<SellerBic IdentificationSchemeName="BIC">NDEAFIHH</SellerBic></SellerAccountDetails></SellerInformationDetails>
<BuyerPartyDetails><BuyerPartyIdentifier>0112038-9</BuyerPartyIdentifier>
<BuyerOrganisationName>Ostaja Oy</BuyerOrganisationName><BuyerOrganisationTaxCode>FI01120389</BuyerOrganisationTaxCode>
<BuyerPostalAddressDetails><BuyerStreetName>Testitie 2</BuyerStreetName><BuyerTownName>Espoo</BuyerTownName>
<BuyerPostCodeIdentifier>02100</BuyerPostCodeIdentifier><CountryCode>FI</CountryCode></BuyerPostalAddressDetails>
</BuyerPartyDetails>
"""


def _epi(amount: str, *, day: str = "20261022", reference: str = "1042005") -> str:
    return f"""<EpiDetails><EpiIdentificationDetails><EpiDate Format="CCYYMMDD">20260922</EpiDate></EpiIdentificationDetails>
<EpiPartyDetails><EpiBfiPartyDetails><EpiBfiIdentifier IdentificationSchemeName="BIC">NDEAFIHH</EpiBfiIdentifier>
</EpiBfiPartyDetails><EpiBeneficiaryPartyDetails><EpiNameAddressDetails>Kahvila Kettu Oy</EpiNameAddressDetails>
<EpiAccountID IdentificationSchemeName="IBAN">FI2112345600000785</EpiAccountID></EpiBeneficiaryPartyDetails>
</EpiPartyDetails><EpiPaymentInstructionDetails>
<EpiRemittanceInfoIdentifier IdentificationSchemeName="SPY">{reference}</EpiRemittanceInfoIdentifier>
<EpiInstructedAmount AmountCurrencyIdentifier="EUR">{amount}</EpiInstructedAmount>
<EpiCharge ChargeOption="SHA">SHA</EpiCharge><EpiDateOptionDate Format="CCYYMMDD">{day}</EpiDateOptionDate>
<EpiPaymentMeansCode>58</EpiPaymentMeansCode></EpiPaymentInstructionDetails></EpiDetails>"""


def _euro(name: str, amount: str) -> str:
    return f'<{name} AmountCurrencyIdentifier="EUR">{amount}</{name}>'


#: version 3.0: two rates, a row discount, a text row, a cash discount, decimal commas
FULL = f"""<?xml version="1.0" encoding="ISO-8859-15"?><?xml-stylesheet type="text/xsl" href="Finvoice.xsl"?>
<Finvoice Version="3.0" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="Finvoice3.0.xsd">
{_PARTIES}<DeliveryDetails><DeliveryDate Format="CCYYMMDD">20260920</DeliveryDate>
<DeliveryNoteIdentifier>LÄH-77</DeliveryNoteIdentifier></DeliveryDetails>
<InvoiceDetails><InvoiceTypeCode>INV01</InvoiceTypeCode><InvoiceTypeCodeUN>380</InvoiceTypeCodeUN>
<InvoiceTypeText>LASKU</InvoiceTypeText><OriginCode>Original</OriginCode><InvoiceNumber>2026-77</InvoiceNumber>
<InvoiceDate Format="CCYYMMDD">20260922</InvoiceDate><OrderIdentifier>PO-1</OrderIdentifier>
<AgreementIdentifier>S-9</AgreementIdentifier>
{_euro("RowsTotalVatExcludedAmount", "290,00")}{_euro("InvoiceTotalVatExcludedAmount", "290,00")}
{_euro("InvoiceTotalVatAmount", "49,95")}{_euro("InvoiceTotalVatIncludedAmount", "339,95")}
<VatSpecificationDetails>{_euro("VatBaseAmount", "90,00")}<VatRatePercent>25,5</VatRatePercent><VatCode>S</VatCode>
{_euro("VatRateAmount", "22,95")}</VatSpecificationDetails>
<VatSpecificationDetails>{_euro("VatBaseAmount", "200,00")}<VatRatePercent>13,5</VatRatePercent><VatCode>S</VatCode>
{_euro("VatRateAmount", "27,00")}</VatSpecificationDetails>
<InvoiceFreeText>Kiitos!</InvoiceFreeText>
<PaymentTermsDetails><PaymentTermsFreeText>7 pv 2 %, 30 pv netto</PaymentTermsFreeText>
<InvoiceDueDate Format="CCYYMMDD">20261022</InvoiceDueDate><CashDiscountDate Format="CCYYMMDD">20260929</CashDiscountDate>
{_euro("CashDiscountBaseAmount", "339,95")}<CashDiscountPercent>2,0</CashDiscountPercent></PaymentTermsDetails>
</InvoiceDetails>
<InvoiceRow><RowFreeText>Toimitus sovitusti</RowFreeText></InvoiceRow>
<InvoiceRow><ArticleIdentifier>A-1</ArticleIdentifier><ArticleName>Konsultointi</ArticleName>
<InvoicedQuantity QuantityUnitCode="tuntia" QuantityUnitCodeUN="HUR">2,00</InvoicedQuantity>
{_euro("UnitPriceAmount", "50,00")}<RowPositionIdentifier>1</RowPositionIdentifier><RowDiscountPercent>10,0</RowDiscountPercent>
{_euro("RowDiscountAmount", "10,00")}<RowVatRatePercent>25,5</RowVatRatePercent>{_euro("RowVatAmount", "22,95")}
{_euro("RowVatExcludedAmount", "90,00")}{_euro("RowAmount", "112,95")}</InvoiceRow>
<InvoiceRow><ArticleName>Kahvipavut</ArticleName><InvoicedQuantity QuantityUnitCode="kg">20</InvoicedQuantity>
{_euro("UnitPriceAmount", "1000,00")}<UnitPriceBaseQuantity QuantityUnitCode="kg">100</UnitPriceBaseQuantity>
<RowPositionIdentifier>2</RowPositionIdentifier><RowVatRatePercent>13,5</RowVatRatePercent>{_euro("RowVatAmount", "27,00")}
{_euro("RowVatExcludedAmount", "200,00")}{_euro("RowAmount", "227,00")}</InvoiceRow>
{_epi("339,95")}</Finvoice>""".encode("iso-8859-15")

FULL_VALUES = {
    "document_type": "invoice",
    "invoice_number": "2026-77",
    "invoice_date": "2026-09-22",
    "due_date": "2026-10-22",
    "delivery_date": "2026-09-20",
    "currency": "EUR",
    "po_numbers": ["PO-1"],
    "delivery_note_numbers": ["LÄH-77"],
    "contract_number": "S-9",
    "seller.name": "Kahvila Kettu Oy",
    "seller.trading_name": "Kettu",
    "seller.tax_id": "FI23456780",
    "seller.tax_id_type": "VAT",
    "seller.registration_number": "2345678-0",
    "seller.address": "Satamakatu 3",
    "seller.city": "Turku",
    "seller.postal_code": "20100",
    "seller.country": "FI",
    "seller.email": "laskut@kettu.example",
    "buyer.name": "Ostaja Oy",
    "buyer.tax_id": "FI01120389",
    "subtotal": "290.00",
    "net_total": "290.00",
    "tax_total": "49.95",
    "total": "339.95",
    "amount_due": "339.95",
    "taxes.#": 2,
    "taxes.0.rate": "25.5",
    "taxes.0.taxable_amount": "90.00",
    "taxes.1.amount": "27.00",
    "line_items.#": 2,
    "line_items.0.description": "Konsultointi",
    "line_items.0.product_code": "A-1",
    "line_items.0.quantity": "2.00",
    "line_items.0.unit": "tuntia",
    "line_items.0.unit_price": "50.00",
    "line_items.0.discount_amount": "10.00",
    "line_items.0.net_amount": "90.00",
    "line_items.0.total_amount": "112.95",
    "line_items.1.unit_price": "10",
    "line_items.1.tax_rate": "13.5",
    "payment.terms": "7 pv 2 %, 30 pv netto",
    "payment.method": "SEPA credit transfer",
    "payment.reference": "1042005",
    "payment.discounts.0.percent": "2.0",
    "payment.discounts.0.until": "2026-09-29",
    "payment.discounts.0.base": "339.95",
    "payment.bank_accounts.#": 1,
    "payment.bank_accounts.0.iban": "FI2112345600000785",
    "payment.bank_accounts.0.bic": "NDEAFIHH",
    "notes": "Kiitos!\nToimitus sovitusti",
}

#: version 1.3, a credit note: negative amounts, delivered quantities, no code of UNTDID 1001, nothing to be paid
CREDIT_NOTE = f"""<Finvoice Version="1.3">{_PARTIES}<InvoiceDetails><InvoiceTypeCode>INV02</InvoiceTypeCode>
<InvoiceTypeText>HYVITYSLASKU</InvoiceTypeText><OriginCode>Original</OriginCode><InvoiceNumber>1043</InvoiceNumber>
<InvoiceDate Format="CCYYMMDD">20260925</InvoiceDate><OriginalInvoiceNumber>1042</OriginalInvoiceNumber>
<OriginalInvoiceDate Format="CCYYMMDD">20260922</OriginalInvoiceDate>
{_euro("InvoiceTotalVatExcludedAmount", "-100,00")}{_euro("InvoiceTotalVatAmount", "-25,50")}
{_euro("InvoiceTotalVatIncludedAmount", "-125,50")}<VatSpecificationDetails>{_euro("VatBaseAmount", "-100,00")}
<VatRatePercent>25,5</VatRatePercent>{_euro("VatRateAmount", "-25,50")}</VatSpecificationDetails></InvoiceDetails>
<InvoiceRow><ArticleName>Palautus</ArticleName><DeliveredQuantity QuantityUnitCode="kpl">-2</DeliveredQuantity>
{_euro("UnitPriceAmount", "50,00")}<RowPositionIdentifier>1</RowPositionIdentifier><RowVatRatePercent>25,5</RowVatRatePercent>
{_euro("RowVatAmount", "-25,50")}{_euro("RowVatExcludedAmount", "-100,00")}{_euro("RowAmount", "-125,50")}</InvoiceRow>
{_epi("0,00", day="20261009")}</Finvoice>""".encode()

CREDIT_NOTE_VALUES = {
    "document_type": "credit_note",
    "original_invoice.number": "1042",
    "original_invoice.date": "2026-09-22",
    "net_total": "-100.00",
    "total": "-125.50",
    "amount_due": None,
    "due_date": "2026-10-09",
    "line_items.0.quantity": "-2",
    "line_items.0.unit": "kpl",
}

#: decimal points, the summary by rate and the row numbers outside their places, the VAT number as a text, no EpiDetails
POINTS = f"""<?xml version="1.0" encoding="UTF-8"?><Finvoice Version="3.0"><SellerPartyDetails>
<SellerPartyIdentifier>2345678-0</SellerPartyIdentifier><SellerOrganisationName>Peli Oy</SellerOrganisationName>
</SellerPartyDetails><SellerInformationDetails><SellerAccountDetails>
<SellerAccountID IdentificationSchemeName="IBAN">FI21 1234 5600 0007 85</SellerAccountID></SellerAccountDetails>
<SellerVatRegistrationText>FI23456780</SellerVatRegistrationText></SellerInformationDetails><BuyerPartyDetails>
<BuyerOrganisationName>Kaupunki</BuyerOrganisationName></BuyerPartyDetails><InvoiceDetails>
<InvoiceTypeCode>INV01</InvoiceTypeCode><InvoiceTypeText>LASKU</InvoiceTypeText><OriginCode>Original</OriginCode>
<InvoiceNumber>20260501</InvoiceNumber><InvoiceDate Format="CCYYMMDD">20260601</InvoiceDate>
{_euro("InvoiceTotalVatExcludedAmount", "130.00")}{_euro("InvoiceTotalVatAmount", "33.15")}
{_euro("InvoiceTotalVatIncludedAmount", "163.15")}<PaymentTermsDetails>
<InvoiceDueDate Format="CCYYMMDD">20260615</InvoiceDueDate></PaymentTermsDetails></InvoiceDetails>
<VatSpecificationDetails>{_euro("VatBaseAmount", "130.00")}<VatRatePercent>25.50</VatRatePercent>
{_euro("VatRateAmount", "33.15")}</VatSpecificationDetails>
<InvoiceRow><RowNumber>1</RowNumber><ArticleIdentifier>2100</ArticleIdentifier><ArticleName>Nuorisotyö</ArticleName>
<DeliveredQuantity QuantityUnitCode="krt">2.00</DeliveredQuantity>{_euro("UnitPriceAmount", "65.00")}
<RowVatRatePercent>25.50</RowVatRatePercent>{_euro("RowVatAmount", "33.15")}{_euro("RowVatExcludedAmount", "130.00")}
{_euro("RowAmount", "163.15")}</InvoiceRow></Finvoice>""".encode()

POINTS_VALUES = {
    "seller.tax_id": "FI23456780",
    "currency": "EUR",
    "total": "163.15",
    "due_date": "2026-06-15",
    "taxes.0.rate": "25.50",
    "line_items.0.line_no": "1",
    "payment.bank_accounts.0.iban": "FI2112345600000785",
}


@pytest.mark.parametrize(
    ("data", "expected"),
    [(FULL, FULL_VALUES), (CREDIT_NOTE, CREDIT_NOTE_VALUES), (POINTS, POINTS_VALUES)],
    ids=["full", "credit note", "points"],
)
def test_finvoice_is_read_as_its_makers_mean_it(data, expected):
    assert differences(data, expected) == {}
    assert answer(data)["status"] == "ok"


def test_the_version_is_named():
    found = read_e_invoice(FULL)
    assert (found.syntax, found.guideline) == ("Finvoice", "Finvoice 3.0")


_FRAME = b"""<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"><SOAP-ENV:Header/><SOAP-ENV:Body>
<eb:Manifest xmlns:eb="urn:eb" eb:id="Manifest"/></SOAP-ENV:Body></SOAP-ENV:Envelope>
"""


def test_the_frame_of_the_banks_in_front_of_the_invoice_is_passed_over():
    assert differences(_FRAME + FULL, FULL_VALUES) == {}


def test_several_framed_invoices_in_one_file_are_all_read():
    found = read_e_invoice(_FRAME + FULL + b"\n" + _FRAME + b'<?xml version="1.0" encoding="UTF-8"?>' + CREDIT_NOTE)
    assert [entry.invoice.invoice_number for entry in found.readings] == ["2026-77", "1043"]


def _with_sub_rows(total: str) -> bytes:
    """An invoice whose row has no amount and two sub-rows with one."""
    row = (
        f"<InvoiceRow><ArticleName>Paketti</ArticleName><SubInvoiceRow><SubArticleName>Osa 1</SubArticleName>"
        f"{_euro('SubRowVatExcludedAmount', '60,00')}</SubInvoiceRow><SubInvoiceRow><SubArticleName>Osa 2</SubArticleName>"
        f"{_euro('SubRowVatExcludedAmount', '40,00')}</SubInvoiceRow></InvoiceRow>"
    )
    plain = f"<InvoiceRow><ArticleName>Muu</ArticleName>{_euro('RowVatExcludedAmount', '100,00')}</InvoiceRow>"
    return (
        f'<Finvoice Version="3.0">{_PARTIES}<InvoiceDetails><InvoiceTypeCode>INV01</InvoiceTypeCode>'
        f'<InvoiceNumber>5</InvoiceNumber><InvoiceDate Format="CCYYMMDD">20260925</InvoiceDate>'
        f"{_euro('InvoiceTotalVatExcludedAmount', total)}{_euro('InvoiceTotalVatAmount', '0,00')}"
        f"{_euro('InvoiceTotalVatIncludedAmount', total)}</InvoiceDetails>{plain}{row}</Finvoice>"
    ).encode()


def test_sub_rows_are_lines_only_when_they_are_part_of_the_total():
    assert differences(_with_sub_rows("200,00"), {"line_items.#": 3, "line_items.2.net_amount": "40.00"}) == {}
    assert differences(_with_sub_rows("100,00"), {"line_items.#": 1}) == {}
    assert asking(answer(_with_sub_rows("200,00"))) == asking(answer(_with_sub_rows("100,00"))) == set()


def test_a_factor_is_who_is_paid():
    factor = (
        b"<FactoringAgreementDetails><FactoringPartyIdentifier>0112038-9</FactoringPartyIdentifier>"
        b"<FactoringPartyName>Rahoitus Oy</FactoringPartyName></FactoringAgreementDetails><InvoiceRow><RowFreeText>"
    )
    data = FULL.replace(b"<InvoiceRow><RowFreeText>", factor, 1)
    assert differences(data, {"remit_to.name": "Rahoitus Oy"}) == {}


def test_a_cancellation_is_reviewed():
    assert "cancellation" in asking(answer(CREDIT_NOTE.replace(b">Original<", b">Cancel<")))
