"""Which text of a page a person can see: the text without which the rendered page looks the same leaves no ink.

Runs inside the sandbox only. The page is rendered with its text and without, and the two pictures are compared where
each text lies. That finds every way to hide text, known or not: a layer that is switched off, a clip path, the box of a
form, a mask, a picture or box painted over it, no opacity, no width, empty glyphs, the colour of its ground. Text that
lies on other text is looked at once more, without that one text.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pypdfium2.raw as pdfium
from PIL import Image, ImageChops

from shared_code.documents.page_objects import Box, Text
from shared_code.documents.page_pictures import away_from, grey_picture, left_out

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
_LEVELS = bytes([_NONE] * (_NO_INK + 1) + [_SOME] * (_PLAIN_INK - _NO_INK - 1) + [_PLAIN] * (256 - _PLAIN_INK))


class Unseen(NamedTuple):
    """What leaves no ink.

    :ivar texts: handles of texts none of which is seen.
    :ivar gaps: texts with long stretches without ink, and points in them: blanks, if no character lies there.
    """

    texts: frozenset[int]
    gaps: Mapping[int, Sequence[Point]]


class _Levels:
    """How much ink is at each place of a picture. On bytes: a page can have a thousand texts."""

    def __init__(self, difference: "Picture") -> None:
        self._page_height = difference.height
        # Often most of a page is empty.
        self._left, self._top, right, bottom = difference.getbbox() or (0, 0, 0, 0)
        self._width, self._height = right - self._left, bottom - self._top
        inked = difference.crop((self._left, self._top, right, bottom))
        self._bytes = inked.tobytes().translate(_LEVELS)

    def is_plain(self, pixels: Pixels) -> bool:
        """Whether there is ink that is plainly seen."""
        starts, length = self._rows(pixels)
        # Most texts have ink on their middle line.
        middle, find = len(starts) // 2, self._bytes.find
        for rows in (starts[middle:], starts[:middle]):
            for start in rows:
                if find(_PLAIN, start, start + length) >= 0:
                    return True
        return False

    def is_some(self, pixels: Pixels) -> bool:
        """Whether there is any ink."""
        starts, length = self._rows(pixels)
        return any(self._bytes[start : start + length].strip(b"\0") for start in starts)

    def is_dense(self, pixels: Pixels, gap: int) -> bool:
        """Whether the middle line alone shows that a rectangle has nowhere so many columns in a row without ink."""
        starts, length = self._rows(pixels)
        if not starts or length < pixels[2] - pixels[0]:
            return False
        middle = starts[len(starts) // 2]
        return self._bytes.find(bytes(gap), middle, middle + length) < 0

    def across(self, pixels: Pixels) -> bytes:
        """For each column of a rectangle, from its left edge, whether there is ink: 0 for none."""
        starts, length = self._rows(pixels)
        joined, data, number = 0, self._bytes, int.from_bytes
        for start in starts:
            joined |= number(data[start : start + length])
        before = max(self._left - pixels[0], 0)
        return (bytes(before) + joined.to_bytes(length)).ljust(pixels[2] - pixels[0], b"\0")

    def down(self, pixels: Pixels) -> bytes:
        """For each row of a rectangle, from its top edge, whether there is ink: 0 for none."""
        starts, length = self._rows(pixels)
        rows = bytes(bool(self._bytes[start : start + length].strip(b"\0")) for start in starts)
        before = max(self._top - pixels[1], 0)
        return (bytes(before) + rows).ljust(min(pixels[3], self._page_height) - pixels[1], b"\0")

    def _rows(self, pixels: Pixels) -> tuple[range, int]:
        """Where each row of a rectangle begins, as far as it lies where any ink is, and how long the rows are."""
        left, top, right, bottom = pixels
        left, right = max(left - self._left, 0), min(right - self._left, self._width)
        if left >= right:
            return range(0), 0
        width = self._width
        top, bottom = max(top - self._top, 0), min(bottom - self._top, self._height)
        return range(top * width + left, bottom * width + left, width), right - left


class Ink:
    """The ink that the texts of one page leave. Made for a loaded ``pypdfium2.PdfPage`` and its texts."""

    def __init__(self, page: Any, texts: Sequence[Text], bounds: Box, pictures: Sequence[tuple[int, Box]] = ()) -> None:
        """Render the page with and without its texts.

        :param bounds: what of the page is shown, in page units.
        :param pictures: handles and boxes. To draw one takes longer than to draw all texts, so those that lie neither
            on a text nor below one are left out.
        """
        self._page = page
        self._texts = texts
        self._bounds = bounds
        self._scale = _PIXELS / bounds.longest_side
        self._aside = away_from(texts, pictures, pixel=1 / self._scale)
        self._full = self._grey()
        self._bare = self._without(texts, self._grey)
        self._ink = _Levels(ImageChops.difference(self._full, self._bare))

    def unseen(self, characters_of: Callable[[int], str]) -> Unseen:
        """The texts that leave no ink, or not everywhere.

        :param characters_of: the characters of a text object.
        """
        doubtful: list[Text] = []
        gaps: dict[int, Sequence[Point]] = {}
        for text in self._texts:
            pixels = self._pixels(text.box)
            if not self._ink.is_plain(pixels) and not self._is_thin(text, pixels):
                doubtful.append(text)
            elif points := self._points_in_gaps(pixels):
                gaps[text.handle] = points
        hidden = {text.handle for text in self._pale(doubtful)}
        hidden |= self._under_others([text for text in self._texts if text.handle not in hidden], characters_of)
        return Unseen(frozenset(hidden), gaps)

    def shows(self, box: Box) -> bool:
        """Whether there is ink within a box, of one character say."""
        return self._ink.is_some(self._pixels(box))

    def _pixels(self, box: Box) -> Pixels:
        """The box on the picture, at least one pixel wide and high; outside of the page nothing is ink."""
        left, bottom, right, top = box
        x, y, scale = self._bounds.left, self._bounds.top, self._scale
        a, b, c, d = (left - x) * scale, (y - top) * scale, (right - x) * scale, (y - bottom) * scale
        limit = 2.0 * _PIXELS
        if not (-limit < a < limit and -limit < b < limit and -limit < c < limit and -limit < d < limit):
            a, b, c, d = (max(-limit, min(limit, edge)) for edge in (a, b, c, d))
        return int(a), int(b), max(int(c), int(a)) + 1, max(int(d), int(b)) + 1

    def _is_thin(self, text: Text, pixels: Pixels) -> bool:
        """Whether a text with little ink has thin strokes, in a colour that is plain on its ground."""
        fill = text.fill
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
        if max(width, height) <= 2 * least or (width >= height and self._ink.is_dense(pixels, least)):
            return []
        line = self._ink.across(pixels) if width >= height else self._ink.down(pixels)
        if bytes(least) not in line:
            return []
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
        full, bare = self._coloured(), self._without(self._texts, self._coloured)
        ink = ImageChops.difference(full, bare)
        for text in texts:
            pixels = self._pixels(text.box)
            strongest = _strongest(ink.crop(pixels))
            contrast = _contrast(text.fill, bare.crop(pixels), measured=strongest)
            if strongest <= _NO_INK or contrast < _PALE:
                yield text

    def _under_others(self, texts: Sequence[Text], characters_of: Callable[[int], str]) -> set[int]:
        """Handles of those that lie on other texts and whose own ink is nowhere."""
        pairs = list(_stacked(texts))[:_MOST_STACKED]
        pairs = [
            (one, other)
            for one, other in pairs
            if characters_of(one.handle).split() != characters_of(other.handle).split()
        ]
        below = {one.handle: one for one, _ in pairs}
        above = {other.handle: other for _, other in pairs if other.handle not in below}
        hidden = set()
        for group in (below, above):
            if group:
                alone = _Levels(ImageChops.difference(self._full, self._without(group.values(), self._grey)))
                hidden |= {handle for handle, text in group.items() if not alone.is_some(self._pixels(text.box))}
        return hidden

    def _grey(self) -> "Picture":
        quarters = -self._page.get_rotation() // 90 % 4
        width, height = (math.ceil(side * self._scale) for side in self._page.get_size())
        size = (height, width) if quarters % 2 else (width, height)
        flags = pdfium.FPDF_ANNOT | pdfium.FPDF_GRAYSCALE
        with left_out(self._aside):
            return grey_picture(self._page, size, turn=quarters, flags=flags)

    def _coloured(self) -> "Picture":
        turn = -self._page.get_rotation() % 360
        image: Picture = self._page.render(scale=self._scale, rotation=turn).to_pil()
        return image.convert("RGB")

    def _without(self, texts: Iterable[Text], draw: "Callable[[], Picture]") -> "Picture":
        with left_out([text.handle for text in texts]):
            return draw()


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
