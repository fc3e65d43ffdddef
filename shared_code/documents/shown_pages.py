"""The pages of a document for a person who looks at them: how large they are, their pictures, the words on one of them.

A page is what a viewer shows: cropped and turned as the file says. Everything that parses bytes runs in the sandbox.
"""

from dataclasses import dataclass, field

from shared_code.documents import placed_pages
from shared_code.documents.document import Document, run_in_sandbox
from shared_code.documents.file_type import Kind
from shared_code.documents.sandbox.pool import Sandbox
from shared_code.invoices.page import PageText

#: widths in which pictures are made: a screen asks for any, and few are kept
WIDTHS = (200, 400, 800, 1_200, 1_600, 2_000, 2_800, 4_000)


@dataclass(frozen=True, slots=True)
class PageSize:
    """Of one page as it is shown: points in a PDF, pixels in a picture."""

    width: float
    height: float


@dataclass(frozen=True, slots=True)
class ShownPage:
    """The picture of a page: PNG, at most 200 dots per inch and 8 megapixels."""

    content: bytes = field(repr=False)
    width: int
    height: int


def width_for(asked: int) -> int:
    """The width in which a picture is made for a screen that asks for one: at least as wide, if any is."""
    return next((width for width in WIDTHS if width >= asked), WIDTHS[-1])


def page_sizes(document: Document, *, sandbox: Sandbox | None = None) -> tuple[PageSize, ...]:
    """The pages in their order; none for XML and JSON.

    :raises errors.InvalidFile: the pages cannot be counted within the limits.
    :raises errors.Busy: too many documents are being read.
    """
    if document.kind is Kind.PDF:
        found = run_in_sandbox(document, sandbox, "sizes", [document.media[0].data]).facts["sizes"]
        return tuple(PageSize(round(width, 2), round(height, 2)) for width, height in found)
    return tuple(PageSize(*size) for size in document.image_sizes)


def show_page(document: Document, place: int, *, width: int, sandbox: Sandbox | None = None) -> ShownPage:
    """The picture of a page.

    :param place: of the page, from 0; there must be one.
    :raises errors.InvalidFile: it cannot be drawn within the limits.
    :raises errors.Busy: too many documents are being read.
    """
    if document.kind is Kind.PDF:
        part, facts = document.media[0].data, {"kind": "pdf", "page": place}
    else:
        part, facts = document.media[place].data, {"kind": "image"}
    result = run_in_sandbox(document, sandbox, "show", [part], width=width, **facts)
    (picture,), (content,) = result.facts["pictures"], result.parts
    return ShownPage(content, picture["width"], picture["height"])


def page_words(document: Document, place: int, *, sandbox: Sandbox | None = None) -> PageText:
    """The text layer of one page with the places of its words; a picture has none.

    :raises errors.InvalidFile: the text cannot be read within the limits.
    :raises errors.Busy: too many documents are being read.
    """
    if document.kind is not Kind.PDF:
        return PageText("", pictured=1.0)
    result = run_in_sandbox(document, sandbox, "texts", [document.media[0].data], pages=[place])
    return placed_pages.unpacked(result.facts, result.parts)[0]
