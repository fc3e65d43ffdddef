"""Reads untrusted JSON exactly, and turns it into the tree of elements that the readers of e-invoices know.

JSON (RFC 8259) leaves open what parsers make of numbers and of names that stand twice in an object. Here a number stays
the text that was sent, because a float would change amounts, and every member of an object is kept, because official
samples of UBL as JSON repeat names where XML repeats elements. A name that has two different plain values is refused:
whoever reads such a file with another parser would see another invoice.

How a member becomes an element: its name without a prefix (``cbc:ID``) is the element's name, an array is the element
several times, ``null`` is nothing. The text of an element that has attributes too is the member ``_`` (OASIS, UBL 2.1
JSON Alternative Representation, Version 2.0) or one of the names that common converters from XML use.
"""

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, cast

from shared_code.documents import refusals
from shared_code.e_invoices.xml import Node

if TYPE_CHECKING:
    from lxml import etree

#: members and items of arrays, counted roughly before parsing, because each takes some hundred bytes in the tree
_MAX_MEMBERS = 400_000
_MAX_DEPTH = 60

#: The text of an element. OASIS writes ``_``; the others are xmltodict, BadgerFish and xml-js.
_TEXT = frozenset({"_", "#text", "#", "$", "$t", "_text", "__text"})
#: The attributes of an element as an object of their own: xml2js, xml-js.
_ATTRIBUTES = frozenset({"$", "_attributes", "attributes", "@attributes"})
#: Marks of a single attribute: BadgerFish and xmltodict, Json.NET, fast-xml-parser
_ATTRIBUTE_MARKS = ("@_", "@", "-")
_NAME = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
#: what XML 1.0 cannot hold: most control characters, and halves of characters
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: Without a mark, the zero bytes around the first two characters tell the encoding (RFC 4627, section 3).
_ZEROS = ((b"\x00", 0, "utf-16-be"), (b"\x00", 1, "utf-16-le"))

#: what a member holds: text of a string, number or truth value, None, an array, an object
type Value = str | list[Value] | Members | None


@dataclass(frozen=True, slots=True)
class Members:
    """An object: its members in their order, names that stand twice included."""

    entries: tuple[tuple[str, "Value"], ...] = ()

    def values_of(self, name: str) -> list["Value"]:
        """All values under a name, whatever its prefix and case; arrays are taken apart."""
        wanted = name.casefold()
        found: list[Value] = []
        for member, value in self.entries:
            if member.rpartition(":")[2].casefold() == wanted:
                found += value if isinstance(value, list) else [value]
        return found

    def has(self, *names: str) -> bool:
        """Whether there is a member for each of the names that is not ``null``."""
        return all(any(value is not None for value in self.values_of(name)) for name in names)

    def text(self, name: str) -> str | None:
        """The first text under a name, None when it is missing or empty."""
        texts = (value.strip() for value in self.values_of(name) if isinstance(value, str))
        return next(filter(None, texts), None)


def is_json(data: bytes) -> bool:
    """Whether a file is an object or an array of JSON by its first characters."""
    return re.match(r'\{\s*["}]|\[\s*[\[{"\]]', json_text(data[:1024]).lstrip("\ufeff \t\r\n")) is not None


def json_text(data: bytes) -> str:
    """The text of a file in UTF-8, or in UTF-16 or UTF-32 as its mark or its zero bytes say."""
    encoding = next((name for bom, name in _BOMS if data.startswith(bom)), None)
    if encoding is None:
        encoding = next((name for zero, at, name in _ZEROS if data[at : at + 1] == zero), "utf-8")
    return data.decode(encoding, errors="replace").removeprefix("\ufeff")


def parse_json(data: bytes | str) -> Value:
    """The value of a document, numbers as the text that was sent.

    :raises errors.InvalidFile: reason ``too_complex`` (too many members, too deep) or ``not_well_formed`` (also for
        ``NaN``, and for a name with two different plain values).
    """
    text = data if isinstance(data, str) else json_text(data)
    if text.count(":") + text.count(",") > _MAX_MEMBERS:
        raise refusals.invalid_file("too_complex")
    try:
        value = json.loads(
            text.strip("\ufeff\x00 \t\r\n"),
            object_pairs_hook=_members,
            parse_int=str,
            parse_float=str,
            parse_constant=_no_number,
        )
    except RecursionError as error:
        raise refusals.invalid_file("too_complex") from error
    except ValueError as error:
        raise refusals.invalid_file("not_well_formed") from error
    return _plain(value)


def node_of(value: Value, name: str, *, namespace: str = "", fold: bool = False, every_name: bool = False) -> Node:
    """The value as an element.

    :param fold: whether names become lower case, for syntaxes whose makers do not agree on the case.
    :param every_name: whether members whose names no element can have are kept too, other characters as ``_``.
    :raises errors.InvalidFile: reason ``too_complex``: more than 60 levels.
    """
    from lxml import etree

    root = etree.Element(f"{{{namespace}}}{name}" if namespace else name)
    open_elements: list[tuple[etree._Element, Value, int]] = [(root, value, 0)]
    while open_elements:
        element, content, depth = open_elements.pop()
        if depth > _MAX_DEPTH:
            raise refusals.invalid_file("too_complex")
        if isinstance(content, str):
            element.text = _xml_text(content)
        elif isinstance(content, Members):
            for child_name, child in _children(element, content, every_name=every_name):
                tag = child_name.lower() if fold else child_name
                open_elements.append((etree.SubElement(element, tag), child, depth + 1))
        elif content:
            open_elements += [(etree.SubElement(element, "item"), child, depth + 1) for child in content]
    return Node(root)


def _children(element: "etree._Element", members: Members, *, every_name: bool) -> Iterator[tuple[str, Value]]:
    """The members that are elements; those that are the element's text or attributes are put into it."""
    has_text = any(name in _TEXT and isinstance(value, str) for name, value in members.entries)
    for name, value in members.entries:
        if isinstance(value, str) and name in _TEXT:
            element.text = _xml_text(value)
        elif isinstance(value, Members) and name in _ATTRIBUTES:
            for attribute, text in value.entries:
                _set(element, attribute, text)
        elif isinstance(value, str) and (has_text or name.startswith(_ATTRIBUTE_MARKS)):
            _set(element, name, value)
        else:
            local = _as_element_name(name) if every_name else name.rpartition(":")[2]
            # A name with a leading underscore (``_D``) is no element: OASIS declares namespaces by it.
            unusable = not every_name and (name.startswith("_") or not _NAME.fullmatch(local))
            if value is None or unusable:
                continue
            several = value if isinstance(value, list) else [value]
            yield from ((local, each) for each in several if each is not None)


def _as_element_name(name: str) -> str:
    """Letters and digits of a name, in any script that XML 1.0 knows; what stands between them becomes ``_``."""
    from lxml import etree

    words = "_" + re.sub(r"[^\w.-]+", "_", name).strip("_")
    try:
        return str(etree.QName(words).localname)
    except ValueError:
        return "_" + re.sub(r"[^A-Za-z0-9.-]+", "_", name).strip("_")


def _set(element: "etree._Element", name: str, value: Value) -> None:
    mark = next((mark for mark in _ATTRIBUTE_MARKS if name.startswith(mark)), "")
    prefix, _, local = name[len(mark) :].rpartition(":")
    if isinstance(value, str) and prefix != "xmlns" and _NAME.fullmatch(local):
        element.set(local, _xml_text(value))


def _members(pairs: list[tuple[str, object]]) -> Members:
    members = Members(tuple((name, _plain(value)) for name, value in pairs))
    seen: dict[str, str] = {}
    for name, value in members.entries:
        if isinstance(value, str) and seen.setdefault(name, value) != value:
            raise ValueError("a name has two values")
    return members


def _plain(value: object) -> Value:
    """What the parser gives, truth values as the words of XML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return cast("Value", value)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def _xml_text(text: str) -> str:
    """The text with a mark in place of each character that an element cannot hold."""
    return _NOT_IN_XML.sub("\ufffd", text)
