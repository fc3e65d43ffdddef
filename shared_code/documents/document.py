"""A document as it comes in: what it is, whether it can be read at all, and what of it goes to a model.

Bytes are sniffed and measured here; everything that parses them runs in the ``sandbox``. Nothing is ever unzipped or
written to disk, and no text of a library reaches a caller.
"""

import hashlib
from dataclasses import dataclass, field, replace

from shared_code.documents import file_type, india_qr, refusals
from shared_code.documents.file_type import Kind
from shared_code.documents.sandbox.pool import Result, Sandbox, default_sandbox
from shared_code.invoices.schema import IndiaQr
from shared_code.providers.base import Media
from shared_code.records import Finding

XML_LIMIT_BYTES = 5 * 1_048_576
#: of a page that a model looks at a second time
PAGE_IMAGE_PIXELS = 2_048

_MEGABYTE = 1_048_576
_REMARKS = {
    "active_content": "The PDF holds scripts or actions. They were not run, and a copy without them was read.",
    "embedded_files": "The PDF holds files other than XML. They were not opened.",
    "attachment_skipped": "An XML file within the PDF is too large or could not be unpacked; it was not used.",
    "decrypted": "The PDF has an owner password; it opens without one and was read.",
    "repaired": "The PDF was damaged and has been repaired for reading.",
}


@dataclass(frozen=True, slots=True)
class Document:
    """A document that can be read.

    :ivar mime_type: of the bytes received, by content.
    :ivar sha256: of the bytes received, in hex.
    :ivar size: of the bytes received.
    :ivar image_sizes: width and height of each image in ``media``; empty for PDF and XML.
    :ivar label: the file's name, cleaned, for people. Escape it for HTML and CSV; never part of a path or key.
    :ivar media: what is sent to a model: the PDF (decrypted, repaired or without active content where needed), upright
        images of at most 2048 pixels, or the XML itself.
    :ivar findings: remarks on the file, none of which asks for review by itself.
    :ivar xml_attachments: name and bytes of each ``.xml`` file in a PDF.
    """

    kind: Kind
    mime_type: str
    sha256: str
    size: int
    page_count: int
    label: str
    media: tuple[Media, ...] = field(repr=False)
    image_sizes: tuple[tuple[int, int], ...] = ()
    findings: tuple[Finding, ...] = ()
    xml_attachments: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class PageTexts:
    """The text layer, page by page.

    :ivar pages: text that a reader sees; '' for a page without text. Empty strings for images.
    :ivar hidden: what a reader does not see, at most 50 snippets of 300 characters; it is not in ``pages``.
    :ivar recognised_pages: pages (from 1) whose text is the invisible layer that text recognition put over a scan.
    """

    pages: tuple[str, ...] = field(repr=False)
    hidden: tuple[str, ...] = ()
    recognised_pages: tuple[int, ...] = ()

    @property
    def has_text(self) -> bool:
        """Whether there is anything to check an answer against."""
        return any(text.strip() for text in self.pages)


def open_document(
    data: bytes,
    *,
    file_name: str | None = None,
    content_type: str | None = None,
    max_bytes: int,
    max_pages: int,
    sandbox: Sandbox | None = None,
) -> Document:
    """Find out what ``data`` is and make it ready to be read.

    Raises :class:`errors.FileTooLarge`, :class:`errors.UnsupportedFileType`, :class:`errors.InvalidFile`,
    :class:`errors.TooManyPages`, each with ``details`` (``field``, ``reason``, ``limit``, ``actual``), and
    :class:`errors.Busy` when too many documents are being opened.
    """
    if len(data) > max_bytes:
        raise refusals.too_large(limit_mb=max_bytes / _MEGABYTE, actual_bytes=len(data))
    file_type = file_type.sniff(data)
    opened = Document(
        kind=file_type.kind,
        mime_type=file_type.mime_type,
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        page_count=1,
        label=file_type.clean_label(file_name),
        media=(),
        findings=_type_findings(file_type, file_name=file_name, content_type=content_type),
    )
    box = sandbox or default_sandbox()
    if file_type.kind is Kind.PDF:
        return _with_pdf(opened, data, box.run("inspect", [data], max_pages=max_pages))
    if file_type.kind is Kind.IMAGE:
        result = box.run("pictures", [data], mime_type=file_type.mime_type, max_frames=max_pages)
        media, sizes = _pictures(result, received=(data,), label=opened.label)
        return replace(opened, page_count=len(media), media=media, image_sizes=sizes)
    if len(data) > XML_LIMIT_BYTES:
        raise refusals.too_large(limit_mb=XML_LIMIT_BYTES / _MEGABYTE, actual_bytes=len(data), what="XML document")
    return replace(opened, media=(Media(file_type.mime_type, data, opened.label),))


def page_texts(document: Document, *, sandbox: Sandbox | None = None) -> PageTexts:
    """The text layer of a document, hidden text apart. Some milliseconds for each page of a PDF: keep the answer.

    Raises :class:`errors.InvalidFile` when the text cannot be read within the limits.
    """
    if document.kind is not Kind.PDF:
        return PageTexts(("",) * document.page_count)
    result = (sandbox or default_sandbox()).run("texts", [document.media[0].data])
    pages = result.facts["pages"]
    hidden = [page["hidden"][:300] for page in pages if page["hidden"]]
    return PageTexts(
        tuple(page["text"] for page in pages),
        tuple(hidden[:50]),
        tuple(number for number, page in enumerate(pages, start=1) if page["recognised"]),
    )


def page_images(
    document: Document,
    *,
    longest_side: int = PAGE_IMAGE_PIXELS,
    pages: tuple[int, ...] | None = None,
    sandbox: Sandbox | None = None,
) -> tuple[Media, ...]:
    """The pages as pictures of at most ``longest_side`` pixels; none for XML.

    :param pages: indices from 0; None is all. PDF only.
    """
    box = sandbox or default_sandbox()
    if document.kind is Kind.PDF:
        wanted = None if pages is None else list(pages)
        result = box.run("render", [document.media[0].data], longest_side=longest_side, pages=wanted)
        return _pictures(result, received=(), label=document.label)[0]
    if document.kind is Kind.XML or all(max(size) <= longest_side for size in document.image_sizes):
        return document.media if document.kind is Kind.IMAGE else ()
    received = tuple(part.data for part in document.media)
    return _pictures(box.run("shrink", received, longest_side=longest_side), received=received, label=document.label)[0]


def select_pages(document: Document, *, first: int, last: int, sandbox: Sandbox | None = None) -> tuple[Media, ...]:
    """The pages ``first`` to ``last`` (from 1, both included) of a PDF or of an image with several frames."""
    if document.kind is not Kind.PDF:
        return document.media[first - 1 : last]
    result = (sandbox or default_sandbox()).run("select", [document.media[0].data], first=first, last=last)
    return (Media(document.mime_type, result.parts[0], document.label),)


def india_qr(
    document: Document, texts: PageTexts, *, public_keys: str | None = None, sandbox: Sandbox | None = None
) -> IndiaQr | None:
    """The signed e-invoice code on the pages, looked for only where :func:`qr.pages_to_search` says so."""
    wanted = india_qr.pages_to_search(document.kind, texts.pages)
    if not wanted:
        return None
    box = sandbox or default_sandbox()
    if document.kind is Kind.PDF:
        result = box.run("codes", [document.media[0].data], kind="pdf", pages=list(wanted))
    else:
        result = box.run("codes", [document.media[at].data for at in wanted], kind="image")
    return india_qr.read_codes([code for page in result.facts["codes"] for code in page], public_keys=public_keys)


def _with_pdf(opened: Document, data: bytes, result: Result) -> Document:
    facts, parts = result.facts, result.parts
    names = facts["attachments"]
    remarks = tuple(Finding(code, _REMARKS[code], "file", review=False) for code in facts["remarks"])
    return replace(
        opened,
        page_count=facts["page_count"],
        media=(Media(opened.mime_type, parts[-1] if facts["cleaned"] else data, opened.label),),
        findings=opened.findings + remarks,
        xml_attachments=tuple(zip(names, parts[: len(names)], strict=True)),
    )


def _type_findings(
    file_type: file_type.FileType, *, file_name: str | None, content_type: str | None
) -> tuple[Finding, ...]:
    claim = file_type.mismatch(file_type, file_name=file_name, content_type=content_type)
    if claim is None:
        return ()
    message = f"The file is {file_type.mime_type} by its content, but {claim}."
    return (Finding("type_mismatch", message, "file", expected=claim, found=file_type.mime_type, review=False),)


def _pictures(
    result: Result, *, received: tuple[bytes, ...], label: str
) -> tuple[tuple[Media, ...], tuple[tuple[int, int], ...]]:
    """Media and sizes; a picture that was not changed is the one received."""
    changed = iter(result.parts)
    media, sizes = [], []
    for at, picture in enumerate(result.facts["pictures"]):
        content = next(changed) if picture["changed"] else received[at]
        media.append(Media(picture["mime_type"], content, label))
        sizes.append((picture["width"], picture["height"]))
    return tuple(media), tuple(sizes)
