"""ISDOC, the Czech e-invoice, versions 5 and 6.

Elements are those of the schema isdoc-invoice-6.0.2.xsd and mean what its annotations and the standard "ISDOC 6.0.2"
(Ministry of the Interior; isdoc.cz) say.

* Each amount is given in the local currency. An invoice in another one gives it once more under the name with ``Curr``:
  those are the invoice's, and the local ones those of the tax report. Unit prices exist in the local currency only.
* Advances that were taxed (``AlreadyClaimed...``) and those that were not (``PaidDepositsAmount``, written with and
  without a minus) are both taken off ``TaxInclusiveAmount``. ``TaxTotal/TaxAmount`` is the tax without that of the
  advances, so the tax of the whole invoice is the sum by rate.
* ``TaxPointDate`` is the day of the taxable supply.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from shared_code.e_invoices.codes import currency_of, payment_method, payment_of
from shared_code.e_invoices.national.paths import (
    Paths,
    amount_at,
    first_date,
    read_party,
    read_record,
    read_records,
    reading_of_invoice,
    texts_at,
)
from shared_code.e_invoices.xml import Node, XmlValues, sum_of
from shared_code.invoices.reading import InvoiceReading
from shared_code.invoices.schema import (
    BankAccount,
    Invoice,
    LineItem,
    OriginalInvoice,
    Party,
    Payment,
    Tax,
    unless_empty,
)

_TOTALS = "LegalMonetaryTotal"
_ORDER = "OrderReferences/OrderReference"
_INVOICE: Paths = {
    "invoice_number": "ID",
    "invoice_date": "IssueDate",
    "delivery_date": "TaxPointDate",
    "delivery_note_numbers": "DeliveryNoteReferences/DeliveryNoteReference/ID",
    "contract_number": "ContractReferences/ContractReference/ID",
    "notes": "Note",
}
_ORIGINAL: Paths = {"number": "ID", "date": "IssueDate"}
_PARTY: Paths = {
    "name": "PartyName/Name",
    "registration_number": "PartyIdentification/ID",
    "city": "PostalAddress/CityName",
    "postal_code": "PostalAddress/PostalZone",
    "country": "PostalAddress/Country/IdentificationCode | PostalAddress/Country/Name",
    "email": "Contact/ElectronicMail",
    "phone": "Contact/Telephone",
}
_LINE: Paths = {
    "line_no": "ID",
    "description": "Item/Description | Note",
    "product_code": "Item/SellersItemIdentification/ID | Item/CatalogueItemIdentification/ID",
    "quantity": "InvoicedQuantity",
    "unit": "InvoicedQuantity/@unitCode",
    "tax_rate": "ClassifiedTaxCategory/Percent",
}
_ACCOUNT: Paths = {"iban": "IBAN", "bic": "BIC", "bank_name": "Name"}
#: DocumentType: 4 asks for an advance and is no tax document, 5 and 6 are the tax documents of a received one
_TYPES = {
    "1": "invoice",
    "2": "credit_note",
    "3": "debit_note",
    "4": "proforma",
    "5": "invoice",
    "6": "credit_note",
    "7": "invoice",
}


def read_isdoc(root: Node) -> tuple[str | None, tuple[InvoiceReading, ...]]:
    """Version and invoice of an ISDOC ``Invoice``."""
    values = XmlValues()
    local = currency_of(root.text("LocalCurrencyCode"), values.findings)
    foreign = currency_of(root.text("ForeignCurrencyCode"), values.findings)
    suffix = "Curr" if foreign and foreign != local else ""
    code = root.text("DocumentType")
    lines = _lines(root, suffix, values)
    original = root.find("OriginalDocumentReferences/OriginalDocumentReference", "OriginalDocumentReference")
    invoice = read_record(
        Invoice,
        root,
        _INVOICE,
        values,
        document_type=None if code is None else _TYPES.get(code, "other"),
        currency=foreign if suffix else local,
        po_numbers=texts_at(root, f"{_ORDER}/ExternalOrderID") or texts_at(root, f"{_ORDER}/SalesOrderID"),
        original_invoice=original
        and read_record(OriginalInvoice, original, _ORIGINAL, values, field="original_invoice"),
        seller=_party(root, ("AccountingSupplierParty", "SellerSupplierParty"), values, "seller") or Party(),
        buyer=_party(root, ("AccountingCustomerParty", "BuyerCustomerParty"), values, "buyer") or _anonymous(root),
        ship_to=_party(root, ("Delivery",), values, "ship_to"),
        due_date=first_date(root.all("PaymentMeans/Payment/Details"), "PaymentDueDate", "due_date", values),
        taxes=_taxes(root, suffix, values),
        line_items=lines,
        payment=_payment(root, values),
    )
    invoice = _with_totals(invoice, root, suffix, values)
    if suffix:
        invoice = replace(
            invoice,
            tax_currency=local,
            tax_total_in_tax_currency=_tax_total(root, "", values),
            exchange_rate=_rate(root, values),
        )
    # Programs write nil for the quantity and the price of a line that has only an amount.
    unchecked = [index for index, line in enumerate(lines) if not line.quantity or not line.unit_price]
    return root.attribute("version"), (reading_of_invoice(invoice, values, unchecked_lines=unchecked),)


def _rate(root: Node, values: XmlValues) -> Decimal | None:
    """Local currency for one unit of the other; the XML may give it for a hundred."""
    rate = amount_at(root, "CurrRate", "exchange_rate", values)
    per = amount_at(root, "RefCurrRate", "exchange_rate", values)
    return rate / per if rate is not None and per else rate


def _with_totals(invoice: Invoice, root: Node, suffix: str, values: XmlValues) -> Invoice:
    totals = root.part(_TOTALS)

    def amount(name: str, field: str) -> Decimal | None:
        return values.amount(totals.text(f"{name}{suffix}"), field)

    advances = [amount("PaidDepositsAmount", "amount_paid"), amount("AlreadyClaimedTaxInclusiveAmount", "amount_paid")]
    return replace(
        invoice,
        net_total=amount("TaxExclusiveAmount", "net_total"),
        total=amount("TaxInclusiveAmount", "total"),
        round_off=amount("PayableRoundingAmount", "round_off"),
        amount_due=amount("PayableAmount", "amount_due"),
        tax_total=_tax_total(root, suffix, values),
        amount_paid=sum_of(abs(each) for each in advances if each) or None,
    )


def _tax_total(root: Node, suffix: str, values: XmlValues) -> Decimal | None:
    by_rate = [values.amount(node.value, "tax_total") for node in root.all(f"TaxTotal/TaxSubTotal/TaxAmount{suffix}")]
    return sum_of(by_rate) if by_rate else values.amount(root.text(f"TaxTotal/TaxAmount{suffix}"), "tax_total")


def _taxes(root: Node, suffix: str, values: XmlValues) -> tuple[Tax, ...]:
    paths: Paths = {
        "rate": "TaxCategory/Percent",
        "taxable_amount": f"TaxableAmount{suffix}",
        "amount": f"TaxAmount{suffix}",
    }
    rows = root.all("TaxTotal/TaxSubTotal")
    taxes = read_records(Tax, rows, paths, values, "taxes")
    return tuple(replace(tax, name="VAT", category=_category(row, tax)) for row, tax in zip(rows, taxes, strict=True))


def _category(row: Node, tax: Tax) -> str | None:
    """The category of UNTDID 5305: only reverse charge is said, and a rate above nil is standard tax."""
    if row.text("TaxCategory/LocalReverseChargeFlag") == "true":
        return "AE"
    return "S" if tax.rate else None


def _party(root: Node, places: Iterable[str], values: XmlValues, role: str) -> Party | None:
    node = root.find(*(f"{place}/Party" for place in places))
    if node is None:
        return None
    schemes = [entry for entry in node.all("PartyTaxScheme") if entry.code("CompanyID")]
    vat = next((entry for entry in schemes if entry.text("TaxScheme") == "VAT"), None)
    number = vat or next(iter(schemes), None)
    return read_party(
        node,
        _PARTY,
        values,
        role,
        kind="VAT" if vat else "TIN",
        address=" ".join(node.texts("PostalAddress/StreetName", "PostalAddress/BuildingNumber")) or None,
        tax_id=number.code("CompanyID") if number else None,
    )


def _anonymous(root: Node) -> Party | None:
    """A buyer of whom only a number is known (``AnonymousCustomerParty``)."""
    number = root.text("AnonymousCustomerParty/ID")
    return unless_empty(Party(registration_number=number))


def _lines(root: Node, suffix: str, values: XmlValues) -> tuple[LineItem, ...]:
    return tuple(
        _line(node, f"line_items[{index}]", suffix, values)
        for index, node in enumerate(root.all("InvoiceLines/InvoiceLine"))
    )


def _line(node: Node, field: str, suffix: str, values: XmlValues) -> LineItem:
    paths = {
        **_LINE,
        "net_amount": f"LineExtensionAmount{suffix}",
        "total_amount": f"LineExtensionAmountTaxInclusive{suffix}",
    }
    if not suffix:
        paths |= {"unit_price": "UnitPrice", "tax_amount": "LineExtensionTaxAmount"}
    line = read_record(LineItem, node, paths, values, field=field)
    before = amount_at(node, f"LineExtensionAmountBeforeDiscount{suffix}", f"{field}.discount_amount", values)
    if before is None or line.net_amount is None or before == line.net_amount:
        return line
    return replace(line, discount_amount=before - line.net_amount)


def _payment(root: Node, values: XmlValues) -> Payment | None:
    payments = root.all("PaymentMeans/Payment")
    accounts = root.all("PaymentMeans/Payment/Details", "PaymentMeans/AlternateBankAccounts/AlternateBankAccount")
    return payment_of(
        terms=None,
        methods=(payment_method(node.text("PaymentMeansCode")) for node in payments),
        reference=root.text("PaymentMeans/Payment/Details/VariableSymbol"),
        accounts=(_account(node, values) for node in accounts),
    )


def _account(node: Node, values: XmlValues) -> BankAccount | None:
    """An account by its IBAN, and by its number as Czech banks write it: number, slash, bank."""
    number = "/".join((*texts_at(node, "ID"), *texts_at(node, "BankCode"))) if node.text("BankCode") else None
    account = read_record(BankAccount, node, _ACCOUNT, values, account_number=number)
    iban = account.iban.replace(" ", "").upper() if account.iban else None
    return unless_empty(replace(account, iban=iban))
