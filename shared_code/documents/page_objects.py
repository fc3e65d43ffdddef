"""What a PDF page draws, as PDFium lists it: each object with its kind, its handle and its box on the page.

Runs inside the sandbox only. Boxes are in page units (user space of ISO 32000-1), from the bottom left.
"""

import ctypes
from collections.abc import Iterator
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium

from shared_code.documents import refusals

_MAX_DEPTH = 8
_MAX_OBJECTS = 200_000

type Matrix = tuple[float, ...]


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

    @property
    def longest_side(self) -> float:
        """The longer side, at least 1."""
        return max(self.right - self.left, self.top - self.bottom, 1.0)

    def holds(self, point: tuple[float, float]) -> bool:
        """Whether a point lies in the box."""
        return self.left <= point[0] <= self.right and self.bottom <= point[1] <= self.top

    def within(self, other: "Box") -> "Box":
        """The part that lies in another box; empty (area 0) when none does."""
        return Box(
            max(self.left, other.left),
            max(self.bottom, other.bottom),
            min(self.right, other.right),
            min(self.top, other.top),
        )


class Item(NamedTuple):
    """One object on a page; ``outer`` is the matrix of the forms that it lies in, None when it lies in none."""

    handle: Any
    kind: int
    outer: Matrix | None

    @property
    def address(self) -> int:
        """What tells the object from others as long as the page is open."""
        return address_of(self.handle)

    @property
    def box(self) -> Box | None:
        """Where it is drawn; None when the library does not know."""
        left, bottom, right, top = ctypes.c_float(), ctypes.c_float(), ctypes.c_float(), ctypes.c_float()
        if not pdfium.FPDFPageObj_GetBounds(self.handle, left, bottom, right, top):
            return None
        if self.outer is None:
            return Box(left.value, bottom.value, right.value, top.value)
        a, b, c, d, e, f = self.outer
        corners = [(x, y) for x in (left.value, right.value) for y in (bottom.value, top.value)]
        xs = [a * x + c * y + e for x, y in corners]
        ys = [b * x + d * y + f for x, y in corners]
        return Box(min(xs), min(ys), max(xs), max(ys))

    @property
    def font_size(self) -> float:
        """Height of a text's font in page units, all matrices applied; 0 when unknown."""
        size = ctypes.c_float()
        if not pdfium.FPDFTextObj_GetFontSize(self.handle, size):
            return 0.0
        matrix = _product(_matrix(self.handle), self.outer)
        return abs(size.value) * float((matrix[2] ** 2 + matrix[3] ** 2) ** 0.5)

    @property
    def is_turned(self) -> bool:
        """Whether a text runs up or down the page instead of across it."""
        matrix = _product(_matrix(self.handle), self.outer)
        return abs(matrix[1]) > abs(matrix[0])

    @property
    def fill(self) -> tuple[int, int, int, int] | None:
        """Red, green, blue and opacity of the fill, 0 to 255; None for patterns."""
        red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
        if not pdfium.FPDFPageObj_GetFillColor(self.handle, red, green, blue, alpha):
            return None
        return red.value, green.value, blue.value, alpha.value


def objects_of(page: Any) -> Iterator[Item]:
    """Each object of a loaded page in painting order, those within forms too.

    :raises errors.InvalidFile: the page has too many objects (reason ``too_complex``).
    """

    def walk(count: int, get: Any, parent: Any, matrix: Matrix | None, depth: int) -> Iterator[Item]:
        for index in range(count):
            handle = get(parent, index)
            kind = pdfium.FPDFPageObj_GetType(handle)
            if kind != pdfium.FPDF_PAGEOBJ_FORM:
                yield Item(handle, kind, matrix)
            elif depth < _MAX_DEPTH:
                inner = _product(_matrix(handle), matrix)
                within = pdfium.FPDFFormObj_CountObjects(handle)
                yield from walk(within, pdfium.FPDFFormObj_GetObject, handle, inner, depth + 1)

    found = walk(pdfium.FPDFPage_CountObjects(page), pdfium.FPDFPage_GetObject, page, None, 0)
    for count, item in enumerate(found):
        if count > _MAX_OBJECTS:
            raise refusals.invalid_file("too_complex", limit=_MAX_OBJECTS)
        yield item


def address_of(handle: Any) -> int:
    """The address behind a handle of the library, 0 for none."""
    return ctypes.addressof(handle.contents) if handle else 0


def _matrix(handle: Any) -> Matrix:
    m = pdfium.FS_MATRIX()
    if not pdfium.FPDFPageObj_GetMatrix(handle, m):
        return 1.0, 0.0, 0.0, 1.0, 0.0, 0.0
    return m.a, m.b, m.c, m.d, m.e, m.f


def _product(first: Matrix, then: Matrix | None) -> Matrix:
    if then is None:
        return first
    a, b, c, d, e, f = first
    u, v, w, x, y, z = then
    return a * u + b * w, a * v + b * x, c * u + d * w, c * v + d * x, e * u + f * w + y, e * v + f * x + z
