"""Where on a page each piece of its text stands, as PDFium has it.

Runs inside the sandbox only. A piece is a run of letters or of digits with what groups them, so that a value seldom
begins or ends within one. Of each, only the first and the last character are asked for: the library's answer for every
character would cost more than all else that is done with a page.
"""

import ctypes
import re
from array import array
from collections.abc import Iterator, Sequence
from itertools import compress, repeat

from shared_code.documents.page_annotations import LoadedPage
from shared_code.documents.pdfium_calls import line_box_at
from shared_code.invoices.page import PAGE_SIDE, PlacedText

#: signs of currencies (category Sc of Unicode) are pieces as well
_PIECE = re.compile(
    r"\d(?:[\d.,'’/-]*\d)?|[^\W\d_]+(?:[.&'’_-][^\W\d_]+)*"
    "|[$\u00a2-\u00a5\u058f\u060b\u09f2\u09f3\u0af1\u0bf9\u0e3f\u17db\u20a0-\u20c0\ufdfc\ufe69\uff04\uffe0\uffe1\uffe5\uffe6]"
)
#: what :func:`.page_text.tidy` takes away
_DROPPED = re.compile("\r(?=\n)|\0")
_QUARTER = 90
_MOST_FIELDS = 1_000
#: left, top, right and bottom
_BOX = 4

type Rectangle = tuple[float, float, float, float]


class TextPlaces:
    """Places of text on one loaded page."""

    def __init__(self, loaded: LoadedPage, textpage: int) -> None:
        self._textpage = textpage
        self._turns = loaded.page.get_rotation() // _QUARTER
        self._left, bottom, right, self._top = loaded.page.get_bbox()
        self._across = PAGE_SIDE / ((right - self._left) or 1.0)
        self._down = PAGE_SIDE / ((self._top - bottom) or 1.0)
        self._fields = array(
            "i", [number for field in loaded.fields[:_MOST_FIELDS] for number in self._on_page(*field)]
        )

    def placed(self, text: str, raw: str, characters: Sequence[int] | None = None) -> PlacedText:
        """A text with its places.

        :param text: ``raw`` made tidy, perhaps without blanks at its ends.
        :param raw: as the library gave it.
        :param characters: the library's number of each character of ``raw``, negative for one that is not the
            library's; None when they are numbered from 0.
        """
        return PlacedText(text, self._pieces(raw, characters), fields=self._fields)

    def _pieces(self, raw: str, characters: Sequence[int] | None) -> array[int]:
        dropped = [match.start() for match in _DROPPED.finditer(raw)]
        # The text may begin behind blanks that were stripped from it; those that are dropped anyway count once.
        stripped = len(raw) - len(raw.lstrip("\0\r\n\t\f\v ")) if characters is not None else 0
        shift = stripped - sum(place < stripped for place in dropped)
        spans = [match.span() for match in _PIECE.finditer(raw)]
        found: list[int] = []
        ahead = 0
        for (start, end), (left, top, right, bottom, left2, top2, right2, bottom2) in self._ends(spans, characters):
            while ahead < len(dropped) and dropped[ahead] < start:
                ahead += 1
            moved = shift + ahead
            found += (start - moved, end - moved)
            # Lines of mirrored or turned text begin at the right, or at the bottom.
            found += self._on_page(
                min(left, right, left2, right2),
                min(bottom, top, bottom2, top2),
                max(left, right, left2, right2),
                max(bottom, top, bottom2, top2),
            )
        return array("i", found)

    def _ends(
        self, spans: Sequence[tuple[int, int]], characters: Sequence[int] | None
    ) -> Iterator[tuple[tuple[int, int], tuple[float, ...]]]:
        """The pieces that the library knows the place of, with the boxes of their first and last character."""
        firsts, lasts = [start for start, _ in spans], [end - 1 for _, end in spans]
        if characters is not None:
            firsts, lasts = [characters[at] for at in firsts], [characters[at] for at in lasts]
        boxes = (ctypes.c_float * (2 * _BOX * len(spans)))()
        size = ctypes.sizeof(ctypes.c_float) * _BOX
        start = ctypes.addressof(boxes)
        places = range(start, start + 2 * size * len(spans), 2 * size)
        known = map(line_box_at, repeat(self._textpage), firsts, places)
        known_too = map(
            line_box_at, repeat(self._textpage), lasts, range(places.start + size, places.stop + size, 2 * size)
        )
        both = [one and other for one, other in zip(known, known_too, strict=True)]
        numbers = iter(boxes[:])
        eights = zip(*(numbers,) * (2 * _BOX), strict=True)
        return compress(zip(spans, eights, strict=True), both)

    def _on_page(self, left: float, bottom: float, right: float, top: float) -> tuple[int, int, int, int]:
        """A rectangle of page units as a place on the page as it is shown."""
        x0, x1 = (left - self._left) * self._across, (right - self._left) * self._across
        y0, y1 = (self._top - top) * self._down, (self._top - bottom) * self._down
        for _ in range(self._turns):
            x0, y0, x1, y1 = PAGE_SIDE - y1, x0, PAGE_SIDE - y0, x1
        # A function for the four takes longer than all else here.
        return (
            0 if x0 < 0 else PAGE_SIDE if x0 > PAGE_SIDE else int(x0 + 0.5),
            0 if y0 < 0 else PAGE_SIDE if y0 > PAGE_SIDE else int(y0 + 0.5),
            0 if x1 < 0 else PAGE_SIDE if x1 > PAGE_SIDE else int(x1 + 0.5),
            0 if y1 < 0 else PAGE_SIDE if y1 > PAGE_SIDE else int(y1 + 0.5),
        )
