"""UBL 2: XRechnung, Peppol BIS and plain UBL, as ``Invoice``, ``CreditNote`` or ``DebitNote``."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from shared_code.e_invoices.codes import (
    account_of,
    currency_of,
    document_type_of,
    is_bic,
    payment_method,
    self_billed,
    tax_id_type,
    tax_totals_of,
)
from shared_code.e_invoices.ubl_lines import read_lines
from shared_code.e_invoices.xml import Node, XmlInvoice, XmlValues
from shared_code.invoices.countries import country_code
from shared_code.invoices.schema import BankAccount, Invoice, OriginalInvoice, Party, Payment, Tax, Withholding

_TYPE_BY_ROOT = {"Invoice": "invoice", "CreditNote": "credit_note", "DebitNote": "debit_note"}
_SUMMATION = ("LegalMonetaryTotal", "RequestedMonetaryTotal")


def read_ubl(root: Node) -> XmlInvoice:
    """The invoice of a UBL root element; what is not there is None."""
    values = XmlValues()
    type_code = root.text("InvoiceTypeCode", "CreditNoteTypeCode")
    lines, unchecked = read_lines(root, values)
    invoice = Invoice(
        document_type=_document_type(root, type_code),
        invoice_number=root.text("ID"),
        po_numbers=root.texts("OrderReference/ID"),
        delivery_note_numbers=root.texts("DespatchDocumentReference/ID"),
        contract_number=root.text("ContractDocumentReference/ID"),
        original_invoice=_original(root, values),
        seller=_party(root.find("AccountingSupplierParty/Party")) or Party(),
        buyer=_party(root.find("AccountingCustomerParty/Party")),
        ship_to=_ship_to(root.find("Delivery")),
        remit_to=_party(root.find("PayeeParty")),
        taxes=_taxes(root, values),
        withholdings=_withholdings(root, values),
        line_items=lines,
        payment=_payment(root),
        notes="\n".join(block for node in root.all("Note") if (block := node.block)) or None,
    )
    invoice = _with_totals(_with_dates(invoice, root, values), root, values)
    values.remark(self_billed(type_code))
    return XmlInvoice(invoice, root.text("CustomizationID"), tuple(values.findings), unchecked)


def _document_type(root: Node, type_code: str | None) -> str | None:
    """By the code, where it is one of an invoice; a credit note's root is never anything else."""
    by_root = _TYPE_BY_ROOT[root.name]
    by_code = document_type_of(type_code, default=by_root)
    return by_code if by_root == "invoice" else by_root


def _with_dates(invoice: Invoice, root: Node, values: XmlValues) -> Invoice:
    def day(field: str, *paths: str) -> date | None:
        return values.date(root.text(*paths), field)

    return replace(
        invoice,
        invoice_date=day("invoice_date", "IssueDate"),
        due_date=day("due_date", "DueDate", "PaymentMeans/PaymentDueDate", "PaymentTerms/PaymentDueDate"),
        delivery_date=day("delivery_date", "Delivery/ActualDeliveryDate"),
        service_period_start=day("service_period_start", "InvoicePeriod/StartDate"),
        service_period_end=day("service_period_end", "InvoicePeriod/EndDate"),
        impossible_dates=tuple(values.impossible),
    )


def _with_totals(invoice: Invoice, root: Node, values: XmlValues) -> Invoice:
    summation = root.part(*_SUMMATION)

    def amount(field: str, tag: str) -> Decimal | None:
        return values.amount(summation.text(tag), field)

    currency = currency_of(root.text("DocumentCurrencyCode"), values.findings)
    tax_currency = currency_of(root.text("TaxCurrencyCode"), values.findings, field="tax_currency")
    tax_total, in_tax_currency = tax_totals_of(root.all("TaxTotal/TaxAmount"), currency, tax_currency, values)
    return replace(
        invoice,
        currency=currency,
        tax_currency=tax_currency,
        exchange_rate=values.amount(root.text("TaxExchangeRate/CalculationRate"), "exchange_rate"),
        subtotal=amount("subtotal", "LineExtensionAmount"),
        discount_total=amount("discount_total", "AllowanceTotalAmount"),
        charges_total=amount("charges_total", "ChargeTotalAmount"),
        net_total=amount("net_total", "TaxExclusiveAmount"),
        tax_total=tax_total,
        tax_total_in_tax_currency=in_tax_currency,
        round_off=amount("round_off", "PayableRoundingAmount"),
        total=amount("total", "TaxInclusiveAmount"),
        amount_paid=amount("amount_paid", "PrepaidAmount"),
        amount_due=amount("amount_due", "PayableAmount"),
    )


def _original(root: Node, values: XmlValues) -> OriginalInvoice | None:
    found = root.find("BillingReference/InvoiceDocumentReference", "BillingReference/CreditNoteDocumentReference")
    if found is None:
        return None
    original = OriginalInvoice(
        number=found.text("ID"), date=values.date(found.text("IssueDate"), "original_invoice.date")
    )
    return None if original == OriginalInvoice() else original


def _party(node: Node | None) -> Party | None:
    if node is None:
        return None
    party = _with_address(Party(), node.part("PostalAddress"))
    tax_id, kind = _tax_id(node, party.country)
    endpoint = node.part("EndpointID")
    party = replace(
        party,
        name=node.text("PartyName/Name", "PartyLegalEntity/RegistrationName"),
        tax_id=tax_id,
        tax_id_type=kind,
        registration_number=node.text("PartyLegalEntity/CompanyID"),
        email=node.text("Contact/ElectronicMail")
        or (endpoint.value if endpoint.attribute("schemeID") == "EM" else None),
        phone=node.text("Contact/Telephone"),
    )
    return None if party == Party() else party


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


def _tax_id(node: Node, country: str | None) -> tuple[str | None, str | None]:
    """The VAT number where there is one, else the first tax number."""
    numbers = [(entry.text("TaxScheme/ID"), entry.code("CompanyID")) for entry in node.all("PartyTaxScheme")]
    numbers = [entry for entry in numbers if entry[1]]
    scheme, number = next((entry for entry in numbers if entry[0] == "VAT"), (numbers or [(None, None)])[0])
    return number, tax_id_type(scheme, number, country)


def _ship_to(delivery: Node | None) -> Party | None:
    if delivery is None:
        return None
    address = delivery.part("DeliveryLocation/Address", "DeliveryAddress")
    party = replace(_with_address(Party(), address), name=delivery.text("DeliveryParty/PartyName/Name"))
    return None if party == Party() else party


def _taxes(root: Node, values: XmlValues) -> tuple[Tax, ...]:
    """Taxes by rate, without those that repeat the tax in the currency of its report."""
    currency = root.text("DocumentCurrencyCode")
    return tuple(
        Tax(
            name=node.text("TaxCategory/TaxScheme/ID", "TaxCategory/TaxScheme/Name"),
            rate=values.amount(node.text("TaxCategory/Percent", "Percent"), "taxes.rate"),
            taxable_amount=values.amount(node.text("TaxableAmount"), "taxes.taxable_amount"),
            amount=values.amount(node.text("TaxAmount"), "taxes.amount"),
            category=node.text("TaxCategory/ID"),
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
    accounts = [account for node in means if (account := _account(node.find("PayeeFinancialAccount")))]
    payment = Payment(
        terms="; ".join(root.texts("PaymentTerms/Note")) or None,
        method=next((text for node in means if (text := _method(node))), None),
        reference=root.text("PaymentMeans/PaymentID"),
        bank_accounts=tuple(dict.fromkeys(accounts)),
    )
    return None if payment == Payment() else payment


def _method(node: Node) -> str | None:
    code = node.part("PaymentMeansCode")
    return payment_method(code.value) or code.attribute("name")


def _account(node: Node | None) -> BankAccount | None:
    if node is None:
        return None
    branch = node.code("FinancialInstitutionBranch/ID", "FinancialInstitutionBranch/FinancialInstitution/ID")
    return account_of(
        node.text("ID"),
        account_name=node.text("Name"),
        bic=branch if is_bic(branch) else None,
        branch=None if is_bic(branch) else branch,
        bank_name=node.text("FinancialInstitutionBranch/FinancialInstitution/Name", "FinancialInstitutionBranch/Name"),
    )
