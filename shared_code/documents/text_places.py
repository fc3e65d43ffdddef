"""Where on a page each piece of its text stands, as PDFium has it.

Runs inside the sandbox only. A piece is a run of letters or of digits with what groups them, so that a value seldom
begins or ends within one. Of each, only the first and the last character are asked for: the library's answer for every
character would cost more than all else that is done with a page.
"""

import ctypes
import re
from array import array
from collections.abc import Sequence
from typing import Any

import pypdfium2.raw as pdfium

from shared_code.documents.page_annotations import LoadedPage
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

type Rectangle = tuple[float, float, float, float]


def _unchecked(function: Any) -> Any:
    """A function of the library without the conversion of its arguments, which takes four times as long as the call."""
    address = ctypes.cast(function, ctypes.c_void_p).value
    kind = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
    return kind(address) if address else function


_character_box = _unchecked(pdfium.FPDFText_GetLooseCharBox)


class TextPlaces:
    """Places of text on one loaded page."""

    def __init__(self, loaded: LoadedPage, textpage: Any) -> None:
        self._textpage = ctypes.cast(textpage.raw, ctypes.c_void_p).value
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
        found, ahead = array("i"), 0
        first, last = pdfium.FS_RECTF(), pdfium.FS_RECTF()
        at_first, at_last, textpage = ctypes.addressof(first), ctypes.addressof(last), self._textpage
        for match in _PIECE.finditer(raw):
            start, end = match.span()
            while ahead < len(dropped) and dropped[ahead] < start:
                ahead += 1
            ends = (start, end - 1) if characters is None else (characters[start], characters[end - 1])
            if not (
                _character_box(textpage, ends[0], at_first)
                and (end == start + 1 or _character_box(textpage, ends[1], at_last))
            ):
                continue
            other = first if end == start + 1 else last
            # Lines of mirrored or turned text begin at the right, or at the bottom.
            box = self._on_page(
                min(first.left, first.right, other.left, other.right),
                min(first.bottom, first.top, other.bottom, other.top),
                max(first.left, first.right, other.left, other.right),
                max(first.bottom, first.top, other.bottom, other.top),
            )
            moved = shift + ahead
            found.extend((start - moved, end - moved, *box))
        return found

    def _on_page(self, left: float, bottom: float, right: float, top: float) -> tuple[int, int, int, int]:
        """A rectangle of page units as a place on the page as it is shown."""
        x0, x1 = (left - self._left) * self._across, (right - self._left) * self._across
        y0, y1 = (self._top - top) * self._down, (self._top - bottom) * self._down
        if self._turns:
            for _ in range(self._turns):
                x0, y0, x1, y1 = PAGE_SIDE - y1, x0, PAGE_SIDE - y0, x1
        return _within(x0), _within(y0), _within(x1), _within(y1)


def _within(place: float) -> int:
    return 0 if place < 0 else PAGE_SIDE if place > PAGE_SIDE else int(place + 0.5)
