"""UBL: XRechnung, Peppol BIS Billing, PINT, OIOUBL, UBL-TR and other profiles, and plain UBL 2.

The mapping is that of the syntax binding to UBL 2.1 (ISO/IEC 19845; CEN/TS 16931-3-2); BT and BG numbers are the
business terms of EN 16931-1. ``WithholdingTaxTotal`` and debit notes are UBL without a business term. What national
profiles mean otherwise is in :mod:`.ubl_profiles`.
"""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from shared_code.e_invoices import ubl_profiles as profiles
from shared_code.e_invoices.codes import currency_of, tax_totals_of
from shared_code.e_invoices.ubl_lines import read_lines, read_tax
from shared_code.e_invoices.ubl_parties import read_party, read_payee, read_ship_to
from shared_code.e_invoices.ubl_payment import read_payment
from shared_code.e_invoices.xml import Node, XmlValues
from shared_code.invoices.reading import InvoiceReading
from shared_code.invoices.schema import Invoice, OriginalInvoice, Party, Tax, Withholding, money_text, unless_empty
from shared_code.records import Finding

_SUMMATION = ("LegalMonetaryTotal", "RequestedMonetaryTotal")


def read_ubl(root: Node) -> tuple[str | None, tuple[InvoiceReading, ...]]:
    """Profile and invoice of a UBL root element; what is not there is None."""
    values = XmlValues()
    lines, unchecked = read_lines(root, values)
    invoice = Invoice(
        document_type=profiles.document_type(root),  # BT-3
        invoice_number=root.text("ID"),  # BT-1
        po_numbers=root.texts("OrderReference/ID"),  # BT-13
        delivery_note_numbers=root.texts("DespatchDocumentReference/ID"),  # BT-16
        contract_number=root.text("ContractDocumentReference/ID"),  # BT-12
        original_invoice=_original(root, values),  # BG-3
        seller=read_party(root.find("AccountingSupplierParty/Party")) or Party(),  # BG-4
        buyer=read_party(profiles.buyer_of(root)),  # BG-7
        ship_to=read_ship_to(root.find("Delivery")),  # BG-13
        remit_to=read_payee(root.find("PayeeParty")),  # BG-10
        withholdings=_withholdings(root, values),
        line_items=lines,
        notes="\n".join(block for node in root.all("Note") if (block := node.block)) or None,
    )
    invoice = _with_totals(_with_dates(invoice, root, values), root, values)
    due_date, payment = read_payment(root, invoice.invoice_date, values)
    invoice = replace(invoice, due_date=due_date, payment=payment, impossible_dates=tuple(values.impossible))
    values.remark(profiles.self_billing(root))
    for_others = profiles.third_party_payments(root, values)
    if for_others:
        message = "The amount due holds payments that the seller collects for others."
        values.remark(
            Finding("third_party_payments", message, "amount_due", found=money_text(for_others), review=False)
        )
    reading = InvoiceReading(
        invoice,
        tuple(values.findings),
        unchecked_lines=unchecked,
        for_others=for_others,
        out_of_scope=profiles.is_out_of_scope(root),
    )
    return root.text("CustomizationID"), (reading,)  # BT-24


def _with_dates(invoice: Invoice, root: Node, values: XmlValues) -> Invoice:
    def day(field: str, *paths: str) -> date | None:
        return values.date(root.text(*paths), field)

    return replace(
        invoice,
        invoice_date=day("invoice_date", "IssueDate"),  # BT-2
        delivery_date=day("delivery_date", "Delivery/ActualDeliveryDate"),  # BT-72
        service_period_start=day("service_period_start", "InvoicePeriod/StartDate"),  # BT-73
        service_period_end=day("service_period_end", "InvoicePeriod/EndDate"),  # BT-74
    )


def _with_totals(invoice: Invoice, root: Node, values: XmlValues) -> Invoice:
    summation = root.part(*_SUMMATION)

    def amount(field: str, tag: str) -> Decimal | None:
        return values.amount(summation.text(tag), field)

    currency = currency_of(root.text("DocumentCurrencyCode") or _currency_of(summation), values.findings)  # BT-5
    # BT-6, the currency of the tax report, in which the tax total may be given once more (BT-111)
    tax_currency = currency_of(root.text("TaxCurrencyCode"), values.findings, field="tax_currency")
    totals = [node for node in root.all("TaxTotal") if node.find("TaxAmount") is not None]
    tax_total, in_tax_currency = tax_totals_of(
        [node.part("TaxAmount") for node in totals],
        currency,
        tax_currency,
        values,
        detailed=[node.find("TaxSubtotal") is not None for node in totals],
    )
    return replace(
        invoice,
        currency=currency,
        tax_currency=tax_currency,
        exchange_rate=values.amount(root.text("TaxExchangeRate/CalculationRate"), "exchange_rate"),
        subtotal=amount("subtotal", "LineExtensionAmount"),  # BT-106
        discount_total=amount("discount_total", "AllowanceTotalAmount"),  # BT-107
        charges_total=amount("charges_total", "ChargeTotalAmount"),  # BT-108
        net_total=profiles.net_total(root, summation, values),  # BT-109
        tax_total=tax_total,  # BT-110
        tax_total_in_tax_currency=in_tax_currency,
        round_off=amount("round_off", "PayableRoundingAmount"),  # BT-114
        total=amount("total", "TaxInclusiveAmount"),  # BT-112
        amount_paid=amount("amount_paid", "PrepaidAmount"),  # BT-113
        amount_due=amount("amount_due", "PayableAmount"),  # BT-115
        taxes=_taxes(root, currency, values),  # BG-23
    )


def _currency_of(summation: Node) -> str | None:
    """The currency that all totals bear; None when they bear several, or none."""
    codes = {code for node in summation.children if (code := node.attribute("currencyID")) is not None}
    return codes.pop() if len(codes) == 1 else None


def _original(root: Node, values: XmlValues) -> OriginalInvoice | None:
    found = root.find("BillingReference/InvoiceDocumentReference", "BillingReference/CreditNoteDocumentReference")
    if found is None:
        return None
    issued = values.date(found.text("IssueDate"), "original_invoice.date")
    return unless_empty(OriginalInvoice(number=found.text("ID"), date=issued))


def _taxes(root: Node, currency: str | None, values: XmlValues) -> tuple[Tax, ...]:
    """Taxes by rate, without those that repeat the tax in the currency of the tax report."""
    nodes = [(node, node.part("TaxAmount").attribute("currencyID")) for node in root.all("TaxTotal/TaxSubtotal")]
    own = [node for node, unit in nodes if currency is None or unit is None or unit.upper() == currency]
    return tuple(read_tax(node, values, "taxes") for node in own)


def _withholdings(root: Node, values: XmlValues) -> tuple[Withholding, ...]:
    return tuple(
        Withholding(
            name=node.text("TaxSubtotal/TaxCategory/TaxScheme/Name", "TaxSubtotal/TaxCategory/TaxScheme/ID"),
            rate=values.amount(node.text("TaxSubtotal/TaxCategory/Percent"), "withholdings.rate"),
            amount=values.amount(node.text("TaxAmount"), "withholdings.amount"),
        )
        for node in root.all("WithholdingTaxTotal")
    )
