"""The line items of FatturaPA, ordinary (net prices) and simplified (gross amounts).

Elements are those of the technical specifications of the FatturaPA format (Agenzia delle Entrate).
"""

from decimal import Decimal

from shared_code.e_invoices.xml import Node, XmlValues
from shared_code.invoices.schema import LineItem

_CENT = Decimal("0.01")


def read_lines(body: Node, values: XmlValues) -> tuple[tuple[LineItem, ...], frozenset[int]]:
    """All lines, and the indexes of those whose discounts and surcharges cannot be computed."""
    lines, unchecked = [], set()
    for index, node in enumerate(body.all("DatiBeniServizi/DettaglioLinee")):
        line = _line(node, f"line_items[{index}]", values)
        if line.discount_amount is None and node.find("ScontoMaggiorazione") is not None:
            unchecked.add(index)
        lines.append(line)
    lines += [
        _simplified(node, f"line_items[{index}]", values)
        for index, node in enumerate(body.all("DatiBeniServizi"))
        if node.find("Importo") is not None
    ]
    return tuple(lines), frozenset(unchecked)


def _line(node: Node, field: str, values: XmlValues) -> LineItem:
    quantity = values.amount(node.text("Quantita"), f"{field}.quantity")
    price = values.amount(node.text("PrezzoUnitario"), f"{field}.unit_price")
    net_amount = values.amount(node.text("PrezzoTotale"), f"{field}.net_amount")
    return LineItem(
        line_no=node.text("NumeroLinea"),
        description=node.text("Descrizione"),
        product_code=node.text("CodiceArticolo/CodiceValore"),
        quantity=quantity,
        unit=node.text("UnitaMisura"),
        unit_price=price,
        discount_amount=_discount(node, quantity, price, net_amount, values),
        net_amount=net_amount,
        tax_rate=values.amount(node.text("AliquotaIVA"), f"{field}.tax_rate"),
    )


def _discount(
    node: Node, quantity: Decimal | None, price: Decimal | None, net_amount: Decimal | None, values: XmlValues
) -> Decimal | None:
    """The discount on the whole line. It is given for one unit, or by some for the whole line: the amount tells."""
    rows = node.all("ScontoMaggiorazione")
    if len(rows) != 1 or rows[0].text("Tipo") != "SC" or quantity is None or price is None or net_amount is None:
        return None
    amount = values.amount(rows[0].text("Importo"), "line_items.discount_amount")
    if amount is None:
        return None
    readings = (amount * quantity, amount)
    return next((each for each in readings if abs(quantity * price - each - net_amount) <= _CENT), None)


def _simplified(node: Node, field: str, values: XmlValues) -> LineItem:
    return LineItem(
        description=node.text("Descrizione"),
        total_amount=values.amount(node.text("Importo"), f"{field}.total_amount"),
        tax_rate=values.amount(node.text("DatiIVA/Aliquota"), f"{field}.tax_rate"),
        tax_amount=values.amount(node.text("DatiIVA/Imposta"), f"{field}.tax_amount"),
    )
