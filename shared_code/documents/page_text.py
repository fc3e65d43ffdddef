"""The text of PDF pages that a person sees, and apart from it the text that a person does not see.

Runs inside the sandbox only. Hidden text is a way to give a model orders, or amounts, that the person with the document
does not notice: text that leaves no ink on the rendered page (see :mod:`.page_ink`), text smaller than 3 points, and
text in fonts whose glyphs show something else (see :mod:`.font_glyphs`). The invisible layer that text recognition lays
over the picture of a page is neither seen nor hidden: the picture shows the same words, if the recognition was right.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

import pypdfium2.raw as pdfium

from shared_code.documents import pdfium_calls as calls
from shared_code.documents.font_glyphs import FontGlyphs
from shared_code.documents.page_annotations import LoadedPage
from shared_code.documents.page_characters import PageCharacters, Part
from shared_code.documents.page_ink import Ink
from shared_code.documents.page_objects import Box, Matrix, Text, boxes_of, objects_of
from shared_code.documents.text_places import TextPlaces
from shared_code.invoices.page import ENOUGH_CHARACTERS, PageText, PlacedText

TINY_POINTS = 3.0
MAX_CHARACTERS = 2_000_000

_INVISIBLE_MODES = {3, 7}
_A4_LONG_SIDE = 842.0
_SCAN_COVERS = 0.5
_AMOUNT = re.compile(r"[0-9][.,][0-9]{2}(?![0-9])")
#: a page whose own text has so many amounts is no scan, whatever picture lies behind it
_AMOUNTS_OF_TEXT = 2
#: in heights of a text: the width of a character below which it covers the next ones; the width of a longer text is
#: not looked at
_SQUEEZED, _LONGEST_SQUEEZED = 0.15, 8
#: characters that no font shows: PDFium gives the codes of glyphs that the file has no characters for
_UNNAMED = re.compile("[\x01\x03-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]")
_MANY_UNNAMED = 4
#: texts of a font
_FEW = 8


class _Worth(Enum):
    """What a text object is worth as evidence."""

    SHOWN = auto()
    OVER_PICTURE = auto()
    HIDDEN = auto()
    SWITCHED_OFF = auto()
    MISCODED = auto()


@dataclass(slots=True)
class _Page:
    """One loaded page while it is looked through."""

    bounds: Box
    tiny: float
    texts: list[Text] = field(default_factory=list)
    flat: list[Text] = field(default_factory=list)
    unseen: list[Text] = field(default_factory=list)
    hidden: list[Text] = field(default_factory=list)
    #: handle and box
    pictures: list[tuple[int, Box]] = field(default_factory=list)

    @property
    def pictured(self) -> float:
        area = sum(box.within(self.bounds).area for _, box in self.pictures)
        return min(area / self.bounds.area, 1.0) if self.bounds.area else 0.0


def read_page(loaded: LoadedPage, fonts: FontGlyphs) -> PageText:
    """Text of a loaded page.

    :raises errors.InvalidFile: the page has too many objects (reason ``too_complex``).
    """
    page = loaded.page
    bounds = Box(*page.get_bbox())
    # pages drawn in large units (1 unit = 1 cm, say) have small numbers for normal text
    state = _Page(bounds, TINY_POINTS * min(1.0, bounds.longest_side / _A4_LONG_SIDE))
    objects = objects_of(page.raw)
    pictures = [(handle, outer) for handle, kind, outer in objects if kind == pdfium.FPDF_PAGEOBJ_IMAGE]
    texts = [(handle, outer) for handle, kind, outer in objects if kind == pdfium.FPDF_PAGEOBJ_TEXT]
    for (handle, _), box in zip(pictures, boxes_of(pictures), strict=True):
        if box is not None and box.within(bounds).area:
            state.pictures.append((handle, box))
    for (handle, outer), box in zip(texts, boxes_of(texts), strict=True):
        _sort(state, handle, outer, box)
    # Before the text is read: it would be read in the place of the glyphs.
    for text in (*state.texts, *state.flat):
        _drop_actual_text(text.handle)
    textpage = page.get_textpage()
    try:
        return _read(loaded, PageCharacters(textpage, texts=len(texts)), state, fonts)
    finally:
        textpage.close()


def _read(loaded: LoadedPage, characters: PageCharacters, state: _Page, fonts: FontGlyphs) -> PageText:
    state.unseen += (text for text in state.flat if characters.of(text.handle).strip())
    state.hidden += (text for text in state.texts if _is_squeezed(text, characters))
    ink = Ink(loaded.page, state.texts, state.bounds, state.pictures) if state.texts else None
    unseen = ink.unseen(characters.of) if ink is not None else None
    worth: dict[int, _Worth] = dict.fromkeys((text.handle for text in state.hidden), _Worth.HIDDEN)
    if unseen is not None:
        state.unseen += (text for text in state.texts if text.handle in unseen.texts)
        worth |= dict.fromkeys(_miscoded(state.texts, fonts, characters), _Worth.MISCODED)
    for text in state.unseen:
        worth[text.handle] = _worth_unseen(state, text)
    gaps = unseen.gaps.items() if unseen is not None else ()
    in_parts = {handle for handle, points in gaps if any(characters.is_hidden_at(point, ink) for point in points)}
    if not worth and not in_parts and characters.is_numbered:
        parts = {_Worth.SHOWN: characters.in_whole()}
    else:
        parts = characters.parts(worth, usual=_Worth.SHOWN, unseen=_Worth.HIDDEN, in_parts=in_parts, ink=ink)
    if _text_of(parts, _Worth.MISCODED):
        # In its place among the rest: one amount may be drawn in two fonts.
        parts[_Worth.MISCODED] = characters.in_whole()
    return _put_together(parts, state.pictured, loaded, TextPlaces(loaded, characters.handle))


def _worth_unseen(page: _Page, text: Text) -> _Worth:
    if _is_on_layer(text.handle):
        return _Worth.SWITCHED_OFF
    over = any(picture.within(page.bounds).holds(text.box.centre) for _, picture in page.pictures)
    return _Worth.OVER_PICTURE if over else _Worth.HIDDEN


def _put_together(parts: Mapping[_Worth, Part], pictured: float, loaded: LoadedPage, places: TextPlaces) -> PageText:
    shown = _text_of(parts, _Worth.SHOWN)
    over, hidden = _text_of(parts, _Worth.OVER_PICTURE), " ".join(_text_of(parts, _Worth.HIDDEN).split())
    is_scan = pictured >= _SCAN_COVERS or ENOUGH_CHARACTERS.match(shown) is None
    if over and (not is_scan or len(_AMOUNT.findall(shown)) >= _AMOUNTS_OF_TEXT):
        over, hidden = "", " ".join((*hidden.split(), *over.split()))
    return PageText(
        shown=shown,
        recognised="\n".join(filter(None, (over, *loaded.notes))),
        hidden=hidden,
        switched_off=_text_of(parts, _Worth.SWITCHED_OFF),
        miscoded=_text_of(parts, _Worth.MISCODED),
        pictured=round(pictured, 3),
        has_pictures=pictured > 0,
        annotated=loaded.annotated,
        gaps=len(set(_UNNAMED.findall(shown))) >= _MANY_UNNAMED,
        placed=tuple(_placed(parts, places, (_Worth.SHOWN, _Worth.OVER_PICTURE) if over else (_Worth.SHOWN,))),
    )


def _placed(parts: Mapping[_Worth, Part], places: TextPlaces, wanted: Sequence[_Worth]) -> Iterator[PlacedText]:
    for kind in wanted:
        part = parts.get(kind)
        if part is not None and part.text:
            yield places.placed(part.text, part.raw, part.characters)


def _text_of(parts: Mapping[_Worth, Part], kind: _Worth) -> str:
    return parts[kind].text if kind in parts else ""


def _sort(page: _Page, handle: int, outer: Matrix | None, box: Box | None) -> None:
    if box is None or box.area == 0:
        # a blank, or characters without shapes
        page.flat.append(Text(handle, outer, page.bounds))
        return
    text = Text(handle, outer, box)
    if calls.render_mode_of(handle) in _INVISIBLE_MODES:
        page.unseen.append(text)
    elif _is_tiny(page, text):
        page.hidden.append(text)
    else:
        page.texts.append(text)


def _is_tiny(page: _Page, text: Text) -> bool:
    # the box as well, because the size of a Type 3 font says nothing about the size of its characters
    left, bottom, right, top = text.box
    return min(right - left, top - bottom) < page.tiny * 1.5 and 0 < text.font_size < page.tiny


def _is_squeezed(text: Text, characters: PageCharacters) -> bool:
    """Whether the characters of a text lie on each other, so that nobody can tell them apart."""
    left, bottom, right, top = text.box
    width, height = (top - bottom, right - left) if text.is_turned else (right - left, top - bottom)
    if width > _LONGEST_SQUEEZED * height or width >= _SQUEEZED * height * characters.most_of(text.handle):
        return False
    count = len("".join(characters.of(text.handle).split()))
    return count > 1 and width < _SQUEEZED * height * count


def _miscoded(texts: Iterable[Text], fonts: FontGlyphs, characters: PageCharacters) -> Iterator[int]:
    """Handles of the texts in fonts whose glyphs show something else."""
    by_font: dict[int, list[int]] = {}
    for text in texts:
        if font := calls.font_of(text.handle):
            by_font.setdefault(font, []).append(text.handle)

    def used(font: int) -> set[str]:
        return set("".join(map(characters.of, by_font[font])))

    # To ask many texts for their characters takes longer than to look at some more glyphs.
    everywhere = set(characters.whole)
    likely = {font: used(font) if len(texts) <= _FEW else everywhere for font, texts in by_font.items()}
    for font in fonts.doubtful(likely):
        if fonts.is_false(font, used(font)):
            yield from by_font[font]


def _drop_actual_text(text: int) -> None:
    """Take away what a text says that it is (ISO 32000-1, 14.9.4): a person sees the glyphs."""
    for index in range(calls.count_marks(text)):
        mark = calls.mark_at(text, index)
        if calls.count_parameters(mark):
            calls.remove_parameter(text, mark, b"ActualText")


def _is_on_layer(text: int) -> bool:
    """Whether a text is on a layer that can be switched off (ISO 32000-1, 8.11, optional content)."""
    return any(calls.mark_name_of(calls.mark_at(text, index)) == "OC" for index in range(calls.count_marks(text)))
