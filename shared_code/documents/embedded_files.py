"""Files within a PDF: finds the XML ones, which may be an e-invoice, wherever and however they are embedded.

Runs inside the sandbox only. Programs embed the XML of an invoice in the name tree of the catalog, as an associated
file, or as an attachment to a page, under any name and packed in several ways (ISO 32000-2, 7.11.4, 12.5.6.15, 14.13).
Nothing but XML is unpacked further than its beginning.
"""

import base64
import binascii
import math
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from shared_code.documents import inflation_guard
from shared_code.documents.file_type import XML_LIMIT_BYTES, clean_label
from shared_code.documents.pdf_objects import BROKEN, filters_of, items_of, name_of

if TYPE_CHECKING:
    import pikepdf

#: File names of Factur-X and ZUGFeRD 2, ZUGFeRD 1, and the XRechnung profile.
KNOWN_NAMES = ("factur-x.xml", "zugferd-invoice.xml", "xrechnung.xml")
#: What an associated file is to the document. The standards for invoices ask for one of the first three; a supplement
#: may be an invoice, too, but another one.
_RELATIONS = ("/Data", "/Alternative", "/Source")
_SUPPLEMENT = "/Supplement"
_MOST_TAKEN = 20
_MOST_FILES = 500
_MOST_PAGES = 5_000
_MOST_NODES = 10_000
_HEAD = 512
_STREAM_KEYS = ("/UF", "/F", "/Unix", "/DOS", "/Mac")
_XML = re.compile(r"\s*<(?:\?xml|!--|(?!(?:html|svg|!doctype)\b)[A-Za-z_][\w.:-]*[\s/>])", re.IGNORECASE)
_BLANKS = b" \t\r\n\f\0"
_ASCII_HEX, _ASCII_85 = {"ASCIIHexDecode", "AHx"}, {"ASCII85Decode", "A85"}
#: what a stream may be packed with, and in how many layers
_READABLE = inflation_guard.FLATE | _ASCII_HEX | _ASCII_85
_MOST_LAYERS = 4
#: by how much these grow at most: 4,096 bytes for a code of 12 bits, 128 bytes for two
_RARE = {"LZWDecode": 2_731, "LZW": 2_731, "RunLengthDecode": 64, "RL": 64}


class EmbeddedFile(NamedTuple):
    """One XML file. ``relation`` is what it says to be to the document, '' for nothing."""

    name: str
    content: bytes
    relation: str


@dataclass(slots=True)
class Attachments:
    """The XML files in the order in which they should be tried, and what else is there.

    :ivar others: whether there are files that are not XML.
    :ivar skipped: whether an XML file could not be taken.
    """

    found: list[EmbeddedFile]
    others: bool = False
    skipped: bool = False


def attachments(pdf: "pikepdf.Pdf") -> Attachments:
    """Look through all embedded files."""
    import pikepdf

    result = Attachments([])
    seen: set[object] = set()
    for count, spec in enumerate(_specifications(pdf)):
        if count >= _MOST_FILES:
            result.skipped = True
            break
        try:
            stream = _stream_of(spec)
            key = None if stream is None else stream.objgen
            if stream is None or key in seen:
                continue
            seen.add(key)
            _take(result, spec, stream)
        except (pikepdf.PikepdfError, *BROKEN):
            result.others = result.skipped = True
    result.found.sort(key=_rank)
    return result


def _take(result: Attachments, spec: Any, stream: Any) -> None:
    name = clean_label(_text(spec.get("/UF")) or _text(spec.get("/F")), fallback="attachment")
    named_xml = name.lower().endswith(".xml")
    if not named_xml and not is_xml(_decoded(stream, _HEAD, cut=True) or b""):
        result.others = True
        return
    content = _decoded(stream, XML_LIMIT_BYTES)
    if content is None or len(result.found) >= _MOST_TAKEN:
        result.skipped = True
    else:
        result.found.append(EmbeddedFile(name, content, name_of(spec.get("/AFRelationship"))))


def _rank(file: EmbeddedFile) -> tuple[bool, int, bool, str]:
    folded = file.name.casefold()
    known = KNOWN_NAMES.index(folded) if folded in KNOWN_NAMES else len(KNOWN_NAMES)
    return file.relation == _SUPPLEMENT, known, file.relation not in _RELATIONS, folded


def is_xml(head: bytes) -> bool:
    """Whether a file begins like XML in any of its encodings, and not like a page or picture for a browser."""
    text = head.decode("utf-16" if head[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig", "ignore")
    return _XML.match(text.replace("\0", "")) is not None


def _specifications(pdf: "pikepdf.Pdf") -> Iterator[Any]:
    """The file specifications that the catalog or a page refers to, some of them more than once."""
    import pikepdf

    broken = (pikepdf.PikepdfError, *BROKEN)
    names = pdf.Root.get("/Names")
    if isinstance(names, pikepdf.Dictionary):
        yield from _named(names.get("/EmbeddedFiles"))
    yield from items_of(pdf.Root.get("/AF"))
    for number in range(min(len(pdf.pages), _MOST_PAGES)):
        try:
            page = pdf.pages[number].obj
            yield from items_of(page.get("/AF"))
            for annotation in items_of(page.get("/Annots")):
                if name_of(annotation.get("/Subtype")) == "/FileAttachment":
                    yield annotation.get("/FS")
                yield from items_of(annotation.get("/AF"))
        except broken:
            continue


def _named(root: Any) -> Iterator[Any]:
    """The values of a name tree (ISO 32000-2, 7.9.6), also of one that loops."""
    import pikepdf

    waiting, seen = [root], 0
    while waiting and seen < _MOST_NODES:
        node = waiting.pop()
        seen += 1
        if not isinstance(node, pikepdf.Dictionary):
            continue
        pairs = items_of(node.get("/Names"), limit=2 * _MOST_FILES)
        yield from pairs[1::2]
        waiting += reversed(items_of(node.get("/Kids"), limit=_MOST_FILES))


def _stream_of(spec: Any) -> Any:
    import pikepdf

    files = spec.get("/EF") if isinstance(spec, pikepdf.Dictionary) else None
    if not isinstance(files, pikepdf.Dictionary):
        return None
    streams = (files.get(key) for key in _STREAM_KEYS)
    return next((stream for stream in streams if isinstance(stream, pikepdf.Stream)), None)


def _text(item: Any) -> str:
    import pikepdf

    return str(item) if isinstance(item, pikepdf.String) else ""


def _decoded(stream: Any, limit: int, *, cut: bool = False) -> bytes | None:
    """The file, or None when it is larger than allowed or packed in an unusual way.

    :param cut: give the beginning of a larger one.
    """
    import pikepdf

    filters = filters_of(stream)
    data: bytes = stream.read_raw_bytes()
    if len(filters) > _MOST_LAYERS or not set(filters) <= _READABLE | set(_RARE):
        return None
    if not set(filters) <= _READABLE or _has_predictor(stream):
        # The library unpacks these, as it likes: only what cannot become large.
        growth = math.prod(_RARE.get(name, 1) for name in filters)
        if len(data) * growth > inflation_guard.STREAM_LIMIT or inflation_guard.can_pass_limit(data, filters):
            return None
        data, filters = stream.read_bytes(pikepdf.StreamDecodeLevel.specialized), []
    try:
        for at, name in enumerate(filters):
            # Only the last layer can be cut: the ones below need all of what they unpack.
            bound = limit if at == len(filters) - 1 else inflation_guard.STREAM_LIMIT
            data = _unpacked(data, name, bound + 1)
            if len(data) > bound and at < len(filters) - 1:
                return None
    except (ValueError, binascii.Error):
        return None
    return data[:limit] if cut else data if len(data) <= limit else None


def _unpacked(data: bytes, name: str, most: int) -> bytes:
    """One layer less, at most so many bytes of it where it can grow much."""
    if name in inflation_guard.FLATE:
        return zlib.decompressobj().decompress(data, most)
    if name in _ASCII_HEX:
        digits = data.split(b">", 1)[0].translate(None, _BLANKS)
        return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))
    return base64.a85decode(data.split(b"~", 1)[0].strip(_BLANKS).removeprefix(b"<"), ignorechars=_BLANKS)


def _has_predictor(stream: Any) -> bool:
    """Whether the bytes were rearranged before they were packed, as for pictures (ISO 32000-2, 7.4.4.4)."""
    import pikepdf

    settings: Iterable[Any] = items_of(stream.get("/DecodeParms")) or [stream.get("/DecodeParms")]
    return any(isinstance(one, pikepdf.Dictionary) and int(one.get("/Predictor", 1)) > 1 for one in settings)
