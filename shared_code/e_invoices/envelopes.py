"""Finds invoices in what is wrapped around them.

An invoice rarely travels alone: the Peppol network wraps it in a StandardBusinessDocument (UN/CEFACT SBDH), web
services in a SOAP envelope, the Colombian tax office in an AttachedDocument whose text is the invoice, portals in
elements of their own, some with the invoice as base64. All are one case here: the elements below the root are looked
through for roots of known syntaxes, and when there is none, texts that are XML themselves are opened.
"""

import base64
import re
import zlib
from collections.abc import Iterator

from shared_code import errors
from shared_code.documents import signed_envelope
from shared_code.documents.file_type import XML_LIMIT_BYTES
from shared_code.e_invoices.syntaxes import Syntax, syntax_of
from shared_code.e_invoices.xml import Node
from shared_code.e_invoices.xml_parsing import parse_xml

#: XML in the text of XML in the text of XML: beyond that nobody wraps an invoice
_MOST_WRAPPED = 3
#: elements of wrappers that are looked at, and texts that are opened
_MOST_ELEMENTS = 50_000
_MOST_TEXTS = 200
_SHORTEST = 100
#: base64 of "<", of a mark and "<", of a signed envelope, and of gzip (RFC 1952), which the Hungarian tax office takes
_ENCODED = re.compile(r"\s*(?:P[A-P]|77u/P|MI|H4sI)[A-Za-z0-9+/=\s]+")
_GZIP = b"\x1f\x8b"
_XML = re.compile(r"\s*<[?!A-Za-z_]")
_XML_BYTES = re.compile(rb"(?:\xef\xbb\xbf)?\s*<[?!A-Za-z_]")

type Found = tuple[Syntax, Node]


def invoices_in(root: Node) -> list[Found]:
    """Root elements of invoices, with their syntaxes, in the order of the file; none for other documents.

    :raises errors.InvalidFile: XML within a text that is refused, when nothing else was found.
    """
    return _found(root, _MOST_WRAPPED)


def _found(root: Node, levels: int) -> list[Found]:
    found = list(_roots(root))
    if found or not levels:
        return found
    refused: errors.InvalidFile | None = None
    for content in _documents(root):
        try:
            found += _found(parse_xml(content), levels - 1)
        except errors.InvalidFile as error:
            refused = refused or error
    if not found and refused is not None:
        raise refused
    return found


def _roots(root: Node) -> Iterator[Found]:
    waiting, seen = [root], 0
    while waiting and seen < _MOST_ELEMENTS:
        node = waiting.pop()
        seen += 1
        syntax = syntax_of(node)
        if syntax is not None:
            yield syntax, node
        else:
            waiting.extend(reversed(node.children))


def _documents(root: Node) -> Iterator[bytes]:
    """Texts that are documents themselves: escaped or in CDATA, in base64, in a signed envelope in base64."""
    opened = 0
    for text in root.long_texts(_SHORTEST, most=_MOST_ELEMENTS):
        content = _document(text)
        if content is not None:
            yield content
            opened += 1
        if opened >= _MOST_TEXTS:
            return


def _document(text: str) -> bytes | None:
    if not _ENCODED.fullmatch(text):
        return text.encode() if _XML.match(text) else None
    try:
        content = base64.b64decode(text)
        if content.startswith(_GZIP):
            content = _inflated(content)
        elif signed_envelope.is_envelope(content):
            content = signed_envelope.open_envelope(content).content
    except (ValueError, zlib.error, errors.InvalidFile):
        return None
    return content if _XML_BYTES.match(content) else None


def _inflated(content: bytes) -> bytes:
    """What gzip holds; the beginning of what would become larger than a file may be, which is no document then."""
    return zlib.decompressobj(wbits=31).decompress(content, XML_LIMIT_BYTES)
