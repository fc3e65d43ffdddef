"""XML and JSON of kinds that no reader knows, as lines of text that a model can read like a page.

Each value stands on one line behind the name of its element. The name is split into words (``InvoiceDate`` and
``invoice_date`` become "Invoice Date" and "invoice date"), so that the rules for printed labels find it too. What an
element holds is indented below it. Only names and values are taken: comments and processing instructions, which no
program shows to a person, are gone before the tree is built, and characters that cannot be seen are left out here.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import Any

from shared_code.documents import refusals
from shared_code.documents.document import StructuredText
from shared_code.documents.file_type import is_token
from shared_code.documents.sandbox.pool import Sandbox, default_sandbox
from shared_code.e_invoices.as_text.likeness import looks_like_an_invoice, words_of
from shared_code.e_invoices.json_tree import is_json, node_of, parse_json
from shared_code.e_invoices.xml import Node
from shared_code.e_invoices.xml_parsing import parse_xml
from shared_code.records import FileBytes

#: characters of an outline that a model is asked to read: about 200 lines of an invoice, whose answer one call can hold
MOST_CHARACTERS = 100_000
#: one value; longer texts are cut
_MOST_VALUE = 2_000
#: attachments and signatures: nothing that a model could read
_ENCODED = re.compile(r"(?:[A-Za-z0-9+/_-]{40,}+={0,2}\s?)++[A-Za-z0-9+/_=-]{0,39}")
_SHORTEST_ENCODED = 400
_CURRENCY_NAME = re.compile(r"(?i)currency|waehrung|währung|moneda|devise|valuta|waluta|divisa")
_CURRENCY = re.compile(r"[A-Z]{3}")
_INDENT = "  "
_MOST_DEPTH = 60
#: joiners are part of words in Persian and Indian scripts; other format characters only hide text
_JOINERS = "\u200c\u200d"


def outline_in_sandbox(data: FileBytes, *, company: str = "", sandbox: Sandbox | None = None) -> StructuredText:
    """A file that looks like an invoice as text, made in a process of its own.

    :param company: whose file it is: the work takes its turn among that company's.
    :raises errors.InvalidFile: as :func:`outline_of`; the file is damaged or beyond the limits of the sandbox.
    :raises errors.Busy: too many documents are being read.
    """
    result = (sandbox or default_sandbox()).run("call", [data], company=company, function=f"{__name__}:answer")
    return StructuredText(result.parts[0].decode(), result.facts["rows"])


def answer(parts: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    """What the child sends for one file: the text, and how many rows it has."""
    found = outline_of(read_tree(parts.pop()))
    return {"rows": found.rows}, [found.text.encode()]


def read_tree(data: bytes) -> Node:
    """The root element of XML, or of JSON of any kind as if it were XML.

    :raises errors.InvalidFile: reason ``dtd``, ``not_well_formed`` or ``too_complex``; ``not_an_e_invoice`` for a
        signed token (RFC 7519), which holds nothing that a person could read.
    """
    if is_token(data):
        raise refusals.invalid_file("not_an_e_invoice")
    return node_of(parse_json(data), "document", every_name=True) if is_json(data) else parse_xml(data)


def outline_of(root: Node) -> StructuredText:
    """A document that looks like an invoice as text; its rows are elements that stand beside others of their name.

    :raises errors.InvalidFile: reason ``not_an_e_invoice``, or ``too_long`` for more than :data:`MOST_CHARACTERS`.
    """
    if not looks_like_an_invoice(root):
        raise refusals.invalid_file("not_an_e_invoice")
    rows, length = 0, 0
    lines: list[str] = []
    for line, in_row in _lines(root):
        length += len(line) + 1
        rows += in_row
        if length <= MOST_CHARACTERS:
            lines.append(line)
    if length > MOST_CHARACTERS:
        raise refusals.invalid_file("too_long", limit=MOST_CHARACTERS, actual=length)
    return StructuredText("\n".join(lines), max(rows, 1))


def _lines(root: Node) -> Iterator[tuple[str, bool]]:
    """Each line in order, and whether it begins a row. Without recursion: the depth is the sender's choice."""
    waiting = [(root, 0, False)]
    while waiting:
        node, depth, repeats = waiting.pop()
        children = node.children
        is_row = repeats and (bool(children) or len(node.attributes) > 1)
        yield _line(node, min(depth, _MOST_DEPTH), has_children=bool(children)), is_row
        names = Counter(child.name for child in children)
        waiting += [(child, depth + 1, names[child.name] > 1) for child in reversed(children)]


def _line(node: Node, depth: int, *, has_children: bool) -> str:
    value, attributes = node.value, dict(node.attributes)
    currency = next((text for name, text in attributes.items() if _is_currency(name, text)), None) if value else None
    others = [(name, text) for name, text in attributes.items() if not (currency and _is_currency(name, text))]
    label = _named(node.name) or "value"
    text = f"{label}: {' '.join(filter(None, (_shown(value), currency)))}" if value else label
    # An element with attributes only is written like one that holds elements: many formats know no other values.
    separator = f"\n{_INDENT * (depth + 1)}"
    more = "".join(f"{separator}{_named(name)}: {_shown(text)}" for name, text in others)
    return f"{_INDENT * depth}{text}{more}" if value or others or has_children else f"{_INDENT * depth}{label}:"


def _is_currency(name: str, text: str) -> bool:
    return _CURRENCY_NAME.search(name) is not None and _CURRENCY.fullmatch(text) is not None


def _shown(text: str | None) -> str:
    if not text:
        return ""
    if len(text) >= _SHORTEST_ENCODED and _ENCODED.fullmatch(text):
        return f"(encoded data, {len(text)} characters, left out)"
    visible = _visible(text)
    return visible if len(visible) <= _MOST_VALUE else f"{visible[:_MOST_VALUE]} (cut)"


def _named(name: str) -> str:
    return words_of(_visible(name))


def _visible(text: str) -> str:
    return "".join(
        char for char in text if char in _JOINERS or unicodedata.category(char) not in {"Cf", "Cc", "Co", "Cn"}
    )
