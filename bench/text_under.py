"""What PDFium itself reads within a box of a page, and where it finds a text: to check places without our own code.

A box is given as in an answer: fractions of the page as shown, from the top left. PDFium maps it, as for a click of a
mouse, so that neither crop nor rotation is computed here.
"""

import ctypes
from collections.abc import Iterator, Sequence
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

#: pixels of a page's sides while places are mapped
_SIDE = 1_000_000
#: of the height of a line, how much is cut off at its edges: neighbours' accents may touch it
_INSET = 0.15


class Pages:
    """The pages of one PDF, forms and notes drawn."""

    def __init__(self, data: bytes) -> None:
        """Open a PDF."""
        self._document = pypdfium2.PdfDocument(data)
        self._document.init_forms()
        self._pages: dict[int, tuple[Any, Any]] = {}

    def text_in(self, page: int, box: Sequence[float]) -> str:
        """The text within a box of a page, which counts from 1."""
        loaded, textpage = self._loaded(page)
        # Along the text nothing is cut off, which runs along the longer side.
        width, height = loaded.get_size()
        upright = (box[3] - box[1]) * height > (box[2] - box[0]) * width
        across = _INSET * (box[2] - box[0]) / 2 if upright else 0
        down = 0 if upright else _INSET * (box[3] - box[1]) / 2
        x0, y0 = _to_page(loaded, box[0] + across, box[1] + down)
        x1, y1 = _to_page(loaded, box[2] - across, box[3] - down)
        return str(textpage.get_text_bounded(left=min(x0, x1), bottom=min(y0, y1), right=max(x0, x1), top=max(y0, y1)))

    def boxes_of(self, text: str) -> Iterator[tuple[int, tuple[float, ...]]]:
        """Page and box of each place where a text stands as a whole."""
        for page in range(1, len(self._document) + 1):
            loaded, textpage = self._loaded(page)
            whole = textpage.get_text_range()
            search = textpage.search(text, match_case=False)
            while (found := search.get_next()) is not None:
                start, count = found
                around = whole[max(start - 2, 0) : start], whole[start + count : start + count + 2]
                if _is_whole(text, *around):
                    yield page, _box(loaded, textpage, start, count)

    def _loaded(self, page: int) -> tuple[Any, Any]:
        if page not in self._pages:
            loaded = self._document[page - 1]
            pdfium.FPDFPage_Flatten(loaded.raw, pdfium.FLAT_NORMALDISPLAY)
            loaded = self._document[page - 1]
            self._pages[page] = loaded, loaded.get_textpage()
        return self._pages[page]


def _to_page(page: Any, across: float, down: float) -> tuple[float, float]:
    x, y = ctypes.c_double(), ctypes.c_double()
    place = (round(across * _SIDE), round(down * _SIDE))
    pdfium.FPDF_DeviceToPage(page.raw, 0, 0, _SIDE, _SIDE, 0, *place, x, y)
    return x.value, y.value


def _box(page: Any, textpage: Any, start: int, count: int) -> tuple[float, ...]:
    corners = []
    for index in range(textpage.count_rects(start, count)):
        left, bottom, right, top = textpage.get_rect(index)
        for x, y in ((left, bottom), (right, top)):
            across, down = ctypes.c_int(), ctypes.c_int()
            pdfium.FPDF_PageToDevice(page.raw, 0, 0, _SIDE, _SIDE, 0, x, y, across, down)
            corners.append((across.value / _SIDE, down.value / _SIDE))
    xs, ys = zip(*corners, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _is_whole(text: str, before: str, behind: str) -> bool:
    """Whether a text is not a part of a longer word or number."""
    last, following = before[-1:], behind[:1]
    if (last.isalnum() and text[0].isalnum()) or (following.isalnum() and text[-1].isalnum()):
        return False
    digits = before[:1].isdigit() and last in {".", ","}, following in {".", ","} and behind[1:].isdigit()
    return not ((digits[0] and text[0].isdigit()) or (digits[1] and text[-1].isdigit()))


def overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    area = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return shared / (area - shared)
