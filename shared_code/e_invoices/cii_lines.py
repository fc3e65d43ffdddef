"""The line items of a Cross Industry Invoice, in both generations of its names."""

from decimal import Decimal

from shared_code.e_invoices.codes import unit_price_of
from shared_code.e_invoices.xml import Node, XmlValues, sum_of
from shared_code.invoices.schema import LineItem
from shared_code.records import Finding

_LINE = "IncludedSupplyChainTradeLineItem"
_DOCUMENT = "AssociatedDocumentLineDocument"
_AGREEMENT = ("SpecifiedLineTradeAgreement", "SpecifiedSupplyChainTradeAgreement")
_DELIVERY = ("SpecifiedLineTradeDelivery", "SpecifiedSupplyChainTradeDelivery")
_SETTLEMENT = ("SpecifiedLineTradeSettlement", "SpecifiedSupplyChainTradeSettlement")
_SUMMATION = ("SpecifiedTradeSettlementLineMonetarySummation", "SpecifiedTradeSettlementMonetarySummation")
#: lines that repeat what other lines say
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
    discount, surcharge = _allowances(settlement, field, values)
    line = LineItem(
        line_no=node.text(f"{_DOCUMENT}/LineID"),
        description=" - ".join(product.texts("Name", "Description")) or node.text(f"{_DOCUMENT}/IncludedNote/Content"),
        product_code=product.text("SellerAssignedID", "GlobalID", "BuyerAssignedID"),
        hsn_sac=_harmonised_code(product),
        quantity=values.amount(quantity.value, f"{field}.quantity") if quantity else None,
        unit=quantity.attribute("unitCode") if quantity else None,
        unit_price=_unit_price(agreement, field, values),
        discount_amount=discount,
        net_amount=values.amount(
            settlement.text(*(f"{name}/LineTotalAmount" for name in _SUMMATION)), f"{field}.net_amount"
        ),
        tax_rate=values.amount(
            settlement.text("ApplicableTradeTax/RateApplicablePercent", "ApplicableTradeTax/ApplicablePercent"),
            f"{field}.tax_rate",
        ),
        po_number=agreement.text("BuyerOrderReferencedDocument/IssuerAssignedID", "BuyerOrderReferencedDocument/ID"),
    )
    return line, surcharge


def _unit_price(agreement: Node, field: str, values: XmlValues) -> Decimal | None:
    price = agreement.find("NetPriceProductTradePrice", "GrossPriceProductTradePrice")
    if price is None:
        return None
    base = values.amount(price.text("BasisQuantity"), f"{field}.unit_price")
    return unit_price_of(values.amount(price.text("ChargeAmount"), f"{field}.unit_price"), base)


def _allowances(settlement: Node, field: str, values: XmlValues) -> tuple[Decimal | None, bool]:
    """The discounts of a line, and whether it has a surcharge too."""
    discounts, surcharge = [], False
    for node in settlement.all("SpecifiedTradeAllowanceCharge"):
        if (node.text("ChargeIndicator/Indicator", "ChargeIndicator") or "").lower() in {"true", "1"}:
            surcharge = True
        else:
            discounts.append(values.amount(node.text("ActualAmount"), f"{field}.discount_amount"))
    return sum_of(discounts), surcharge


def _harmonised_code(product: Node) -> str | None:
    codes = product.all("DesignatedProductClassification/ClassCode")
    return next((code.value for code in codes if code.attribute("listID") == "HS"), None)
