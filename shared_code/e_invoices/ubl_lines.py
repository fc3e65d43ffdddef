"""The line items of UBL (BG-25).

The mapping is that of the syntax binding to UBL 2.1 (CEN/TS 16931-3-2); BT and BG numbers are the business terms of
EN 16931-1. Profiles outside EN 16931 give the rate of a line in the line's own ``TaxTotal`` (OIOUBL, UBL-TR, SUNAT) and
what the line costs with tax: PINT of the Gulf states as ``ItemPriceExtension``, ZATCA as the ``RoundingAmount`` beside
the tax (KSA-12).
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from shared_code.e_invoices.codes import discount_of, harmonised_code, unit_price_of
from shared_code.e_invoices.ubl_profiles import tax_category, tax_scheme
from shared_code.e_invoices.xml import Node, XmlValues, sum_of
from shared_code.invoices.schema import LineItem, Tax

_LINES = ("InvoiceLine", "CreditNoteLine", "DebitNoteLine")
_QUANTITIES = ("InvoicedQuantity", "CreditedQuantity", "DebitedQuantity")
#: names of the value added tax where a line has several taxes
_VAT = frozenset({"VAT", "KDV", "IVA", "IGV", "GST"})


def read_lines(root: Node, values: XmlValues) -> tuple[tuple[LineItem, ...], frozenset[int]]:
    """All lines, and the indexes of those with surcharges."""
    lines, unchecked = [], set()
    for index, node in enumerate(root.all(*_LINES)):
        line, has_surcharge = _line(node, f"line_items[{index}]", values)
        lines.append(line)
        if has_surcharge:
            unchecked.add(index)
    return tuple(lines), frozenset(unchecked)


def read_tax(node: Node, values: XmlValues, field: str) -> Tax:
    """One tax at one rate from its ``TaxSubtotal`` (BG-23)."""
    category = node.part("TaxCategory")
    return Tax(
        name=tax_scheme(category),
        rate=values.amount(category.text("Percent") or node.text("Percent"), f"{field}.rate"),  # BT-119
        taxable_amount=values.amount(node.text("TaxableAmount"), f"{field}.taxable_amount"),  # BT-116
        amount=values.amount(node.text("TaxAmount"), f"{field}.amount"),  # BT-117
        category=tax_category(category),  # BT-118
    )


def _line(node: Node, field: str, values: XmlValues) -> tuple[LineItem, bool]:
    item = node.part("Item")
    quantity = node.part(*_QUANTITIES)
    count = values.amount(quantity.value, f"{field}.quantity")  # BT-129
    net = values.amount(node.text("LineExtensionAmount"), f"{field}.net_amount")  # BT-131
    discount, surcharge = discount_of(
        node.all("AllowanceCharge"), field, values, indicators=("ChargeIndicator",), amount="Amount"
    )
    before = None if net is None else net + (discount or 0) - (surcharge or 0)
    tax = _line_tax(node, field, values)
    line = LineItem(
        line_no=node.text("ID"),  # BT-126
        # BT-153 and BT-154, else the note BT-127
        description=" - ".join(item.texts("Name", "Description")) or node.text("Note"),
        product_code=item.text(  # BT-155, BT-157, BT-156
            "SellersItemIdentification/ID", "StandardItemIdentification/ID", "BuyersItemIdentification/ID"
        ),
        hsn_sac=harmonised_code(item.all("CommodityClassification/ItemClassificationCode")),  # BT-158
        quantity=count,
        unit=quantity.attribute("unitCode"),  # BT-130
        unit_price=_unit_price(node.part("Price"), field, values, quantity=count, net=before),  # BT-146
        discount_amount=discount,  # BT-136
        net_amount=net,
        tax_rate=tax.rate,  # BT-152
        tax_amount=tax.amount,
        total_amount=_total(node, net, tax.amount, field, values),
        taxes=tax.parts if len(tax.parts) > 1 else (),
        po_number=node.text("OrderLineReference/OrderReference/ID"),
    )
    return line, bool(surcharge)


class _LineTax(NamedTuple):
    """The tax of a line: its rate, its amount, and all taxes that the line itself lists."""

    rate: Decimal | None
    amount: Decimal | None
    parts: tuple[Tax, ...]


def _line_tax(node: Node, field: str, values: XmlValues) -> _LineTax:
    taxes = tuple(read_tax(each, values, f"{field}.taxes") for each in node.all("TaxTotal/TaxSubtotal"))
    rate = values.amount(node.text("Item/ClassifiedTaxCategory/Percent"), f"{field}.tax_rate")
    amounts = node.all("TaxTotal/TaxAmount") or node.all("ItemPriceExtension/TaxTotal/TaxAmount")
    amount = sum_of(values.amount(each.value, f"{field}.tax_amount") for each in amounts)
    return _LineTax(_rate_of(taxes) if rate is None else rate, amount, taxes)


def _rate_of(taxes: Sequence[Tax]) -> Decimal | None:
    """The one rate of all taxes, else that of the value added tax; None when there are several of it."""
    rated = [tax for tax in taxes if tax.rate is not None]
    for some in (rated, [tax for tax in rated if (tax.name or "").upper() in _VAT]):
        rates = {tax.rate for tax in some}
        if len(rates) == 1:
            return rates.pop()
    return None


def _total(node: Node, net: Decimal | None, tax: Decimal | None, field: str, values: XmlValues) -> Decimal | None:
    """What the line costs with tax, if the amount that a profile means by it really is net amount and tax together."""
    written = node.text("ItemPriceExtension/Amount", "TaxTotal/RoundingAmount")
    if net is None or tax is None or written is None:
        return None
    total = values.amount(written, f"{field}.total_amount")
    return total if total == net + tax else None


def _unit_price(
    price: Node, field: str, values: XmlValues, *, quantity: Decimal | None, net: Decimal | None
) -> Decimal | None:
    """The net price of one unit; it may be given for several (BT-149)."""
    amount, base, factor = (
        values.amount(price.text(tag), f"{field}.unit_price")
        for tag in ("PriceAmount", "BaseQuantity", "OrderableUnitFactorRate")
    )
    return unit_price_of(amount, base, quantity=quantity, net=net, factor=factor)
