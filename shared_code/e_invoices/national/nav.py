"""The data report of Hungarian invoices (NAV Online Szamla), versions 2.0 and 3.0.

Elements are those of the schemas invoiceData.xsd and invoiceBase.xsd 3.0 of the tax office (NAV, github.com/nav-gov-hu/
Online-Invoice) and mean what their annotations say. The requests that carry a report as base64 are opened by
:mod:`shared_code.e_invoices.envelopes`.

* Rates are fractions (``0.27``). A simplified invoice gives the share of the tax in the gross amount instead
  (``vatContent`` 0.2126), and neither net amounts nor the tax.
* Each amount is given once more in forint; for an invoice in forint the two are the same.
* A report that refers to another invoice (``invoiceReference``) holds the difference to it: one that lowers the amount
  is a credit note, one that raises it a debit note. A batch does so for several invoices.
* The gross total may be left out: it is net plus tax then.
"""

from dataclasses import replace
from decimal import Decimal

from shared_code.e_invoices.codes import account_of, payment_of
from shared_code.e_invoices.national.paths import (
    Paths,
    amount_at,
    read_party,
    read_record,
    reading_of_invoice,
    self_billed_if,
    text_at,
)
from shared_code.e_invoices.xml import Node, XmlValues, sum_of
from shared_code.invoices.reading import InvoiceReading
from shared_code.invoices.schema import Invoice, LineItem, OriginalInvoice, Party, Payment, Tax

_DETAIL = "invoiceHead/invoiceDetail"
_FORINT = "HUF"
_HUNDRED = Decimal(100)

_INVOICE: Paths = {
    "delivery_date": "invoiceHead/invoiceDetail/invoiceDeliveryDate",
    "service_period_start": "invoiceHead/invoiceDetail/invoiceDeliveryPeriodStart",
    "service_period_end": "invoiceHead/invoiceDetail/invoiceDeliveryPeriodEnd",
    "due_date": "invoiceHead/invoiceDetail/paymentDate",
    "currency": "invoiceHead/invoiceDetail/currencyCode",
    "po_numbers": "invoiceHead/invoiceDetail/conventionalInvoiceInfo/orderNumbers/orderNumber",
    "delivery_note_numbers": (
        "invoiceHead/invoiceDetail/conventionalInvoiceInfo/deliveryNotes/deliveryNote"
        " | invoiceLines/line/conventionalLineInfo/deliveryNotes/deliveryNote"
    ),
    "contract_number": "invoiceHead/invoiceDetail/conventionalInvoiceInfo/contractNumbers/contractNumber",
    "net_total": "invoiceSummary/summaryNormal/invoiceNetAmount",
    "tax_total": "invoiceSummary/summaryNormal/invoiceVatAmount",
    "total": "invoiceSummary/summaryGrossData/invoiceGrossAmount",
}
_IN_FORINT: Paths = {
    "exchange_rate": "invoiceHead/invoiceDetail/exchangeRate",
    "tax_total_in_tax_currency": "invoiceSummary/summaryNormal/invoiceVatAmountHUF",
}
#: of a ``supplier`` or a ``customer``
_PARTY: Paths = {
    "name": "{0}Name",
    "city": "{0}Address/detailedAddress/city | {0}Address/simpleAddress/city",
    "state": "{0}Address/detailedAddress/region | {0}Address/simpleAddress/region",
    "postal_code": "{0}Address/detailedAddress/postalCode | {0}Address/simpleAddress/postalCode",
    "country": "{0}Address/detailedAddress/countryCode | {0}Address/simpleAddress/countryCode",
}
_STREET = ("streetName", "publicPlaceCategory", "number", "building", "staircase", "floor", "door")
_LINE: Paths = {
    "line_no": "lineNumber",
    "description": "lineDescription",
    "quantity": "quantity",
    "unit_price": "unitPrice",
    "discount_amount": "lineDiscountData/discountValue",
    "net_amount": "lineAmountsNormal/lineNetAmountData/lineNetAmount | lineAmountsNormal/lineNetAmount",
    "tax_amount": "lineAmountsNormal/lineVatData/lineVatAmount",
    "total_amount": (
        "lineAmountsNormal/lineGrossAmountData/lineGrossAmountNormal | lineAmountsSimplified/lineGrossAmountSimplified"
    ),
    "date": "aggregateInvoiceLineData/lineDeliveryDate",
    "po_number": "conventionalLineInfo/orderNumbers/orderNumber",
}
_TAX: Paths = {
    "taxable_amount": "vatRateNetData/vatRateNetAmount | vatRateNetAmount",
    "amount": "vatRateVatData/vatRateVatAmount | vatRateVatAmount",
}
_METHODS = {
    "TRANSFER": "credit transfer",
    "CASH": "cash",
    "CARD": "payment card",
    "VOUCHER": "voucher",
    "OTHER": "other",
}
#: share of the tax in a gross amount -> rate of the Hungarian VAT (Act CXXVII of 2007, sections 82 and 83)
_BY_CONTENT = {"0.2126": Decimal(27), "0.1525": Decimal(18), "0.0476": Decimal(5)}
#: why there is no tax -> category of UNTDID 5305 as in EN 16931
_CATEGORIES = {
    "AAM": "E",
    "TAM": "E",
    "NAM": "E",
    "KBAET": "K",
    "KBAUK": "K",
    "EAM": "G",
    "ATK": "O",
    "EUE": "O",
    "HO": "O",
    "EUFAD37": "AE",
    "EUFADE": "AE",
}
#: kinds of product codes that are those of the customs tariff, which begins as the Harmonised System
_TARIFF = "VTSZ"


def read_nav(root: Node) -> tuple[str | None, tuple[InvoiceReading, ...]]:
    """Version and invoices of an ``InvoiceData``."""
    version = next((part for part in root.namespace.split("/") if part[:1].isdecimal()), None)
    # A report without an invoice still names it.
    nodes = root.all("invoiceMain/invoice", "invoiceMain/batchInvoice/invoice") or [root.part("invoiceMain")]
    return version and f"NAV {version}", tuple(_invoice(root, node) for node in nodes)


def _invoice(root: Node, node: Node) -> InvoiceReading:
    values = XmlValues()
    lines, unchecked = _lines(node, values)
    invoice = read_record(
        Invoice,
        node,
        _INVOICE,
        values,
        invoice_number=root.text("invoiceNumber"),
        invoice_date=values.date(root.text("invoiceIssueDate"), "invoice_date"),
        seller=_seller(node, values),
        buyer=_buyer(node, values),
        taxes=_taxes(node, values),
        line_items=lines,
        payment=_payment(node),
    )
    if invoice.total is None:
        rows = node.all("invoiceSummary/summarySimplified/vatContentGrossAmount")
        gross = [values.amount(row.value, "total") for row in rows]
        invoice = replace(invoice, total=sum_of(gross or (invoice.net_total, invoice.tax_total)))
    if invoice.currency not in {None, _FORINT}:
        in_forint = read_record(Invoice, node, _IN_FORINT, values)
        invoice = replace(
            invoice,
            tax_currency=_FORINT,
            exchange_rate=in_forint.exchange_rate,
            tax_total_in_tax_currency=in_forint.tax_total_in_tax_currency,
        )
    self_billed_if(_is_true(node, f"{_DETAIL}/selfBillingIndicator") and "selfBillingIndicator", values)
    return reading_of_invoice(_with_kind(invoice, node), values, unchecked_lines=unchecked)


def _with_kind(invoice: Invoice, node: Node) -> Invoice:
    """The kind of document, and the invoice that it changes."""
    number = node.text("invoiceReference/originalInvoiceNumber")
    if number is None:
        return replace(invoice, document_type="invoice")
    lowers = invoice.total is not None and invoice.total < 0
    kind = "credit_note" if lowers else "debit_note"
    return replace(invoice, document_type=kind, original_invoice=OriginalInvoice(number=number))


def _seller(node: Node, values: XmlValues) -> Party:
    info = node.part("invoiceHead/supplierInfo")
    return _party(info, "supplier", values, "seller", _tax_number(info, "supplierTaxNumber")) or Party()


def _buyer(node: Node, values: XmlValues) -> Party | None:
    info = node.find("invoiceHead/customerInfo")
    if info is None:
        return None
    numbers = info.find("customerVatData") or info  # version 2.0 has them in the element itself
    number = _tax_number(numbers, "customerTaxNumber")
    if number[0] is None and (foreign := numbers.code("thirdStateTaxId")):
        number = (foreign, "OTHER")
    return _party(info, "customer", values, "buyer", number)


def _party(info: Node, name: str, values: XmlValues, role: str, number: tuple[str | None, str | None]) -> Party | None:
    address = info.part(f"{name}Address/detailedAddress")
    # as it is written in Hungary: name, kind of street, number
    street = " ".join(text for part in _STREET if (text := address.text(part)))
    return read_party(
        info,
        {field: path.format(name) for field, path in _PARTY.items()},
        values,
        role,
        kind=number[1],
        tax_id=number[0],
        address=street or info.text(f"{name}Address/simpleAddress/additionalAddressDetail"),
    )


def _tax_number(node: Node, name: str) -> tuple[str | None, str | None]:
    """The number in the form of the European Union where it is given, else the Hungarian one with its three parts."""
    community = node.code("communityVatNumber")
    if community is not None:
        return community, "VAT"
    parts = (node.code(f"{name}/{part}") for part in ("taxpayerId", "vatCode", "countyCode"))
    number = "-".join(filter(None, parts)) or None
    return number, "TIN" if number else None


def _lines(node: Node, values: XmlValues) -> tuple[tuple[LineItem, ...], set[int]]:
    """All lines, and the indexes of those whose discount is only a rate."""
    lines, unchecked = [], set()
    for index, entry in enumerate(node.all("invoiceLines/line")):
        field = f"line_items[{index}]"
        line = read_record(
            LineItem,
            entry,
            _LINE,
            values,
            field=field,
            unit=_unit(entry),
            tax_rate=_rate(
                entry.find("lineAmountsNormal/lineVatRate", "lineAmountsSimplified/lineVatRate"), field, values
            ),
            **_codes(entry),
        )
        if line.discount_amount is None and entry.find("lineDiscountData/discountRate") is not None:
            unchecked.add(index)
        lines.append(line)
    return tuple(lines), unchecked


def _unit(line: Node) -> str | None:
    unit = line.text("unitOfMeasure")
    return line.text("unitOfMeasureOwn") or unit if unit in {"OWN", None} else unit


def _codes(line: Node) -> dict[str, str | None]:
    """The code of the customs tariff, and the first of the others."""
    codes = line.all("productCodes/productCode")
    tariff = next((code for code in codes if code.text("productCodeCategory") == _TARIFF), None)
    other = next((code for code in codes if code.text("productCodeCategory") != _TARIFF), None)
    return {
        "hsn_sac": tariff.text("productCodeValue") if tariff else None,
        "product_code": other.text("productCodeValue", "productCodeOwnValue") if other else None,
    }


def _taxes(node: Node, values: XmlValues) -> tuple[Tax, ...]:
    rows = node.all("invoiceSummary/summaryNormal/summaryByVatRate", "invoiceSummary/summarySimplified")
    return tuple(
        read_record(
            Tax,
            row,
            _TAX,
            values,
            field="taxes",
            name="VAT",
            rate=_rate(row.find("vatRate"), "taxes", values),
            category=_category(row.part("vatRate")),
        )
        for row in rows
    )


def _rate(node: Node | None, field: str, values: XmlValues) -> Decimal | None:
    """The rate in percent; that of a simplified invoice by the share of the tax, where the law has such a rate."""
    if node is None:
        return None
    content = node.text("vatContent")
    if content is not None:
        return _BY_CONTENT.get(content.rstrip("0"))
    fraction = amount_at(node, "vatPercentage | vatAmountMismatch/vatRate", f"{field}.rate", values)
    if fraction is None:
        return None
    percent = (fraction * _HUNDRED).normalize()
    return percent.quantize(Decimal(1)) if int(percent.as_tuple().exponent) > 0 else percent


def _category(rate: Node) -> str | None:
    if _is_true(rate, "vatDomesticReverseCharge"):
        return "AE"
    case = text_at(rate, "vatExemption/case | vatOutOfScope/case")
    if case is not None:
        return _CATEGORIES.get(case.upper())
    return "S" if rate.find("vatPercentage", "vatContent") is not None else None


def _is_true(node: Node, path: str) -> bool:
    return node.text(path) in {"true", "1"}


def _payment(node: Node) -> Payment | None:
    method = node.text(f"{_DETAIL}/paymentMethod")
    return payment_of(
        terms=None,
        methods=(method and _METHODS.get(method, method),),
        reference=None,
        accounts=(account_of(node.text("invoiceHead/supplierInfo/supplierBankAccountNumber")),),
    )
