"""The line items of a UBL invoice, credit note or debit note."""

from decimal import Decimal

from shared_code.e_invoices.codes import unit_price_of
from shared_code.e_invoices.xml import Node, XmlValues, sum_of
from shared_code.invoices.schema import LineItem

_LINES = ("InvoiceLine", "CreditNoteLine", "DebitNoteLine")
_QUANTITIES = ("InvoicedQuantity", "CreditedQuantity", "DebitedQuantity")


def read_lines(root: Node, values: XmlValues) -> tuple[tuple[LineItem, ...], frozenset[int]]:
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
    discount, has_surcharge = _allowances(node, field, values)
    line = LineItem(
        line_no=node.text("ID"),
        description=" - ".join(item.texts("Name", "Description")) or node.text("Note"),
        product_code=item.text(
            "SellersItemIdentification/ID", "StandardItemIdentification/ID", "BuyersItemIdentification/ID"
        ),
        hsn_sac=_harmonised_code(item),
        quantity=values.amount(quantity.value, f"{field}.quantity"),
        unit=quantity.attribute("unitCode"),
        unit_price=_unit_price(node, field, values),
        discount_amount=discount,
        net_amount=values.amount(node.text("LineExtensionAmount"), f"{field}.net_amount"),
        tax_rate=values.amount(item.text("ClassifiedTaxCategory/Percent"), f"{field}.tax_rate"),
        tax_amount=values.amount(node.text("TaxTotal/TaxAmount"), f"{field}.tax_amount"),
        po_number=node.text("OrderLineReference/OrderReference/ID"),
    )
    return line, has_surcharge


def _unit_price(node: Node, field: str, values: XmlValues) -> Decimal | None:
    base = values.amount(node.text("Price/BaseQuantity"), f"{field}.unit_price")
    return unit_price_of(values.amount(node.text("Price/PriceAmount"), f"{field}.unit_price"), base)


def _allowances(node: Node, field: str, values: XmlValues) -> tuple[Decimal | None, bool]:
    """The discounts of a line, and whether it has a surcharge too."""
    discounts, has_surcharge = [], False
    for entry in node.all("AllowanceCharge"):
        if (entry.text("ChargeIndicator") or "").lower() in {"true", "1"}:
            has_surcharge = True
        else:
            discounts.append(values.amount(entry.text("Amount"), f"{field}.discount_amount"))
    return sum_of(discounts), has_surcharge


def _harmonised_code(item: Node) -> str | None:
    codes = item.all("CommodityClassification/ItemClassificationCode")
    return next((code.value for code in codes if code.attribute("listID") == "HS"), None)
