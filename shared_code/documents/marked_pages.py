"""Draws boxes with labels on the picture of a page, for people who look rather than read.

The picture is decoded and drawn on in the sandbox: it may be the file that somebody sent.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from shared_code.documents import refusals
from shared_code.documents.sandbox.pool import Sandbox, default_sandbox
from shared_code.records import FileBytes

if TYPE_CHECKING:
    from PIL import Image

_TEXT_PIXELS = 12
_WIDTH = 2
#: 0 is black
_DARK = 200


@dataclass(frozen=True, slots=True)
class Mark:
    """One box: ``x0, y0, x1, y1`` in fractions of the page, what stands above it, and a colour as ``#rrggbb``."""

    box: tuple[float, float, float, float]
    label: str
    colour: str


def marked(picture: FileBytes, marks: Sequence[Mark], *, sandbox: Sandbox | None = None) -> bytes:
    """The picture (JPEG, PNG or WebP) with the marks, as PNG.

    :raises errors.InvalidFile: it cannot be decoded within the limits.
    :raises errors.Busy: too many documents are being read.
    """
    described = json.dumps([asdict(mark) for mark in marks]).encode()
    result = (sandbox or default_sandbox()).run("call", [picture, described], function=f"{__name__}:answer")
    return result.parts[0]


def answer(parts: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    """What the child sends."""
    from PIL import Image, ImageDraw, ImageFont

    try:
        with Image.open(BytesIO(parts[0]), formats=("PNG", "JPEG", "WEBP")) as opened:
            image = opened.convert("RGB")
    except OSError as error:
        raise refusals.invalid_file("corrupt") from error
    marks = [(mark, _pixels(mark["box"], image.size)) for mark in json.loads(parts[1])]
    paper = image.convert("L").point(lambda value: 255 * (value < _DARK))
    draw, covers = ImageDraw.Draw(image), ImageDraw.Draw(paper)
    for mark, (x0, y0, x1, y1) in marks:
        frame = (x0 - _WIDTH, y0 - _WIDTH, x1 + _WIDTH, y1 + _WIDTH)
        draw.rectangle(frame, outline=mark["colour"], width=_WIDTH)
        covers.rectangle(frame, fill=255)
    font = ImageFont.load_default(_TEXT_PIXELS)
    for mark, box in marks:
        if mark["label"]:
            size = draw.textbbox((0, 0), mark["label"], font=font)[2:]
            place = min(_places(box, size, image.size), key=lambda one: _covered(paper, one))
            draw.text(place[:2], mark["label"], fill=mark["colour"], font=font)
            covers.rectangle(place, fill=255)
    out = BytesIO()
    image.save(out, "PNG")
    return {}, [out.getvalue()]


def _pixels(box: Sequence[float], size: tuple[int, int]) -> tuple[int, int, int, int]:
    return round(box[0] * size[0]), round(box[1] * size[1]), round(box[2] * size[0]), round(box[3] * size[1])


def _places(
    box: tuple[int, int, int, int], label: Sequence[float], page: tuple[int, int]
) -> Iterator[tuple[int, int, int, int]]:
    """Where a label may stand, the best place first: above its box, right of it, left of it, below it."""
    width, height = round(label[0]), round(label[1])
    above, level, below = box[1] - height - 2 * _WIDTH, (box[1] + box[3] - height) // 2, box[3] + _WIDTH
    right, left = box[2] + 3 * _WIDTH, box[0] - width - 3 * _WIDTH
    ends = box[2] - width
    for x, y in ((box[0], above), (right, level), (left, level), (box[0], below), (ends, above), (right, above),
                 (left, above), (ends, below), (right, below), (left, below)):  # fmt: skip
        x, y = max(0, min(x, page[0] - width)), max(0, min(y, page[1] - height))  # noqa: PLW2901 - kept on the page
        yield x, y, x + width, y + height


def _covered(paper: "Image.Image", place: tuple[int, int, int, int]) -> int:
    """How much of a place is printed on or taken."""
    return paper.crop(place).histogram()[255]
