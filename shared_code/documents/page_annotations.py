"""Makes what is typed onto a page a part of the page: form fields, typewriter notes, stamps (ISO 32000-1, 12.5).

Runs inside the sandbox only. A person sees the filled fields of a form and the notes on a page as well as the page
itself. What is marked as hidden, or as only for printing, is not seen. Scripts are never run.
"""

import ctypes
from collections.abc import Iterator
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
    """

    page: Any
    annotated: bool = False
    notes: tuple[str, ...] = ()


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
    unseen, notes, drawn = [], [], False
    for at, kind, annotation in _annotations(page, count):
        if pdfium.FPDFAnnot_GetFlags(annotation) & _UNSEEN_FLAGS:
            unseen.append(at)
        elif kind not in _NOT_DRAWN:
            drawn = True
            if kind == pdfium.FPDF_ANNOT_FREETEXT and not pdfium.FPDFAnnot_HasKey(annotation, b"AP"):
                notes.append(_contents(annotation))
    if not drawn:
        return LoadedPage(page)
    for at in reversed(unseen):
        pdfium.FPDFPage_RemoveAnnot(page.raw, at)
    if pdfium.FPDFPage_Flatten(page.raw, pdfium.FLAT_NORMALDISPLAY) == pdfium.FLATTEN_SUCCESS:
        page.close()
        page = document[index]
    return LoadedPage(page, annotated=True, notes=tuple(notes))


def _annotations(page: Any, count: int) -> Iterator[tuple[int, int, Any]]:
    for at in range(count):
        annotation = pdfium.FPDFPage_GetAnnot(page.raw, at)
        if annotation:
            try:
                yield at, pdfium.FPDFAnnot_GetSubtype(annotation), annotation
            finally:
                pdfium.FPDFPage_CloseAnnot(annotation)


def _contents(annotation: Any) -> str:
    size = pdfium.FPDFAnnot_GetStringValue(annotation, b"Contents", None, 0)
    if not 2 < size <= 2 * _NOTE_CHARACTERS:  # noqa: PLR2004 - the zero at the end
        return ""
    buffer = (ctypes.c_ushort * (size // 2))()
    pdfium.FPDFAnnot_GetStringValue(annotation, b"Contents", buffer, size)
    return bytes(buffer).decode("utf-16-le", "ignore").rstrip("\0")
