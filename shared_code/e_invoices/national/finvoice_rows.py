"""The rows of Finvoice, and its amounts with a decimal comma.

Elements are those of the schema Finvoice3.0.xsd. A row's amount is quantity times net unit price, less the row's
discount, plus its charges. A row without an amount holds a text, or has the amounts in its sub-rows.
"""

import re
from dataclasses import replace
from decimal import Decimal

from shared_code.e_invoices.codes import unit_price_of
from shared_code.e_invoices.national.paths import Paths, amount_at, read_record
from shared_code.e_invoices.xml import Node, XmlValues, sum_of
from shared_code.invoices.schema import LineItem

_DETAILS = "InvoiceDetails"
#: names of a sub-row begin with "Sub"
_LINE: Paths = {
    "line_no": "{0}RowPositionIdentifier | {0}RowNumber",
    "description": "{0}ArticleName & {0}ArticleDescription | {0}RowFreeText",
    "product_code": "{0}ArticleIdentifier | {0}EanCode | {0}BuyerArticleIdentifier",
    "quantity": "{0}InvoicedQuantity | {0}DeliveredQuantity | {0}OrderedQuantity",
    "unit": (
        "{0}InvoicedQuantity/@QuantityUnitCode | {0}InvoicedQuantity/@QuantityUnitCodeUN"
        " | {0}DeliveredQuantity/@QuantityUnitCode | {0}OrderedQuantity/@QuantityUnitCode"
    ),
    "net_amount": "{0}RowVatExcludedAmount",
    "tax_rate": "{0}RowVatRatePercent",
    "tax_amount": "{0}RowVatAmount",
    "total_amount": "{0}RowAmount",
    "date": "{0}RowDeliveryDate",
    "po_number": "{0}RowIdentifier",
}
#: any other amount than nil
NOT_NIL = re.compile("[1-9]")


class CommaValues(XmlValues):
    """Amounts with a decimal comma."""

    def amount(self, text: str | None, field: str) -> Decimal | None:
        """A number exactly as it is written, with a comma or a point before its decimals."""
        plain = text.replace(",", ".") if text and text.count(",") == 1 and "." not in text else text
        return super().amount(plain, field)


def rows_of(root: Node, values: XmlValues) -> tuple[list[tuple[Node, str]], list[str]]:
    """What is a line, with the beginning of its names, and the texts of the rows that are none.

    Sub-rows are lines when their row has no amount, unless the other rows are all of the invoice already.
    """
    rows: list[tuple[Node, str]] = []
    texts: list[str] = []
    for row in root.all("InvoiceRow"):
        parts = [part for part in row.all("SubInvoiceRow") if part.find("SubRowVatExcludedAmount", "SubRowAmount")]
        if row.find("RowVatExcludedAmount", "RowAmount") or (not parts and row.find("ArticleName", "UnitPriceAmount")):
            rows.append((row, ""))
        elif parts:
            rows += [(part, "Sub") for part in parts]
        else:
            texts += row.texts("RowFreeText")
    whole = [row for row in rows if not row[1]]
    totals = root.texts(f"{_DETAILS}/RowsTotalVatExcludedAmount", f"{_DETAILS}/InvoiceTotalVatExcludedAmount")
    net = sum_of(values.amount(row.text("RowVatExcludedAmount"), "line_items.net_amount") for row, _ in whole)
    is_all = net is not None and any(values.amount(total, "subtotal") == net for total in totals)
    return whole if is_all else rows, texts


def read_rows(rows: list[tuple[Node, str]], values: XmlValues) -> tuple[tuple[LineItem, ...], set[int]]:
    """The lines, and the indexes of those with charges, or whose discount is only a percentage."""
    lines, unchecked = [], set()
    for index, (node, prefix) in enumerate(rows):
        field = f"line_items[{index}]"
        discount, is_open = _discount(node, prefix, field, values)
        if is_open:
            unchecked.add(index)
        paths = {name: path.format(prefix) for name, path in _LINE.items()}
        price = amount_at(node, f"{prefix}UnitPriceNetAmount | {prefix}UnitPriceAmount", f"{field}.unit_price", values)
        base = amount_at(node, f"{prefix}UnitPriceBaseQuantity", f"{field}.unit_price", values)
        line = read_record(LineItem, node, paths, values, field=field, discount_amount=discount)
        lines.append(replace(line, unit_price=unit_price_of(price, base)))
    return tuple(lines), unchecked


def _discount(node: Node, prefix: str, field: str, values: XmlValues) -> tuple[Decimal | None, bool]:
    """The discount on a row, and whether its amount cannot be computed from what it gives."""
    name = f"{prefix}RowDiscountAmount"
    paths = (name, f"{prefix}RowProgressiveDiscountDetails/{name}")
    discount = sum_of(values.amount(each.value, f"{field}.discount_amount") for each in node.all(*paths))
    percents = node.texts(
        f"{prefix}RowDiscountPercent", f"{prefix}RowProgressiveDiscountDetails/{prefix}RowDiscountPercent"
    )
    is_open = discount is None and any(map(NOT_NIL.search, percents))
    return discount, is_open or node.find(f"{prefix}RowChargeDetails") is not None
