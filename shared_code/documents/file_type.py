"""The type of a file by its content. Names and content types are only claims of whoever sent it.

The signatures are those of the formats themselves: ISO 32000 (PDF), W3C PNG, ITU-T T.81 (JPEG), TIFF 6.0, RIFF (WebP),
ISO/IEC 23008-12 (HEIC, by the brands of its ``ftyp`` box), W3C XML 1.0, RFC 5652 (signed envelopes).
"""

import codecs
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from shared_code.documents import refusals
from shared_code.documents.signed_envelope import is_envelope
from shared_code.records import BYTES_PER_MB, FileBytes

#: of an XML file within a PDF
XML_LIMIT_BYTES = 20 * BYTES_PER_MB
#: PDF readers accept other bytes before the header, but not more than this
_PDF_HEADER_WITHIN = 1024
_HEAD = 4096
_LABEL_LENGTH = 100

_HEIC_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}

#: what people send by mistake, in words in which they recognise it
_KNOWN_BUT_UNSUPPORTED = (
    (b"PK\x03\x04", "a ZIP archive or an Office document"),
    (b"PK\x05\x06", "a ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Office document or an Outlook message"),
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a Linux program"),
    (b"\xcf\xfa\xed\xfe", "a macOS program"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"GIF8", "a GIF image"),
    (b"BM", "a BMP image"),
    (b"{\\rtf", "an RTF document"),
    (b"%!PS", "a PostScript file"),
)
_XML_START = re.compile(r"<(\?xml|!--|[A-Za-z_][\w.-]*)")
_TOKEN = re.compile(rb"[\w-]+\.[\w-]+\.[\w-]*")
#: an object or an array of JSON (RFC 8259); a bare text or number is none that holds an invoice
_JSON_START = re.compile(r'\{\s*["}]|\[\s*[\[{"\]]')
_HTML_START = re.compile(r"<(!doctype\s+html|html|head|body|script)\b", re.IGNORECASE)
#: W3C XML 1.0, appendix F: byte order marks, and how "<" begins without one. UTF-32 comes first: its mark in
#: little-endian order begins with that of UTF-16.
WIDE_XML = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (b"<\x00\x00\x00", "utf-32-le"),
    (b"\x00\x00\x00<", "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"<\x00", "utf-16-le"),
    (b"\x00<", "utf-16-be"),
)
_STARTS = (
    (codecs.BOM_UTF8, "utf-8"),
    *WIDE_XML,
    (b"{\x00", "utf-16-le"),
    (b"[\x00", "utf-16-le"),
    (b"\x00{", "utf-16-be"),
    (b"\x00[", "utf-16-be"),
)


class Kind(StrEnum):
    """How a document is handled. An envelope is opened first, and what is in it handled by its own kind."""

    PDF = "pdf"
    IMAGE = "image"
    XML = "xml"
    ENVELOPE = "envelope"


@dataclass(frozen=True, slots=True)
class FileType:
    """A supported type: how it is handled, its media type, the endings of its files, and other names of the type."""

    kind: Kind
    mime_type: str
    endings: tuple[str, ...]
    aliases: tuple[str, ...] = ()


PDF = FileType(Kind.PDF, "application/pdf", (".pdf",), ("application/x-pdf",))
PNG = FileType(Kind.IMAGE, "image/png", (".png",))
JPEG = FileType(Kind.IMAGE, "image/jpeg", (".jpg", ".jpeg", ".jpe"), ("image/jpg", "image/pjpeg"))
WEBP = FileType(Kind.IMAGE, "image/webp", (".webp",))
HEIC = FileType(Kind.IMAGE, "image/heic", (".heic", ".heif"), ("image/heif",))
TIFF = FileType(Kind.IMAGE, "image/tiff", (".tif", ".tiff"))
XML = FileType(Kind.XML, "application/xml", (".xml",), ("text/xml",))
#: handled like XML: its members are elements
JSON = FileType(Kind.XML, "application/json", (".json",), ("text/json",))
ENVELOPE = FileType(
    Kind.ENVELOPE,
    "application/pkcs7-mime",
    (".p7m",),
    ("application/x-pkcs7-mime", "application/pkcs7-signature", "application/x-pkcs7-signature"),
)

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"II+\x00", TIFF),
    (b"MM\x00+", TIFF),
)
_TYPES = (PDF, PNG, JPEG, WEBP, HEIC, TIFF, XML, JSON, ENVELOPE)
_BY_ENDING = {ending: file_type for file_type in _TYPES for ending in file_type.endings}
_ALIASES = {alias: file_type.mime_type for file_type in _TYPES for alias in file_type.aliases}
#: content types that say nothing about the type
_SILENT_TYPES = {"", "application/octet-stream", "binary/octet-stream", "multipart/form-data"}


def detect_file_type(data: FileBytes) -> FileType:
    """The type of ``data`` by its content.

    :raises errors.InvalidFile: there are no bytes (reason ``empty``).
    :raises errors.UnsupportedFileType: the service does not read this type; the details say what was found.
    """
    if not data:
        raise refusals.invalid_file("empty")
    head = bytes(data[:_HEAD])
    found = next((file_type for magic, file_type in _MAGIC if head.startswith(magic)), None)
    if found is None and head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        found = WEBP
    if found is None and head[4:8] == b"ftyp" and _is_heic(head):
        found = HEIC
    if found is None and is_envelope(head):
        found = ENVELOPE
    if found is None and b"%PDF-" in head[:_PDF_HEADER_WITHIN]:
        found = PDF
    if found is None and _is_xml(head):
        found = XML
    if found is None and (_JSON_START.match(_as_text(head).lstrip("\ufeff \t\r\n")) or is_token(data)):
        found = JSON
    if found is None:
        raise refusals.unsupported(_describe(head))
    return found


def is_token(data: FileBytes) -> bool:
    """Whether a file is a JSON Web Token (RFC 7519) and nothing else; a signed Indian e-invoice is one."""
    return bytes(data[:_HEAD]).lstrip().startswith(b"eyJ") and _TOKEN.fullmatch(bytes(data).strip()) is not None


def mismatch(actual: FileType, *, file_name: str | None, content_type: str | None) -> str | None:
    """What the name or the content type claims, when it is another type than ``actual``; else None."""
    suffix = PurePosixPath((file_name or "").strip().lower()).suffix
    by_name = _BY_ENDING.get(suffix)
    if by_name is not None and by_name != actual:
        return f"the name says {suffix}"
    claimed = (content_type or "").split(";")[0].strip().lower()
    claimed = _ALIASES.get(claimed, claimed)
    if claimed not in _SILENT_TYPES and claimed != actual.mime_type:
        return "the content type says " + "".join(c for c in claimed if c.isprintable())[:_LABEL_LENGTH]
    return None


def clean_label(name: str | None, *, fallback: str = "document") -> str:
    """A file name as a label for people: no folders, control or direction characters, at most 100 characters.

    Never part of a path or a key. Whoever shows it escapes it for the place (HTML, CSV).
    """
    base = re.split(r"[/\\]", unicodedata.normalize("NFC", name or ""))[-1]
    visible = "".join(c if not unicodedata.category(c).startswith("Z") else " " for c in base)
    visible = "".join(c for c in visible if not unicodedata.category(c).startswith("C"))
    label = " ".join(visible.split()).strip(". ")
    if len(label) > _LABEL_LENGTH:
        suffix = PurePosixPath(label).suffix[:10]
        label = label[: _LABEL_LENGTH - len(suffix)] + suffix
    return label or fallback


def _is_heic(head: bytes) -> bool:
    size = min(int.from_bytes(head[:4]), len(head))
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))}
    return bool(brands & _HEIC_BRANDS) and not brands & _AVIF_BRANDS


def _is_xml(head: bytes) -> bool:
    text = _as_text(head).lstrip("\ufeff \t\r\n")
    return _XML_START.match(text) is not None and _HTML_START.match(text) is None


def _as_text(head: bytes) -> str:
    encoding = next((name for bom, name in _STARTS if head.startswith(bom)), "utf-8")
    return head.decode(encoding, errors="replace")


def _describe(head: bytes) -> str:
    known = next((words for magic, words in _KNOWN_BUT_UNSUPPORTED if head.startswith(magic)), None)
    if known is not None:
        return known
    if head[4:8] == b"ftyp":
        return "an AVIF image" if head[8:12] in _AVIF_BRANDS else "a video or an unknown media file"
    text = _as_text(head)
    if _HTML_START.match(text.lstrip("\ufeff \t\r\n")):
        return "a web page"
    odd = sum(1 for c in text if c == "\ufffd" or (ord(c) < ord(" ") and c not in "\t\r\n\f"))
    return "plain text" if odd <= len(text) // 50 else "of an unknown type"
