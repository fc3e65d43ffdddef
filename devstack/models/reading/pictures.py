"""The text of pictures, through the second reader where it is installed: what a vendor's model would see on a scan.

Read once and remembered by digest for a while, like the text layers of PDFs.
"""

import atexit
import contextlib
import hashlib
import io
import os
from collections.abc import Iterator
from functools import lru_cache

from devstack.models.reading.layout import Cell, Page, Row
from shared_code.documents.ocr import engine
from shared_code.documents.ocr.layout import rows_of
from shared_code.documents.ocr.reader import NoReading, ReadLine, ReadPicture, SecondReader

_REMEMBERED = 64
_WAIT_SECONDS = 120.0
_LONGEST_SIDE = 2048
#: points of a page's longest side, A4
_POINTS = 842.0
_JPEG_QUALITY = 85


def can_read() -> bool:
    """Whether pictures can be read at all: the packages are there, and the setting ``OCR`` does not turn them off."""
    return engine.is_installed() and os.environ.get("OCR", "auto") != "off"


def read_picture(data: bytes, number: int = 1) -> Page:
    """A picture as a page; without rows when it cannot be read."""
    return Page(number, _rows(hashlib.sha256(data).hexdigest(), _Held(data), number))


def pictures_of(data: bytes) -> Iterator[bytes]:
    """The pages of a PDF as JPEG, in order."""
    import pypdfium2

    from devstack.models.reading.pdf_text import PDFIUM

    with PDFIUM, contextlib.closing(pypdfium2.PdfDocument(data)) as document:
        for index in range(len(document)):
            page = document[index]
            scale = _LONGEST_SIDE / max(*page.get_size(), 1.0)
            buffer = io.BytesIO()
            page.render(scale=scale).to_pil().convert("RGB").save(buffer, "JPEG", quality=_JPEG_QUALITY)
            page.close()
            yield buffer.getvalue()


class _Held:
    """Bytes that are equal to any others: their digest stands beside them."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=_REMEMBERED)
def _rows(_digest: str, held: _Held, number: int) -> tuple[Row, ...]:
    reader, data = _reader(), _upright_jpeg(held.data)
    try:
        turn = reader.look(data, company="", wait_seconds=_WAIT_SECONDS)
        if turn:
            data = _upright_jpeg(data, turn)
        picture = reader.read(data, company="", wait_seconds=_WAIT_SECONDS)
    except NoReading:
        return ()
    return tuple(_row(row, picture, number) for row in rows_of(picture))


def _row(lines: list[ReadLine], picture: ReadPicture, number: int) -> Row:
    scale = _POINTS / max(picture.width, picture.height)
    cells = tuple(
        Cell(
            line.text,
            min(x for x, _ in line.corners) * picture.width * scale,
            max(x for x, _ in line.corners) * picture.width * scale,
        )
        for line in lines
    )
    return Row(cells, -lines[0].corners[3][1] * picture.height * scale, number)


def _upright_jpeg(data: bytes, turn: int = 0) -> bytes:
    """The picture as a viewer shows it, turned clockwise."""
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(data)) as opened:
        image = ImageOps.exif_transpose(opened).convert("RGB")
    image.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    if turn:
        image = image.transpose(Image.Transpose[f"ROTATE_{360 - turn}"])
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()


@lru_cache(maxsize=1)
def _reader() -> SecondReader:
    """One for the process; its own process starts on first use and ends when it is idle."""
    reader = SecondReader()
    atexit.register(reader.close)
    return reader
