"""Reads records of the public schema by tables of paths: where each field lies in a syntax.

Most of a national syntax is "this field lies there". Such a syntax is a table per record, and code only for what a path
cannot say (signs, codes, sums). A table maps the name of a field to a path::

    _SELLER: Paths = {
        "name": "Nazwa | ImiePierwsze & Nazwisko",
        "tax_id": "NIP",
        "address": "AdresL1 & AdresL2",
        "country": "@kodKraju",
    }
    seller = read_party(root.part("Podmiot1"), _SELLER, values, "seller", kind="VAT")

The language of paths:

=========  =====================================================================================================
``a/b``    the first text under these local names; all texts for a field that holds several
``a/@b``   an attribute; ``@b`` is one of the element itself, and ``.`` its own text
``x | y``  the first of the two that is there
``x & y``  both, with what separates them in such a field between them; binds closer than ``|``
=========  =====================================================================================================

The declared type of a field says how its text is read: a number, a date, yes or no, text, or all texts. Names of fields
say the rest: ``country`` becomes ISO 3166-1 alpha-2, ``currency`` and ``tax_currency`` ISO 4217, a ``tax_id`` loses its
blanks.
"""

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, cast

from shared_code.e_invoices.codes import currency_of
from shared_code.e_invoices.xml import Node, XmlValues
from shared_code.invoices.countries import country_code
from shared_code.invoices.reading import InvoiceReading
from shared_code.invoices.schema import CashDiscount, Invoice, LineItem, Party, Payment, unless_empty
from shared_code.records import Finding

#: field of a record -> its path
type Paths = Mapping[str, str]

_SEPARATORS = {"address": ", ", "description": " - ", "notes": "\n", "terms": "; "}
_CURRENCIES = frozenset({"currency", "tax_currency"})
_TRUE = frozenset({"true", "1", "yes", "y"})


@dataclass(frozen=True, slots=True)
class _Place:
    """One step of a path: elements, and the attribute of them that holds the text."""

    elements: str
    attribute: str | None

    def texts(self, node: Node) -> Iterable[str]:
        found = node.all(self.elements) if self.elements else [node]
        values = (each.attribute(self.attribute) if self.attribute else each.value for each in found)
        return (value for value in values if value)


def read_record[R](
    kind: type[R], node: Node, paths: Paths, values: XmlValues, *, field: str = "", **given: object
) -> R:
    """A record with the fields that the table names, and those that the caller has read itself.

    :param kind: a dataclass of the public schema: ``Invoice``, ``LineItem``, ``Tax``, ...
    :param field: name of the record in findings: ``line_items[0]``; '' for the invoice itself.
    :param given: fields that no path can say.
    """
    prefix = f"{field}." if field else ""
    types = _types(cast("Hashable", kind))
    read = {name: _read(node, path, types[name], name, f"{prefix}{name}", values) for name, path in paths.items()}
    return kind(**{**read, **given})


def read_party(
    node: Node | None, paths: Paths, values: XmlValues, role: str, *, kind: str | None = None, **given: object
) -> Party | None:
    """A party, None when the document shows none of its values.

    :param kind: what its tax number is, where there is one: a member of ``TAX_ID_TYPES``.
    """
    if node is None:
        return None
    party = read_record(Party, node, paths, values, field=role, **given)
    return unless_empty(replace(party, tax_id_type=kind) if party.tax_id and kind else party)


def read_records[R](kind: type[R], nodes: Iterable[Node], paths: Paths, values: XmlValues, field: str) -> tuple[R, ...]:
    """A record for each element, as :func:`read_record` does it."""
    return tuple(read_record(kind, node, paths, values, field=f"{field}[{index}]") for index, node in enumerate(nodes))


def text_at(node: Node, path: str, *, separator: str = " ") -> str | None:
    """The text at a path; None when there is none."""
    for parts in _parsed(path):
        texts = [text for part in parts if (text := next(iter(part.texts(node)), None))]
        if texts:
            # A text of its own stays the one that it is: it may know its element, see ``explanation``.
            return texts[0] if len(texts) == 1 else separator.join(texts)
    return None


def texts_at(node: Node, path: str) -> tuple[str, ...]:
    """All texts at a path, without repetition."""
    return tuple(dict.fromkeys(text for parts in _parsed(path) for part in parts for text in part.texts(node)))


def amount_at(node: Node, path: str, field: str, values: XmlValues) -> Decimal | None:
    """The number at a path."""
    return values.amount(text_at(node, path), field)


def date_at(node: Node, path: str, field: str, values: XmlValues) -> date | None:
    """The date at a path."""
    return values.date(text_at(node, path), field)


def first_date(nodes: Iterable[Node], path: str, field: str, values: XmlValues) -> date | None:
    """The earliest of several dates, as the first of instalments is due (usage note of EN 16931-1 on BT-9)."""
    dates = [date_at(node, path, field, values) for node in nodes]
    return min((day for day in dates if day is not None), default=None)


def with_discounts(payment: Payment | None, discounts: Iterable[CashDiscount | None]) -> Payment | None:
    """How to pay, with what may be kept back for paying early."""
    return unless_empty(replace(payment or Payment(), discounts=tuple(filter(None, discounts))))


def per_line(discount: Decimal | None, line: LineItem) -> Decimal | None:
    """The discount on a whole line, where makers write either that or the discount on one unit: the amount tells."""
    amount = line.total_amount if line.net_amount is None else line.net_amount
    if discount is None or line.quantity is None or line.unit_price is None or amount is None:
        return discount
    wanted = abs(line.quantity * line.unit_price) - abs(amount)
    return min((abs(discount), abs(discount * line.quantity)), key=lambda meant: abs(meant - wanted))


def reading_of_invoice(
    invoice: Invoice, values: XmlValues, *, unchecked_lines: Collection[int] = (), lines_of_order: bool = False
) -> InvoiceReading:
    """The invoice with what was found while its values were read."""
    return InvoiceReading(
        replace(invoice, impossible_dates=tuple(values.impossible)),
        tuple(values.findings),
        unchecked_lines=frozenset(unchecked_lines),
        lines_of_order=lines_of_order,
    )


def self_billed_if(said: object, values: XmlValues) -> None:
    """Remark that the buyer issued the document in the seller's name, when the syntax says so.

    :param said: what the syntax says: the code or the text, None or False when it does not.
    """
    if said:
        message = "The document is self-billed: the buyer issued it in the seller's name."
        values.remark(Finding("self_billed", message, "document_type", found=str(said)[:100], review=False))


def _read(node: Node, path: str, kind: Any, name: str, field: str, values: XmlValues) -> Any:
    if kind is tuple:
        return texts_at(node, path)
    text = text_at(node, path, separator=_SEPARATORS.get(name, " "))
    if kind is Decimal:
        return values.amount(text, field)
    if kind is date:
        return values.date(text, field)
    if kind is bool:
        return None if text is None else text.lower() in _TRUE
    return _text(text, name, field, values)


def _text(text: str | None, name: str, field: str, values: XmlValues) -> str | None:
    if name in _CURRENCIES:
        return currency_of(text, values.findings, field=field)
    if name == "tax_id":
        return text.replace(" ", "") if text else None
    return country_code(text) if name == "country" else text


@lru_cache(maxsize=64)
def _types(kind: Any) -> dict[str, Any]:
    """Field -> Decimal, date, bool, str, or tuple for several texts."""
    return {entry.name: _plain_type(entry.type) for entry in fields(kind)}


def _plain_type(declared: Any) -> Any:
    """The type without ``None``."""
    for plain in (Decimal, date, bool, str):
        if declared == plain or declared == plain | None:
            return plain
    return tuple


@lru_cache(maxsize=2048)
def _parsed(path: str) -> tuple[tuple[_Place, ...], ...]:
    return tuple(tuple(map(_place, option.split("&"))) for option in path.split("|"))


def _place(part: str) -> _Place:
    elements, _, attribute = part.strip().partition("@")
    elements = elements.rstrip("/")
    return _Place("" if elements == "." else elements, attribute or None)
