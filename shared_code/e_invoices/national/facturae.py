"""Facturae 3.2, 3.2.1 and 3.2.2, the Spanish e-invoice. One file can hold several invoices of one seller to one buyer.

Elements and code lists are those of the schema Facturae 3.2.2 (Ministerio de Hacienda and Ministerio de Industria,
facturae.gob.es); 3.2 and 3.2.1 have the same elements with fewer of them.

* The number of a Spanish invoice is its series and its number (Real Decreto 1619/2012, article 6).
* ``InvoiceTotal`` is the total with the taxes and less the income tax that the buyer keeps back.
* Below it stand payments on account and subsidies, expenses paid for the buyer (suplidos), and what the buyer keeps as
  a guarantee: ``TotalExecutableAmount`` is what is left to pay.
* A corrective invoice (``OR``) that lowers the amount is a credit note.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from shared_code.e_invoices.codes import account_of, payment_of
from shared_code.e_invoices.national.facturae_codes import EVENTS, METHODS, TAXES, UNITS
from shared_code.e_invoices.national.paths import (
    Paths,
    amount_at,
    first_date,
    read_party,
    read_record,
    reading_of_invoice,
    self_billed_if,
    text_at,
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
    Withholding,
    unless_empty,
)

_HEADER = "InvoiceHeader"
_ISSUE = "InvoiceIssueData"
_TOTALS = "InvoiceTotals"
_INVOICE: Paths = {
    "invoice_number": f"{_HEADER}/InvoiceSeriesCode & {_HEADER}/InvoiceNumber",
    "invoice_date": f"{_ISSUE}/IssueDate",
    "delivery_date": f"{_ISSUE}/OperationDate",
    "service_period_start": f"{_ISSUE}/InvoicingPeriod/StartDate",
    "service_period_end": f"{_ISSUE}/InvoicingPeriod/EndDate",
    "currency": f"{_ISSUE}/InvoiceCurrencyCode",
    "exchange_rate": f"{_ISSUE}/ExchangeRateDetails/ExchangeRate",
    "po_numbers": f"{_ISSUE}/ReceiverTransactionReference & Items/InvoiceLine/ReceiverTransactionReference",
    "delivery_note_numbers": "Items/InvoiceLine/DeliveryNotesReferences/DeliveryNote/DeliveryNoteNumber",
    "contract_number": f"{_ISSUE}/ReceiverContractReference | Items/InvoiceLine/ReceiverContractReference",
    "subtotal": f"{_TOTALS}/TotalGrossAmount",
    "discount_total": f"{_TOTALS}/TotalGeneralDiscounts",
    "charges_total": f"{_TOTALS}/TotalGeneralSurcharges",
    "net_total": f"{_TOTALS}/TotalGrossAmountBeforeTaxes",
    "tax_total": f"{_TOTALS}/TotalTaxOutputs",
    "total": f"{_TOTALS}/InvoiceTotal",
    "amount_paid": f"{_TOTALS}/TotalPaymentsOnAccount",
    "amount_due": f"{_TOTALS}/TotalExecutableAmount | {_TOTALS}/TotalOutstandingAmount",
}
_PERSON = "Individual/Name & Individual/FirstSurname & Individual/SecondSurname"
_ADDRESSES = tuple(
    f"{who}/{where}" for who in ("LegalEntity", "Individual") for where in ("AddressInSpain", "OverseasAddress")
)


def _of_address(name: str) -> str:
    return " | ".join(f"{place}/{name}" for place in _ADDRESSES)


_PARTY: Paths = {
    "name": f"LegalEntity/CorporateName | {_PERSON} | LegalEntity/TradeName",
    "trading_name": "LegalEntity/TradeName",
    "tax_id": "TaxIdentification/TaxIdentificationNumber",
    "address": _of_address("Address"),
    "city": f"{_of_address('Town')} | {_of_address('PostCodeAndTown')}",
    "state": _of_address("Province"),
    "postal_code": _of_address("PostCode"),
    "country": _of_address("CountryCode"),
    "email": "LegalEntity/ContactDetails/ElectronicMail | Individual/ContactDetails/ElectronicMail",
    "phone": "LegalEntity/ContactDetails/Telephone | Individual/ContactDetails/Telephone",
}
_LINE: Paths = {
    "line_no": "SequenceNumber",
    "description": "ItemDescription",
    "product_code": "ArticleCode",
    "quantity": "Quantity",
    "unit_price": "UnitPriceWithoutTax",
    "net_amount": "GrossAmount | TotalCost",
    "tax_rate": "TaxesOutputs/Tax/TaxRate",
    "date": "TransactionDate",
    "po_number": "ReceiverTransactionReference",
}
_ORIGINAL: Paths = {"number": "InvoiceSeriesCode & InvoiceNumber", "date": "InvoiceIssueDate"}
_TAX: Paths = {"rate": "TaxRate", "taxable_amount": "TaxableBase/TotalAmount", "amount": "TaxAmount/TotalAmount"}
_SURCHARGE: Paths = {
    "rate": "EquivalenceSurcharge",
    "taxable_amount": "TaxableBase/TotalAmount",
    "amount": "EquivalenceSurchargeAmount/TotalAmount",
}
_WITHHELD: Paths = {"rate": "TaxRate", "amount": "TaxAmount/TotalAmount"}
#: InvoiceClass of corrective invoices and of their copies
_CORRECTIVE = frozenset({"OR", "CR"})
#: CorrectionMethod: by the differences
_DIFFERENCES = "02"


def read_facturae(root: Node) -> tuple[str | None, tuple[InvoiceReading, ...]]:
    """Version and all invoices of a ``Facturae``."""
    return root.text("FileHeader/SchemaVersion"), tuple(_invoice(root, node) for node in root.all("Invoices/Invoice"))


def _invoice(root: Node, node: Node) -> InvoiceReading:
    values = XmlValues()
    assignment = root.part("FileHeader/FactoringAssignmentData")
    installments = node.all("PaymentDetails/Installment") + assignment.all("PaymentDetails/Installment")
    lines, unchecked = _lines(node, values)
    invoice = read_record(
        Invoice,
        node,
        _INVOICE,
        values,
        original_invoice=_original(node, values),
        seller=_party(root.find("Parties/SellerParty"), values, "seller") or Party(),
        buyer=_party(root.find("Parties/BuyerParty"), values, "buyer"),
        remit_to=_party(assignment.find("Assignee"), values, "remit_to"),
        due_date=first_date(installments, "InstallmentDueDate", "due_date", values),
        taxes=_taxes(node, values),
        withholdings=_withholdings(node, values),
        line_items=lines,
        payment=_payment(assignment.all("PaymentDetails/Installment") or installments, installments),
        notes="\n".join(_notes(node)) or None,
    )
    invoice = _in_tax_currency(_with_balance(invoice, node, values), node, values)
    _remark_self_billing(root, node, values)
    invoice = replace(invoice, document_type=_document_type(node, invoice.total))
    return reading_of_invoice(invoice, values, unchecked_lines=unchecked)


def _document_type(node: Node, total: Decimal | None) -> str:
    if node.text(f"{_HEADER}/InvoiceClass") not in _CORRECTIVE or not total:
        return "invoice"
    if total < 0:
        return "credit_note"
    # one that replaces the whole invoice (method 01) is an invoice
    return "debit_note" if node.text(f"{_HEADER}/Corrective/CorrectionMethod") == _DIFFERENCES else "invoice"


def _remark_self_billing(root: Node, node: Node, values: XmlValues) -> None:
    issuer, kind = root.text("FileHeader/InvoiceIssuerType"), node.text(f"{_HEADER}/InvoiceDocumentType")
    self_billed_if("RE" if issuer == "RE" else "AF" if kind == "AF" else None, values)


def _original(node: Node, values: XmlValues) -> OriginalInvoice | None:
    found = node.find(f"{_HEADER}/Corrective")
    if found is None:
        return None
    return unless_empty(read_record(OriginalInvoice, found, _ORIGINAL, values, field="original_invoice"))


def _party(node: Node | None, values: XmlValues, role: str) -> Party | None:
    """A party. The tax number of one that lives outside the EU (``E``) is of its own country."""
    if node is None:
        return None
    abroad = node.text("TaxIdentification/ResidenceTypeCode") == "E"
    party = read_party(node, _PARTY, values, role, kind="OTHER" if abroad else "VAT")
    return replace(party, trading_name=None) if party and party.trading_name == party.name else party


def _taxes(node: Node, values: XmlValues) -> tuple[Tax, ...]:
    """Taxes by rate, each with its equivalence surcharge (recargo de equivalencia) as a tax of its own."""
    events = set(node.texts("Items/InvoiceLine/SpecialTaxableEvent/SpecialTaxableEventCode"))
    taxes: list[Tax] = []
    for each in node.all("TaxesOutputs/Tax"):
        tax = read_record(Tax, each, _TAX, values, field="taxes", name=_tax_name(each))
        taxes.append(replace(tax, category=_category(tax, events)))
        if text_at(each, _SURCHARGE["amount"]):
            name = "Recargo de equivalencia"
            taxes.append(read_record(Tax, each, _SURCHARGE, values, field="taxes", name=name))
    return tuple(taxes)


def _category(tax: Tax, events: set[str]) -> str | None:
    if tax.rate is None or tax.name != "VAT":
        return None
    if tax.rate:
        return "S"
    return EVENTS.get(next(iter(events))) if len(events) == 1 else None


def _tax_name(node: Node) -> str | None:
    code = node.text("TaxTypeCode")
    return TAXES.get(code, code) if code else None


def _withholdings(node: Node, values: XmlValues) -> tuple[Withholding, ...]:
    return tuple(
        read_record(Withholding, each, _WITHHELD, values, field="withholdings", name=_tax_name(each))
        for each in node.all("TaxesWithheld/Tax")
    )


def _with_balance(invoice: Invoice, node: Node, values: XmlValues) -> Invoice:
    """What stands between the total and the amount to pay, besides payments on account."""
    totals = node.part(_TOTALS)

    def amounts(path: str) -> Decimal | None:
        return sum_of(values.amount(each.value, "previous_balance") for each in totals.all(path))

    added = [amounts("TotalReimbursableExpenses"), amounts("TotalFinancialExpenses")]
    taken = [
        amounts("AmountsWithheld/WithholdingAmount"),
        amounts("Subsidies/Subsidy/SubsidyAmount"),
        amounts("PaymentInKind/PaymentInKindAmount"),
    ]
    balance = (sum_of(added) or Decimal(0)) - (sum_of(taken) or Decimal(0))
    return replace(invoice, previous_balance=balance) if balance else invoice


def _in_tax_currency(invoice: Invoice, node: Node, values: XmlValues) -> Invoice:
    """The taxes in euros (EquivalentInEuros) of an invoice in another currency."""
    if invoice.currency == "EUR":
        return invoice
    names = ("TaxAmount", "EquivalenceSurchargeAmount")
    found = [each for name in names for each in node.all(f"TaxesOutputs/Tax/{name}/EquivalentInEuros")]
    total = sum_of(values.amount(each.value, "tax_total_in_tax_currency") for each in found)
    return invoice if total is None else replace(invoice, tax_currency="EUR", tax_total_in_tax_currency=total)


def _payment(paid_to: Iterable[Node], installments: Iterable[Node]) -> Payment | None:
    """How to pay. When the claim is sold (factoring), only the accounts of the new creditor take the payment."""
    installments = list(installments)
    return payment_of(
        terms="; ".join(text for node in installments for text in node.texts("CollectionAdditionalInformation"))
        or None,
        methods=(METHODS.get(code, code) for node in installments if (code := node.text("PaymentMeans"))),
        reference=next((text for node in installments if (text := node.text("PaymentReconciliationReference"))), None),
        accounts=(_account(node.find("AccountToBeCredited")) for node in paid_to),
    )


def _account(node: Node | None) -> BankAccount | None:
    if node is None:
        return None
    return account_of(node.text("IBAN", "AccountNumber"), bic=node.code("BIC"), branch=node.text("BranchCode"))


def _lines(node: Node, values: XmlValues) -> tuple[tuple[LineItem, ...], frozenset[int]]:
    """All lines, and the indexes of those with surcharges."""
    lines, unchecked = [], set()
    for index, each in enumerate(node.all("Items/InvoiceLine")):
        field = f"line_items[{index}]"
        discounts = each.all("DiscountsAndRebates/Discount/DiscountAmount")
        code = each.text("UnitOfMeasure")
        line = read_record(
            LineItem,
            each,
            _LINE,
            values,
            field=field,
            unit=UNITS.get(code, code) if code else None,
            discount_amount=sum_of(values.amount(one.value, f"{field}.discount_amount") for one in discounts),
            tax_amount=amount_at(each, "TaxesOutputs/Tax/TaxAmount/TotalAmount", f"{field}.tax_amount", values),
        )
        if each.find("Charges/Charge") is not None:
            unchecked.add(index)
        lines.append(line)
    return tuple(lines), frozenset(unchecked)


def _notes(node: Node) -> Iterable[str]:
    yield from texts_at(node, f"{_ISSUE}/InvoiceDescription")
    yield from texts_at(node, f"{_HEADER}/Corrective/ReasonDescription")
    yield from texts_at(node, f"{_HEADER}/Corrective/AdditionalReasonDescription")
    yield from texts_at(node, "LegalLiterals/LegalReference")
    yield from texts_at(node, "AdditionalData/InvoiceAdditionalInformation")
