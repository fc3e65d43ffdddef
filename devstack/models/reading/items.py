"""Line items: the row of column titles gives each column its place, the rows under it fill it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from devstack.models.reading.layout import Cell, Row
from devstack.models.reading.numbers import only_money

_COLUMNS: tuple[tuple[str, str], ...] = (
    ("line_no", r"#|s\.?\s?no\.?|sr\.?(?: no\.?)?|pos\.?|no\.?|line"),
    ("hsn_sac", r"hsn.*|hs(?: code)?|sac.*"),
    ("product_code", r"(?:item |product )?code|sku|art\.?[\s-]?nr\.?.*|artikelnummer|r[ée]f[ée]rence"),
    (
        "unit_price",
        (
            r"(?:unit |net |list )?price.*|rate|unit cost|einzelpreis|nettopreis|preis.*|prijs per.*|prix.*|precio.*|"
            r"prezzo.*|p\.?u\.?.*"
        ),
    ),
    ("quantity", r"qty.*|quantity|menge|aantal|qt[ée]\.?|quantit[éà]|cantidad|hours|stunden|anzahl"),
    ("unit", r"uqc|um|uom|units?|einheit|unit[ée]|eenheid|meng\.?-?\s?einheit"),
    ("discount_amount", r"discount|rabatt|remise|korting"),
    ("tax_rate", r"(?:vat|tax|gst|btw|tva|iva|ust\.?)(?: rate)?\s?%?|steuersatz.*|tax rate"),
    ("date", r"(?:training |service )?date|datum|fecha"),
    (
        "description",
        (
            r"description.*|(?:artikel)?bezeichnung|.*beschreibung|d[ée]signation|omschrijving|artikel|descripci[óo]n|"
            r"descrizione|particulars|details|items?|product|service|goods.*"
        ),
    ),
    ("total_amount", r".*incl\.? (?:btw|vat|tax)|montant ttc|brutto.*"),
    ("net_amount", r"(?:line |net )?(?:amount|total).*|(?:netto)?betrag|montant.*|bedrag|importe|importo|value"),
)
_PATTERNS = tuple((name, re.compile(expression, re.IGNORECASE)) for name, expression in _COLUMNS)
_END = re.compile(
    r"^(?:sub[\s-]?total|subtotaal|grand total|total|totaal|totale|summe|taxable value|net total|zwischensumme|"
    r"sous[\s-]total|positionssumme|rechnungssumme|exclusief|balance due|amount due|gesamt)",
    re.IGNORECASE,
)
_SECTION = re.compile(r"^sub[\s-]?total", re.IGNORECASE)
_FEWEST_TITLES = 3
_AMOUNTS = ("net_amount", "total_amount")
_NUMERIC = ("quantity", "unit_price", "discount_amount", "net_amount", "total_amount", "tax_amount")
_RATE = re.compile(r"\d{1,2}(?:[.,]\d+)?\s?%")
_QUANTITY_WITH_UNIT = re.compile(r"([\d.,]+)\s+([A-Za-z]{1,8})")


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    cell: Cell


def read_items(rows: Sequence[Row]) -> tuple[list[dict[str, str]], set[int]]:
    """Items as printed, and the indexes of the rows that belong to the table (titles and items)."""
    items: list[dict[str, str]] = []
    used: set[int] = set()
    columns: list[_Column] = []
    for index, row in enumerate(rows):
        titles = _titles(row)
        if titles:
            columns = titles
            used.add(index)
            continue
        if not columns:
            continue
        if _END.search(row.cells[0].text):
            # Sections have sums of their own; the table goes on after them when more titled amounts follow.
            if not _SECTION.search(row.cells[0].text) or not _goes_on(rows, index, columns):
                columns = []
            continue
        item = _item(row, columns)
        if item:
            items.append(item | {"page": str(row.page)})
            used.add(index)
    return items, used


def _titles(row: Row) -> list[_Column]:
    columns: list[_Column] = []
    for cell in row.cells:
        name = next((name for name, pattern in _PATTERNS if pattern.fullmatch(cell.text.strip(" :."))), None)
        if name and any(column.name == name for column in columns):
            name = None
        columns.append(_Column(name or "", cell))
    names = {column.name for column in columns} - {""}
    enough = len(names) >= _FEWEST_TITLES and ("description" in names or "product_code" in names)
    return columns if enough and names & set(_AMOUNTS) else []


def _goes_on(rows: Sequence[Row], index: int, columns: Sequence[_Column]) -> bool:
    for row in rows[index + 1 :]:
        if _END.search(row.cells[0].text):
            return False
        if _item(row, columns):
            return True
    return False


def _item(row: Row, columns: Sequence[_Column]) -> dict[str, str] | None:
    item: dict[str, str] = {}
    for cell in row.cells:
        column = min(columns, key=lambda column: _distance(column.cell, cell))
        if column.name and _fits(column.name, cell.text):
            item.setdefault(column.name, cell.text)
    if "description" not in item or not any(name in item for name in _AMOUNTS):
        return None
    with_unit = _QUANTITY_WITH_UNIT.fullmatch(item.get("quantity", ""))
    if with_unit:
        item["quantity"], item["unit"] = with_unit[1], item.get("unit", with_unit[2])
    return item


def _fits(name: str, text: str) -> bool:
    if name == "tax_rate":
        return bool(_RATE.fullmatch(text)) or only_money(text) is not None
    if name == "quantity" and _QUANTITY_WITH_UNIT.fullmatch(text):
        return True
    return name not in _NUMERIC or only_money(text) is not None


def _distance(title: Cell, cell: Cell) -> float:
    overlap = min(title.x1, cell.x1) - max(title.x0, cell.x0)
    edges = min(abs(title.x0 - cell.x0), abs(title.x1 - cell.x1))
    return edges if overlap <= 0 else edges / 4 - overlap / 100
