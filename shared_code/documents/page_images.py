"""Pages as pictures, for models that cannot read a PDF's fonts and for the codes printed on pages.

Runs inside the sandbox only. The scale follows from a number of pixels, never from a fixed resolution: a page may say
that it is 380 m wide.
"""

from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING, Any

import zxingcpp

from shared_code.documents import images, refusals

if TYPE_CHECKING:
    from PIL import Image

#: 300 dots per inch: more shows nothing new
_MAX_SCALE = 300 / 72
#: enough for the QR code of an Indian e-invoice, 150 dots per inch on A4
BARCODE_PIXELS = 1_760
_MAX_CODES = 20
_MAX_CODE_LENGTH = 8_000


def render(page: Any, *, longest_side: int) -> images.Picture:
    """A page of pypdfium2 as JPEG.

    :raises errors.InvalidFile: the page has no area (reason ``corrupt``).
    """
    image = _rendered(page, longest_side=longest_side, grayscale=False)
    return images.Picture("image/jpeg", images.encode_jpeg(image), *image.size)


def codes_on_page(page: Any) -> list[str]:
    """Texts of the QR codes on a PDF page."""
    return _codes(_rendered(page, longest_side=BARCODE_PIXELS, grayscale=True))


def codes_on_picture(data: bytes) -> list[str]:
    """Texts of the QR codes on a prepared picture.

    :raises errors.InvalidFile: the picture cannot be decoded (reason ``corrupt``).
    """
    from PIL import Image

    try:
        with Image.open(BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as image:
            return _codes(image.convert("L"))
    except OSError as error:
        raise refusals.invalid_file("corrupt") from error


def _rendered(page: Any, *, longest_side: int, grayscale: bool) -> "Image.Image":
    width, height = page.get_size()
    if not (width > 0 and height > 0):
        raise refusals.invalid_file("corrupt")
    scale = min(longest_side / max(width, height), _MAX_SCALE)
    image: Image.Image = page.render(scale=scale, grayscale=grayscale).to_pil()
    return image if grayscale else image.convert("RGB")


def _codes(image: "Image.Image") -> list[str]:
    pixels = memoryview(image.tobytes()).cast("B", (image.height, image.width))
    found: Iterable[Any] = zxingcpp.read_barcodes(
        pixels, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    )
    return [code.text for code in found if len(code.text) <= _MAX_CODE_LENGTH][:_MAX_CODES]
