"""Whether the characters that a PDF gives for a font are those that its glyphs show.

Runs inside the sandbox only. Programs that make PDFs get the table from glyphs to characters (``ToUnicode``, ISO
32000-1, 9.10.3) wrong, and an attacker can make it say what he likes: the page shows 118.00, and its text is 999.00. So
some digits and letters of each font are drawn, and each is compared with those of the standard fonts. What the
comparison cannot tell, such as the glyphs of a script or a drawing, counts as right.
"""

import ctypes
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image, ImageChops

from shared_code.documents.page_pictures import grey_picture
from shared_code.documents.pdfium_calls import address_of

_DIGITS = "0123456789"
#: the commonest letters; a wrong table is wrong for many characters at once
_SPECIMEN = _DIGITS + "AEINRSTaeinorst"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_STANDARD_FONTS = (
    *("Helvetica", "Helvetica-Bold", "Helvetica-Oblique", "Times-Roman", "Times-Bold", "Times-Italic"),
    *("Courier", "Courier-Bold"),
)
#: the cell of one glyph, in pixels: its width, its height, the height of the font, the place of the base line
_CELL, _HEIGHT, _SIZE, _BASE = 36, 36, 24, 9
#: a glyph without its margins is brought to this size
_COLUMNS, _ROWS = 10, 14
#: share of pixels that differ: below the first two glyphs are alike, and another must be nearer by the second
_ALIKE, _NEARER = 0.18, 0.1
#: how much the two proportions of width to height add to the difference
_PROPORTION = 0.15
#: a glyph that is drawn for so many characters is the one for those that the font does not have
_MISSING = 3
_WRONG_LETTERS = 3
_ALIKE_IN_SOME_FONTS = ("0ODQo", "1Ilijt", "2Zz", "5Ss", "6b", "8B", "9gq", "EF", "ao", "ec")
#: cells of 1,296 bytes
_REMEMBERED = 2_000
#: of one page, but for the last font's
_MOST_CELLS = 200

_BLACK = [0] * 110 + [255] * 146


class _Glyph(NamedTuple):
    """The shape of a glyph: its pixels as bits, and the proportion of width to height."""

    pixels: int
    proportion: float

    def difference(self, other: "_Glyph") -> float:
        """0 for the same shape; about 0.5 for unrelated ones."""
        longer = max(self.proportion, other.proportion) / min(self.proportion, other.proportion)
        return (self.pixels ^ other.pixels).bit_count() / (_COLUMNS * _ROWS) + _PROPORTION * min(longer - 1, 2)


class FontGlyphs:
    """The fonts of one open document, by the handles of :mod:`.pdfium_calls`. A glyph is looked at once."""

    def __init__(self, document: Any) -> None:
        """Look at fonts of a ``pypdfium2.PdfDocument``."""
        self._document = document
        #: of each character that was looked at, what the glyph shows instead, or None
        self._looked_at: dict[int, dict[str, str | None]] = {}
        self._shown: dict[int, Mapping[str, str]] = {}
        #: These stay open until the document is closed, and with them each font at its address.
        self._specimens: list[Any] = []

    def doubtful(self, used: Mapping[int, AbstractSet[str]]) -> list[int]:
        """The fonts that may show others than the characters for which they are used.

        :param used: the characters of each font; more than those cost time only.
        """
        wanted = []
        for font, characters in used.items():
            new = characters - self._looked_at.get(font, {}).keys()
            if seen := [character for character in _SPECIMEN if character in new]:
                wanted.append((font, seen))
        self._look_at(wanted)
        return [font for font in used if _is_false(used[font], self._shown_others(font))]

    def is_false(self, font: int, used: AbstractSet[str]) -> bool:
        """Whether a font, one of the doubtful ones, clearly shows others than the characters for which it is used."""
        return _is_false(used, self._shown_others(font)) and _is_false(used, self._shown_instead(font))

    def _shown_others(self, font: int) -> Mapping[str, str]:
        looked_at = self._looked_at.get(font, {})
        return {character: other for character, other in looked_at.items() if other is not None}

    def _look_at(self, wanted: Sequence[tuple[int, Sequence[str]]]) -> None:
        """Draw glyphs of several fonts at once and judge each by itself."""
        for group in _groups(wanted):
            cells = self._cells(group)
            for at, (font, character) in enumerate((font, each) for font, characters in group for each in characters):
                self._looked_at.setdefault(font, {})[character] = cells.shown_instead(at, character)

    def _cells(self, wanted: Sequence[tuple[int, Sequence[str]]]) -> "_Cells":
        page, count = _specimen(self._document, wanted)
        self._specimens.append(page)
        return _Cells(page, count)

    def _shown_instead(self, font: int) -> Mapping[str, str]:
        """Of the specimen those characters for which a font clearly shows others, and which."""
        if font not in self._shown:
            cells = self._cells([(font, _SPECIMEN)])
            glyphs = [cells.glyph(at) for at in range(len(_SPECIMEN))]
            others = {
                character: other
                for at, character in enumerate(_SPECIMEN)
                if (other := cells.shown_instead(at, character)) and glyphs.count(glyphs[at]) < _MISSING
            }
            self._shown[font] = _of_its_own(self._specimens[-1], others) if others else others
        return self._shown[font]


class _Cells:
    """The drawn glyphs of a specimen."""

    def __init__(self, page: Any, count: int) -> None:
        self._picture = grey_picture(page, (_CELL * count, _HEIGHT))
        # Columns one after another, so that the pixels of a cell are in one piece.
        self._columns = self._picture.transpose(Image.Transpose.TRANSPOSE).tobytes()

    def shown_instead(self, at: int, character: str) -> str | None:
        """What a glyph clearly shows instead of its character. Remembered: many documents have the same fonts."""
        size = _CELL * _HEIGHT
        key = character, self._columns[at * size : (at + 1) * size]
        if key not in _judged:
            if len(_judged) >= _REMEMBERED:
                _judged.clear()
            glyph = self.glyph(at)
            _judged[key] = None if glyph is None else _another(glyph, character)
        return _judged[key]

    def glyph(self, at: int) -> _Glyph | None:
        """The shape in a cell; None when the cell is empty."""
        cell = ImageChops.invert(self._picture.crop((_CELL * at, 0, _CELL * (at + 1), _HEIGHT)))
        edges = cell.getbbox()
        if edges is None:
            return None
        left, top, right, bottom = edges
        shape = cell.resize((_COLUMNS, _ROWS), Image.Resampling.BOX, box=edges).point(_BLACK, "1")
        return _Glyph(int.from_bytes(shape.tobytes()), (right - left) / (bottom - top))


def _is_false(used: AbstractSet[str], shown_instead: Mapping[str, str]) -> bool:
    """Whether a font that is used for these characters shows others: one other digit, or several other letters."""
    wrong = {character for character in used if character in shown_instead}
    return len(wrong) >= _WRONG_LETTERS or any(
        character in _DIGITS and shown_instead[character] in _DIGITS for character in wrong
    )


def _of_its_own(page: Any, others: Mapping[str, str]) -> Mapping[str, str]:
    """Without the characters that the font does not have: any glyph stands in for those."""
    textpage = page.get_textpage()
    own = set(textpage.get_text_range())
    textpage.close()
    return {character: other for character, other in others.items() if character in own}


#: what a glyph shows instead, by the character and the pixels
_judged: dict[tuple[str, bytes], str | None] = {}


def _another(glyph: _Glyph, character: str) -> str | None:
    """The digit or letter that a glyph clearly is, when it is not the one that it is said to be."""
    shapes = _standard_shapes()
    own = min(glyph.difference(shape) for shape in shapes[character])
    if own < _ALIKE:
        return None
    nearest, other = min((glyph.difference(shape), other) for other, all_of in shapes.items() for shape in all_of)
    alike = any(character in group and other in group for group in _ALIKE_IN_SOME_FONTS)
    return other if nearest < min(own - _NEARER, _ALIKE) and not alike else None


@functools.cache
def _standard_shapes() -> dict[str, list[_Glyph]]:
    """The shapes of digits and letters in the standard fonts, which the library brings along."""
    characters = _DIGITS + _LETTERS
    shapes: dict[str, list[_Glyph]] = {character: [] for character in characters}
    document = pypdfium2.PdfDocument.new()
    for name in _STANDARD_FONTS:
        font = pdfium.FPDFText_LoadStandardFont(document.raw, name.encode())
        cells = _Cells(*_specimen(document, [(address_of(font), characters)]))
        for at, character in enumerate(characters):
            glyph = cells.glyph(at)
            if glyph is not None:
                shapes[character].append(glyph)
        pdfium.FPDFFont_Close(font)
    document.close()
    return shapes


def _groups(wanted: Iterable[tuple[int, Sequence[str]]]) -> Iterator[list[tuple[int, Sequence[str]]]]:
    """Fonts and characters, as many as one page may show."""
    group: list[tuple[int, Sequence[str]]] = []
    for entry in wanted:
        if sum(len(characters) for _, characters in group) > _MOST_CELLS:
            yield group
            group = []
        group.append(entry)
    if group:
        yield group


def _specimen(document: Any, wanted: Sequence[tuple[int, Sequence[str]]]) -> tuple[Any, int]:
    """A page with the glyphs that fonts have for some characters, one in each cell, and the number of cells."""
    count = sum(len(characters) for _, characters in wanted)
    page, start = document.new_page(_CELL * count, _HEIGHT), 0
    for font, characters in wanted:
        text = pdfium.FPDFPageObj_CreateTextObj(document.raw, ctypes.cast(font, pdfium.FPDF_FONT), _SIZE)
        encoded = ctypes.create_string_buffer(("".join(characters) + "\0").encode("utf-16-le"))
        pdfium.FPDFText_SetText(text, ctypes.cast(encoded, ctypes.POINTER(ctypes.c_ushort)))
        places = [float(_CELL * at) for at in range(1, len(characters))]
        pdfium.FPDFText_SetPositions(text, (ctypes.c_float * len(places))(*places), len(places))
        pdfium.FPDFPageObj_Transform(text, 1, 0, 0, 1, _CELL * start + _CELL / 6, _BASE)
        pdfium.FPDFPage_InsertObject(page.raw, text)
        start += len(characters)
    return page, count
