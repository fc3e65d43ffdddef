"""Finvoice, the Finnish e-invoice, versions 1.3 to 3.0.

Elements are those of the schema Finvoice3.0.xsd, their meaning that of the "Finvoice 3.0 Implementation Guidelines"
(Finance Finland), whose data list names the business terms of EN 16931-1 (BT, BG).

* Amounts have a decimal comma. Some makers write a point.
* The currency is only given with the amounts.
* ``EpiDetails`` is what a bank needs: the account to be paid (it may be a factor's), the reference, the amount due.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from shared_code.e_invoices.codes import account_of, document_type_of, payment_method, payment_of
from shared_code.e_invoices.national.finvoice_rows import NOT_NIL, CommaValues, read_rows, rows_of
from shared_code.e_invoices.national.paths import (
    Paths,
    date_at,
    first_date,
    read_party,
    read_record,
    read_records,
    reading_of_invoice,
    self_billed_if,
    texts_at,
    with_discounts,
)
from shared_code.e_invoices.xml import Node, XmlValues
from shared_code.invoices.reading import InvoiceReading
from shared_code.invoices.schema import (
    BankAccount,
    CashDiscount,
    Invoice,
    OriginalInvoice,
    Party,
    Payment,
    Tax,
    unless_empty,
)
from shared_code.records import Finding

_DETAILS = "InvoiceDetails"
_INSTRUCTION = "EpiDetails/EpiPaymentInstructionDetails"
_TERMS = f"{_DETAILS}/PaymentTermsDetails"
_INVOICE: Paths = {
    "invoice_number": "InvoiceDetails/InvoiceNumber",
    "invoice_date": "InvoiceDetails/InvoiceDate",
    "delivery_date": "DeliveryDetails/DeliveryDate",
    "service_period_start": "InvoiceDetails/InvoicingPeriodStartDate | DeliveryDetails/DeliveryPeriodDetails/StartDate",
    "service_period_end": "InvoiceDetails/InvoicingPeriodEndDate | DeliveryDetails/DeliveryPeriodDetails/EndDate",
    "currency": (
        "InvoiceDetails/InvoiceTotalVatIncludedAmount/@AmountCurrencyIdentifier"
        " | EpiDetails/EpiPaymentInstructionDetails/EpiInstructedAmount/@AmountCurrencyIdentifier"
    ),
    "exchange_rate": "InvoiceDetails/ExchangeRate",
    "po_numbers": "InvoiceDetails/OrderIdentifier",
    "delivery_note_numbers": "DeliveryDetails/DeliveryNoteIdentifier",
    "contract_number": "InvoiceDetails/AgreementIdentifier",
    "subtotal": "InvoiceDetails/RowsTotalVatExcludedAmount",
    "discount_total": "InvoiceDetails/DiscountsTotalVatExcludedAmount",
    "charges_total": "InvoiceDetails/ChargesTotalVatExcludedAmount",
    "net_total": "InvoiceDetails/InvoiceTotalVatExcludedAmount",
    "tax_total": "InvoiceDetails/InvoiceTotalVatAmount",
    "round_off": "InvoiceDetails/InvoiceTotalRoundoffAmount",
    "total": "InvoiceDetails/InvoiceTotalVatIncludedAmount",
    "amount_paid": "InvoiceDetails/InvoicePaidAmount",
    "amount_due": "EpiDetails/EpiPaymentInstructionDetails/EpiInstructedAmount",
}
_ORIGINAL: Paths = {
    "number": "OriginalInvoiceNumber | OriginalInvoiceReference/InvoiceNumber",
    "date": "OriginalInvoiceDate | OriginalInvoiceReference/InvoiceDate",
}
#: beginnings of names are those of the role: ``SellerOrganisationName``
_PARTY: Paths = {
    "name": "{0}OrganisationName",
    "trading_name": "{0}OrganisationTradingName",
    "registration_number": "{0}PartyIdentifier",
    "address": "{0}PostalAddressDetails/{0}StreetName & {0}PostalAddressDetails/{0}PostOfficeBoxIdentifier",
    "city": "{0}PostalAddressDetails/{0}TownName",
    "state": "{0}PostalAddressDetails/{0}CountrySubdivision",
    "postal_code": "{0}PostalAddressDetails/{0}PostCodeIdentifier",
    "country": "{0}PostalAddressDetails/CountryCode | {0}PostalAddressDetails/CountryName",
}
_FACTOR: Paths = {
    "name": "FactoringPartyName",
    "registration_number": "FactoringPartyIdentifier",
    "address": "FactoringPartyPostalAddressDetails/FactoringPartyStreetName",
    "city": "FactoringPartyPostalAddressDetails/FactoringPartyTownName",
    "postal_code": "FactoringPartyPostalAddressDetails/FactoringPartyPostCodeIdentifier",
    "country": "FactoringPartyPostalAddressDetails/CountryCode",
}
_TAX: Paths = {
    "rate": "VatRatePercent",
    "taxable_amount": "VatBaseAmount",
    "amount": "VatRateAmount",
    "category": "VatCode",
}
_DISCOUNT: Paths = {"percent": "CashDiscountPercent", "until": "CashDiscountDate", "base": "CashDiscountBaseAmount"}
#: InvoiceTypeCode, where there is no code of UNTDID 1001 beside it; INV03 bills interest, INV05 and INV08 remind
_TYPES = {
    "INV01": "invoice",
    "INV02": "credit_note",
    "INV03": "invoice",
    "INV04": "invoice",
    "INV06": "proforma",
    "INV07": "invoice",
    "INV09": "invoice",
    "REC01": "receipt",
}
_SELF_BILLED = "INV07"
#: what stands in a text that may also be "Alv. rek." (registered for VAT)
_VAT_NUMBER = re.compile(r"FI[0-9]{8}")


def read_finvoice(root: Node) -> tuple[str | None, tuple[InvoiceReading, ...]]:
    """Version and invoice of a ``Finvoice``."""
    values = CommaValues()
    details = root.part(_DETAILS)
    rows, texts = rows_of(root, CommaValues())
    lines, unchecked = read_rows(rows, values)
    invoice = read_record(
        Invoice,
        root,
        _INVOICE,
        values,
        document_type=_document_type(details),
        original_invoice=unless_empty(
            read_record(OriginalInvoice, details, _ORIGINAL, values, field="original_invoice")
        ),
        seller=_party(root, "Seller", values, "seller") or Party(),
        buyer=_party(root, "Buyer", values, "buyer"),
        ship_to=_party(root, "Delivery", values, "ship_to"),
        remit_to=read_party(root.find("FactoringAgreementDetails"), _FACTOR, values, "remit_to"),
        taxes=_taxes(root, values),
        line_items=lines,
        payment=_payment(root, values),
        notes="\n".join((*texts_at(details, "InvoiceFreeText"), *texts)) or None,
    )
    invoice = _with_due(invoice, root, values)
    _remarks(details, values)
    version = root.attribute("Version")
    return version and f"Finvoice {version}", (reading_of_invoice(invoice, values, unchecked_lines=unchecked),)


def _taxes(root: Node, values: XmlValues) -> tuple[Tax, ...]:
    rows = root.all(f"{_DETAILS}/VatSpecificationDetails", "VatSpecificationDetails")  # some write them outside
    return tuple(replace(tax, name="VAT") for tax in read_records(Tax, rows, _TAX, values, "taxes"))


def _document_type(details: Node) -> str | None:
    standard = details.text("InvoiceTypeCodeUN")
    code = details.text("InvoiceTypeCode")
    if standard is not None:
        return document_type_of(standard)
    return None if code is None else _TYPES.get(code.upper(), "other")


def _remarks(details: Node, values: XmlValues) -> None:
    """Remark who issued the document, and that it is not an original."""
    self_billed_if(_SELF_BILLED if details.text("InvoiceTypeCode") == _SELF_BILLED else None, values)
    if details.text("OriginCode") == "Cancel":
        message = "The document says that it cancels another one."
        values.remark(Finding("cancellation", message, "document_type", found="Cancel"))


def _with_due(invoice: Invoice, root: Node, values: XmlValues) -> Invoice:
    """The due date, and an amount due unless it is nil, as on credit notes, which no bank pays."""
    in_words = first_date(root.all(_TERMS), "InvoiceDueDate", "due_date", values)
    due = in_words or date_at(root, f"{_INSTRUCTION}/EpiDateOptionDate", "due_date", values)
    nothing_to_pay = invoice.document_type == "credit_note" and not invoice.amount_due
    accounting = root.find(f"{_DETAILS}/InvoiceTotalVatAccountingAmount")
    return replace(
        invoice,
        due_date=due,
        amount_due=None if nothing_to_pay else invoice.amount_due,
        tax_currency=accounting.attribute("AmountCurrencyIdentifier") if accounting else None,
        tax_total_in_tax_currency=values.amount(accounting.value, "tax_total_in_tax_currency") if accounting else None,
    )


def _party(root: Node, role: str, values: XmlValues, field: str) -> Party | None:
    paths = {name: path.format(role) for name, path in _PARTY.items()}
    contact = root.part(f"{role}CommunicationDetails")
    information = root.part(f"{role}InformationDetails")
    details = root.find(f"{role}PartyDetails")
    registered = information.code(f"{role}VatRegistrationText") or ""
    number = details and details.code(f"{role}OrganisationTaxCode")
    return read_party(
        details,
        paths,
        values,
        field,
        kind="VAT",
        tax_id=number or (registered if _VAT_NUMBER.fullmatch(registered) else None),
        email=contact.text(f"{role}EmailaddressIdentifier") or information.text(f"{role}CommonEmailaddressIdentifier"),
        phone=contact.text(f"{role}PhoneNumberIdentifier") or information.text(f"{role}PhoneNumber"),
    )


def _payment(root: Node, values: XmlValues) -> Payment | None:
    instruction = root.part(_INSTRUCTION)
    payment = payment_of(
        terms="; ".join(root.texts(f"{_TERMS}/PaymentTermsFreeText")) or None,
        methods=(
            payment_method(instruction.text("EpiPaymentMeansCode")),
            instruction.text("EpiPaymentMeansText"),
            root.text("PaymentStatusDetails/PaymentMethodText"),
        ),
        reference=instruction.text("EpiRemittanceInfoIdentifier"),
        accounts=_accounts(root),
    )
    terms = [node for node in root.all(_TERMS) if NOT_NIL.search(node.text("CashDiscountPercent") or "")]
    return with_discounts(payment, read_records(CashDiscount, terms, _DISCOUNT, values, "payment.discounts"))


def _accounts(root: Node) -> Iterator[BankAccount | None]:
    """The account to be paid, then the seller's other accounts."""
    bank = root.part("EpiDetails/EpiPartyDetails")
    yield account_of(
        bank.text("EpiBeneficiaryPartyDetails/EpiAccountID"),
        account_name=bank.text("EpiBeneficiaryPartyDetails/EpiNameAddressDetails"),
        bic=bank.code("EpiBfiPartyDetails/EpiBfiIdentifier"),
        bank_name=bank.text("EpiBfiPartyDetails/EpiBfiName"),
    )
    to_be_paid = bank.code("EpiBeneficiaryPartyDetails/EpiAccountID")
    for node in root.all("SellerInformationDetails/SellerAccountDetails"):
        if node.code("SellerAccountID") != to_be_paid:
            yield account_of(
                node.text("SellerAccountID"),
                account_name=node.text("SellerAccountName"),
                bic=node.code("SellerBic"),
            )
