"""Grey pictures of pages for the checks of what a person sees, drawn by PDFium into memory that Pillow reads.

Runs inside the sandbox only.
"""

import contextlib
import ctypes
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any

import pypdfium2.raw as pdfium
from PIL import Image

from shared_code.documents.page_objects import Box, Text
from shared_code.documents.pdfium_calls import set_active

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

#: pictures times texts; with more it takes too long to find out which lie on which
_MOST_COMPARED = 5_000


def grey_picture(page: Any, size: tuple[int, int], *, turn: int = 0, flags: int = 0) -> "Picture":
    """A page of pypdfium2 on white ground.

    :param turn: quarters of a turn clockwise, beyond those that the page has itself.
    :param flags: of ``FPDF_RenderPageBitmap``.
    :raises ValueError: the picture would have no pixels.
    """
    width, height = size
    if width < 1 or height < 1:
        raise ValueError("The page has no area.")
    pixels = bytearray(b"\xff") * (width * height)
    held = ctypes.c_char.from_buffer(pixels)
    bitmap = pdfium.FPDFBitmap_CreateEx(width, height, pdfium.FPDFBitmap_Gray, ctypes.addressof(held), width)
    try:
        pdfium.FPDF_RenderPageBitmap(bitmap, page.raw, 0, 0, width, height, turn, flags)
        if page.formenv:
            pdfium.FPDF_FFLDraw(page.formenv.raw, bitmap, page.raw, 0, 0, width, height, turn, flags)
    finally:
        pdfium.FPDFBitmap_Destroy(bitmap)
    return Image.frombuffer("L", size, pixels, "raw", "L", width, 1)


@contextlib.contextmanager
def left_out(handles: Sequence[int]) -> Iterator[None]:
    """Leave objects out of what is drawn within the block."""
    list(map(set_active, handles, repeat(0)))
    try:
        yield
    finally:
        list(map(set_active, handles, repeat(1)))


def away_from(texts: Sequence[Text], pictures: Sequence[tuple[int, Box]], *, pixel: float) -> list[int]:
    """Handles of the pictures that are drawn on no pixel of a text; none where it would take long to find out.

    :param pictures: handles and boxes.
    :param pixel: its side in page units: what is further apart shares none, however edges are rounded.
    """
    if len(pictures) * len(texts) > _MOST_COMPARED:
        return []
    return [handle for handle, box in pictures if not any(_touch(text.box, box, pixel) for text in texts)]


def _touch(one: Box, other: Box, distance: float) -> bool:
    return (
        one.left <= other.right + distance
        and other.left <= one.right + distance
        and one.bottom <= other.top + distance
        and other.bottom <= one.top + distance
    )
