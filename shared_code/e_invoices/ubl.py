"""UBL: XRechnung, Peppol BIS Billing and plain UBL 2, as ``Invoice``, ``CreditNote`` or ``DebitNote``.

The mapping is that of the syntax binding to UBL 2.1 (ISO/IEC 19845; CEN/TS 16931-3-2); BT and BG numbers are the
business terms of EN 16931-1. ``WithholdingTaxTotal`` and debit notes are UBL without a business term.
"""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from shared_code.e_invoices.codes import (
    account_of,
    currency_of,
    discount_of,
    document_type_of,
    harmonised_code,
    is_bic,
    payment_method,
    payment_of,
    self_billed,
    tax_number_of,
    tax_totals_of,
    unit_price_of,
)
from shared_code.e_invoices.xml import Node, XmlValues
from shared_code.invoices.countries import country_code
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

_TYPE_BY_ROOT = {"Invoice": "invoice", "CreditNote": "credit_note", "DebitNote": "debit_note"}
_SUMMATION = ("LegalMonetaryTotal", "RequestedMonetaryTotal")
_LINES = ("InvoiceLine", "CreditNoteLine", "DebitNoteLine")
_QUANTITIES = ("InvoicedQuantity", "CreditedQuantity", "DebitedQuantity")


def read_ubl(root: Node) -> tuple[str | None, tuple[InvoiceReading, ...]]:
    """Profile and invoice of a UBL root element; what is not there is None."""
    values = XmlValues()
    type_code = root.text("InvoiceTypeCode", "CreditNoteTypeCode")  # BT-3
    lines, unchecked = _lines(root, values)
    invoice = Invoice(
        document_type=_document_type(root, type_code),
        invoice_number=root.text("ID"),  # BT-1
        po_numbers=root.texts("OrderReference/ID"),  # BT-13
        delivery_note_numbers=root.texts("DespatchDocumentReference/ID"),  # BT-16
        contract_number=root.text("ContractDocumentReference/ID"),  # BT-12
        original_invoice=_original(root, values),  # BG-3
        seller=_party(root.find("AccountingSupplierParty/Party")) or Party(),  # BG-4
        buyer=_party(root.find("AccountingCustomerParty/Party")),  # BG-7
        ship_to=_ship_to(root.find("Delivery")),  # BG-13
        remit_to=_party(root.find("PayeeParty")),  # BG-10
        taxes=_taxes(root, values),  # BG-23
        withholdings=_withholdings(root, values),
        line_items=lines,
        payment=_payment(root),
        notes="\n".join(block for node in root.all("Note") if (block := node.block)) or None,
    )
    invoice = _with_totals(_with_dates(invoice, root, values), root, values)
    values.remark(self_billed(type_code))
    reading = InvoiceReading(invoice, tuple(values.findings), unchecked_lines=unchecked)
    return root.text("CustomizationID"), (reading,)  # BT-24


def _document_type(root: Node, type_code: str | None) -> str | None:
    """By the type code in an ``Invoice``, which may be a credit note by it; else by the root element."""
    by_root = _TYPE_BY_ROOT[root.name]
    by_code = document_type_of(type_code, default=by_root)
    return by_code if by_root == "invoice" else by_root


def _with_dates(invoice: Invoice, root: Node, values: XmlValues) -> Invoice:
    def day(field: str, *paths: str) -> date | None:
        return values.date(root.text(*paths), field)

    return replace(
        invoice,
        invoice_date=day("invoice_date", "IssueDate"),  # BT-2
        # BT-9: credit notes and older versions have it elsewhere than invoices
        due_date=day("due_date", "DueDate", "PaymentMeans/PaymentDueDate", "PaymentTerms/PaymentDueDate"),
        delivery_date=day("delivery_date", "Delivery/ActualDeliveryDate"),  # BT-72
        service_period_start=day("service_period_start", "InvoicePeriod/StartDate"),  # BT-73
        service_period_end=day("service_period_end", "InvoicePeriod/EndDate"),  # BT-74
        impossible_dates=tuple(values.impossible),
    )


def _with_totals(invoice: Invoice, root: Node, values: XmlValues) -> Invoice:
    summation = root.part(*_SUMMATION)

    def amount(field: str, tag: str) -> Decimal | None:
        return values.amount(summation.text(tag), field)

    currency = currency_of(root.text("DocumentCurrencyCode"), values.findings)  # BT-5
    # BT-6, the currency of the tax report, in which the tax total may be given once more (BT-111)
    tax_currency = currency_of(root.text("TaxCurrencyCode"), values.findings, field="tax_currency")
    tax_total, in_tax_currency = tax_totals_of(root.all("TaxTotal/TaxAmount"), currency, tax_currency, values)
    return replace(
        invoice,
        currency=currency,
        tax_currency=tax_currency,
        exchange_rate=values.amount(root.text("TaxExchangeRate/CalculationRate"), "exchange_rate"),
        subtotal=amount("subtotal", "LineExtensionAmount"),  # BT-106
        discount_total=amount("discount_total", "AllowanceTotalAmount"),  # BT-107
        charges_total=amount("charges_total", "ChargeTotalAmount"),  # BT-108
        net_total=amount("net_total", "TaxExclusiveAmount"),  # BT-109
        tax_total=tax_total,  # BT-110
        tax_total_in_tax_currency=in_tax_currency,
        round_off=amount("round_off", "PayableRoundingAmount"),  # BT-114
        total=amount("total", "TaxInclusiveAmount"),  # BT-112
        amount_paid=amount("amount_paid", "PrepaidAmount"),  # BT-113
        amount_due=amount("amount_due", "PayableAmount"),  # BT-115
    )


def _original(root: Node, values: XmlValues) -> OriginalInvoice | None:
    found = root.find("BillingReference/InvoiceDocumentReference", "BillingReference/CreditNoteDocumentReference")
    if found is None:
        return None
    issued = values.date(found.text("IssueDate"), "original_invoice.date")
    return unless_empty(OriginalInvoice(number=found.text("ID"), date=issued))


def _party(node: Node | None) -> Party | None:
    if node is None:
        return None
    party = _with_address(Party(), node.part("PostalAddress"))
    numbers = ((each.text("TaxScheme/ID"), each.code("CompanyID")) for each in node.all("PartyTaxScheme"))
    tax_id, kind = tax_number_of(numbers, party.country, vat="VAT")
    endpoint = node.part("EndpointID")  # BT-34, BT-49; an e-mail address under scheme EM of the EAS code list
    party = replace(
        party,
        # the trading name (BT-28, BT-45), else the registered one (BT-27, BT-44)
        name=node.text("PartyName/Name", "PartyLegalEntity/RegistrationName"),
        tax_id=tax_id,
        tax_id_type=kind,
        registration_number=node.text("PartyLegalEntity/CompanyID"),  # BT-30, BT-47
        email=node.text("Contact/ElectronicMail")
        or (endpoint.value if endpoint.attribute("schemeID") == "EM" else None),
        phone=node.text("Contact/Telephone"),
    )
    return unless_empty(party)


def _with_address(party: Party, address: Node) -> Party:
    street = " ".join(address.texts("StreetName", "BuildingNumber"))
    lines = dict.fromkeys([street, *address.texts("AdditionalStreetName", "AddressLine/Line")])
    return replace(
        party,
        address=", ".join(line for line in lines if line) or None,
        city=address.text("CityName"),
        state=address.text("CountrySubentity"),
        state_code=address.text("CountrySubentityCode"),
        postal_code=address.text("PostalZone"),
        country=country_code(address.text("Country/IdentificationCode")),
    )


def _ship_to(delivery: Node | None) -> Party | None:
    if delivery is None:
        return None
    address = delivery.part("DeliveryLocation/Address", "DeliveryAddress")
    return unless_empty(replace(_with_address(Party(), address), name=delivery.text("DeliveryParty/PartyName/Name")))


def _taxes(root: Node, values: XmlValues) -> tuple[Tax, ...]:
    """Taxes by rate, without those that repeat the tax in the currency of the tax report."""
    currency = root.text("DocumentCurrencyCode")
    return tuple(
        Tax(
            name=node.text("TaxCategory/TaxScheme/ID", "TaxCategory/TaxScheme/Name"),
            rate=values.amount(node.text("TaxCategory/Percent", "Percent"), "taxes.rate"),  # BT-119
            taxable_amount=values.amount(node.text("TaxableAmount"), "taxes.taxable_amount"),  # BT-116
            amount=values.amount(node.text("TaxAmount"), "taxes.amount"),  # BT-117
            category=node.text("TaxCategory/ID"),  # BT-118
        )
        for node in root.all("TaxTotal/TaxSubtotal")
        if node.part("TaxAmount").attribute("currencyID") in {currency, None}
    )


def _withholdings(root: Node, values: XmlValues) -> tuple[Withholding, ...]:
    return tuple(
        Withholding(
            name=node.text("TaxSubtotal/TaxCategory/TaxScheme/Name", "TaxSubtotal/TaxCategory/TaxScheme/ID"),
            rate=values.amount(node.text("TaxSubtotal/TaxCategory/Percent"), "withholdings.rate"),
            amount=values.amount(node.text("TaxAmount"), "withholdings.amount"),
        )
        for node in root.all("WithholdingTaxTotal")
    )


def _payment(root: Node) -> Payment | None:
    means = root.all("PaymentMeans")
    return payment_of(
        terms="; ".join(root.texts("PaymentTerms/Note")) or None,  # BT-20
        methods=map(_method, means),
        reference=root.text("PaymentMeans/PaymentID"),  # BT-83
        accounts=(_account(node.find("PayeeFinancialAccount")) for node in means),
    )


def _method(node: Node) -> str | None:
    code = node.part("PaymentMeansCode")
    return payment_method(code.value) or code.attribute("name")  # BT-81, BT-82


def _account(node: Node | None) -> BankAccount | None:
    if node is None:
        return None
    branch = node.code("FinancialInstitutionBranch/ID", "FinancialInstitutionBranch/FinancialInstitution/ID")
    return account_of(
        node.text("ID"),  # BT-84
        account_name=node.text("Name"),  # BT-85
        bic=branch if is_bic(branch) else None,  # BT-86
        branch=None if is_bic(branch) else branch,
        bank_name=node.text("FinancialInstitutionBranch/FinancialInstitution/Name", "FinancialInstitutionBranch/Name"),
    )


def _lines(root: Node, values: XmlValues) -> tuple[tuple[LineItem, ...], frozenset[int]]:
    """All lines, and the indexes of those with surcharges."""
    lines, unchecked = [], set()
    for index, node in enumerate(root.all(*_LINES)):
        line, has_surcharge = _line(node, f"line_items[{index}]", values)
        lines.append(line)
        if has_surcharge:
            unchecked.add(index)
    return tuple(lines), frozenset(unchecked)


def _line(node: Node, field: str, values: XmlValues) -> tuple[LineItem, bool]:
    item = node.part("Item")
    quantity = node.part(*_QUANTITIES)
    discount, has_surcharge = discount_of(
        node.all("AllowanceCharge"), field, values, indicators=("ChargeIndicator",), amount="Amount"
    )
    line = LineItem(
        line_no=node.text("ID"),  # BT-126
        # BT-153 and BT-154, else the note BT-127
        description=" - ".join(item.texts("Name", "Description")) or node.text("Note"),
        product_code=item.text(  # BT-155, BT-157, BT-156
            "SellersItemIdentification/ID", "StandardItemIdentification/ID", "BuyersItemIdentification/ID"
        ),
        hsn_sac=harmonised_code(item.all("CommodityClassification/ItemClassificationCode")),  # BT-158
        quantity=values.amount(quantity.value, f"{field}.quantity"),  # BT-129
        unit=quantity.attribute("unitCode"),  # BT-130
        unit_price=_unit_price(node, field, values),  # BT-146
        discount_amount=discount,  # BT-136
        net_amount=values.amount(node.text("LineExtensionAmount"), f"{field}.net_amount"),  # BT-131
        tax_rate=values.amount(item.text("ClassifiedTaxCategory/Percent"), f"{field}.tax_rate"),  # BT-152
        tax_amount=values.amount(node.text("TaxTotal/TaxAmount"), f"{field}.tax_amount"),
        po_number=node.text("OrderLineReference/OrderReference/ID"),
    )
    return line, has_surcharge


def _unit_price(node: Node, field: str, values: XmlValues) -> Decimal | None:
    """The net price of one unit (BT-146); it may be given for several (BT-149)."""
    base = values.amount(node.text("Price/BaseQuantity"), f"{field}.unit_price")
    return unit_price_of(values.amount(node.text("Price/PriceAmount"), f"{field}.unit_price"), base)
