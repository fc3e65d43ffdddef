"""The text of one page, parted by what it is worth as evidence, and where on the page each piece of it stands."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

#: a page that pictures cover to this share is a scan, whatever text lies beside or under them
_MOSTLY_PICTURE = 0.5
#: A scan with nothing but the stamp of a scanning app has less text than this.
ENOUGH_CHARACTERS = re.compile(r"(?:[\W_]*+[^\W_]){60}")


#: a side of a page, in the unit of the places of its text
PAGE_SIDE = 100_000
#: numbers that tell the place of one piece: start, end, x0, y0, x1, y1
PIECE_NUMBERS = 6


class Source(StrEnum):
    """Where a value was read from."""

    TEXT_LAYER = "text_layer"
    OCR = "ocr"
    FORM_FIELD = "form_field"
    XML = "xml"
    QR = "qr"


@dataclass(frozen=True, slots=True)
class PlacedText:
    """Text of a page with the places of its pieces: words, or parts of words. Whoever reads a page makes one.

    A place is a box ``x0, y0, x1, y1`` on the page as it is shown: cropped, turned, from the top left, each side of the
    page 100 000 long.

    :ivar text: in reading order; lines end with a line break.
    :ivar pieces: six whole numbers for each piece, in the order of the text: the first character, the one behind the
        last, and the box. A value that takes up a part of a piece gets that part of its box.
    :ivar fields: four whole numbers for each form field that is filled in on the page: its box.
    """

    text: str = field(repr=False)
    pieces: Sequence[int] = field(default=(), repr=False)
    source: Source = Source.TEXT_LAYER
    fields: Sequence[int] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class PageText:
    """The text of one page.

    :ivar shown: what a person sees, and what its glyphs show.
    :ivar recognised: what text recognition laid over a picture, and notes that not every program draws: perhaps right.
    :ivar hidden: what the file holds at this page and a person does not see.
    :ivar switched_off: text on layers that are switched off, such as drafts and other languages. No attempt to hide it.
    :ivar miscoded: all text as the file says it, when glyphs on the page show other characters; '' when none do.
    :ivar pictured: the share of the page that pictures cover, 0 to 1, in thousandths.
    :ivar has_pictures: whether there are any, however small.
    :ivar annotated: whether notes or form fields are drawn on the page, which a person may have filled in by hand.
    :ivar gaps: whether the page shows characters that the file does not name.
    :ivar source: where the text is from; in one that was read from a picture characters may be wrong, ``gaps`` are what
        could not be read, and ``pictured`` is 1.
    :ivar placed: ``shown`` and ``recognised``, or the beginnings of them, with places; the better one first.
    """

    shown: str
    recognised: str = ""
    hidden: str = ""
    switched_off: str = ""
    miscoded: str = ""
    pictured: float = 0.0
    has_pictures: bool = False
    annotated: bool = False
    gaps: bool = False
    placed: tuple[PlacedText, ...] = ()
    source: Source = Source.TEXT_LAYER

    @property
    def text(self) -> str:
        """All text that may be right."""
        return "\n".join(filter(None, (self.shown, self.recognised)))

    @property
    def is_complete(self) -> bool:
        """Whether all that a person reads is in ``shown``, so that a value which is not in it is not on the page."""
        if self.source is Source.OCR:
            return not self.gaps
        if self.recognised or self.miscoded or self.gaps or self.pictured >= _MOSTLY_PICTURE:
            return False
        return self.pictured == 0 or ENOUGH_CHARACTERS.match(self.shown) is not None
