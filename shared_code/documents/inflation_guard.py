"""Refuses files that unpack to far more data than they are, before any library unpacks them.

It works on the raw bytes, because two parsers may see different objects in one file, and each would inflate whatever
follows a ``stream`` keyword. Every level of nested compression counts. Only one chunk for each level is held in memory.
PDF streams are described in ISO 32000-1, the Flate format in RFC 1950 (zlib) and RFC 1951 (deflate).
"""

import itertools
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from shared_code import errors
from shared_code.documents import refusals

MEGABYTE = 1_048_576
STREAM_LIMIT = 64 * MEGABYTE
TOTAL_LIMIT = 256 * MEGABYTE
#: A scan may unpack to more than other streams, as far as its width and height explain it, up to this many pixels.
IMAGE_PIXELS = 40_000_000
FLATE = frozenset({"FlateDecode", "Fl"})

_MAX_NESTING = 8
_PIECE = 16_384
_CHUNK = 262_144
_DICTIONARY_BEFORE = 800
_STREAM = re.compile(rb"stream[\x00\t\x0c ]*\r?\n?")
_IMAGE = re.compile(rb"/Subtype\s*/Image\b")
_WIDTH = re.compile(rb"/Width\s+(\d{1,6})\b")
_HEIGHT = re.compile(rb"/Height\s+(\d{1,6})\b")
#: RFC 1950: compression method 8 is deflate
_METHOD = 8
#: how much longer than the data of a stream what it inflates to is at most
_MOST_GROWTH = 1032
#: the tables of codes in front of the first block are shorter
_HEADER = 1_024


@dataclass(slots=True)
class _Budget:
    """What may still be read and unpacked. Input counts too: streams that overlap can be inflated again and again."""

    input_left: int
    output_left: int = TOTAL_LIMIT

    def take_input(self, count: int) -> None:
        self.input_left -= count
        if self.input_left < 0:
            raise refusals.invalid_file("bomb")

    def counted(self, chunks: Iterable[bytes], *, limit: int) -> Iterator[bytes]:
        """The chunks themselves.

        :raises errors.InvalidFile: this stream passes ``limit``, or all streams together pass the total.
        """
        size = 0
        for chunk in chunks:
            size += len(chunk)
            self.output_left -= len(chunk)
            if size > limit:
                raise refusals.invalid_file("bomb", limit=limit // MEGABYTE)
            if self.output_left < 0:
                raise refusals.invalid_file("bomb", limit=TOTAL_LIMIT // MEGABYTE)
            yield chunk


def check_inflation(data: bytes) -> bool:
    """Measure every Flate stream in the bytes of a PDF, and say whether its pictures are too large to be opened.

    Who only wants the text of a PDF, or the XML in it, opens no picture: pages of 720 dots per inch are no harm then.

    :raises errors.InvalidFile: a stream that is no picture, or all of them together, unpack to more than the limits
        (reason ``bomb``).
    """
    matches = [match for match in _STREAM.finditer(data) if _looks_deflated(data[match.end() : match.end() + 2])]
    if _are_small(data, [match.end() for match in matches]):
        return False
    budget = _Budget(input_left=2 * len(data) + MEGABYTE)
    pictures: _Budget | None = _Budget(input_left=budget.input_left)
    view = memoryview(data)
    for match in matches:
        start = match.end()
        size = _picture_limit(data[max(0, match.start() - _DICTIONARY_BEFORE) : match.start()])
        if size is None:
            _drain(_inflated(_pieces(view[start:], budget), refund=budget), budget, limit=STREAM_LIMIT)
        elif pictures is not None:
            try:
                _drain(_inflated(_pieces(view[start:], pictures), refund=pictures), pictures, limit=size)
            except errors.InvalidFile:
                pictures = None
    return pictures is None


def can_pass_limit(raw: bytes, filters: Sequence[str]) -> bool:
    """Whether a stream packed by ``filters`` (names without slash) could unpack to more than the limit at all.

    Deflate packs 1032 to 1 at best, and ASCII85 writes four zeros as one ``z``: most streams cannot.
    """
    size = len(raw) + 4 * raw.count(b"z")
    for at, name in enumerate(filters):
        size *= _MOST_GROWTH if name in FLATE else 4 if at else 1
    return size > STREAM_LIMIT


def _are_small(data: bytes, starts: Sequence[int]) -> bool:
    """Whether Flate streams cannot pass any limit, even if each went on to the end of the file, and hold no others."""
    longest = [len(data) - start for start in starts]
    if max(longest, default=0) * _MOST_GROWTH > STREAM_LIMIT or sum(longest) * _MOST_GROWTH > TOTAL_LIMIT:
        return False
    return not any(_may_be_nested(data[start : start + _HEADER]) for start in starts)


def _may_be_nested(start: bytes) -> bool:
    try:
        first = zlib.decompressobj().decompress(start, 2)
    except zlib.error:
        return False
    return len(first) < len(b"xx") or _looks_deflated(first)


def _pieces(view: memoryview, budget: _Budget) -> Iterator[bytes]:
    for at in range(0, len(view), _PIECE):
        piece = bytes(view[at : at + _PIECE])
        budget.take_input(len(piece))
        yield piece


def _inflated(pieces: Iterable[bytes], *, refund: _Budget | None = None) -> Iterator[bytes]:
    """What the pieces inflate to, as far as they are sound, in chunks of bounded size.

    Input behind the end of the stream was not worked on and goes back to ``refund``.
    """
    engine = zlib.decompressobj()
    for piece in pieces:
        rest = piece
        while rest:
            try:
                out = engine.decompress(rest, _CHUNK)
            except zlib.error:
                return
            if out:
                yield out
            if engine.eof:
                if refund is not None:
                    refund.take_input(-len(engine.unused_data))
                return
            rest = engine.unconsumed_tail


def _drain(chunks: Iterable[bytes], budget: _Budget, *, limit: int, depth: int = 1) -> None:
    """Run through a stream, and through what is compressed within it."""
    if depth > _MAX_NESTING:
        raise refusals.invalid_file("bomb")
    measured = budget.counted(chunks, limit=limit)
    first = next(measured, b"")
    if _looks_deflated(first[:2]):
        _drain(_inflated(itertools.chain([first], measured)), budget, limit=limit, depth=depth + 1)
    for _ in measured:
        pass


def _looks_deflated(start: bytes) -> bool:
    header = int.from_bytes(start)
    return len(start) == len(b"xx") and start[0] & 0x0F == _METHOD and start[0] < 0x80 and header % 31 == 0  # noqa: PLR2004 - RFC 1950


def _picture_limit(dictionary: bytes) -> int | None:
    """What a picture may unpack to by its own size; None for a stream that is no picture."""
    own = dictionary[dictionary.rfind(b"obj") + 3 :]
    width, height = _WIDTH.search(own), _HEIGHT.search(own)
    if width is None or height is None or not _IMAGE.search(own):
        return None
    pixels = min(int(width[1]) * int(height[1]), IMAGE_PIXELS)
    # four bytes for each pixel, and one predictor byte for each row
    return max(STREAM_LIMIT, pixels * 4 + int(height[1]))
