"""UN/CEFACT Cross Industry Invoice (CII): Factur-X, ZUGFeRD 2 and XRechnung, and its predecessor in ZUGFeRD 1.

The mapping is that of the syntax binding to CII D16B (CEN/TS 16931-3-3); BT and BG numbers are the business terms of
EN 16931-1. ZUGFeRD 1 has the same tree under longer names (``ApplicableSupplyChainTradeAgreement``): each path is tried
under both.
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
    payment_of,
    self_billed,
    tax_number_of,
    tax_totals_of,
)
from shared_code.e_invoices.payment_terms import (
    PaymentTerm,
    day_after,
    discount_in_words,
    discount_terms,
    discounts_of,
    due_date_of,
    skonto_lines,
)
from shared_code.e_invoices.xml import Node, XmlValues
from shared_code.invoices.countries import country_code
from shared_code.invoices.reading import InvoiceReading
from shared_code.invoices.schema import (
    BankAccount,
    CashDiscount,
    Invoice,
    OriginalInvoice,
    Party,
    Tax,
    unless_empty,
)

_GUIDELINE = "GuidelineSpecifiedDocumentContextParameter/ID"
#: the profile of Factur-X that has no BT-113
_WITHOUT_PREPAYMENT = ":minimum"
_SUMMATION = ("SpecifiedTradeSettlementHeaderMonetarySummation", "SpecifiedTradeSettlementMonetarySummation")


def read_cii(root: Node) -> tuple[str | None, tuple[InvoiceReading, ...]]:
    """Profile and invoice of a ``CrossIndustryInvoice`` or ``CrossIndustryDocument``; what is not there is None."""
    values = XmlValues()
    header = root.part("ExchangedDocument", "HeaderExchangedDocument")
    trade = root.part("SupplyChainTradeTransaction", "SpecifiedSupplyChainTradeTransaction")
    agreement = trade.part("ApplicableHeaderTradeAgreement", "ApplicableSupplyChainTradeAgreement")
    delivery = trade.part("ApplicableHeaderTradeDelivery", "ApplicableSupplyChainTradeDelivery")
    settlement = trade.part("ApplicableHeaderTradeSettlement", "ApplicableSupplyChainTradeSettlement")
    lines, unchecked = read_lines(trade, values)
    invoice = Invoice(
        document_type=document_type_of(header.text("TypeCode")),  # BT-3
        invoice_number=header.text("ID"),  # BT-1
        po_numbers=_references(agreement, "BuyerOrderReferencedDocument"),  # BT-13
        delivery_note_numbers=_references(  # BT-16
            delivery, "DespatchAdviceReferencedDocument", "DeliveryNoteReferencedDocument"
        ),
        contract_number=next(iter(_references(agreement, "ContractReferencedDocument")), None),  # BT-12
        original_invoice=_original(settlement, values),  # BG-3
        seller=_party(agreement.find("SellerTradeParty")) or Party(),  # BG-4
        buyer=_party(agreement.find("BuyerTradeParty")),  # BG-7
        ship_to=_party(delivery.find("ShipToTradeParty")),  # BG-13
        remit_to=_party(settlement.find("PayeeTradeParty")),  # BG-10
        line_items=lines,
        notes="\n".join(block for node in header.all("IncludedNote/Content") if (block := node.block)) or None,
    )
    invoice = _with_dates(invoice, header, delivery, settlement, values)
    invoice = _with_payment(_with_totals(invoice, settlement, values), settlement, values)
    values.remark(self_billed(header.text("TypeCode")))
    # BT-24, the specification identifier
    guideline = root.part("ExchangedDocumentContext", "SpecifiedExchangedDocumentContext").text(_GUIDELINE)
    reading = InvoiceReading(
        invoice,
        tuple(values.findings),
        unchecked_lines=unchecked,
        paid_left_out=guideline is not None and guideline.lower().endswith(_WITHOUT_PREPAYMENT),
    )
    return guideline, (reading,)


def _with_dates(invoice: Invoice, header: Node, delivery: Node, settlement: Node, values: XmlValues) -> Invoice:
    period = settlement.part("BillingSpecifiedPeriod")  # BG-14
    delivered = "ActualDeliverySupplyChainEvent/OccurrenceDateTime"  # BT-72
    return replace(
        invoice,
        invoice_date=_date_in(header, values, "invoice_date", "IssueDateTime"),  # BT-2
        delivery_date=_date_in(delivery, values, "delivery_date", delivered),
        service_period_start=_date_in(period, values, "service_period_start", "StartDateTime"),
        service_period_end=_date_in(period, values, "service_period_end", "EndDateTime"),
    )


def _with_totals(invoice: Invoice, settlement: Node, values: XmlValues) -> Invoice:
    def nodes(tag: str) -> list[Node]:
        return settlement.all(*(f"{name}/{tag}" for name in _SUMMATION))

    def amount(field: str, tag: str) -> Decimal | None:
        """An amount may be given once more in the currency of the tax report."""
        given = [node for node in nodes(tag) if node.value]
        own = [node for node in given if node.attribute("currencyID") in {currency, None}]
        return values.amount(next((node.value for node in own or given), None), field)

    code = settlement.text("InvoiceCurrencyCode") or _currency_of_amounts(settlement)
    currency = currency_of(code, values.findings)  # BT-5
    # BT-6, the currency of the tax report, in which the tax total may be given once more (BT-111)
    tax_currency = currency_of(settlement.text("TaxCurrencyCode"), values.findings, field="tax_currency")
    tax_total, in_tax_currency = tax_totals_of(nodes("TaxTotalAmount"), currency, tax_currency, values)
    rate = settlement.text("TaxApplicableTradeCurrencyExchange/ConversionRate")
    return replace(
        invoice,
        currency=currency,
        tax_currency=tax_currency,
        exchange_rate=values.amount(rate, "exchange_rate"),
        subtotal=amount("subtotal", "LineTotalAmount"),  # BT-106
        discount_total=amount("discount_total", "AllowanceTotalAmount"),  # BT-107
        charges_total=amount("charges_total", "ChargeTotalAmount"),  # BT-108
        net_total=amount("net_total", "TaxBasisTotalAmount"),  # BT-109
        tax_total=tax_total,  # BT-110
        tax_total_in_tax_currency=in_tax_currency,
        round_off=amount("round_off", "RoundingAmount"),  # BT-114
        total=amount("total", "GrandTotalAmount"),  # BT-112
        amount_paid=amount("amount_paid", "TotalPrepaidAmount"),  # BT-113
        amount_due=amount("amount_due", "DuePayableAmount"),  # BT-115
        taxes=tuple(
            _tax(node, values)
            for node in settlement.all("ApplicableTradeTax")  # BG-23
            if code is None or node.part("CalculatedAmount").attribute("currencyID") in {code, None}
        ),
    )


def _currency_of_amounts(settlement: Node) -> str | None:
    """The currency that all totals bear; None when they bear several, or none."""
    totals = ("DuePayableAmount", "GrandTotalAmount", "TaxBasisTotalAmount", "LineTotalAmount")
    found = settlement.all(*(f"{name}/{tag}" for name in _SUMMATION for tag in totals))
    codes = {code for node in found if (code := node.attribute("currencyID")) is not None}
    return codes.pop() if len(codes) == 1 else None


def _date_in(node: Node, values: XmlValues, field: str, *paths: str) -> date | None:
    """The first date under any of the paths, in any of the elements that profiles and versions wrap it in."""
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
    issued = _date_in(found, values, "original_invoice.date", "FormattedIssueDateTime", "IssueDateTime")
    return unless_empty(OriginalInvoice(number=found.text("IssuerAssignedID", "ID"), date=issued))


def _party(node: Node | None) -> Party | None:
    if node is None:
        return None
    address = node.part("PostalTradeAddress")
    country = country_code(address.text("CountryID"))
    # VAT numbers have the scheme ``VA`` of UNTDID 1153, others ``FC``
    numbers = ((each.attribute("schemeID"), each.code()) for each in node.all("SpecifiedTaxRegistration/ID"))
    tax_id, kind = tax_number_of(numbers, country, vat="VA")
    trading_name = node.text("SpecifiedLegalOrganization/TradingBusinessName")  # BT-28, BT-45
    party = Party(
        name=node.text("Name") or trading_name,  # BT-27 of the seller, BT-44 of the buyer
        trading_name=trading_name,
        tax_id=tax_id,
        tax_id_type=kind,
        registration_number=node.text("SpecifiedLegalOrganization/ID"),  # BT-30, BT-47
        address=", ".join(address.texts("LineOne", "LineTwo", "LineThree")) or None,
        city=address.text("CityName"),
        state=address.text("CountrySubDivisionName"),
        postal_code=address.text("PostcodeCode"),
        country=country,
        email=_email(node),
        phone=node.text("DefinedTradeContact/TelephoneUniversalCommunication/CompleteNumber"),
    )
    return unless_empty(party)


def _email(node: Node) -> str | None:
    contact = node.text("DefinedTradeContact/EmailURIUniversalCommunication/URIID")
    # BT-34 and BT-49 hold an e-mail address under scheme EM of the Electronic Address Scheme (EAS) code list
    electronic = [
        entry.value for entry in node.all("URIUniversalCommunication/URIID") if entry.attribute("schemeID") == "EM"
    ]
    return contact or next(iter(electronic), None)


def _tax(node: Node, values: XmlValues) -> Tax:
    return Tax(
        name=node.text("TypeCode"),
        rate=values.amount(node.text("RateApplicablePercent", "ApplicablePercent"), "taxes.rate"),  # BT-119
        taxable_amount=values.amount(node.text("BasisAmount"), "taxes.taxable_amount"),  # BT-116
        amount=values.amount(node.text("CalculatedAmount"), "taxes.amount"),  # BT-117
        category=node.text("CategoryCode"),  # BT-118
    )


def _with_payment(invoice: Invoice, settlement: Node, values: XmlValues) -> Invoice:
    means = settlement.all("SpecifiedTradeSettlementPaymentMeans")
    nodes = settlement.all("SpecifiedTradePaymentTerms")
    terms = _terms(nodes, invoice.invoice_date, values)
    words = [block for node in nodes for text in node.all("Description") if (block := text.block)]
    skonto = [discount for text in words for discount in skonto_lines(text, invoice.invoice_date)]
    payment = payment_of(
        terms="; ".join(dict.fromkeys(words)) or None,  # BT-20
        methods=(payment_method(node.text("TypeCode")) or node.text("Information") for node in means),  # BT-81, BT-82
        reference=settlement.text("PaymentReference"),  # BT-83
        accounts=map(_account, means),
        discounts=(*discounts_of(terms), *skonto),
    )
    return replace(
        invoice,
        due_date=due_date_of(terms),  # BT-9
        payment=payment,
        impossible_dates=tuple(values.impossible),
    )


def _terms(nodes: list[Node], issued: date | None, values: XmlValues) -> tuple[PaymentTerm, ...]:
    """The terms of payment: EN 16931 has one, the extended profiles one for each part and each discount."""
    days = [_date_in(node, values, "due_date", "DueDateDateTime") for node in nodes]
    several = len([day for day in days if day is not None]) > 1
    return tuple(
        PaymentTerm(
            due=day,
            discount=_discount(node, day if several else None, issued, values),
            is_part=node.find("PartialPaymentAmount") is not None,
        )
        for node, day in zip(nodes, days, strict=True)
    )


def _discount(node: Node, day: date | None, issued: date | None, values: XmlValues) -> CashDiscount | None:
    """The discount of a term; ``day`` is the term's own, when another term has the day of the net payment."""
    terms = node.find("ApplicableTradePaymentDiscountTerms")
    if terms is None:
        return discount_in_words(node.text("Description"), day) if day is not None else None
    start = _date_in(terms, values, "payment.discounts", "BasisDateTime") or issued
    period = terms.part("BasisPeriodMeasure")
    count = values.amount(period.value, "payment.discounts")
    return discount_terms(
        percent=terms.text("CalculationPercent"),
        amount=terms.text("ActualDiscountAmount"),
        base=terms.text("BasisAmount"),
        until=day_after(start, count, period.attribute("unitCode")) or day,
        values=values,
    )


def _account(node: Node) -> BankAccount | None:
    account = node.part("PayeePartyCreditorFinancialAccount")
    bank = node.part("PayeeSpecifiedCreditorFinancialInstitution")
    return account_of(
        account.text("IBANID", "ProprietaryID"),  # BT-84
        account_name=account.text("AccountName"),  # BT-85
        bic=bank.code("BICID"),  # BT-86
        bank_name=bank.text("Name"),
    )
