"""Some pages of a document as a document of their own: what a model is shown that cannot answer for all at once."""

from dataclasses import dataclass, replace

from shared_code.documents.document import Document
from shared_code.documents.file_type import Kind
from shared_code.documents.sandbox.pool import Sandbox, default_sandbox
from shared_code.providers.base import Media


@dataclass(frozen=True, slots=True)
class PageRange:
    """Pages of a document, from ``first`` to ``last``; the first page of a document is 1."""

    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __str__(self) -> str:
        return f"page {self.first}" if self.first == self.last else f"pages {self.first} to {self.last}"


def cut_out(document: Document, pages: PageRange, *, sandbox: Sandbox | None = None) -> Document:
    """The document with these pages only; the whole one stays as it is when they are all of its pages.

    :raises errors.InvalidFile: the pages cannot be cut out within the limits.
    :raises errors.Busy: too many documents are being read.
    """
    if len(pages) >= document.page_count:
        return document
    if document.kind is not Kind.PDF:
        chosen = slice(pages.first - 1, pages.last)
        return replace(
            document,
            page_count=len(pages),
            media=document.media[chosen],
            image_sizes=document.image_sizes[chosen],
        )
    whole = document.media[0]
    result = (sandbox or default_sandbox()).run("cut", [whole.data], first=pages.first, last=pages.last)
    return replace(document, page_count=len(pages), media=(Media(whole.mime_type, result.parts[0], whole.name),))
