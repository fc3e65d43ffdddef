"""Whether the characters that a PDF gives for a font are those that its glyphs show.

Runs inside the sandbox only. Programs that make PDFs get the table from glyphs to characters (``ToUnicode``, ISO
32000-1, 9.10.3) wrong, and an attacker can make it say what he likes: the page shows 118.00, and its text is 999.00. So
some digits and letters of each font are drawn, and each is compared with those of the standard fonts. What the
comparison cannot tell, such as the glyphs of a script or a drawing, counts as right.
"""

import ctypes
import functools
import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image, ImageChops

from shared_code.documents.page_objects import address_of

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

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
_REMEMBERED = 1_000

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
    """The fonts of one open document. Their glyphs are looked at once."""

    def __init__(self, document: Any) -> None:
        """Look at fonts of a ``pypdfium2.PdfDocument``."""
        self._document = document
        self._shown: dict[int, Mapping[str, str]] = {}

    def font_of(self, text: Any) -> int:
        """What tells the font of a text object from the other fonts of the document."""
        return address_of(pdfium.FPDFTextObj_GetFont(text))

    def shown_instead(self, text: Any) -> Mapping[str, str]:
        """Of some digits and letters those for which the font of a text object clearly shows others, and which."""
        font = pdfium.FPDFTextObj_GetFont(text)
        address = address_of(font)
        if address not in self._shown:
            # The page of the specimen stays open until the document is closed, and with it the font at its address.
            page = _specimen(self._document, font, _SPECIMEN)
            others = _shown_instead(_drawn(page, len(_SPECIMEN)))
            self._shown[address] = _of_its_own(page, others) if others else others
        return self._shown[address]


def is_false(used: str, shown_instead: Mapping[str, str]) -> bool:
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


_judged: dict[bytes, Mapping[str, str]] = {}


def _shown_instead(picture: "Picture") -> Mapping[str, str]:
    """What a picture of the specimen shows instead. Remembered: many documents have the same fonts."""
    key = hashlib.blake2b(picture.tobytes(), digest_size=16).digest()
    if key not in _judged:
        if len(_judged) >= _REMEMBERED:
            _judged.clear()
        glyphs = [_glyph(picture, index) for index in range(len(_SPECIMEN))]
        others = (
            (character, _another(glyph, character))
            for character, glyph in zip(_SPECIMEN, glyphs, strict=True)
            if glyph is not None and glyphs.count(glyph) < _MISSING
        )
        _judged[key] = {character: other for character, other in others if other is not None}
    return _judged[key]


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
        specimen = _specimen(document, font, characters)
        picture = _drawn(specimen, len(characters))
        for index, character in enumerate(characters):
            glyph = _glyph(picture, index)
            if glyph is not None:
                shapes[character].append(glyph)
        pdfium.FPDFFont_Close(font)
    document.close()
    return shapes


def _specimen(document: Any, font: Any, characters: str) -> Any:
    """A page with the glyphs that a font has for some characters, one in each cell."""
    count = len(characters)
    page = document.new_page(_CELL * count, _HEIGHT)
    text = pdfium.FPDFPageObj_CreateTextObj(document.raw, font, _SIZE)
    encoded = ctypes.create_string_buffer((characters + "\0").encode("utf-16-le"))
    pdfium.FPDFText_SetText(text, ctypes.cast(encoded, ctypes.POINTER(ctypes.c_ushort)))
    places = [float(_CELL * (index + 1)) for index in range(count - 1)]
    pdfium.FPDFText_SetPositions(text, (ctypes.c_float * (count - 1))(*places), count - 1)
    pdfium.FPDFPageObj_Transform(text, 1, 0, 0, 1, _CELL / 6, _BASE)
    pdfium.FPDFPage_InsertObject(page.raw, text)
    return page


def _drawn(page: Any, count: int) -> "Picture":
    """A page of a specimen, white on black."""
    width = _CELL * count
    bitmap = pdfium.FPDFBitmap_CreateEx(width, _HEIGHT, pdfium.FPDFBitmap_Gray, None, 0)
    try:
        pdfium.FPDFBitmap_FillRect(bitmap, 0, 0, width, _HEIGHT, 0xFFFFFFFF)
        pdfium.FPDF_RenderPageBitmap(bitmap, page.raw, 0, 0, width, _HEIGHT, 0, 0)
        stride = pdfium.FPDFBitmap_GetStride(bitmap)
        pixels = ctypes.string_at(pdfium.FPDFBitmap_GetBuffer(bitmap), stride * _HEIGHT)
    finally:
        pdfium.FPDFBitmap_Destroy(bitmap)
    return ImageChops.invert(Image.frombytes("L", (width, _HEIGHT), pixels, "raw", "L", stride, 1))


def _glyph(picture: "Picture", index: int) -> _Glyph | None:
    """The shape in a cell; None when the cell is empty."""
    start = _CELL * index
    edges = picture.crop((start, 0, start + _CELL, _HEIGHT)).getbbox()
    if edges is None:
        return None
    left, top, right, bottom = edges
    shape = picture.resize(
        (_COLUMNS, _ROWS), Image.Resampling.BOX, box=(start + left, top, start + right, bottom)
    ).point(_BLACK, "1")
    return _Glyph(int.from_bytes(shape.tobytes()), (right - left) / (bottom - top))
