"""Makes what is typed onto a page a part of the page: form fields, typewriter notes, stamps (ISO 32000-1, 12.5).

Runs inside the sandbox only. A person sees the filled fields of a form and the notes on a page as well as the page
itself. What is marked as hidden, or as only for printing, is not seen. Scripts are never run.
"""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium

from shared_code.documents import refusals

_MOST = 10_000
_UNSEEN_FLAGS = pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW
#: a link is seen by its text on the page; a pop-up opens on a click
_NOT_DRAWN = frozenset({pdfium.FPDF_ANNOT_LINK, pdfium.FPDF_ANNOT_POPUP})
_NOTE_CHARACTERS = 4_000


class LoadedPage(NamedTuple):
    """A page of pypdfium2 with its annotations drawn on it.

    :ivar annotated: whether notes or form fields are drawn on it.
    :ivar notes: texts of notes that have no appearance of their own: some programs draw them, this library does not.
    :ivar fields: left, bottom, right and top of each form field that is drawn, in page units.
    """

    page: Any
    annotated: bool = False
    notes: tuple[str, ...] = ()
    fields: tuple[tuple[float, float, float, float], ...] = ()


def load_page(document: Any, index: int) -> LoadedPage:
    """A page of a document whose ``init_forms`` was called; the caller closes it.

    :raises errors.InvalidFile: too many annotations (reason ``too_complex``).
    """
    page = document[index]
    count = pdfium.FPDFPage_GetAnnotCount(page.raw)
    if count > _MOST:
        raise refusals.invalid_file("too_complex", limit=_MOST, actual=count)
    if count == 0:
        return LoadedPage(page)
    seen = _look_through(page, count)
    if not seen.drawn:
        return LoadedPage(page)
    for at in reversed(seen.unseen):
        pdfium.FPDFPage_RemoveAnnot(page.raw, at)
    if pdfium.FPDFPage_Flatten(page.raw, pdfium.FLAT_NORMALDISPLAY) == pdfium.FLATTEN_SUCCESS:
        page.close()
        page = document[index]
    return LoadedPage(page, annotated=True, notes=tuple(seen.notes), fields=tuple(seen.fields))


@dataclass(slots=True)
class _Annotations:
    """What stands on a page besides itself; ``unseen`` are the places of what nobody sees."""

    drawn: bool = False
    unseen: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    fields: list[tuple[float, float, float, float]] = field(default_factory=list)


def _look_through(page: Any, count: int) -> _Annotations:
    seen = _Annotations()
    for at, kind, annotation in _annotations(page, count):
        if pdfium.FPDFAnnot_GetFlags(annotation) & _UNSEEN_FLAGS:
            seen.unseen.append(at)
        elif kind not in _NOT_DRAWN:
            seen.drawn = True
            if kind == pdfium.FPDF_ANNOT_FREETEXT and not pdfium.FPDFAnnot_HasKey(annotation, b"AP"):
                seen.notes.append(_contents(annotation))
            elif kind == pdfium.FPDF_ANNOT_WIDGET:
                seen.fields.append(_rectangle(annotation))
    return seen


def _annotations(page: Any, count: int) -> Iterator[tuple[int, int, Any]]:
    for at in range(count):
        annotation = pdfium.FPDFPage_GetAnnot(page.raw, at)
        if annotation:
            try:
                yield at, pdfium.FPDFAnnot_GetSubtype(annotation), annotation
            finally:
                pdfium.FPDFPage_CloseAnnot(annotation)


def _rectangle(annotation: Any) -> tuple[float, float, float, float]:
    box = pdfium.FS_RECTF()
    pdfium.FPDFAnnot_GetRect(annotation, box)
    return box.left, box.bottom, box.right, box.top


def _contents(annotation: Any) -> str:
    size = pdfium.FPDFAnnot_GetStringValue(annotation, b"Contents", None, 0)
    if not 2 < size <= 2 * _NOTE_CHARACTERS:  # noqa: PLR2004 - the zero at the end
        return ""
    buffer = (ctypes.c_ushort * (size // 2))()
    pdfium.FPDFAnnot_GetStringValue(annotation, b"Contents", buffer, size)
    return bytes(buffer).decode("utf-16-le", "ignore").rstrip("\0")
