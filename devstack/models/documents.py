"""The parts of a request as pages of text: PDFs by their text layer, text as it is, pictures by the second reader.

A picture is read only when nothing else of a request is text, and only where the second reader is installed.
"""

import hashlib
import io
import itertools
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from devstack.models.reading import pictures
from devstack.models.reading.invoice import DocumentReading, read_document
from devstack.models.reading.layout import Page, pages_from_text
from devstack.models.reading.pdf_text import PdfReader

#: The service's own limit; the product's is far below.
MOST_PAGES = 1000
_MARKED = re.compile(r"^(?P<mark>=== \S.* ===)$\n(?P<text>.*?)^(?P=mark)$", re.DOTALL | re.MULTILINE)
#: how the prompt says that the attached pages are not all of the document
_PART = re.compile(r"file holds pages? \d+(?: to \d+)? of a longer document")
_REMEMBERED = 64
_READER = PdfReader()
_MOST_PICTURES = 8


class UnreadableImage(Exception):
    """The bytes are no image."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """One attached file, opened; equal when type and digest are. Images have no text layer, so no ``pages``.

    ``data`` is kept of what may have to be read from its picture.
    """

    mime_type: str
    digest: str
    pages: tuple[Page, ...] = field(default=(), compare=False, repr=False)
    size: tuple[int, int] | None = field(default=None, compare=False)
    data: bytes = field(default=b"", compare=False, repr=False)

    @property
    def is_pdf(self) -> bool:
        """Whether it is charged by page."""
        return self.mime_type == "application/pdf"

    @property
    def is_image(self) -> bool:
        """Whether it is charged as one picture."""
        return self.mime_type.startswith("image/")


def open_pdf(data: bytes) -> Attachment:
    """Raises ``UnreadablePdf`` (``TooManyPages`` above MOST_PAGES)."""
    return Attachment("application/pdf", _digest(data), _READER.pages(data, most_pages=MOST_PAGES), data=data)


def open_image(mime_type: str, data: bytes) -> Attachment:
    """Reads the size from the header; HEIC and HEIF are taken as they are. Raises :class:`UnreadableImage`."""
    if mime_type in {"image/heic", "image/heif"}:
        return Attachment(mime_type, _digest(data), data=data)
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as image:
                return Attachment(mime_type, _digest(data), size=image.size, data=data)
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise UnreadableImage(mime_type) from error


def open_text(mime_type: str, data: bytes) -> Attachment:
    """Markup is read as plain text, like the service does."""
    text = data.decode("utf-8", errors="replace")
    plain = re.sub(r"<[^>]+>", "   ", text) if "ml" in mime_type else text
    return Attachment(mime_type, _digest(data), pages_from_text(plain))


@lru_cache(maxsize=_REMEMBERED)
def read_attachments(attachments: tuple[Attachment, ...], texts: tuple[str, ...]) -> DocumentReading:
    """What the document says: the attachments' text layers, else document text between marks in the prompt.

    A prompt without any attachment and without marks is itself the document. Computed from the content, and remembered
    for a while: benchmarks ask the same thing many times.
    """
    part = any(_PART.search(text) for text in texts)
    return read_document(_document_pages(attachments, texts), part=part)


def _document_pages(attachments: Sequence[Attachment], texts: Sequence[str]) -> tuple[Page, ...]:
    pages: list[Page] = []
    for attachment in attachments:
        for page in attachment.pages or (Page(1, ()),):
            number = len(pages) + 1
            pages.append(page if page.number == number else _numbered(page, number))
    if any(page.rows for page in pages):
        return tuple(pages)
    for text in texts:
        if marked := _MARKED.search(text):
            return pages_from_text(marked["text"])
    if pages and pictures.can_read():
        return _read_pictures(attachments)
    return tuple(pages) if attachments else pages_from_text("\n".join(texts))


def _read_pictures(attachments: Sequence[Attachment]) -> tuple[Page, ...]:
    """Every page from its picture; of long documents the first ones."""
    shown = (
        one
        for attachment in attachments
        for one in (pictures.pictures_of(attachment.data) if attachment.is_pdf else [attachment.data])
        if attachment.is_pdf or attachment.is_image
    )
    return tuple(
        pictures.read_picture(data, number)
        for number, data in enumerate(itertools.islice(shown, _MOST_PICTURES), start=1)
    )


def _numbered(page: Page, number: int) -> Page:
    rows = tuple(replace(row, page=number) for row in page.rows)
    return Page(number, rows, page.width, page.height)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
