"""Which text of a page a person can see: the text without which the rendered page looks the same leaves no ink.

Runs inside the sandbox only. The page is rendered with its text and without, and the two pictures are compared where
each text lies. That finds every way to hide text, known or not: a layer that is switched off, a clip path, the box of a
form, a mask, a picture or box painted over it, no opacity, no width, empty glyphs, the colour of its ground. Text that
lies on other text is looked at once more, without that one text.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pypdfium2.raw as pdfium
from PIL import Image, ImageChops

from shared_code.documents.page_objects import Box, Item

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

#: longest side of the rendered page: characters of 5 points are 4 pixels high on A4
_PIXELS = 640
#: Steps of brightness, of 255. Ink above the second is seen by anyone; below the first there is none.
_NO_INK, _PLAIN_INK = 12, 64
#: text that differs less than this from its ground is pale to the point that a reader passes over it
_PALE = 40
#: a ground with more contrast than this is a picture, which has no one colour
_UNEVEN = 80
#: a stretch without ink in a text, in heights of the text, that may be more than a gap between words
_GAP = 1.2
_LEAST_GAP_PIXELS = 5
#: share of the smaller of two texts on one line that lies on the other
_STACKED = 0.5
_BAND = 4.0
_MOST_STACKED = 400
_MOST_POINTS = 200
#: weights of red, green and blue in what is seen as bright (ITU-R BT.601)
_GREY = (0.299, 0.587, 0.114)

type Point = tuple[float, float]
type Pixels = tuple[int, int, int, int]

#: for each difference in brightness: no ink, some, or plain ink, as values that can be joined bit by bit
_NONE, _SOME, _PLAIN = 0, 1, 3
_LEVELS = [_NONE] * (_NO_INK + 1) + [_SOME] * (_PLAIN_INK - _NO_INK - 1) + [_PLAIN] * (256 - _PLAIN_INK)


class Text(NamedTuple):
    """A text object that is to be looked at."""

    item: Item
    box: Box


class Unseen(NamedTuple):
    """What leaves no ink.

    :ivar texts: addresses of texts none of which is seen.
    :ivar gaps: texts with long stretches without ink, and points in them: blanks, if no character lies there.
    """

    texts: frozenset[int]
    gaps: Mapping[int, Sequence[Point]]


class _Levels:
    """How much ink is at each place of a picture. On bytes: a page can have a thousand texts."""

    def __init__(self, difference: "Picture") -> None:
        self._width, self._height = difference.size
        self._bytes = difference.point(_LEVELS).tobytes()

    def is_plain(self, pixels: Pixels) -> bool:
        """Whether there is ink that is plainly seen."""
        return any(self._bytes.find(_PLAIN, start, end) >= 0 for start, end in self._rows(pixels))

    def is_some(self, pixels: Pixels) -> bool:
        """Whether there is any ink."""
        return any(self._bytes[start:end].strip(b"\0") for start, end in self._rows(pixels))

    def across(self, pixels: Pixels) -> bytes:
        """For each column of a rectangle, from its left edge, whether there is ink: 0 for none."""
        joined = 0
        for start, end in self._rows(pixels):
            joined |= int.from_bytes(self._bytes[start:end])
        left, right = max(pixels[0], 0), min(pixels[2], self._width)
        return (
            bytes(max(0, left - pixels[0])) + joined.to_bytes(max(right - left, 0)) + bytes(max(pixels[2] - right, 0))
        )

    def down(self, pixels: Pixels) -> bytes:
        """For each row of a rectangle, from its top edge, whether there is ink: 0 for none."""
        rows = bytes(bool(self._bytes[start:end].strip(b"\0")) for start, end in self._rows(pixels))
        return bytes(max(0, -pixels[1])) + rows

    def _rows(self, pixels: Pixels) -> Iterator[tuple[int, int]]:
        left, right = max(pixels[0], 0), min(pixels[2], self._width)
        if left < right:
            for row in range(max(pixels[1], 0), min(pixels[3], self._height)):
                start = row * self._width
                yield start + left, start + right


class Ink:
    """The ink that the texts of one page leave. Made for a loaded ``pypdfium2.PdfPage`` and its texts."""

    def __init__(self, page: Any, texts: Sequence[Text], bounds: Box) -> None:
        """Render the page with and without its texts.

        :param bounds: what of the page is shown, in page units.
        """
        self._page = page
        self._texts = texts
        self._bounds = bounds
        self._scale = _PIXELS / bounds.longest_side
        self._full = self._render(grayscale=True)
        self._bare = self._without(texts, grayscale=True)
        self._ink = _Levels(ImageChops.difference(self._full, self._bare))

    def unseen(self, text_of: Callable[[Item], str]) -> Unseen:
        """The texts that leave no ink, or not everywhere.

        :param text_of: the characters of a text object.
        """
        doubtful: list[Text] = []
        gaps: dict[int, Sequence[Point]] = {}
        for text in self._texts:
            pixels = self._pixels(text.box)
            if not self._ink.is_plain(pixels) and not self._is_thin(text, pixels):
                doubtful.append(text)
            elif points := self._points_in_gaps(pixels):
                gaps[text.item.address] = points
        hidden = {text.item.address for text in self._pale(doubtful)}
        hidden |= self._under_others([text for text in self._texts if text.item.address not in hidden], text_of)
        return Unseen(frozenset(hidden), gaps)

    def shows(self, box: Box) -> bool:
        """Whether there is ink within a box, of one character say."""
        return self._ink.is_some(self._pixels(box))

    def _pixels(self, box: Box) -> Pixels:
        """The box on the picture, at least one pixel wide and high; outside of the page nothing is ink."""
        left, bottom, right, top = box
        x, y, scale = self._bounds.left, self._bounds.top, self._scale
        limit = 2 * _PIXELS
        edges = ((left - x) * scale, (y - top) * scale, (right - x) * scale, (y - bottom) * scale)
        a, b, c, d = (int(max(-limit, min(limit, edge))) for edge in edges)
        return a, b, max(c, a) + 1, max(d, b) + 1

    def _is_thin(self, text: Text, pixels: Pixels) -> bool:
        """Whether a text with little ink has thin strokes, in a colour that is plain on its ground."""
        fill = text.item.fill
        if fill is None or not self._ink.is_some(pixels):
            return False
        low, high = _extremes(self._bare.crop(pixels))[0]
        grey = _GREY[0] * fill[0] + _GREY[1] * fill[1] + _GREY[2] * fill[2]
        return high - low <= _UNEVEN and fill[3] / 255 * min(abs(grey - low), abs(grey - high)) > _PLAIN_INK

    def _points_in_gaps(self, pixels: Pixels) -> list[Point]:
        """Points on the middle line of a text, in its stretches without ink that are longer than a blank."""
        left, top, right, bottom = pixels
        width, height = right - left, bottom - top
        least = int(max(_GAP * min(width, height), _LEAST_GAP_PIXELS))
        if max(width, height) <= 2 * least:
            return []
        line = self._ink.across(pixels) if width >= height else self._ink.down(pixels)
        gaps = re.finditer(b"\x00{%d,}" % least, line)
        at = [place for gap in gaps for place in range(*gap.span(), max(least // 3, 1))][:_MOST_POINTS]
        if width >= height:
            return [self._point(left + place, (top + bottom) / 2) for place in at]
        return [self._point((left + right) / 2, top + place) for place in at]

    def _point(self, x: float, y: float) -> Point:
        return self._bounds.left + x / self._scale, self._bounds.top - y / self._scale

    def _pale(self, texts: Sequence[Text]) -> Iterator[Text]:
        """Those texts that are hardly or not at all seen in colour either."""
        if not texts:
            return
        full, bare = self._render(grayscale=False), self._without(self._texts, grayscale=False)
        ink = ImageChops.difference(full, bare)
        for text in texts:
            pixels = self._pixels(text.box)
            strongest = _strongest(ink.crop(pixels))
            contrast = _contrast(text.item.fill, bare.crop(pixels), measured=strongest)
            if strongest <= _NO_INK or contrast < _PALE:
                yield text

    def _under_others(self, texts: Sequence[Text], text_of: Callable[[Item], str]) -> set[int]:
        """Addresses of those that lie on other texts and whose own ink is nowhere."""
        pairs = list(_stacked(texts))[:_MOST_STACKED]
        pairs = [(one, other) for one, other in pairs if text_of(one.item).split() != text_of(other.item).split()]
        below = {one.item.address: one for one, _ in pairs}
        above = {other.item.address: other for _, other in pairs if other.item.address not in below}
        hidden = set()
        for group in (below, above):
            if group:
                alone = _Levels(ImageChops.difference(self._full, self._without(group.values(), grayscale=True)))
                hidden |= {address for address, text in group.items() if not alone.is_some(self._pixels(text.box))}
        return hidden

    def _render(self, *, grayscale: bool) -> "Picture":
        turn = -self._page.get_rotation() % 360
        image: Picture = self._page.render(scale=self._scale, rotation=turn, grayscale=grayscale).to_pil()
        return image if grayscale else image.convert("RGB")

    def _without(self, texts: Iterable[Text], *, grayscale: bool) -> "Picture":
        handles = [text.item.handle for text in texts]
        for handle in handles:
            pdfium.FPDFPageObj_SetIsActive(handle, 0)
        try:
            return self._render(grayscale=grayscale)
        finally:
            for handle in handles:
                pdfium.FPDFPageObj_SetIsActive(handle, 1)


def _strongest(picture: "Picture") -> int:
    """The brightest value in a picture, of all its bands."""
    return max(high for _, high in _extremes(picture))


def _extremes(picture: "Picture") -> tuple[tuple[int, int], ...]:
    """Darkest and brightest value of each band."""
    bands: Any = picture.getextrema()
    return bands if isinstance(bands[0], tuple) else (bands,)


def _contrast(fill: tuple[int, int, int, int] | None, ground: "Picture", *, measured: int) -> float:
    """How much a text differs from its ground in the strongest colour, 0 to 255.

    Thin strokes leave less ink than their colour says; so the colour counts, where the ground has one.
    """
    if fill is None or max(high - low for low, high in _extremes(ground)) > _UNEVEN:
        return max(measured, _PALE if measured > _PALE / 2 else 0)
    colour: Any = ground.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    difference: int = max(abs(one - other) for one, other in zip(fill[:3], colour, strict=True))
    return fill[3] / 255 * difference


def _stacked(texts: Sequence[Text]) -> Iterator[tuple[Text, Text]]:
    """Pairs of texts on one line that lie on each other to a good part."""
    bands: dict[int, list[Text]] = {}
    for text in texts:
        bands.setdefault(int(text.box.centre[1] // _BAND), []).append(text)
    for number, band in bands.items():
        line = sorted((*band, *bands.get(number + 1, ())), key=lambda text: text.box.left)
        furthest = line[0]
        for text in line[1:]:
            overlaps = text.box.left < furthest.box.right
            if overlaps and text.box.within(furthest.box).area > _STACKED * min(text.box.area, furthest.box.area) > 0:
                yield furthest, text
            if text.box.right > furthest.box.right:
                furthest = text
