"""Parses untrusted XML into a tree, in the sandbox.

No entity is ever resolved, nothing is loaded from anywhere, and a document with a document type declaration (DTD, W3C
XML 1.0) is refused: an invoice has no use for one.
"""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from shared_code.documents import refusals
from shared_code.e_invoices.xml import Node
from shared_code.e_invoices.xml_text import plain_utf8

if TYPE_CHECKING:
    from lxml import etree

#: tags and attributes, counted roughly before parsing, because each takes some hundred bytes in the tree
MAX_MARKUP = 1_200_000


def parse_xml(data: bytes) -> Node:
    """The root element of a document.

    :raises errors.InvalidFile: reason ``too_complex``, ``dtd`` or ``not_well_formed``.
    """
    from lxml import etree

    text = plain_utf8(data)
    markup = text.count(b"<") + text.count(b"=")
    if markup > MAX_MARKUP:
        raise refusals.invalid_file("too_complex", limit=MAX_MARKUP, actual=markup)
    parser = _parser()
    try:
        root = etree.fromstring(text, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        reason = _what_is_wrong(text, parser)
        if reason is not None:
            raise refusals.invalid_file(reason) from error
        root = _without_prefixes(etree.fromstring(text, _parser(recover=True)))
    # The parser is asked: a search in the bytes would miss a DTD behind a comment.
    if _doctype_of(root):
        raise refusals.invalid_file("dtd")
    return Node(root)


def _what_is_wrong(text: bytes, parser: "etree.XMLParser") -> str | None:
    """The reason to refuse a document that the parser refused.

    None when only its namespaces are wrong: a blank in a URI, a prefix that is not declared.
    """
    log: Any = parser.error_log
    kinds = {entry.type_name for entry in log}
    if "ERR_NO_MEMORY" in kinds:
        return "memory"
    if _declares_dtd(text):
        return "dtd"
    if "ERR_RESOURCE_LIMIT" in kinds:  # 256 levels, 10 MB in one text, and the like
        return "too_complex"
    only_namespaces = len(log) > 0 and all(entry.domain_name == "NAMESPACE" for entry in log)
    return None if only_namespaces else "not_well_formed"


def _without_prefixes(root: "etree._Element") -> "etree._Element":
    """The tree, its elements of prefixes that are not declared under their local names."""
    for element in root.iter():
        tag = str(element.tag)
        if ":" in tag and not tag.startswith("{"):
            element.tag = tag.rpartition(":")[2]
    return root


def _doctype_of(root: "etree._Element") -> str:
    info: Any = root.getroottree().docinfo
    return str(info.doctype or "")


def _parser(target: Any = None, *, recover: bool = False) -> "etree.XMLParser":
    from lxml import etree

    return etree.XMLParser(
        target=target,
        encoding="utf-8",
        recover=recover,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        remove_blank_text=True,
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
