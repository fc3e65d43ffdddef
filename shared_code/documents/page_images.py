"""Pages as pictures, for people, for models that cannot read a PDF's fonts, and for the codes printed on pages.

Runs inside the sandbox only. The scale follows from a number of pixels, never from a fixed resolution: a page may say
that it is 380 m wide.
"""

import math
from collections.abc import Iterable
from io import BytesIO
from typing import Any

import zxingcpp
from PIL import Image

from shared_code.documents import images, refusals

#: 300 dots per inch: more shows nothing new
_MAX_SCALE = 300 / 72
#: enough for the QR code of an Indian e-invoice, 150 dots per inch on A4
BARCODE_PIXELS = 1_760
_MAX_CODES = 20
_MAX_CODE_LENGTH = 8_000
#: of a page that a person looks at: dots per inch, and pixels in all
_SHOWN_SCALE, _SHOWN_PIXELS = 200 / 72, 8_000_000
#: of 0 to 9: pages are mostly white, and a person waits
_COMPRESSION = 1


def render(page: Any, *, longest_side: int) -> images.Picture:
    """A page of pypdfium2 as JPEG.

    :raises errors.InvalidFile: the page has no area (reason ``corrupt``).
    """
    image = _rendered(page, longest_side=longest_side, grayscale=False)
    return images.Picture("image/jpeg", images.encode_jpeg(image), *image.size)


def shown_page(page: Any, *, width: int) -> images.Picture:
    """A page of pypdfium2 as PNG for a person: as it is turned and cropped, at most 200 dots per inch and 8 megapixels.

    :param width: pixels that are wanted.
    :raises errors.InvalidFile: the page has no area (reason ``corrupt``).
    """
    across, down = _size(page)
    scale = min(width / across, _SHOWN_SCALE, math.sqrt(_SHOWN_PIXELS / (across * down)))
    image = page.render(scale=scale).to_pil().convert("RGB")
    return images.Picture("image/png", _png(image), *image.size)


def shown_picture(data: bytes, *, width: int) -> images.Picture:
    """A prepared picture as PNG for a person; it is made smaller at most.

    :raises errors.InvalidFile: the picture cannot be decoded (reason ``corrupt``).
    """
    try:
        with Image.open(BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as opened:
            image = images.flattened(opened)
    except OSError as error:
        raise refusals.invalid_file("corrupt") from error
    if image.width > width:
        image.thumbnail((width, image.height), reducing_gap=2.0)
    return images.Picture("image/png", _png(image), *image.size)


def codes_on_page(page: Any) -> list[str]:
    """Texts of the QR codes on a PDF page."""
    return _codes(_rendered(page, longest_side=BARCODE_PIXELS, grayscale=True))


def codes_on_picture(data: bytes) -> list[str]:
    """Texts of the QR codes on a prepared picture.

    :raises errors.InvalidFile: the picture cannot be decoded (reason ``corrupt``).
    """
    try:
        with Image.open(BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as image:
            return _codes(image.convert("L"))
    except OSError as error:
        raise refusals.invalid_file("corrupt") from error


def _rendered(page: Any, *, longest_side: int, grayscale: bool) -> Image.Image:
    scale = min(longest_side / max(_size(page)), _MAX_SCALE)
    image: Image.Image = page.render(scale=scale, grayscale=grayscale).to_pil()
    return image if grayscale else image.convert("RGB")


def _size(page: Any) -> tuple[float, float]:
    width, height = page.get_size()
    if not (width > 0 and height > 0):
        raise refusals.invalid_file("corrupt")
    return width, height


def _png(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "PNG", compress_level=_COMPRESSION)
    return buffer.getvalue()


def _codes(image: Image.Image) -> list[str]:
    pixels = memoryview(image.tobytes()).cast("B", (image.height, image.width))
    found: Iterable[Any] = zxingcpp.read_barcodes(
        pixels, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    )
    return [code.text for code in found if len(code.text) <= _MAX_CODE_LENGTH][:_MAX_CODES]
