"""Which element of an e-invoice each value came from, for a person who doubts one.

The same readers read the same bytes; only the nodes are of a kind whose texts remember their element. Amounts and dates
that are made of such a text remember it too. What a reader has changed since (joined, mapped, added up) has forgotten
it: then the texts that the reader has looked at are searched for it, and what is not among them was computed.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache, cached_property
from typing import Any

from shared_code import errors
from shared_code.documents.document import Document
from shared_code.documents.file_type import Kind
from shared_code.documents.sandbox.pool import default_sandbox
from shared_code.e_invoices.explanation.terms import term_of
from shared_code.e_invoices.explanation.traced import Origin, Text, traced_node
from shared_code.e_invoices.file_contents import invoices_of
from shared_code.e_invoices.reader import MAX_INVOICES, EInvoice, Evidence, read_answer, read_e_invoice, written
from shared_code.e_invoices.xml import Node
from shared_code.invoices.schema import Invoice, money_text
from shared_code.invoices.text_layer import compact_code
from shared_code.records import FileBytes

#: a text that is part of a longer value, such as the street in an address
_SHORTEST_PART = 3
_SHOWN = 300
#: of a text that stands in more places, the first ones are compared
_MOST_PLACES = 100
#: how readers find days that they take apart themselves
_FORMS_OF_DAYS = ("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y%m%d")
#: an invoice of more lines is read, but its lines are not explained
_MOST_LINES = 2_000
#: a larger file is read without evidence: to trace each value takes twice as long as to read it
_MOST_BYTES = 4 * 1_048_576
#: fields whose value is ours, not the file's: a code of the file was looked up
_MAPPED = frozenset({"document_type", "tax_id_type"})


@dataclass(frozen=True, slots=True)
class Explanation:
    """All values of a file and their elements; ``number`` is that of the first invoice."""

    syntax: str
    number: str | None
    evidence: tuple[Evidence, ...]


def explain_document(document: Document, *, syntax: str, number: str | None) -> Explanation | None:
    """The explanation of an answer that was read from a document without a model; None when there is none.

    :param syntax: of the answer.
    :param number: of the answer's first invoice; it tells which of several XML files in a PDF was read.
    :raises errors.Busy: too many documents are being read.
    """
    files = [document.media[0].data] if document.kind is Kind.XML else [data for _, data in document.xml_attachments]
    for data in files:
        # A file beside the one that was read may be anything.
        with suppress(errors.InvalidFile):
            found = explain(bytes(data), company=document.company)
            if found is not None and (found.syntax, found.number) == (syntax, number):
                return found
    return None


def explain(data: bytes, *, company: str = "") -> Explanation | None:
    """The explanation of one file, made in a process of its own; None for a file that is of no known syntax.

    :raises errors.InvalidFile: the file is damaged.
    :raises errors.Busy: too many documents are being read.
    """
    result = default_sandbox().run("call", [data], company=company, function=f"{__name__}:answer")
    if not result.parts:
        return None
    rows = json.loads(result.parts[0])
    facts = result.facts
    return Explanation(facts["syntax"], facts["number"], tuple(Evidence(**row) for row in rows))


def read_with_evidence(data: FileBytes, *, company: str = "") -> EInvoice:
    """The invoices of a file, as :func:`.reader.read_in_sandbox` gives them, with the evidence for their values.

    Raises the same.
    """
    function = f"{__name__}:answer_with_evidence"
    result = default_sandbox().run("call", [data], company=company, function=function)
    return replace(read_answer(result.parts[0]), evidence=_rows_of(result.parts[1]))


def answer_with_evidence(parts: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    """What the child sends: the invoices, read once, and the evidence for their values."""
    data = parts.pop()
    if len(data) > _MOST_BYTES:
        return {}, [written(read_e_invoice(data)), b"[]"]
    read: list[Text] = []
    kind = traced_node(read)
    found = read_e_invoice(data, lambda root: root.as_type(kind))
    invoices = [_few_lines(entry.invoice) for entry in found.readings]
    rows = [
        [(row.field, row.value, row.term, row.path, row.text) for row in _evidence(invoice, read, prefix="")]
        for invoice in invoices
    ]
    return {}, [written(found), json.dumps(rows).encode()]


def _few_lines(invoice: Invoice) -> Invoice:
    """The invoice without lines that are too many to explain."""
    return invoice if len(invoice.line_items) <= _MOST_LINES else replace(invoice, line_items=())


def _rows_of(part: bytes) -> tuple[tuple[Evidence, ...], ...]:
    return tuple(tuple(Evidence(*row) for row in rows) for rows in json.loads(part))


def answer(parts: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    """What the child sends for one file."""
    invoices: list[tuple[str, Invoice]] = []
    found = invoices_of(parts.pop())[:MAX_INVOICES]
    read: list[Text] = []
    for syntax, root in found:
        tree = root.as_type(traced_node(read))
        invoices += [(syntax.name, entry.invoice) for entry in syntax.read(tree)[1]]
    if not invoices:
        return {}, []
    rows = [
        asdict(row)
        for index, (_, invoice) in enumerate(invoices)
        for row in _evidence(invoice, read, prefix=f"invoices[{index}]." if index else "")
    ]
    number = invoices[0][1].invoice_number
    return {"syntax": invoices[0][0], "number": None if number is None else str(number)}, [json.dumps(rows).encode()]


def _evidence(invoice: Invoice, read: list[Text], *, prefix: str) -> Iterator[Evidence]:
    leaves, texts, paths = _values(invoice, ""), _Texts(read), _Paths()
    near: dict[str, Origin] = {}
    for field, value in leaves:
        if hasattr(value, "origin"):
            near.setdefault(field.rpartition(".")[0], value.origin)
    for field, value in leaves:
        above, _, name = field.rpartition(".")
        origins = [] if name in _MAPPED else texts.origins(value, near.get(above))
        path = " + ".join(dict.fromkeys(paths.of(origin) for origin in origins)) or None
        text = " + ".join(dict.fromkeys(_text_at(origin) for origin in origins))[:_SHOWN] or None
        shown = money_text(value) if isinstance(value, Decimal) else str(value)
        yield Evidence(prefix + field, shown[:_SHOWN], term_of(field), path, text)


def _values(value: Any, path: str) -> list[tuple[str, Any]]:
    """Paths and values below a part of an invoice; nothing for what the invoice does not have."""
    found: list[tuple[str, Any]] = []

    def gather(value: Any, path: str) -> None:
        kind: Any = type(value)
        names = _names_of(kind)
        if names is not None:
            for name in names:
                if (part := getattr(value, name)) is not None:
                    gather(part, f"{path}.{name}" if path else name)
        elif isinstance(value, tuple):
            for index, part in enumerate(value):
                if part is not None:
                    gather(part, f"{path}[{index}]")
        else:
            found.append((path, value))

    gather(value, path)
    return found


@cache
def _names_of(kind: type) -> tuple[str, ...] | None:
    """The fields of a record that are explained; None for what is no record."""
    return tuple(each.name for each in fields(kind) if each.name != "impossible_dates") if is_dataclass(kind) else None


class _Texts:
    """The texts that a reader has looked at, by what they say."""

    def __init__(self, read: list[Text]) -> None:
        self._read = read
        self._compact = [compact_code(text) for text in read]
        self._same: dict[str, list[Origin]] = {}
        self._parts: dict[str, list[Origin]] = {}
        for compact, text in zip(self._compact, read, strict=True):
            self._same.setdefault(compact, []).append(text.origin)
            self._parts.setdefault(str(text), []).append(text.origin)

    @cached_property
    def _joined(self) -> dict[str, tuple[int, ...]]:
        """A number with its country, a person's names: two or three texts that were read one after another."""
        found: dict[str, tuple[int, ...]] = {}
        texts = self._compact
        for at in range(len(texts) - 2):
            first, second, third = texts[at : at + 3]
            found.setdefault(first + second, (at, at + 1))
            found.setdefault(second + first, (at + 1, at))
            found.setdefault(first + second + third, (at, at + 1, at + 2))
        for at in range(max(len(texts) - 2, 0), len(texts)):
            for span in ((at, at + 1), (at + 1, at)):
                inside = tuple(each for each in span if each < len(texts))
                found.setdefault("".join(texts[each] for each in inside), inside)
        return found

    def origins(self, value: Any, near: Origin | None) -> list[Origin]:
        """The element that a value knows; else those whose texts it is or consists of.

        :param near: where another value of the same record stands: of several places the next one is taken.
        """
        known = getattr(value, "origin", None)
        if known is not None:
            return [known]
        if isinstance(value, date):
            written = (value.strftime(form) for form in _FORMS_OF_DAYS)
            return next(([_nearest(self._parts[text], near)] for text in written if text in self._parts), [])
        if not isinstance(value, str):
            return []
        wanted = compact_code(value)
        if wanted in self._same:
            return [_nearest(self._same[wanted], near)]
        if wanted in self._joined:
            return [self._read[each].origin for each in self._joined[wanted]]
        parts = dict.fromkeys(map(str.strip, re.split(r"[\n,;]", value)))
        found = [self._parts.get(part, []) for part in parts if len(part) >= _SHORTEST_PART]
        return [_nearest(origins, near) for origins in found if origins]


def _nearest(origins: list[Origin], near: Origin | None) -> Origin:
    """The one that shares most of its path with ``near``, the first of several."""
    if near is None or len(origins) == 1:
        return origins[0]
    around = set(near.element.iterancestors())
    return max(origins[:_MOST_PLACES], key=lambda origin: len(around.intersection(origin.element.iterancestors())))


def _text_at(origin: Origin) -> str:
    element = origin.element
    found = element.text if origin.attribute is None else Node(element).attribute(origin.attribute)
    return " ".join((found or "").split())


class _Paths:
    """Paths of elements. Places among others of a name are counted once for each parent: there may be many lines."""

    def __init__(self) -> None:
        self._places: dict[Any, tuple[dict[Any, int], dict[str, int]]] = {}
        self._known: dict[Any, str] = {}

    def of(self, origin: Origin) -> str:
        """``/Invoice/InvoiceLine[2]/Quantity/@unitCode``, without namespaces."""
        return self._of(origin.element) + ("" if origin.attribute is None else f"/@{origin.attribute}")

    def _of(self, element: Any) -> str:
        path = self._known.get(element)
        if path is None:
            parent = element.getparent()
            above = "" if parent is None else self._of(parent)
            path = self._known[element] = f"{above}/{self._step(element)}"
        return path

    def _step(self, element: Any) -> str:
        parent = element.getparent()
        if parent is None:
            return _local(element)
        if parent not in self._places:
            numbers: dict[Any, int] = {}
            counts: dict[str, int] = {}
            for each in parent:
                tag = each.tag
                counts[tag] = numbers[each] = counts.get(tag, 0) + 1
            self._places[parent] = numbers, counts
        numbers, counts = self._places[parent]
        return _local(element) + (f"[{numbers[element]}]" if counts[element.tag] > 1 else "")


def _local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]
