"""Makes plain UTF-8 of the bytes of an XML file, before it is parsed.

The bytes decide, not what the file says of itself: files that declare UTF-16 and hold UTF-8 (a string of .NET or Java
that was written out later), or declare UTF-8 and hold Latin-1, are frequent, and a parser refuses them. Attachments in
base64 are left out: no value of an invoice is in them, and they are most of the bytes of a large file.
"""

import codecs
import contextlib
import re

from shared_code.documents import refusals
from shared_code.documents.file_type import WIDE_XML

#: byte order marks, blanks and the declaration
_START = re.compile(rb"(?:\xef\xbb\xbf|[ \t\r\n])*+(?:<\?xml\b[^>]{0,400}?\?>)?")
_DECLARED = re.compile(rb"\bencoding\s*=\s*[\"']([A-Za-z0-9._:-]{1,40})[\"']")
#: Encodings in which a short text can be valid UTF-8 by chance, or is plain ASCII that means something else. Whoever
#: declares one of them uses it, unless so many bytes are valid UTF-8 that it cannot be chance.
_EAST_ASIAN = re.compile(r"gb|big5|hz|iso2022|euc|shift|johab|cp9[345]")
#: of the others, those of one byte for each character
_SINGLE_BYTE = re.compile(r"iso8859|cp\d|koi8|mac|tis")
#: A byte that is not UTF-8 is decoded as U+DC00 and its value: here is the letter of Windows-1252, or of Latin-1 where
#: that has none.
_STRAY = {
    0xDC00 + byte: bytes([byte]).decode("cp1252", "ignore") or bytes([byte]).decode("latin-1")
    for byte in range(128, 256)
}
_MOST_BY_CHANCE = 40
_ASCII = bytes(range(128))
_PIECE = 1_048_576
#: what programs leave behind the end: NUL bytes of a buffer, the end mark of CP/M, byte order marks of the next file
_TAIL = b" \t\r\n\x00\x1a"
#: Text of this length without a point, comma or quotation mark is base64, with its lines ended in any way (``&#xD;``).
#: A shorter one costs little.
_BASE64 = re.compile(rb"(?<=[>\[])[A-Za-z0-9+/=_\-&#;\s]{16384,}+(?=[<\]])")
#: Base64 of "<", of a mark and "<", of a signed envelope and of gzip: an invoice may be in it.
_KEPT = re.compile(rb"\s*(?:P[A-P]|77u/P|MI|H4sI)")


def plain_utf8(data: bytes) -> bytes:
    """The document as UTF-8, without declaration, byte order mark, long base64 texts and what follows its end.

    :raises errors.InvalidFile: reason ``not_well_formed``: bytes that are not text in any encoding.
    """
    wide = next((encoding for start, encoding in WIDE_XML if data.startswith(start)), None)
    if wide is not None:
        try:
            width = 4 if wide.startswith("utf-32") else 2
            data = data[: len(data) // width * width].decode(wide).encode()
        except UnicodeError as error:
            raise refusals.invalid_file("not_well_formed") from error
    data = _BASE64.sub(_without_attachment, data)
    start = _START.match(data)
    beginning = b"" if start is None else start[0]
    body = data[len(beginning) :].rstrip(_TAIL)
    named = None if wide is not None else _DECLARED.search(beginning)
    return _recoded(body, None if named is None else named[1].decode())


def _without_attachment(match: re.Match[bytes]) -> bytes:
    return match[0] if _KEPT.match(match.string, match.start(), match.end()) else b""


def _recoded(body: bytes, declared: str | None) -> bytes:
    """UTF-8 of text in any encoding: the declared one where it is plausible, else UTF-8 with stray Latin-1."""
    if body.isascii() and b"\x1b" not in body:
        return body
    name = _known(declared)
    is_utf8 = _is_utf8(body)
    if _EAST_ASIAN.match(name) and not (is_utf8 and len(body.translate(None, _ASCII)) > _MOST_BY_CHANCE):
        with contextlib.suppress(UnicodeDecodeError):
            return body.decode(name).encode()
    if is_utf8:
        return body
    if _SINGLE_BYTE.match(name):
        return body.decode(name, "replace").encode()
    return body.decode("utf-8", "surrogateescape").translate(_STRAY).encode()


def _is_utf8(body: bytes) -> bool:
    """Piece by piece: one letter of a rare script would make four bytes of each byte."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for at in range(0, len(body), _PIECE):
            decoder.decode(body[at : at + _PIECE])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _known(declared: str | None) -> str:
    """The name that Python gives the encoding; '' for none that it knows."""
    if declared is None:
        return ""
    try:
        return codecs.lookup(declared).name
    except LookupError:
        return ""
