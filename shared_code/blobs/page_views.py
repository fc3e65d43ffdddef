"""What a person sees who reviews a reading: the pages of its document, their pictures, the text under a box.

The document comes from where it is kept and is opened anew, by the same code and in the same sandbox as when it was
read. What was made of it stays in memory for some minutes (:mod:`.recent_pages`).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from shared_code.blobs.document_sources import DocumentSources
from shared_code.blobs.page_readings import PageReadings
from shared_code.blobs.recent_pages import DocumentName, RecentPages
from shared_code.database.stores.extractions.viewed_documents import (
    ViewedDocument,
    stored_evidence,
    viewed_document,
    warnings_of,
)
from shared_code.documents import shown_pages
from shared_code.documents.document import Document, open_document
from shared_code.documents.shown_pages import PageSize, ShownPage
from shared_code.errors import Gone, InvalidFile, NotFound, ServiceError, TooManyPages, UnsupportedFileType
from shared_code.extraction.evidence_data import unpacked, values_as_text
from shared_code.extraction.second_reading import SecondReadings
from shared_code.invoices.evidence.text_under import PointedText, text_under
from shared_code.invoices.page import ENOUGH_CHARACTERS, PIECE_NUMBERS, PageText, PlacedText
from shared_code.records import Source

if TYPE_CHECKING:
    from shared_code.database.connection import Database

#: why there are no pages
NOT_KEPT, NO_PAGES, TOO_LARGE, UNREADABLE = "not_kept", "no_pages", "too_large", "unreadable"
_SENTENCES = {
    NOT_KEPT: "No copy of this document is kept.",
    NO_PAGES: "This document is data without pages.",
    TOO_LARGE: "The pictures of this document are too large to be shown.",
    UNREADABLE: "The pages of this document cannot be shown.",
}
_SIZES, _OPENED, _PICTURE, _WORDS, _READ = "sizes", "document", "picture", "words", "second reading"
_SMALL = 1_000
_GONE_SECONDS = 60.0
_TURNED = "page_turned"
_PAGE_WORD = 1


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it is shown: points in a PDF, pixels in a picture.

    :ivar rotation: degrees clockwise that make it upright, where reading it has shown that it lies otherwise. Pictures
        and places are those of the page as it is, without this.
    """

    number: int
    width: float
    height: float
    rotation: int = 0


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of a document.

    :ivar kept: whether the document is there.
    :ivar kind: pdf, image or xml; None when it is not there.
    :ivar reason: why there are no pages: not_kept, no_pages (of XML and JSON), too_large or unreadable.
    """

    kept: bool
    kind: str | None
    reason: str | None
    pages: tuple[Page, ...] = ()


@dataclass(frozen=True, slots=True)
class _Unshowable:
    """A document of which nothing can be shown, and why."""

    reason: str
    kept: bool = True


class PageViews:
    """Shows the documents of readings. One for the process; safe for many threads.

    :param max_pages: of a document that is opened.
    :param second_readings: reads pages without text; None where that is off or not installed.
    """

    def __init__(
        self,
        database: "Database",
        sources: DocumentSources,
        recent: RecentPages,
        *,
        max_pages: int,
        second_readings: SecondReadings | None = None,
    ) -> None:
        self.recent = recent
        self._database = database
        self._sources = sources
        self._max_pages = max_pages
        self._second_readings = second_readings
        self._readings = None if second_readings is None else PageReadings(second_readings)

    def find(self, reading_id: str) -> ViewedDocument | None:
        """The document of a reading; None when there is no such reading.

        :raises errors.DatabaseUnavailable: ask again.
        """
        return self._database.read(lambda connection: viewed_document(connection, reading_id))

    def pages(self, viewed: ViewedDocument) -> Pages:
        """The pages of a document, or why there are none.

        :raises errors.Gone: it was erased.
        :raises errors.StorageUnavailable, errors.Busy: ask again.
        """
        document = self._document(viewed)
        if isinstance(document, _Unshowable):
            return Pages(kept=document.kept, kind=None, reason=document.reason)
        sizes = self._sizes(viewed, document)
        if isinstance(sizes, _Unshowable):
            return Pages(kept=True, kind=document.kind.value, reason=sizes.reason)
        turns = self._turns(viewed)
        pages = tuple(Page(at, one.width, one.height, turns.get(at, 0)) for at, one in enumerate(sizes, start=1))
        return Pages(kept=True, kind=document.kind.value, reason=None if sizes else NO_PAGES, pages=pages)

    def version(self, viewed: ViewedDocument, number: int, width: int) -> str:
        """Names a picture: another document, page or width has another one."""
        name = f"{viewed.company_id} {viewed.sha256} {number} {shown_pages.width_for(width)}"
        return hashlib.sha256(name.encode()).hexdigest()[:32]

    def picture(self, viewed: ViewedDocument, number: int, width: int) -> ShownPage:
        """The picture of a page, in the next of few widths.

        :raises errors.NotFound: there is no such page; ``details.reason`` says why when there is none at all.
        :raises errors.Gone: the document was erased.
        :raises errors.StorageUnavailable, errors.Busy: ask again.
        """
        _refuse_erased(viewed)
        width = shown_pages.width_for(width)
        kept = self.recent.get(_name(viewed), (_PICTURE, number, width))
        if isinstance(kept, ShownPage):
            return kept
        document = self._page_of(viewed, number)
        try:
            picture = shown_pages.show_page(document, number - 1, width=width)
        except InvalidFile as error:
            raise _without_pages(UNREADABLE) from error
        self._keep(viewed, (_PICTURE, number, width), picture, len(picture.content))
        if self._second_readings is not None:
            self._second_readings.afterwards(partial(self._read_ahead, viewed, document, number))
        return picture

    def text(self, viewed: ViewedDocument, number: int, box: Sequence[float]) -> PointedText | None:
        """The text under a box of a page: of its text layer, else as it was read from the picture.

        :param box: left, top, right and bottom in fractions of the page as shown.
        :raises errors.ServiceError: as :meth:`picture`.
        """
        document = self._page_of(viewed, number)
        words = self._words(viewed, document, number)
        found = text_under(words.placed, box)
        if found is None and not _is_enough(words):
            found = text_under(self._read_picture(viewed, document, number).placed, box)
        return found or text_under([self._evidence(viewed, number)], box)

    def _document(self, viewed: ViewedDocument) -> Document | _Unshowable:
        _refuse_erased(viewed)
        kept = self.recent.get(_name(viewed), _OPENED)
        if isinstance(kept, Document | _Unshowable):
            return kept
        content = self._sources.read(viewed)
        if content is None:
            gone = _Unshowable(NOT_KEPT, kept=False)
            if viewed.source == Source.BLOB.value:
                # Its container was gone through; a copy may still come.
                self.recent.put(_name(viewed), _OPENED, gone, _SMALL, seconds=_GONE_SECONDS)
            return gone
        document: Document | _Unshowable
        try:
            document = open_document(
                content, company=viewed.company_id, max_bytes=len(content), max_pages=self._max_pages
            )
        except (InvalidFile, TooManyPages, UnsupportedFileType):
            document = _Unshowable(UNREADABLE)
        if isinstance(document, Document) and document.only_structured:
            document = _Unshowable(TOO_LARGE)
        size = sum(len(part.data) for part in document.media) if isinstance(document, Document) else 0
        self._keep(viewed, _OPENED, document, size + _SMALL)
        return document

    def _sizes(self, viewed: ViewedDocument, document: Document) -> tuple[PageSize, ...] | _Unshowable:
        kept = self.recent.get(_name(viewed), _SIZES)
        if isinstance(kept, tuple | _Unshowable):
            return kept
        sizes: tuple[PageSize, ...] | _Unshowable
        try:
            sizes = shown_pages.page_sizes(document)
        except InvalidFile:
            sizes = _Unshowable(UNREADABLE)
        self._keep(viewed, _SIZES, sizes, _SMALL)
        return sizes

    def _page_of(self, viewed: ViewedDocument, number: int) -> Document:
        """The document, when it has a page of this number."""
        document = self._document(viewed)
        if isinstance(document, _Unshowable):
            raise _without_pages(document.reason)
        sizes = self._sizes(viewed, document)
        if isinstance(sizes, _Unshowable) or not sizes:
            raise _without_pages(sizes.reason if isinstance(sizes, _Unshowable) else NO_PAGES)
        if number > len(sizes):
            raise NotFound(f"This document has {len(sizes)} pages.", details={"field": "number"})
        return document

    def _words(self, viewed: ViewedDocument, document: Document, number: int) -> PageText:
        kept = self.recent.get(_name(viewed), (_WORDS, number))
        if isinstance(kept, PageText):
            return kept
        try:
            words = shown_pages.page_words(document, number - 1)
        except InvalidFile:
            words = PageText("", pictured=1.0)
        self._keep(viewed, (_WORDS, number), words, _size_of(words))
        return words

    def _read_picture(self, viewed: ViewedDocument, document: Document, number: int) -> PageText:
        """What the second reader sees on a page; nothing where there is none, or it has no time."""
        kept = self.recent.get(_name(viewed), (_READ, number))
        if isinstance(kept, PageText):
            return kept
        if self._readings is None:
            return PageText("")
        page, keep = (_name(viewed), number), partial(self._keep_read, viewed, number)
        return self._readings.read(page, document, number, keep) or PageText("")

    def _read_ahead(self, viewed: ViewedDocument, document: Document, number: int) -> None:
        """Have a page read that is shown now, where its text is not known: a person may point at it soon."""
        if self._readings is None or self.recent.get(_name(viewed), (_READ, number)) is not None:
            return
        if not _is_enough(self._words(viewed, document, number)):
            page, keep = (_name(viewed), number), partial(self._keep_read, viewed, number)
            self._readings.ahead(page, document, number, keep)

    def _keep_read(self, viewed: ViewedDocument, number: int, read: PageText) -> None:
        self._keep(viewed, (_READ, number), read, _size_of(read))

    def _evidence(self, viewed: ViewedDocument, number: int) -> PlacedText:
        """The values of the reading as they stand on a page, as a text of which each value is a piece."""
        stored = self._database.read(lambda connection: stored_evidence(connection, viewed.reading_id))
        return values_as_text(unpacked(stored), number)

    def _turns(self, viewed: ViewedDocument) -> dict[int, int]:
        """Degrees by which pages were turned before they were read, by their numbers."""
        warnings = self._database.read(lambda connection: warnings_of(connection, viewed.reading_id))
        turned = [one for one in warnings if one.get("code") == _TURNED and str(one.get("found")).isdecimal()]
        words = [(str(one.get("message")).split()[_PAGE_WORD], int(one["found"])) for one in turned]
        return {int(word): degrees for word, degrees in words if word.isdecimal()}

    def _keep(self, viewed: ViewedDocument, kind: object, value: object, size: int) -> None:
        """Keep something, unless the document is being erased: whichever comes last takes it away."""
        self.recent.put(_name(viewed), kind, value, size)
        try:
            now = self.find(viewed.reading_id)
        except ServiceError:
            now = None
        if now is None or now.erased_at is not None:
            self.recent.forget(_name(viewed))


def _name(viewed: ViewedDocument) -> DocumentName:
    return viewed.company_id, viewed.sha256


def _is_enough(words: PageText) -> bool:
    """Whether a page's text layer says what stands on it."""
    return words.is_complete and ENOUGH_CHARACTERS.match(words.text) is not None


def _size_of(words: PageText) -> int:
    numbers = sum(len(text.pieces) for text in words.placed)
    return _SMALL + 4 * len(words.text) + 8 * PIECE_NUMBERS + 8 * numbers


def _refuse_erased(viewed: ViewedDocument) -> None:
    if viewed.erased_at is not None:
        raise Gone("This reading was erased.", details={"field": "extraction_id"})


def _without_pages(reason: str) -> NotFound:
    return NotFound(_SENTENCES[reason], details={"field": "extraction_id", "reason": reason})
