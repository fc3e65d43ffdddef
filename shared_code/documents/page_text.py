"""The text of PDF pages that a person sees, and apart from it the text that a person does not see.

Runs inside the sandbox only. Hidden text is a way to give a model orders that the person with the document does not
notice: text that is invisible (rendering modes 3 and 7 of ISO 32000-1), in the colour of its background, smaller than
3 points, or off the page. The invisible layer that text recognition lays over a scanned page does not count as hidden:
the picture shows the same words.
"""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium

from shared_code.documents import refusals

TINY_POINTS = 3.0
MAX_CHARACTERS = 2_000_000

_INVISIBLE_MODES = {3, 7}
_WHITE = (255, 255, 255)
_SAME_COLOUR = 24
_BOX_SEGMENTS = 6
_PROBE_PIXELS = 1_000
_TRANSPARENT = 13
_A4_LONG_SIDE = 842.0
_SCAN_COVERS = 0.5
_MAX_DEPTH = 8
_MAX_OBJECTS = 200_000


class Box(NamedTuple):
    """A rectangle in page units."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def centre(self) -> tuple[float, float]:
        """The middle of the box."""
        return (self.left + self.right) / 2, (self.bottom + self.top) / 2

    @property
    def area(self) -> float:
        """Area, 0 when the box is empty."""
        return max(0.0, self.right - self.left) * max(0.0, self.top - self.bottom)

    def holds(self, point: tuple[float, float]) -> bool:
        """Whether a point lies in the box."""
        return self.left <= point[0] <= self.right and self.bottom <= point[1] <= self.top


@dataclass(slots=True)
class _Page:
    """One loaded page while it is looked through.

    :ivar painted: filled boxes so far, with their colour; None for pictures, gradients and shapes that are no boxes.
    :ivar suspects: text that seems to have the colour of what was painted below it; a rendered page decides.
    :ivar recognised: invisible text: the layer of text recognition when a picture covers the page, else hidden text.
    """

    box: Box
    tiny: float
    painted: list[tuple[Box, tuple[int, ...] | None]] = field(default_factory=list)
    hidden: set[int] = field(default_factory=set)
    suspects: list[tuple[int, Box]] = field(default_factory=list)
    recognised: set[int] = field(default_factory=set)
    scanned_area: float = 0.0


@dataclass(frozen=True, slots=True)
class PageText:
    """Text of one page without what is hidden, and the hidden text."""

    text: str
    hidden: str


def read_page(page: Any) -> PageText:
    """Text of a loaded ``pypdfium2.PdfPage``.

    :raises errors.InvalidFile: the page has too many objects (reason ``too_complex``).
    """
    box = Box(*page.get_bbox())
    longest = max(box.right - box.left, box.top - box.bottom, 1.0)
    # pages drawn in large units (1 unit = 1 cm, say) have small numbers for normal text
    state = _Page(box, TINY_POINTS * min(1.0, longest / _A4_LONG_SIDE))
    for count, item in enumerate(_objects(page.raw)):
        if count > _MAX_OBJECTS:
            raise refusals.invalid_file("too_complex", limit=_MAX_OBJECTS)
        _judge(state, *item)
    state.hidden |= _invisible_when_rendered(page, state)
    if state.scanned_area < _SCAN_COVERS * box.area:
        state.hidden |= state.recognised
    textpage = page.get_textpage()
    try:
        if not state.hidden:
            return PageText(_tidy(textpage.get_text_range()), "")
        shown, hidden = _split(textpage, state.hidden)
        return PageText(_tidy(shown), " ".join(hidden.split()))
    finally:
        textpage.close()


def _objects(page: Any) -> Iterator[tuple[Any, int, Any]]:
    """Each object on the page in painting order, those within forms too: handle, type, matrix of the enclosing form."""

    def walk(count: int, get: Any, parent: Any, matrix: Any, depth: int) -> Iterator[tuple[Any, int, Any]]:
        for index in range(count):
            item = get(parent, index)
            kind = pdfium.FPDFPageObj_GetType(item)
            if kind != pdfium.FPDF_PAGEOBJ_FORM:
                yield item, kind, matrix
            elif depth < _MAX_DEPTH:
                inner = _product(_matrix(item), matrix)
                yield from walk(
                    pdfium.FPDFFormObj_CountObjects(item), pdfium.FPDFFormObj_GetObject, item, inner, depth + 1
                )

    yield from walk(pdfium.FPDFPage_CountObjects(page), pdfium.FPDFPage_GetObject, page, None, 0)


def _judge(page: _Page, item: Any, kind: int, matrix: Any) -> None:
    box = _box(item, matrix)
    if box is None:
        return
    if kind == pdfium.FPDF_PAGEOBJ_TEXT:
        _judge_text(page, item, box, matrix)
    elif kind == pdfium.FPDF_PAGEOBJ_PATH:
        if _is_filled(item):
            page.painted.append((box, _colour_of_box(item)))
    else:
        page.painted.append((box, None))
        if kind == pdfium.FPDF_PAGEOBJ_IMAGE:
            page.scanned_area += box.area


def _judge_text(page: _Page, item: Any, box: Box, matrix: Any) -> None:
    address = _address(item)
    if pdfium.FPDFTextObj_GetTextRenderMode(item) in _INVISIBLE_MODES:
        page.recognised.add(address)
    elif box.area == 0:
        return  # blanks
    elif not page.box.holds(box.centre) or _is_tiny(page, item, box, matrix):
        page.hidden.add(address)
    else:
        colour = _fill(item)
        if colour is None:
            return
        ground = _ground(page, box.centre)
        if colour[3] < _TRANSPARENT or (ground is None and _alike(colour, _WHITE)):
            page.hidden.add(address)
        elif ground is not None and _alike(colour, ground[1] or _WHITE):
            page.suspects.append((address, box))


def _ground(page: _Page, point: tuple[float, float]) -> tuple[Box, tuple[int, ...] | None] | None:
    """What was painted last at a point. Spelled out, because a page can have thousands of boxes below as many texts."""
    x, y = point
    for painted in reversed(page.painted):
        left, bottom, right, top = painted[0]
        if left <= x <= right and bottom <= y <= top:
            return painted
    return None


def _is_tiny(page: _Page, item: Any, box: Box, matrix: Any) -> bool:
    # the box as well, because the size of a Type 3 font says nothing about the size of its characters
    height = min(box.right - box.left, box.top - box.bottom)
    return height < page.tiny * 1.5 and 0 < _font_size(item, matrix) < page.tiny


def _invisible_when_rendered(page: Any, state: _Page) -> set[int]:
    """Those suspects whose place on the rendered page is of one colour."""
    if not state.suspects:
        return set()
    scale = _PROBE_PIXELS / max(state.box.right - state.box.left, state.box.top - state.box.bottom, 1.0)
    rendered = page.render(scale=scale, rotation=-page.get_rotation() % 360, grayscale=True)
    image = rendered.to_pil()
    found = set()
    for address, box in state.suspects:
        left, top = (box.left - state.box.left) * scale, (state.box.top - box.top) * scale
        right, bottom = (box.right - state.box.left) * scale, (state.box.top - box.bottom) * scale
        low, high = image.crop((int(left), int(top), int(right) + 1, int(bottom) + 1)).getextrema()
        if high - low <= _SAME_COLOUR:
            found.add(address)
    return found


def _alike(colour: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(abs(a - b) <= _SAME_COLOUR for a, b in zip(colour[:3], other[:3], strict=True))


def _address(item: Any) -> int:
    return ctypes.cast(item, ctypes.c_void_p).value or 0


def _fill(item: Any) -> tuple[int, int, int, int] | None:
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    if not pdfium.FPDFPageObj_GetFillColor(item, red, green, blue, alpha):
        return None
    return red.value, green.value, blue.value, alpha.value


def _is_filled(path: Any) -> bool:
    mode, stroke = ctypes.c_int(), ctypes.c_int()
    return bool(pdfium.FPDFPath_GetDrawMode(path, mode, stroke)) and mode.value != pdfium.FPDF_FILLMODE_NONE


def _colour_of_box(path: Any) -> tuple[int, ...] | None:
    """Colour of a filled rectangle; None for other shapes and for fills that let the ground through."""
    colour = _fill(path)
    if colour is None or colour[3] < 128 or pdfium.FPDFPath_CountSegments(path) > _BOX_SEGMENTS:  # noqa: PLR2004 - half
        return None
    return colour[:3]


def _font_size(item: Any, outer: Any) -> float:
    """Height of the font in page units, all matrices applied."""
    size = ctypes.c_float()
    if not pdfium.FPDFTextObj_GetFontSize(item, size):
        return 0.0
    matrix = _product(_matrix(item), outer)
    return abs(size.value) * float((matrix[2] ** 2 + matrix[3] ** 2) ** 0.5)


def _matrix(item: Any) -> tuple[float, ...]:
    m = pdfium.FS_MATRIX()
    if not pdfium.FPDFPageObj_GetMatrix(item, m):
        return 1.0, 0.0, 0.0, 1.0, 0.0, 0.0
    return m.a, m.b, m.c, m.d, m.e, m.f


def _product(first: tuple[float, ...], then: tuple[float, ...] | None) -> tuple[float, ...]:
    if then is None:
        return first
    a, b, c, d, e, f = first
    u, v, w, x, y, z = then
    return a * u + b * w, a * v + b * x, c * u + d * w, c * v + d * x, e * u + f * w + y, e * v + f * x + z


def _box(item: Any, matrix: tuple[float, ...] | None) -> Box | None:
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    if not pdfium.FPDFPageObj_GetBounds(item, left, bottom, right, top):
        return None
    if matrix is None:
        return Box(left.value, bottom.value, right.value, top.value)
    a, b, c, d, e, f = matrix
    corners = [(x, y) for x in (left.value, right.value) for y in (bottom.value, top.value)]
    xs = [a * x + c * y + e for x, y in corners]
    ys = [b * x + d * y + f for x, y in corners]
    return Box(min(xs), min(ys), max(xs), max(ys))


def _split(textpage: Any, hidden: set[int]) -> tuple[str, str]:
    """Characters of visible and of hidden objects. Blanks that the library puts in follow their neighbour."""
    parts: tuple[list[str], list[str]] = ([], [])
    is_hidden = False
    for index in range(textpage.count_chars()):
        item = pdfium.FPDFText_GetTextObject(textpage.raw, index)
        if item:
            now_hidden = _address(item) in hidden
            if now_hidden != is_hidden:
                parts[now_hidden].append(" ")
            is_hidden = now_hidden
        code = pdfium.FPDFText_GetUnicode(textpage.raw, index)
        if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000:  # noqa: PLR2004 - code points that are characters
            parts[is_hidden].append(chr(code))
    return "".join(parts[0]), "".join(parts[1])


def _tidy(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\x00", "").replace("\ufffe", "-")
