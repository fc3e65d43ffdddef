"""UN/CEFACT Cross Industry Invoice (CII): Factur-X, ZUGFeRD 2 and XRechnung, and its predecessor in ZUGFeRD 1.

The mapping is that of the syntax binding to CII D16B (CEN/TS 16931-3-3); BT and BG numbers are the business terms of
EN 16931-1. ZUGFeRD 1 has the same tree under longer names (``ApplicableSupplyChainTradeAgreement``): each path is tried
under both.
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
    unless_empty,
)
from shared_code.records import Finding

_GUIDELINE = "GuidelineSpecifiedDocumentContextParameter/ID"
_SUMMATION = ("SpecifiedTradeSettlementHeaderMonetarySummation", "SpecifiedTradeSettlementMonetarySummation")
_LINE = "IncludedSupplyChainTradeLineItem"
_DOCUMENT = "AssociatedDocumentLineDocument"
_AGREEMENT = ("SpecifiedLineTradeAgreement", "SpecifiedSupplyChainTradeAgreement")
_DELIVERY = ("SpecifiedLineTradeDelivery", "SpecifiedSupplyChainTradeDelivery")
_SETTLEMENT = ("SpecifiedLineTradeSettlement", "SpecifiedSupplyChainTradeSettlement")
_LINE_SUMMATION = ("SpecifiedTradeSettlementLineMonetarySummation", "SpecifiedTradeSettlementMonetarySummation")
#: Line status reasons of the extended profiles: a sum of other lines, or a text. Their amounts must not be added.
_REPEATING = frozenset({"GROUP", "INFORMATION"})


def read_cii(root: Node) -> tuple[str | None, tuple[InvoiceReading, ...]]:
    """Profile and invoice of a ``CrossIndustryInvoice`` or ``CrossIndustryDocument``; what is not there is None."""
    values = XmlValues()
    header = root.part("ExchangedDocument", "HeaderExchangedDocument")
    trade = root.part("SupplyChainTradeTransaction", "SpecifiedSupplyChainTradeTransaction")
    agreement = trade.part("ApplicableHeaderTradeAgreement", "ApplicableSupplyChainTradeAgreement")
    delivery = trade.part("ApplicableHeaderTradeDelivery", "ApplicableSupplyChainTradeDelivery")
    settlement = trade.part("ApplicableHeaderTradeSettlement", "ApplicableSupplyChainTradeSettlement")
    lines, unchecked = _lines(trade, values)
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
        taxes=tuple(_tax(node, values) for node in settlement.all("ApplicableTradeTax")),  # BG-23
        line_items=lines,
        payment=_payment(settlement),
        notes="\n".join(block for node in header.all("IncludedNote/Content") if (block := node.block)) or None,
    )
    invoice = _with_totals(_with_dates(invoice, header, delivery, settlement, values), settlement, values)
    values.remark(self_billed(header.text("TypeCode")))
    # BT-24, the specification identifier
    guideline = root.part("ExchangedDocumentContext", "SpecifiedExchangedDocumentContext").text(_GUIDELINE)
    return guideline, (InvoiceReading(invoice, tuple(values.findings), unchecked_lines=unchecked),)


def _with_dates(invoice: Invoice, header: Node, delivery: Node, settlement: Node, values: XmlValues) -> Invoice:
    period = settlement.part("BillingSpecifiedPeriod")  # BG-14
    delivered = "ActualDeliverySupplyChainEvent/OccurrenceDateTime"  # BT-72
    return replace(
        invoice,
        invoice_date=_date_in(header, values, "invoice_date", "IssueDateTime"),  # BT-2
        due_date=_date_in(settlement, values, "due_date", "SpecifiedTradePaymentTerms/DueDateDateTime"),  # BT-9
        delivery_date=_date_in(delivery, values, "delivery_date", delivered),
        service_period_start=_date_in(period, values, "service_period_start", "StartDateTime"),
        service_period_end=_date_in(period, values, "service_period_end", "EndDateTime"),
        impossible_dates=tuple(values.impossible),
    )


def _with_totals(invoice: Invoice, settlement: Node, values: XmlValues) -> Invoice:
    def amount(field: str, tag: str) -> Decimal | None:
        return values.amount(settlement.text(*(f"{name}/{tag}" for name in _SUMMATION)), field)

    currency = currency_of(settlement.text("InvoiceCurrencyCode"), values.findings)  # BT-5
    # BT-6, the currency of the tax report, in which the tax total may be given once more (BT-111)
    tax_currency = currency_of(settlement.text("TaxCurrencyCode"), values.findings, field="tax_currency")
    tax_totals = settlement.all(*(f"{name}/TaxTotalAmount" for name in _SUMMATION))
    tax_total, in_tax_currency = tax_totals_of(tax_totals, currency, tax_currency, values)
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
    )


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
    party = Party(
        # the name (BT-27 of the seller, BT-44 of the buyer), else the trading name (BT-28, BT-45)
        name=node.text("Name", "SpecifiedLegalOrganization/TradingBusinessName"),
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


def _payment(settlement: Node) -> Payment | None:
    means = settlement.all("SpecifiedTradeSettlementPaymentMeans")
    return payment_of(
        terms="; ".join(settlement.texts("SpecifiedTradePaymentTerms/Description")) or None,  # BT-20
        methods=(payment_method(node.text("TypeCode")) or node.text("Information") for node in means),  # BT-81, BT-82
        reference=settlement.text("PaymentReference"),  # BT-83
        accounts=map(_account, means),
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


def _lines(trade: Node, values: XmlValues) -> tuple[tuple[LineItem, ...], frozenset[int]]:
    """All lines that carry an amount or a product, and the indexes of those with surcharges."""
    lines: list[LineItem] = []
    unchecked = set()
    repeating = 0
    for node in trade.all(_LINE):
        if node.text(f"{_DOCUMENT}/LineStatusReasonCode") in _REPEATING:
            repeating += 1
            continue
        line, has_surcharge = _line(node, len(lines), values)
        if line.description is None and line.net_amount is None and line.quantity is None:
            continue  # a remark between the lines
        if has_surcharge:
            unchecked.add(len(lines))
        lines.append(line)
    if repeating:
        message = "The XML holds lines that sum up or explain others; they are left out."
        values.findings.append(Finding("repeating_lines", message, "line_items", found=str(repeating), review=False))
    return tuple(lines), frozenset(unchecked)


def _line(node: Node, index: int, values: XmlValues) -> tuple[LineItem, bool]:
    field = f"line_items[{index}]"
    agreement = node.part(*_AGREEMENT)
    settlement = node.part(*_SETTLEMENT)
    product = node.part("SpecifiedTradeProduct")
    quantity = node.part(*_DELIVERY).find("BilledQuantity")
    discount, surcharge = discount_of(
        settlement.all("SpecifiedTradeAllowanceCharge"),
        field,
        values,
        indicators=("ChargeIndicator/Indicator", "ChargeIndicator"),
        amount="ActualAmount",
    )
    line = LineItem(
        line_no=node.text(f"{_DOCUMENT}/LineID"),  # BT-126
        # BT-153 and BT-154, else the note BT-127
        description=" - ".join(product.texts("Name", "Description")) or node.text(f"{_DOCUMENT}/IncludedNote/Content"),
        product_code=product.text("SellerAssignedID", "GlobalID", "BuyerAssignedID"),  # BT-155, BT-157, BT-156
        hsn_sac=harmonised_code(product.all("DesignatedProductClassification/ClassCode")),  # BT-158
        quantity=values.amount(quantity.value, f"{field}.quantity") if quantity else None,  # BT-129
        unit=quantity.attribute("unitCode") if quantity else None,  # BT-130
        unit_price=_unit_price(agreement, field, values),  # BT-146
        discount_amount=discount,  # BT-136
        net_amount=values.amount(  # BT-131
            settlement.text(*(f"{name}/LineTotalAmount" for name in _LINE_SUMMATION)), f"{field}.net_amount"
        ),
        tax_rate=values.amount(  # BT-152
            settlement.text("ApplicableTradeTax/RateApplicablePercent", "ApplicableTradeTax/ApplicablePercent"),
            f"{field}.tax_rate",
        ),
        po_number=agreement.text("BuyerOrderReferencedDocument/IssuerAssignedID", "BuyerOrderReferencedDocument/ID"),
    )
    return line, surcharge


def _unit_price(agreement: Node, field: str, values: XmlValues) -> Decimal | None:
    """The net price (BT-146), else the gross price (BT-148), of one unit; it may be given for several (BT-149)."""
    price = agreement.find("NetPriceProductTradePrice", "GrossPriceProductTradePrice")
    if price is None:
        return None
    base = values.amount(price.text("BasisQuantity"), f"{field}.unit_price")
    return unit_price_of(values.amount(price.text("ChargeAmount"), f"{field}.unit_price"), base)
