"""UN/CEFACT Cross Industry Invoice: Factur-X, ZUGFeRD 2 and XRechnung, and its forerunner in ZUGFeRD 1.

ZUGFeRD 1 has the same tree under longer names (``ApplicableSupplyChainTradeAgreement``); both are in each path.
"""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from shared_code.e_invoices.cii_lines import read_lines
from shared_code.e_invoices.codes import (
    account_of,
    currency_of,
    document_type_of,
    payment_method,
    self_billed,
    tax_id_type,
    tax_totals_of,
)
from shared_code.e_invoices.xml import Node, XmlInvoice, XmlValues
from shared_code.invoices.countries import country_code
from shared_code.invoices.schema import BankAccount, Invoice, OriginalInvoice, Party, Payment, Tax

_GUIDELINE = "GuidelineSpecifiedDocumentContextParameter/ID"
_SUMMATION = ("SpecifiedTradeSettlementHeaderMonetarySummation", "SpecifiedTradeSettlementMonetarySummation")


def read_cii(root: Node) -> XmlInvoice:
    """The invoice of a ``CrossIndustryInvoice`` or ``CrossIndustryDocument``; what is not there is None."""
    values = XmlValues()
    header = root.part("ExchangedDocument", "HeaderExchangedDocument")
    trade = root.part("SupplyChainTradeTransaction", "SpecifiedSupplyChainTradeTransaction")
    agreement = trade.part("ApplicableHeaderTradeAgreement", "ApplicableSupplyChainTradeAgreement")
    delivery = trade.part("ApplicableHeaderTradeDelivery", "ApplicableSupplyChainTradeDelivery")
    settlement = trade.part("ApplicableHeaderTradeSettlement", "ApplicableSupplyChainTradeSettlement")
    lines, unchecked = read_lines(trade, values)
    invoice = Invoice(
        document_type=document_type_of(header.text("TypeCode")),
        invoice_number=header.text("ID"),
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
        taxes=tuple(_tax(node, values) for node in settlement.all("ApplicableTradeTax")),
        line_items=lines,
        payment=_payment(settlement),
        notes="\n".join(block for node in header.all("IncludedNote/Content") if (block := node.block)) or None,
    )
    invoice = _with_totals(_with_dates(invoice, header, delivery, settlement, values), settlement, values)
    values.remark(self_billed(header.text("TypeCode")))
    guideline = root.part("ExchangedDocumentContext", "SpecifiedExchangedDocumentContext").text(_GUIDELINE)
    return XmlInvoice(invoice, guideline, tuple(values.findings), unchecked)


def _with_dates(invoice: Invoice, header: Node, delivery: Node, settlement: Node, values: XmlValues) -> Invoice:
    period = settlement.part("BillingSpecifiedPeriod")
    delivered = "ActualDeliverySupplyChainEvent/OccurrenceDateTime"
    return replace(
        invoice,
        invoice_date=date_in(header, values, "invoice_date", "IssueDateTime"),
        due_date=date_in(settlement, values, "due_date", "SpecifiedTradePaymentTerms/DueDateDateTime"),
        delivery_date=date_in(delivery, values, "delivery_date", delivered),
        service_period_start=date_in(period, values, "service_period_start", "StartDateTime"),
        service_period_end=date_in(period, values, "service_period_end", "EndDateTime"),
        impossible_dates=tuple(values.impossible),
    )


def _with_totals(invoice: Invoice, settlement: Node, values: XmlValues) -> Invoice:
    def amount(field: str, tag: str) -> Decimal | None:
        return values.amount(settlement.text(*(f"{name}/{tag}" for name in _SUMMATION)), field)

    currency = currency_of(settlement.text("InvoiceCurrencyCode"), values.findings)
    tax_currency = currency_of(settlement.text("TaxCurrencyCode"), values.findings, field="tax_currency")
    tax_totals = settlement.all(*(f"{name}/TaxTotalAmount" for name in _SUMMATION))
    tax_total, in_tax_currency = tax_totals_of(tax_totals, currency, tax_currency, values)
    rate = settlement.text("TaxApplicableTradeCurrencyExchange/ConversionRate")
    return replace(
        invoice,
        currency=currency,
        tax_currency=tax_currency,
        exchange_rate=values.amount(rate, "exchange_rate"),
        subtotal=amount("subtotal", "LineTotalAmount"),
        discount_total=amount("discount_total", "AllowanceTotalAmount"),
        charges_total=amount("charges_total", "ChargeTotalAmount"),
        net_total=amount("net_total", "TaxBasisTotalAmount"),
        tax_total=tax_total,
        tax_total_in_tax_currency=in_tax_currency,
        round_off=amount("round_off", "RoundingAmount"),
        total=amount("total", "GrandTotalAmount"),
        amount_paid=amount("amount_paid", "TotalPrepaidAmount"),
        amount_due=amount("amount_due", "DuePayableAmount"),
    )


def date_in(node: Node, values: XmlValues, field: str, *paths: str) -> date | None:
    """The first date under any of the paths, in whichever of its wrappings it comes."""
    for path in paths:
        for found in node.all(f"{path}/DateTimeString", f"{path}/DateTime", f"{path}/DateString", path):
            if found.value:
                return values.date(found.value, field, form=found.attribute("format"))
    return None


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
    address = node.part("PostalTradeAddress")
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
    account = node.part("PayeePartyCreditorFinancialAccount")
    bank = node.part("PayeeSpecifiedCreditorFinancialInstitution")
    return account_of(
        account.text("IBANID", "ProprietaryID"),
        account_name=account.text("AccountName"),
        bic=bank.code("BICID"),
        bank_name=bank.text("Name"),
    )
