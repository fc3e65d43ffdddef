"""Grey pictures of pages for the checks of what a person sees, drawn by PDFium into memory that Pillow reads.

Runs inside the sandbox only.
"""

import ctypes
from typing import TYPE_CHECKING, Any

import pypdfium2.raw as pdfium
from PIL import Image

if TYPE_CHECKING:
    from PIL.Image import Image as Picture


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
