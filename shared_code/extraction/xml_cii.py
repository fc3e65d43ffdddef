"""UN/CEFACT Cross Industry Invoice: Factur-X, ZUGFeRD 2 and XRechnung, and its forerunner in ZUGFeRD 1.

ZUGFeRD 1 has the same tree under longer names (``ApplicableSupplyChainTradeAgreement``); both are in each path.
"""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from shared_code.extraction.countries import country_code
from shared_code.extraction.invoice import BankAccount, Invoice, OriginalInvoice, Party, Payment, Tax
from shared_code.extraction.xml_cii_lines import read_lines
from shared_code.extraction.xml_codes import (
    account_of,
    currency_of,
    document_type_of,
    payment_method,
    self_billed,
    tax_id_type,
)
from shared_code.extraction.xml_reading import Node, XmlInvoice, XmlValues

_GUIDELINE = "GuidelineSpecifiedDocumentContextParameter/ID"
_SUMMATION = ("SpecifiedTradeSettlementHeaderMonetarySummation", "SpecifiedTradeSettlementMonetarySummation")
_TOTALS = {
    "subtotal": "LineTotalAmount",
    "discount_total": "AllowanceTotalAmount",
    "charges_total": "ChargeTotalAmount",
    "net_total": "TaxBasisTotalAmount",
    "round_off": "RoundingAmount",
    "total": "GrandTotalAmount",
    "amount_paid": "TotalPrepaidAmount",
    "amount_due": "DuePayableAmount",
}


def read_cii(root: Node) -> XmlInvoice:
    """The invoice of a ``CrossIndustryInvoice`` or ``CrossIndustryDocument``; what is not there is None."""
    values = XmlValues()
    header = _part(root, "ExchangedDocument", "HeaderExchangedDocument")
    trade = _part(root, "SupplyChainTradeTransaction", "SpecifiedSupplyChainTradeTransaction")
    agreement = _part(trade, "ApplicableHeaderTradeAgreement", "ApplicableSupplyChainTradeAgreement")
    delivery = _part(trade, "ApplicableHeaderTradeDelivery", "ApplicableSupplyChainTradeDelivery")
    settlement = _part(trade, "ApplicableHeaderTradeSettlement", "ApplicableSupplyChainTradeSettlement")
    type_code = header.text("TypeCode")
    currency = currency_of(settlement.text("InvoiceCurrencyCode"), values.findings)
    tax_currency = currency_of(settlement.text("TaxCurrencyCode"), values.findings, field="tax_currency")
    tax_total, in_tax_currency = _tax_totals(settlement, currency, tax_currency, values)
    lines, unchecked = read_lines(trade, values)
    invoice = Invoice(
        document_type=document_type_of(type_code),
        invoice_number=header.text("ID"),
        invoice_date=date_in(header, values, "invoice_date", "IssueDateTime"),
        due_date=_due_date(settlement, values),
        delivery_date=date_in(delivery, values, "delivery_date", "ActualDeliverySupplyChainEvent/OccurrenceDateTime"),
        service_period_start=date_in(
            settlement, values, "service_period_start", "BillingSpecifiedPeriod/StartDateTime"
        ),
        service_period_end=date_in(settlement, values, "service_period_end", "BillingSpecifiedPeriod/EndDateTime"),
        currency=currency,
        exchange_rate=values.amount(
            settlement.text("TaxApplicableTradeCurrencyExchange/ConversionRate"), "exchange_rate"
        ),
        tax_currency=tax_currency,
        tax_total_in_tax_currency=in_tax_currency,
        po_numbers=_references(agreement, "BuyerOrderReferencedDocument"),
        delivery_note_numbers=_references(
            delivery, "DespatchAdviceReferencedDocument", "DeliveryNoteReferencedDocument"
        ),
        contract_number=next(iter(_references(agreement, "ContractReferencedDocument")), None),
        original_invoice=_original(settlement, values),
        seller=_party(agreement.find("SellerTradeParty")) or Party(),
        buyer=_party(agreement.find("BuyerTradeParty")),
        ship_to=_party(delivery.find("ShipToTradeParty")),
        remit_to=_party(settlement.find("PayeeTradeParty")),
        tax_total=tax_total,
        taxes=tuple(_tax(node, values) for node in settlement.all("ApplicableTradeTax")),
        line_items=lines,
        payment=_payment(settlement),
        notes="\n".join(block for node in header.all("IncludedNote/Content") if (block := node.block)) or None,
        impossible_dates=tuple(values.impossible),
    )
    invoice = replace(invoice, **_totals(settlement, values))
    remark = self_billed(type_code)
    guideline = _part(root, "ExchangedDocumentContext", "SpecifiedExchangedDocumentContext").text(_GUIDELINE)
    findings = (*values.findings, *((remark,) if remark else ()))
    return XmlInvoice(invoice, guideline, findings, unchecked)


def date_in(node: Node, values: XmlValues, field: str, *paths: str) -> date | None:
    """The first date under any of the paths, in whichever of its wrappings it comes."""
    for path in paths:
        for found in node.all(f"{path}/DateTimeString", f"{path}/DateTime", f"{path}/DateString", path):
            if found.value:
                return values.date(found.value, field, form=found.attribute("format"))
    return None


def _part(node: Node, *names: str) -> Node:
    """A part of the tree, or ``node``'s own empty stand-in when it is missing."""
    return node.find(*names) or node.nothing()


def _tax_totals(
    settlement: Node, currency: str | None, tax_currency: str | None, values: XmlValues
) -> tuple[Decimal | None, Decimal | None]:
    """Total tax in the invoice's currency, and in the currency of its tax report when that is another."""
    own: Decimal | None = None
    reported: Decimal | None = None
    for node in settlement.all(*(f"{name}/TaxTotalAmount" for name in _SUMMATION)):
        unit = node.attribute("currencyID")
        if unit is not None and unit == tax_currency and unit != currency:
            reported = values.amount(node.value, "tax_total_in_tax_currency")
        elif own is None:
            own = values.amount(node.value, "tax_total")
    return own, reported


def _totals(settlement: Node, values: XmlValues) -> dict[str, Decimal | None]:
    return {
        field: values.amount(settlement.text(*(f"{name}/{tag}" for name in _SUMMATION)), field)
        for field, tag in _TOTALS.items()
    }


def _due_date(settlement: Node, values: XmlValues) -> date | None:
    return date_in(settlement, values, "due_date", "SpecifiedTradePaymentTerms/DueDateDateTime")


def _references(node: Node, *names: str) -> tuple[str, ...]:
    return node.texts(*(f"{name}/{tag}" for name in names for tag in ("IssuerAssignedID", "ID")))


def _original(settlement: Node, values: XmlValues) -> OriginalInvoice | None:
    found = settlement.find("InvoiceReferencedDocument")
    if found is None:
        return None
    original = OriginalInvoice(
        number=found.text("IssuerAssignedID", "ID"),
        date=date_in(found, values, "original_invoice.date", "FormattedIssueDateTime", "IssueDateTime"),
    )
    return None if original == OriginalInvoice() else original


def _party(node: Node | None) -> Party | None:
    if node is None:
        return None
    address = _part(node, "PostalTradeAddress")
    country = country_code(address.text("CountryID"))
    tax_id, kind = _tax_id(node, country)
    party = Party(
        name=node.text("Name", "SpecifiedLegalOrganization/TradingBusinessName"),
        tax_id=tax_id,
        tax_id_type=kind,
        registration_number=node.text("SpecifiedLegalOrganization/ID"),
        address=", ".join(address.texts("LineOne", "LineTwo", "LineThree")) or None,
        city=address.text("CityName"),
        state=address.text("CountrySubDivisionName"),
        postal_code=address.text("PostcodeCode"),
        country=country,
        email=_email(node),
        phone=node.text("DefinedTradeContact/TelephoneUniversalCommunication/CompleteNumber"),
    )
    return None if party == Party() else party


def _tax_id(node: Node, country: str | None) -> tuple[str | None, str | None]:
    """The VAT number where there is one, else the first tax number."""
    numbers: list[tuple[str | None, str | None]] = [
        (entry.attribute("schemeID"), entry.value.replace(" ", ""))
        for entry in node.all("SpecifiedTaxRegistration/ID")
        if entry.value
    ]
    scheme, number = next((entry for entry in numbers if entry[0] == "VA"), (numbers or [(None, None)])[0])
    return number, tax_id_type(scheme, number, country)


def _email(node: Node) -> str | None:
    contact = node.text("DefinedTradeContact/EmailURIUniversalCommunication/URIID")
    electronic = [
        entry.value for entry in node.all("URIUniversalCommunication/URIID") if entry.attribute("schemeID") == "EM"
    ]
    return contact or next(iter(electronic), None)


def _tax(node: Node, values: XmlValues) -> Tax:
    return Tax(
        name=node.text("TypeCode"),
        rate=values.amount(node.text("RateApplicablePercent", "ApplicablePercent"), "taxes.rate"),
        taxable_amount=values.amount(node.text("BasisAmount"), "taxes.taxable_amount"),
        amount=values.amount(node.text("CalculatedAmount"), "taxes.amount"),
        category=node.text("CategoryCode"),
    )


def _payment(settlement: Node) -> Payment | None:
    means = settlement.all("SpecifiedTradeSettlementPaymentMeans")
    accounts = [account for node in means if (account := _account(node))]
    payment = Payment(
        terms="; ".join(settlement.texts("SpecifiedTradePaymentTerms/Description")) or None,
        method=next((text for node in means if (text := _method(node))), None),
        reference=settlement.text("PaymentReference"),
        bank_accounts=tuple(dict.fromkeys(accounts)),
    )
    return None if payment == Payment() else payment


def _method(node: Node) -> str | None:
    return payment_method(node.text("TypeCode")) or node.text("Information")


def _account(node: Node) -> BankAccount | None:
    account = _part(node, "PayeePartyCreditorFinancialAccount")
    bank = _part(node, "PayeeSpecifiedCreditorFinancialInstitution")
    return account_of(
        account.text("IBANID", "ProprietaryID"),
        account_name=account.text("AccountName"),
        bic=bank.code("BICID"),
        bank_name=bank.text("Name"),
    )
