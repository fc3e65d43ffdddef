"""Which pages the second reader reads, and their pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from shared_code.documents.document import Document, PageTexts, media_of_pictures, run_in_sandbox
from shared_code.documents.file_type import Kind
from shared_code.documents.sandbox.pool import Sandbox
from shared_code.invoices.page import ENOUGH_CHARACTERS, PageText
from shared_code.providers.base import Media

#: 175 dots per inch on A4: enough for the smallest print that people read
PICTURE_PIXELS = 2_048
#: a page that pictures cover to this share may hold a scan
_PICTURED = 0.3


def pages_without_text(document: Document, texts: PageTexts, *, at_most: int) -> tuple[int, ...]:
    """Indices from 0 of the pages that only a look at them can read, the most telling ones first.

    The first page names the parties, the last one the totals; then from behind, where totals stand before the terms. A
    short page without a picture in a document that has text is no scan.
    """
    if document.structured is not None or document.kind is Kind.XML or document.blank:
        return ()
    has_text = [ENOUGH_CHARACTERS.match(part.text) is not None for part in texts.parts]
    drawn = not any(has_text)
    wanted = [
        place for place, part in enumerate(texts.parts) if not has_text[place] and (drawn or part.pictured >= _PICTURED)
    ]
    return tuple([*wanted[:1], *reversed(wanted[1:])][:at_most])


def pictures_of(document: Document, pages: Sequence[int], *, sandbox: Sandbox | None = None) -> tuple[Media, ...]:
    """The pages as pictures, in the order of ``pages``.

    :raises errors.InvalidFile: a page cannot be rendered within the limits.
    :raises errors.Busy: too many documents are being read.
    """
    if document.kind is not Kind.PDF:
        return tuple(document.media[place] for place in pages)
    result = run_in_sandbox(
        document,
        sandbox,
        "render",
        [document.media[0].data],
        longest_side=PICTURE_PIXELS,
        pages=list(pages),
    )
    return media_of_pictures(result, received=(), label=document.label)[0]


def turned_upright(document: Document, turns: Sequence[int], *, sandbox: Sandbox | None = None) -> Document:
    """The document with each page turned clockwise by the degrees given for it.

    :raises errors.InvalidFile: it cannot be turned within the limits.
    :raises errors.Busy: too many documents are being read.
    """
    if not any(turns):
        return document
    if document.kind is Kind.PDF:
        result = run_in_sandbox(document, sandbox, "turn", [document.media[0].data], kind="pdf", degrees=list(turns))
        return replace(document, media=(replace(document.media[0], data=result.parts[0]),))
    received = tuple(part.data for part in document.media)
    result = run_in_sandbox(document, sandbox, "turn", received, kind="image", degrees=list(turns))
    media, sizes = media_of_pictures(result, received=received, label=document.label)
    return replace(document, media=media, image_sizes=sizes)


def with_read_pages(texts: PageTexts, read: Mapping[int, PageText]) -> PageTexts:
    """The text layer with the pages that were read from their pictures in the place of those without text."""
    return PageTexts(tuple(read.get(place, part) for place, part in enumerate(texts.parts)))
