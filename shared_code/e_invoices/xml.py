"""Reads untrusted XML safely, and its amounts and dates one by one.

No entity is ever resolved, nothing is loaded from anywhere, and a document with a document type declaration (DTD, W3C
XML 1.0) is refused: an invoice has no use for one. Elements are found by their local names, because the same vocabulary
is used with many namespace prefixes and versions.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from shared_code.documents import refusals
from shared_code.documents.file_type import XML_LIMIT_BYTES
from shared_code.invoices.printed_dates import read_iso
from shared_code.records import Finding

if TYPE_CHECKING:
    from lxml import etree

#: tags and attributes, counted roughly before parsing, because each takes some hundred bytes in the tree
_MAX_MARKUP = 400_000

_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,15}(?:\.[0-9]{0,12})?|\.[0-9]{1,12})")
_ISO_START = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[TZ+-].*)?")
_COMPACT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:[0-9]{4}|[0-9]{6})?(?:[A-Z+-].*)?")
_SHORT = re.compile(r"([0-9]{2})([0-9]{2})([0-9]{2})")
_MAX_FOUND = 100


class Node:
    """One element. Paths are local names with slashes between them (``Price/PriceAmount``)."""

    __slots__ = ("_element",)

    def __init__(self, element: "etree._Element") -> None:
        self._element = element

    @property
    def name(self) -> str:
        """The local name."""
        return str(self._element.tag).rpartition("}")[2]

    @property
    def namespace(self) -> str:
        """The namespace, '' for none."""
        return str(self._element.tag).rpartition("}")[0].removeprefix("{")

    @property
    def children(self) -> "list[Node]":
        """All child elements."""
        return [Node(child) for child in self._element]

    @property
    def value(self) -> str | None:
        """The element's own text on one line, None when it is empty."""
        return " ".join((self._element.text or "").split()) or None

    @property
    def block(self) -> str | None:
        """The element's own text with its lines kept, None when it is empty."""
        lines = [" ".join(line.split()) for line in (self._element.text or "").splitlines()]
        return "\n".join(lines).strip() or None

    def attribute(self, name: str) -> str | None:
        """An attribute without a namespace, None when it is missing or empty."""
        return (self._element.get(name) or "").strip() or None

    def find(self, *paths: str) -> "Node | None":
        """The first element under any of the paths, tried in order."""
        for path in paths:
            found = self._element.find(_wildcards(path))
            if found is not None:
                return Node(found)
        return None

    def all(self, *paths: str) -> "list[Node]":
        """All elements under the paths."""
        return [Node(found) for path in paths for found in self._element.findall(_wildcards(path))]

    def text(self, *paths: str) -> str | None:
        """The first text that is not empty under the paths, on one line."""
        return next((value for path in paths for node in self.all(path) if (value := node.value)), None)

    def texts(self, *paths: str) -> tuple[str, ...]:
        """All texts under the paths, without repetition."""
        return tuple(dict.fromkeys(value for node in self.all(*paths) if (value := node.value)))

    def part(self, *paths: str) -> "Node":
        """As :meth:`find`, with an empty element in place of a missing one."""
        return self.find(*paths) or Node(self._element.makeelement("nothing"))

    def code(self, *paths: str) -> str | None:
        """The first number or code under the paths, or else in the element itself, without blanks."""
        text = self.text(*paths) if paths else self.value
        return text.replace(" ", "") if text else None


class XmlValues:
    """Reads amounts and dates, and keeps findings on those that could not be read.

    :ivar findings: the findings so far.
    :ivar impossible: ``(field, text)`` of dates that no calendar has, fields at the top level only.
    """

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.impossible: list[tuple[str, str]] = []

    def amount(self, text: str | None, field: str) -> Decimal | None:
        """A number exactly as it is written. What is not an ``xs:decimal`` gives None and a finding."""
        if text is None:
            return None
        if not _DECIMAL.fullmatch(text):
            self._unreadable("unreadable_amount", "The XML holds something here that is not a number.", field, text)
            return None
        return Decimal(text)

    def date(self, text: str | None, field: str, *, form: str | None = None) -> date | None:
        """A date in any form that the syntaxes use.

        :param form: the format code of UNTDID 2379 (``102`` is YYYYMMDD), where the XML gives one.
        """
        if text is None:
            return None
        iso = _iso_of(text, form)
        reading = read_iso(iso)
        if reading is None or iso is None:
            self._unreadable("unreadable_date", "The XML holds something here that is not a date.", field, text)
            return None
        if reading.impossible:
            message = "The calendar has no such date; it is given as it stands in the XML."
            self.findings.append(Finding("impossible_date", message, field, found=text[:_MAX_FOUND]))
            if "." not in field:
                self.impossible.append((field, iso))
        return reading.day_first

    def remark(self, finding: Finding | None) -> None:
        """Keep a finding, if there is one."""
        if finding is not None:
            self.findings.append(finding)

    def _unreadable(self, code: str, message: str, field: str, text: str) -> None:
        self.findings.append(Finding(code, message, field, found=text[:_MAX_FOUND]))


def parse_xml(data: bytes) -> Node:
    """The root element of a document.

    :raises errors.FileTooLarge: more than 5 MB.
    :raises errors.InvalidFile: reason ``too_complex``, ``dtd`` or ``not_well_formed``.
    """
    from lxml import etree

    if len(data) > XML_LIMIT_BYTES:
        raise refusals.too_large(len(data), XML_LIMIT_BYTES, what="XML document")
    if data.count(b"<") + data.count(b"=") > _MAX_MARKUP:
        raise refusals.invalid_file("too_complex")
    trimmed = data.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    try:
        root = etree.fromstring(trimmed, _parser())
    except (etree.XMLSyntaxError, ValueError) as error:
        raise refusals.invalid_file("dtd" if _declares_dtd(trimmed) else "not_well_formed") from error
    # The parser is asked: a search in the bytes would miss a DTD in UTF-16.
    if _doctype_of(root):
        raise refusals.invalid_file("dtd")
    return Node(root)


def _doctype_of(root: "etree._Element") -> str:
    info: Any = root.getroottree().docinfo
    return str(info.doctype or "")


def _parser(target: Any = None) -> "etree.XMLParser":
    from lxml import etree

    return etree.XMLParser(
        target=target,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


class _Prolog:
    """A parser target that only notes whether a DTD came before the place where a document is broken."""

    def __init__(self) -> None:
        self.has_dtd = False

    def doctype(self, *_: object) -> None:
        self.has_dtd = True

    def close(self) -> None:
        """Nothing is built."""


def _declares_dtd(data: bytes) -> bool:
    from lxml import etree

    prolog = _Prolog()
    with suppress(etree.XMLSyntaxError, ValueError):
        etree.fromstring(data, _parser(prolog))
    return prolog.has_dtd


def sum_of(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """The sum of the known amounts, None when there is none."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known[1:], known[0]) if known else None


@lru_cache(maxsize=1024)
def _wildcards(path: str) -> str:
    return "/".join(f"{{*}}{step}" for step in path.split("/"))


def _iso_of(text: str, form: str | None) -> str | None:
    """The text as YYYY-MM-DD (ISO 8601), even when the calendar has no such day; None when it is not a date."""
    if match := _ISO_START.fullmatch(text):
        return match[1]
    if (match := _SHORT.fullmatch(text)) and form in {"2", "101"}:
        first, second, third = match.groups()
        return f"20{first}-{second}-{third}" if form == "101" else f"20{third}-{second}-{first}"
    if match := _COMPACT.fullmatch(text):
        return "-".join(match.groups())
    return None
