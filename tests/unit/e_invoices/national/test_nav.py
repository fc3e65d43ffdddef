"""The Hungarian data report as invoicing programs send it; values by hand."""

import base64
import gzip

import pytest

from shared_code.e_invoices.reader import read_e_invoice
from tests.unit.e_invoices.national.read_whole import answer, differences

_SELLER = """<supplierInfo><supplierTaxNumber><base:taxpayerId>12345676</base:taxpayerId><base:vatCode>2</base:vatCode>
<base:countyCode>41</base:countyCode></supplierTaxNumber><supplierName>Eladó Kft.</supplierName><supplierAddress>
<base:detailedAddress><base:countryCode>HU</base:countryCode><base:postalCode>1051</base:postalCode>
<base:city>Budapest</base:city><base:streetName>Fő</base:streetName><base:publicPlaceCategory>utca</base:publicPlaceCategory>
<base:number>1</base:number></base:detailedAddress></supplierAddress>
<supplierBankAccountNumber>11773016-11111018-00000000</supplierBankAccountNumber></supplierInfo>"""
_BUYER = """<customerInfo><customerVatStatus>DOMESTIC</customerVatStatus><customerVatData><customerTaxNumber>
<base:taxpayerId>87654316</base:taxpayerId><base:vatCode>2</base:vatCode><base:countyCode>02</base:countyCode>
</customerTaxNumber></customerVatData><customerName>Vevő Kft.</customerName><customerAddress><base:simpleAddress>
<base:countryCode>HU</base:countryCode><base:postalCode>7600</base:postalCode><base:city>Pécs</base:city>
<base:additionalAddressDetail>Északi sugárút 123</base:additionalAddressDetail></base:simpleAddress></customerAddress></customerInfo>"""


def _report(invoice: str, *, number: str = "2026/00123", day: str = "2026-05-15") -> bytes:
    return f"""<?xml version="1.0" encoding="UTF-8"?><InvoiceData xmlns="http://schemas.nav.gov.hu/OSA/3.0/data"
xmlns:base="http://schemas.nav.gov.hu/OSA/3.0/base" xmlns:common="http://schemas.nav.gov.hu/NTCA/1.0/common">
<invoiceNumber>{number}</invoiceNumber><invoiceIssueDate>{day}</invoiceIssueDate>
<completenessIndicator>false</completenessIndicator><invoiceMain>{invoice}</invoiceMain></InvoiceData>""".encode()


def _line(number: int, name: str, amounts: str, *, quantity: str = "", more: str = "", codes: str = "") -> str:
    return f"""<line><lineNumber>{number}</lineNumber>{codes}<lineExpressionIndicator>true</lineExpressionIndicator>
<lineDescription>{name}</lineDescription>{quantity}{more}{amounts}</line>"""


def _normal(net: str, rate: str, tax: str, gross: str) -> str:
    return f"""<lineAmountsNormal><lineNetAmountData><lineNetAmount>{net}</lineNetAmount><lineNetAmountHUF>1</lineNetAmountHUF>
</lineNetAmountData><lineVatRate>{rate}</lineVatRate><lineVatData><lineVatAmount>{tax}</lineVatAmount>
<lineVatAmountHUF>1</lineVatAmountHUF></lineVatData><lineGrossAmountData><lineGrossAmountNormal>{gross}</lineGrossAmountNormal>
</lineGrossAmountData></lineAmountsNormal>"""


def _by_rate(rate: str, net: str, tax: str) -> str:
    return f"""<summaryByVatRate><vatRate>{rate}</vatRate><vatRateNetData><vatRateNetAmount>{net}</vatRateNetAmount>
<vatRateNetAmountHUF>1</vatRateNetAmountHUF></vatRateNetData><vatRateVatData><vatRateVatAmount>{tax}</vatRateVatAmount>
<vatRateVatAmountHUF>1</vatRateVatAmountHUF></vatRateVatData></summaryByVatRate>"""


_P27, _P5 = "<vatPercentage>0.27</vatPercentage>", "<vatPercentage>0.05</vatPercentage>"
_QUANTITY = (
    "<quantity>{}</quantity><unitOfMeasure>{}</unitOfMeasure><unitPrice>{}</unitPrice><unitPriceHUF>1</unitPriceHUF>"
)

#: in forint: two rates, a discount on a line, a customs tariff code, an own unit
NORMAL = _report(f"""<invoice><invoiceHead>{_SELLER}{_BUYER}<invoiceDetail><invoiceCategory>NORMAL</invoiceCategory>
<invoiceDeliveryDate>2026-05-10</invoiceDeliveryDate><currencyCode>HUF</currencyCode><exchangeRate>1</exchangeRate>
<paymentMethod>TRANSFER</paymentMethod><paymentDate>2026-05-30</paymentDate><invoiceAppearance>PAPER</invoiceAppearance>
<conventionalInvoiceInfo><orderNumbers><orderNumber>MR-8</orderNumber></orderNumbers><deliveryNotes><deliveryNote>SZ-1</deliveryNote>
</deliveryNotes><contractNumbers><contractNumber>K-2</contractNumber></contractNumbers></conventionalInvoiceInfo>
</invoiceDetail></invoiceHead><invoiceLines><mergedItemIndicator>false</mergedItemIndicator>
{
    _line(
        1,
        "Könyv",
        _normal("30000", _P5, "1500", "31500"),
        quantity=_QUANTITY.format(10, "PIECE", 3000),
        codes="<productCodes><productCode><productCodeCategory>VTSZ</productCodeCategory><productCodeValue>49019900"
        "</productCodeValue></productCode></productCodes>",
    )
}
{
    _line(
        2,
        "Szalámi",
        _normal("4320000", _P27, "1166400", "5486400"),
        quantity=_QUANTITY.format(1600, "OWN", 3000).replace(
            "</unitOfMeasure>", "</unitOfMeasure><unitOfMeasureOwn>rúd</unitOfMeasureOwn>"
        ),
        more="<lineDiscountData><discountDescription>Engedmény</discountDescription>"
        "<discountValue>480000</discountValue></lineDiscountData>",
    )
}</invoiceLines>
<invoiceSummary><summaryNormal>{_by_rate(_P5, "30000", "1500")}{_by_rate(_P27, "4320000", "1166400")}
<invoiceNetAmount>4350000</invoiceNetAmount><invoiceNetAmountHUF>4350000</invoiceNetAmountHUF>
<invoiceVatAmount>1167900</invoiceVatAmount><invoiceVatAmountHUF>1167900</invoiceVatAmountHUF></summaryNormal>
<summaryGrossData><invoiceGrossAmount>5517900</invoiceGrossAmount><invoiceGrossAmountHUF>5517900</invoiceGrossAmountHUF>
</summaryGrossData></invoiceSummary></invoice>""")

NORMAL_VALUES = {
    "document_type": "invoice",
    "invoice_number": "2026/00123",
    "invoice_date": "2026-05-15",
    "delivery_date": "2026-05-10",
    "due_date": "2026-05-30",
    "currency": "HUF",
    "exchange_rate": None,
    "tax_currency": None,
    "po_numbers": ["MR-8"],
    "delivery_note_numbers": ["SZ-1"],
    "contract_number": "K-2",
    "seller.name": "Eladó Kft.",
    "seller.tax_id": "12345676-2-41",
    "seller.tax_id_type": "TIN",
    "seller.address": "Fő utca 1",
    "seller.city": "Budapest",
    "seller.postal_code": "1051",
    "seller.country": "HU",
    "buyer.name": "Vevő Kft.",
    "buyer.tax_id": "87654316-2-02",
    "buyer.address": "Északi sugárút 123",
    "net_total": "4350000",
    "tax_total": "1167900",
    "total": "5517900",
    "taxes.0.rate": "5",
    "taxes.1.rate": "27",
    "taxes.1.taxable_amount": "4320000",
    "taxes.1.category": "S",
    "line_items.#": 2,
    "line_items.0.hsn_sac": "49019900",
    "line_items.0.unit": "PIECE",
    "line_items.0.unit_price": "3000",
    "line_items.0.tax_rate": "5",
    "line_items.1.description": "Szalámi",
    "line_items.1.unit": "rúd",
    "line_items.1.discount_amount": "480000",
    "line_items.1.net_amount": "4320000",
    "line_items.1.tax_amount": "1166400",
    "line_items.1.total_amount": "5486400",
    "payment.method": "credit transfer",
    "payment.bank_accounts.0.account_number": "11773016-11111018-00000000",
}

_HEAD = f"""<invoiceHead>{_SELLER}<invoiceDetail><invoiceCategory>{{}}</invoiceCategory>
<invoiceDeliveryDate>2026-05-15</invoiceDeliveryDate><currencyCode>{{}}</currencyCode><exchangeRate>{{}}</exchangeRate>{{}}
<invoiceAppearance>ELECTRONIC</invoiceAppearance></invoiceDetail></invoiceHead>"""

#: a simplified invoice: gross prices, the share of the tax, no total
SIMPLIFIED = _report(
    f"""<invoice>{_HEAD.format("SIMPLIFIED", "HUF", "1", "<paymentMethod>CARD</paymentMethod>")}<invoiceLines>
{
        _line(
            1,
            "Kávé",
            "<lineAmountsSimplified><lineVatRate><vatContent>0.2126</vatContent></lineVatRate>"
            "<lineGrossAmountSimplified>10000</lineGrossAmountSimplified></lineAmountsSimplified>",
            quantity=_QUANTITY.format(10, "PIECE", 1000),
        )
    }
{
        _line(
            2,
            "Bérlet",
            "<lineAmountsSimplified><lineVatRate><vatExemption><case>TAM</case><reason>86. §</reason></vatExemption>"
            "</lineVatRate><lineGrossAmountSimplified>5000</lineGrossAmountSimplified></lineAmountsSimplified>",
        )
    }</invoiceLines>
<invoiceSummary><summarySimplified><vatRate><vatContent>0.2126</vatContent></vatRate>
<vatContentGrossAmount>10000</vatContentGrossAmount></summarySimplified><summarySimplified><vatRate><vatExemption><case>TAM</case>
<reason>86. §</reason></vatExemption></vatRate><vatContentGrossAmount>5000</vatContentGrossAmount></summarySimplified>
</invoiceSummary></invoice>""",
    number="EGY-1",
)

SIMPLIFIED_VALUES = {
    "total": "15000",
    "net_total": None,
    "tax_total": None,
    "payment.method": "payment card",
    "taxes.0.rate": "27",
    "taxes.0.amount": None,
    "taxes.1.category": "E",
    "line_items.0.total_amount": "10000",
    "line_items.0.tax_rate": "27",
}

#: the cancellation of an invoice in euro
REVERSAL = _report(
    f"""<invoice><invoiceReference><originalInvoiceNumber>2026/00100</originalInvoiceNumber>
<modifyWithoutMaster>false</modifyWithoutMaster><modificationIndex>1</modificationIndex></invoiceReference>
{
        _HEAD.format("NORMAL", "EUR", "400.5", "").replace(
            "</supplierTaxNumber>", "</supplierTaxNumber><communityVatNumber>HU12345676</communityVatNumber>"
        )
    }<invoiceLines>{
        _line(
            1,
            "Tanácsadás",
            _normal("-100.00", _P27, "-27.00", "-127.00"),
            quantity=_QUANTITY.format("-1", "HOUR", "100.00"),
        )
    }</invoiceLines>
<invoiceSummary><summaryNormal>{_by_rate(_P27, "-100.00", "-27.00")}<invoiceNetAmount>-100.00</invoiceNetAmount>
<invoiceNetAmountHUF>-40050</invoiceNetAmountHUF><invoiceVatAmount>-27.00</invoiceVatAmount>
<invoiceVatAmountHUF>-10814</invoiceVatAmountHUF></summaryNormal></invoiceSummary></invoice>""",
    number="2026/00124",
)

REVERSAL_VALUES = {
    "document_type": "credit_note",
    "original_invoice.number": "2026/00100",
    "currency": "EUR",
    "tax_currency": "HUF",
    "exchange_rate": "400.5",
    "tax_total": "-27.00",
    "tax_total_in_tax_currency": "-10814",
    "total": "-127.00",
    "seller.tax_id": "HU12345676",
    "seller.tax_id_type": "VAT",
}


@pytest.mark.parametrize(
    ("data", "expected"),
    [(NORMAL, NORMAL_VALUES), (SIMPLIFIED, SIMPLIFIED_VALUES), (REVERSAL, REVERSAL_VALUES)],
    ids=["normal", "simplified", "reversal"],
)
def test_reports_are_read_as_their_makers_mean_them(data, expected):
    assert differences(data, expected) == {}
    assert answer(data)["status"] == "ok"


def test_the_version_is_named():
    found = read_e_invoice(NORMAL)
    assert (found.syntax, found.guideline) == ("NAV", "NAV 3.0")


def _request(*reports: bytes, compressed: bool = False) -> bytes:
    texts = (base64.b64encode(gzip.compress(report) if compressed else report).decode() for report in reports)
    operations = "".join(
        f"<invoiceOperation><index>{index}</index><invoiceOperation>CREATE</invoiceOperation><invoiceData>{text}</invoiceData>"
        "</invoiceOperation>"
        for index, text in enumerate(texts, 1)
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?><ManageInvoiceRequest xmlns="http://schemas.nav.gov.hu/OSA/3.0/api">
<exchangeToken>x</exchangeToken><invoiceOperations><compressedContent>{str(compressed).lower()}</compressedContent>
{operations}</invoiceOperations></ManageInvoiceRequest>""".encode()


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "compressed"])
def test_a_request_with_reports_in_base64_is_opened(compressed):
    data = _request(NORMAL, REVERSAL, compressed=compressed)
    assert differences(data, NORMAL_VALUES) == {}
    assert differences(data, REVERSAL_VALUES, invoice=1) == {}


@pytest.mark.parametrize(
    ("rate", "category"),
    [
        ("<vatDomesticReverseCharge>true</vatDomesticReverseCharge>", "AE"),
        ("<vatOutOfScope><case>ATK</case><reason>x</reason></vatOutOfScope>", "O"),
        ("<vatExemption><case>KBAET</case><reason>x</reason></vatExemption>", "K"),
        ("<vatExemption><case>EAM</case><reason>x</reason></vatExemption>", "G"),
    ],
)
def test_the_reason_for_no_tax_is_a_category(rate, category):
    data = REVERSAL.replace(f"<vatRate>{_P27}</vatRate>".encode(), f"<vatRate>{rate}</vatRate>".encode())
    assert differences(data, {"taxes.0.category": category, "taxes.0.rate": None}) == {}


def test_a_batch_changes_several_invoices():
    one = REVERSAL.split(b"<invoiceMain>")[1].split(b"</invoiceMain>")[0].decode()
    other = one.replace("2026/00100", "2026/00101").replace("-100.00", "-200.00").replace("-27.00", "-54.00")
    batch = "".join(
        f"<batchInvoice><batchIndex>{index}</batchIndex>{text}</batchInvoice>"
        for index, text in enumerate((one, other), 1)
    )
    found = read_e_invoice(_report(batch))
    originals = [entry.invoice.original_invoice for entry in found.readings]
    assert [original and original.number for original in originals] == ["2026/00100", "2026/00101"]


def test_a_report_that_only_names_its_invoice_is_reviewed():
    result = answer(_report(""))
    assert (result["status"], result["invoices"][0]["invoice_number"]) == ("needs_review", "2026/00123")
