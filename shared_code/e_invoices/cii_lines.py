"""The line items of UN/CEFACT Cross Industry Invoice (CII), of all its versions.

The mapping is that of the syntax binding to CII D16B (CEN/TS 16931-3-3); BT and BG numbers are the business terms of
EN 16931-1.
"""

from decimal import Decimal

from shared_code.e_invoices.codes import discount_of, harmonised_code, unit_price_of
from shared_code.e_invoices.xml import Node, XmlValues
from shared_code.invoices.schema import LineItem
from shared_code.records import Finding

_LINE = "IncludedSupplyChainTradeLineItem"
_DOCUMENT = "AssociatedDocumentLineDocument"
_AGREEMENT = ("SpecifiedLineTradeAgreement", "SpecifiedSupplyChainTradeAgreement")
_DELIVERY = ("SpecifiedLineTradeDelivery", "SpecifiedSupplyChainTradeDelivery")
_SETTLEMENT = ("SpecifiedLineTradeSettlement", "SpecifiedSupplyChainTradeSettlement")
_LINE_SUMMATION = ("SpecifiedTradeSettlementLineMonetarySummation", "SpecifiedTradeSettlementMonetarySummation")
#: Line status reasons of the extended profiles: a sum of other lines, or a text. Their amounts must not be added.
_REPEATING = frozenset({"GROUP", "INFORMATION"})


def read_lines(trade: Node, values: XmlValues) -> tuple[tuple[LineItem, ...], frozenset[int]]:
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
    count = values.amount(quantity.value, f"{field}.quantity") if quantity else None  # BT-129
    net_amount = values.amount(  # BT-131
        settlement.text(*(f"{name}/LineTotalAmount" for name in _LINE_SUMMATION)), f"{field}.net_amount"
    )
    before = None if net_amount is None else net_amount + (discount or 0) - (surcharge or 0)
    line = LineItem(
        line_no=node.text(f"{_DOCUMENT}/LineID"),  # BT-126
        # BT-153 and BT-154, else the note BT-127
        description=" - ".join(product.texts("Name", "Description")) or node.text(f"{_DOCUMENT}/IncludedNote/Content"),
        product_code=product.text("SellerAssignedID", "GlobalID", "BuyerAssignedID"),  # BT-155, BT-157, BT-156
        hsn_sac=harmonised_code(product.all("DesignatedProductClassification/ClassCode")),  # BT-158
        quantity=count,
        unit=quantity.attribute("unitCode") if quantity else None,  # BT-130
        unit_price=_unit_price(agreement, field, values, quantity=count, net=before),  # BT-146
        discount_amount=discount,  # BT-136
        net_amount=net_amount,
        tax_rate=values.amount(  # BT-152
            settlement.text("ApplicableTradeTax/RateApplicablePercent", "ApplicableTradeTax/ApplicablePercent"),
            f"{field}.tax_rate",
        ),
        po_number=agreement.text("BuyerOrderReferencedDocument/IssuerAssignedID", "BuyerOrderReferencedDocument/ID"),
    )
    return line, bool(surcharge)


def _unit_price(
    agreement: Node, field: str, values: XmlValues, *, quantity: Decimal | None, net: Decimal | None
) -> Decimal | None:
    """The net price (BT-146), else the gross price (BT-148), of one unit; it may be given for several (BT-149)."""
    price = agreement.find("NetPriceProductTradePrice", "GrossPriceProductTradePrice")
    if price is None:
        return None
    base = values.amount(price.text("BasisQuantity"), f"{field}.unit_price")
    amount = values.amount(price.text("ChargeAmount"), f"{field}.unit_price")
    return unit_price_of(amount, base, quantity=quantity, net=net)
