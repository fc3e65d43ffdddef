"""The text of PDF pages that a person sees, and apart from it the text that a person does not see.

Runs inside the sandbox only. Hidden text is a way to give a model orders, or amounts, that the person with the document
does not notice: text that leaves no ink on the rendered page (see :mod:`.page_ink`), text smaller than 3 points, and
text in fonts whose glyphs show something else (see :mod:`.font_glyphs`). The invisible layer that text recognition lays
over the picture of a page is neither seen nor hidden: the picture shows the same words, if the recognition was right.
"""

import ctypes
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

import pypdfium2.raw as pdfium

from shared_code.documents.font_glyphs import FontGlyphs, is_false
from shared_code.documents.page_annotations import LoadedPage
from shared_code.documents.page_ink import Ink, Text
from shared_code.documents.page_objects import Box, Item, objects_of
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
_USUAL_LENGTH = 128


class _Worth(Enum):
    """What a text object is worth as evidence."""

    SHOWN = auto()
    OVER_PICTURE = auto()
    HIDDEN = auto()
    SWITCHED_OFF = auto()
    MISCODED = auto()


@dataclass(frozen=True, slots=True)
class _Part:
    """Text of one worth: tidy, as the library gave it, and the library's number of each character of that.

    Without numbers the characters are numbered from 0.
    """

    text: str
    raw: str
    characters: Sequence[int] | None = None


@dataclass(slots=True)
class _Page:
    """One loaded page while it is looked through."""

    bounds: Box
    tiny: float
    texts: list[Text] = field(default_factory=list)
    flat: list[Item] = field(default_factory=list)
    unseen: list[Text] = field(default_factory=list)
    hidden: list[Text] = field(default_factory=list)
    pictures: list[Box] = field(default_factory=list)

    @property
    def pictured(self) -> float:
        area = sum(box.area for box in self.pictures)
        return min(area / self.bounds.area, 1.0) if self.bounds.area else 0.0


def read_page(loaded: LoadedPage, fonts: FontGlyphs) -> PageText:
    """Text of a loaded page.

    :raises errors.InvalidFile: the page has too many objects (reason ``too_complex``).
    """
    page = loaded.page
    bounds = Box(*page.get_bbox())
    # pages drawn in large units (1 unit = 1 cm, say) have small numbers for normal text
    state = _Page(bounds, TINY_POINTS * min(1.0, bounds.longest_side / _A4_LONG_SIDE))
    for item in objects_of(page.raw):
        _sort(state, item)
    # Before the text is read: it would be read in the place of the glyphs.
    for item in (*(text.item for text in state.texts), *state.flat):
        _drop_actual_text(item.handle)
    textpage = page.get_textpage()
    try:
        return _read(loaded, textpage, state, fonts)
    finally:
        textpage.close()


def _read(loaded: LoadedPage, textpage: Any, state: _Page, fonts: FontGlyphs) -> PageText:
    def text_of(item: Item) -> str:
        return _characters(item.handle, textpage)

    state.unseen += (Text(item, state.bounds) for item in state.flat if text_of(item).strip())
    state.hidden += (text for text in state.texts if _is_squeezed(text, text_of))
    ink = Ink(loaded.page, state.texts, state.bounds) if state.texts else None
    unseen = ink.unseen(text_of) if ink is not None else None
    worth: dict[int, _Worth] = dict.fromkeys((text.item.address for text in state.hidden), _Worth.HIDDEN)
    if unseen is not None:
        state.unseen += (text for text in state.texts if text.item.address in unseen.texts)
        worth |= dict.fromkeys(_miscoded(state.texts, fonts, text_of), _Worth.MISCODED)
    for text in state.unseen:
        worth[text.item.address] = _worth_unseen(state, text)
    gaps = unseen.gaps.items() if unseen is not None else ()
    in_parts = {address for address, points in gaps if any(_is_hidden_at(textpage, point, ink) for point in points)}
    whole = textpage.get_text_range()
    if not worth and not in_parts and len(whole) == textpage.count_chars():
        parts = {_Worth.SHOWN: _Part(_tidy(whole), whole)}
    else:
        parts = _split(textpage, worth, in_parts, ink)
    if _text_of(parts, _Worth.MISCODED):
        # In its place among the rest: one amount may be drawn in two fonts.
        parts[_Worth.MISCODED] = _Part(_tidy(whole), whole)
    return _put_together(parts, state.pictured, loaded, TextPlaces(loaded, textpage))


def _worth_unseen(page: _Page, text: Text) -> _Worth:
    if _is_on_layer(text.item.handle):
        return _Worth.SWITCHED_OFF
    over = any(picture.holds(text.box.centre) for picture in page.pictures)
    return _Worth.OVER_PICTURE if over else _Worth.HIDDEN


def _put_together(parts: Mapping[_Worth, _Part], pictured: float, loaded: LoadedPage, places: TextPlaces) -> PageText:
    shown = parts[_Worth.SHOWN].text
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


def _placed(parts: Mapping[_Worth, _Part], places: TextPlaces, wanted: Sequence[_Worth]) -> Iterator[PlacedText]:
    for kind in wanted:
        part = parts[kind]
        if part.text:
            yield places.placed(part.text, part.raw, part.characters)


def _text_of(parts: Mapping[_Worth, _Part], kind: _Worth) -> str:
    return parts[kind].text if kind in parts else ""


def _sort(page: _Page, item: Item) -> None:
    if item.kind == pdfium.FPDF_PAGEOBJ_IMAGE:
        box = item.box
        if box is not None and (seen := box.within(page.bounds)).area:
            page.pictures.append(seen)
    elif item.kind == pdfium.FPDF_PAGEOBJ_TEXT:
        box = item.box
        if box is None or box.area == 0:
            page.flat.append(item)  # a blank, or characters without shapes
        elif pdfium.FPDFTextObj_GetTextRenderMode(item.handle) in _INVISIBLE_MODES:
            page.unseen.append(Text(item, box))
        elif _is_tiny(page, item, box):
            page.hidden.append(Text(item, box))
        else:
            page.texts.append(Text(item, box))


def _is_tiny(page: _Page, item: Item, box: Box) -> bool:
    # the box as well, because the size of a Type 3 font says nothing about the size of its characters
    height = min(box.right - box.left, box.top - box.bottom)
    return height < page.tiny * 1.5 and 0 < item.font_size < page.tiny


def _is_squeezed(text: Text, text_of: Callable[[Item], str]) -> bool:
    """Whether the characters of a text lie on each other, so that nobody can tell them apart."""
    width, height = text.box.right - text.box.left, text.box.top - text.box.bottom
    if text.item.is_turned:
        width, height = height, width
    if width > _LONGEST_SQUEEZED * height:
        return False
    count = len("".join(text_of(text.item).split()))
    return count > 1 and width < _SQUEEZED * height * count


def _miscoded(texts: Iterable[Text], fonts: FontGlyphs, text_of: Any) -> set[int]:
    """Addresses of the texts in fonts whose glyphs show something else."""
    doubted: dict[int, list[Item]] = {}
    known: dict[int, bool] = {}
    for text in texts:
        font = fonts.font_of(text.item.handle)
        if font not in known:
            known[font] = bool(fonts.shown_instead(text.item.handle)) if font else False
        if known[font]:
            doubted.setdefault(font, []).append(text.item)
    return {
        item.address
        for items in doubted.values()
        if is_false("".join(map(text_of, items)), fonts.shown_instead(items[0].handle))
        for item in items
    }


def _drop_actual_text(text: Any) -> None:
    """Take away what a text says that it is (ISO 32000-1, 14.9.4): a person sees the glyphs."""
    for index in range(pdfium.FPDFPageObj_CountMarks(text)):
        mark = pdfium.FPDFPageObj_GetMark(text, index)
        if pdfium.FPDFPageObjMark_CountParams(mark):
            pdfium.FPDFPageObjMark_RemoveParam(text, mark, b"ActualText")


def _is_on_layer(text: Any) -> bool:
    """Whether a text is on a layer that can be switched off (ISO 32000-1, 8.11, optional content)."""
    size, buffer = ctypes.c_ulong(), (ctypes.c_ushort * _USUAL_LENGTH)()
    for index in range(pdfium.FPDFPageObj_CountMarks(text)):
        mark = pdfium.FPDFPageObj_GetMark(text, index)
        pdfium.FPDFPageObjMark_GetName(mark, buffer, 2 * _USUAL_LENGTH, size)
        if bytes(buffer)[: size.value].decode("utf-16-le", "ignore").rstrip("\0") == "OC":
            return True
    return False


def _characters(text: Any, textpage: Any) -> str:
    buffer = (ctypes.c_ushort * _USUAL_LENGTH)()
    size = pdfium.FPDFTextObj_GetText(text, textpage.raw, buffer, 2 * _USUAL_LENGTH)
    if size > 2 * _USUAL_LENGTH:
        buffer = (ctypes.c_ushort * (size // 2))()
        pdfium.FPDFTextObj_GetText(text, textpage.raw, buffer, size)
    return bytes(buffer)[:size].decode("utf-16-le", "ignore").rstrip("\0")


def _split(
    textpage: Any, worth: Mapping[int, _Worth], in_parts: AbstractSet[int], ink: Ink | None
) -> dict[_Worth, _Part]:
    """Characters by the worth of their objects. Blanks that the library puts in follow their neighbour."""
    parts: dict[_Worth, list[str]] = {kind: [] for kind in _Worth}
    numbers: dict[_Worth, list[int]] = {kind: [] for kind in _Worth}
    now = _Worth.SHOWN
    for index in range(textpage.count_chars()):
        handle = pdfium.FPDFText_GetTextObject(textpage.raw, index)
        if handle:
            address = ctypes.addressof(handle.contents)
            kind = worth.get(address, _Worth.SHOWN)
            if kind is _Worth.SHOWN and address in in_parts and ink is not None and not _is_inked(textpage, index, ink):
                kind = _Worth.HIDDEN
            if kind is not now:
                for turned in (now, kind):
                    parts[turned].append(" ")
                    numbers[turned].append(-1)
            now = kind
        code = pdfium.FPDFText_GetUnicode(textpage.raw, index)
        if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000:  # noqa: PLR2004 - code points that are characters
            parts[now].append(chr(code))
            numbers[now].append(index)
    raws = {kind: "".join(characters) for kind, characters in parts.items()}
    return {kind: _Part(_tidy(raw).strip(), raw, numbers[kind]) for kind, raw in raws.items()}


def _is_hidden_at(textpage: Any, point: tuple[float, float], ink: Ink | None) -> bool:
    """Whether a character lies at a place and leaves no ink there."""
    index = pdfium.FPDFText_GetCharIndexAtPos(textpage.raw, *point, 0, 0)
    return index >= 0 and ink is not None and not _is_inked(textpage, index, ink)


def _is_inked(textpage: Any, index: int, ink: Ink) -> bool:
    """Whether a character of a text that is seen in parts is seen; blanks are."""
    if chr(pdfium.FPDFText_GetUnicode(textpage.raw, index) % 0x110000).isspace():
        return True
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    if not pdfium.FPDFText_GetCharBox(textpage.raw, index, left, right, bottom, top):
        return True
    return ink.shows(Box(left.value, bottom.value, right.value, top.value))


def _tidy(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\x00", "").replace("\ufffe", "-")
