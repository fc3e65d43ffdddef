"""What a PDF page draws, as PDFium lists it: each object with its kind, its handle and its box on the page.

Runs inside the sandbox only. Boxes are in page units (user space of ISO 32000-1), from the bottom left.
"""

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium

from shared_code.documents import pdfium_calls as calls
from shared_code.documents import refusals

_MAX_DEPTH = 8
_MAX_OBJECTS = 200_000
_AT_ONCE = 1_000

type Matrix = Sequence[float]

_NO_CHANGE = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


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


class Text(NamedTuple):
    """A text object that a page draws.

    :ivar handle: of :mod:`.pdfium_calls`; tells the object from others as long as the page is open.
    :ivar outer: the matrix of the forms that it lies in, None when it lies in none.
    """

    handle: int
    outer: Matrix | None
    box: Box

    @property
    def font_size(self) -> float:
        """Height of the font in page units, all matrices applied; 0 when unknown."""
        size = calls.font_size_of(self.handle)
        if not size:
            return 0.0
        matrix = _product(_matrix(self.handle), self.outer)
        return abs(size) * float((matrix[2] ** 2 + matrix[3] ** 2) ** 0.5)

    @property
    def is_turned(self) -> bool:
        """Whether it runs up or down the page instead of across it."""
        matrix = _product(_matrix(self.handle), self.outer)
        return abs(matrix[1]) > abs(matrix[0])

    @property
    def fill(self) -> tuple[int, int, int, int] | None:
        """Red, green, blue and opacity of the fill, 0 to 255; None for patterns."""
        return calls.fill_of(self.handle)


def objects_of(page: Any) -> list[tuple[int, int, Matrix | None]]:
    """Handle, kind and matrix (see :class:`Text`) of each object of a loaded page in painting order, also within forms.

    :raises errors.InvalidFile: the page has too many objects (reason ``too_complex``).
    """
    found: list[tuple[int, int, Matrix | None]] = []
    address = calls.address_of(page)
    _gather(found, calls.count_objects(address), calls.object_at, address, None, 0)
    return found


def _gather(found: list[Any], count: int, get: Any, parent: int, matrix: Matrix | None, depth: int) -> None:
    # In pieces: the count is only what the file says.
    for start in range(0, count, _AT_ONCE):
        handles = list(map(get, repeat(parent), range(start, min(start + _AT_ONCE, count))))
        for handle, kind in zip(handles, map(calls.kind_of, handles), strict=True):
            if kind != pdfium.FPDF_PAGEOBJ_FORM:
                found.append((handle, kind, matrix))
            elif depth < _MAX_DEPTH:
                inner = _product(_matrix(handle), matrix)
                within = calls.count_form_objects(handle)
                _gather(found, within, calls.form_object_at, handle, inner, depth + 1)
        if len(found) > _MAX_OBJECTS:
            raise refusals.invalid_file("too_complex", limit=_MAX_OBJECTS)


def boxes_of(items: Sequence[tuple[int, Matrix | None]]) -> Iterator[Box | None]:
    """Where objects are drawn on the page, by handle and matrix; None for what the library does not know."""
    for (_, outer), bounds in zip(items, calls.all_bounds_of([handle for handle, _ in items]), strict=True):
        if bounds is None or outer is None:
            yield Box._make(bounds) if bounds is not None else None
            continue
        left, bottom, right, top = bounds
        a, b, c, d, e, f = outer
        corners = [(x, y) for x in (left, right) for y in (bottom, top)]
        xs = [a * x + c * y + e for x, y in corners]
        ys = [b * x + d * y + f for x, y in corners]
        yield Box(min(xs), min(ys), max(xs), max(ys))


def _matrix(handle: int) -> Matrix:
    return calls.matrix_of(handle) or _NO_CHANGE


def _product(first: Matrix, then: Matrix | None) -> Matrix:
    if then is None:
        return first
    a, b, c, d, e, f = first
    u, v, w, x, y, z = then
    return a * u + b * w, a * v + b * x, c * u + d * w, c * v + d * x, e * u + f * w + y, e * v + f * x + z
