"""A document as it comes in: what it is, whether it can be read at all, and what of it is sent to a model.

Type and size are judged here; everything that parses the bytes runs in the ``sandbox``. Nothing is ever unzipped or
written to disk, and no text of a library reaches a caller.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from shared_code.documents import file_type, india_qr, placed_pages, refusals
from shared_code.documents.file_type import Kind
from shared_code.documents.sandbox.pool import Sandbox, default_sandbox
from shared_code.documents.sandbox.process import Result
from shared_code.invoices.page import PageText
from shared_code.invoices.schema import IndiaQr
from shared_code.providers.base import Media
from shared_code.records import FileBytes, Finding

#: longest side of a page that a model looks at a second time
PAGE_IMAGE_PIXELS = 2_048
_SNIPPET, _SNIPPETS = 300, 50

_REMARKS = {
    "active_content": "The PDF holds scripts or actions. They were not run, and a copy without them was read.",
    "embedded_files": "The PDF holds files other than XML. They were not opened.",
    "attachment_skipped": "An XML file within the PDF is too large or could not be unpacked; it was not used.",
    "decrypted": "The PDF has an owner password; it opens without one and was read.",
    "repaired": "The PDF was damaged and has been repaired for reading.",
}
_SIGNED = "The file came in a signed envelope. It was opened; the signature was not verified."


@dataclass(frozen=True, slots=True)
class StructuredText:
    """XML or JSON of a kind that no reader knows, as lines of names and values.

    :ivar rows: how many of its elements are rows of a table, as far as their repetition tells.
    """

    text: str = field(repr=False)
    rows: int


@dataclass(frozen=True, slots=True)
class Document:
    """A document that can be read.

    :ivar mime_type: of the bytes received, by content; of the file in a signed envelope.
    :ivar sha256: of the bytes received, in hex.
    :ivar size: of the bytes received.
    :ivar image_sizes: width and height of each image in ``media``; empty for PDF and XML.
    :ivar label: the file's name, cleaned, for people. Escape it for HTML and CSV; never part of a path or key.
    :ivar media: what is sent to a model: the PDF (decrypted, repaired or without active content where needed), upright
        images of at most 2048 pixels; for XML and JSON the file itself, as long as no model is to read it.
    :ivar findings: findings on the file, none of which asks for review by itself.
    :ivar xml_attachments: name and bytes of each XML file in a PDF, in the order in which they should be tried.
    :ivar only_structured: whether the pictures of a PDF unpack to far more than a document needs: its XML may be read
        and compared with its text, but the pages may not be sent on or rendered.
    :ivar blank: whether nothing at all is on its pages, as far as can be told without reading them.
    :ivar company: whose file it is: work on it takes its turn among that company's.
    :ivar signed_by: the name in the certificate of a signed envelope around the file, '' for one that names nobody,
        None for a file without an envelope. The signature was not verified.
    :ivar structured: XML or JSON as text, when a model is to read it: then there is no ``media``.
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
    only_structured: bool = False
    blank: bool = False
    company: str = ""
    signed_by: str | None = None
    structured: StructuredText | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class PageTexts:
    """The text layer, page by page.

    :ivar parts: the text of each page, parted by what it is worth; empty ones for images.
    """

    parts: tuple[PageText, ...] = field(repr=False)

    @property
    def pages(self) -> tuple[str, ...]:
        """Text of each page that a reader sees, or that recognition found in its picture; '' for a page without."""
        return tuple(part.text for part in self.parts)

    @property
    def hidden(self) -> tuple[str, ...]:
        """What a reader does not see, at most 50 snippets of 300 characters; it is not in ``pages``."""
        return tuple(part.hidden[:_SNIPPET] for part in self.parts if part.hidden)[:_SNIPPETS]


def open_document(
    data: FileBytes,
    *,
    company: str = "",
    file_name: str | None = None,
    content_type: str | None = None,
    max_bytes: int,
    max_pages: int,
    sandbox: Sandbox | None = None,
) -> Document:
    """Find out what ``data`` is and make it ready to be read.

    :param company: whose file it is, see :attr:`Document.company`.
    :raises errors.FileTooLarge: more than ``max_bytes``.
    :raises errors.UnsupportedFileType: not a type that the service reads.
    :raises errors.InvalidFile: encrypted, damaged, empty, or beyond the limits of the sandbox.
    :raises errors.TooManyPages: more than ``max_pages``.
    :raises errors.Busy: too many documents are being opened, or the machine did not let this one be opened in time.
    """
    if len(data) > max_bytes:
        raise refusals.too_large(len(data), max_bytes)
    found = file_type.detect_file_type(data)
    opened = Document(
        kind=found.kind,
        mime_type=found.mime_type,
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        page_count=1,
        label=file_type.clean_label(file_name),
        media=(),
        findings=_type_findings(found, file_name=file_name, content_type=content_type),
        company=company,
    )
    if found.kind is Kind.ENVELOPE:
        opened, data = _unwrapped(opened, data, sandbox)
    return _opened(opened, data, max_pages, sandbox)


def _unwrapped(opened: Document, data: FileBytes, sandbox: Sandbox | None) -> tuple[Document, FileBytes]:
    """The document in a signed envelope, and its bytes."""
    result = run_in_sandbox(opened, sandbox, "unwrap", [data])
    (content,) = result.parts
    found = file_type.detect_file_type(content)
    signer = result.facts["signer"]
    findings = (*opened.findings, Finding("signature_unverified", _SIGNED, "file", found=signer, review=False))
    inner = replace(opened, kind=found.kind, mime_type=found.mime_type, findings=findings, signed_by=signer or "")
    return inner, content


def _opened(opened: Document, data: FileBytes, max_pages: int, sandbox: Sandbox | None) -> Document:
    if opened.kind is Kind.PDF:
        result = run_in_sandbox(opened, sandbox, "inspect", [data], max_pages=max_pages)
        return _with_pdf(opened, data, result)
    if opened.kind is Kind.IMAGE:
        result = run_in_sandbox(opened, sandbox, "pictures", [data], mime_type=opened.mime_type, max_frames=max_pages)
        media, sizes = media_of_pictures(result, received=(data,), label=opened.label)
        pictures = result.facts["pictures"]
        return replace(
            opened,
            page_count=len(media),
            media=media,
            image_sizes=sizes,
            blank=all(picture["blank"] for picture in pictures),
            findings=opened.findings + _frame_findings(pictures),
        )
    return replace(opened, media=(Media(opened.mime_type, data, opened.label),))


def page_texts(document: Document, *, sandbox: Sandbox | None = None) -> PageTexts:
    """The text layer of a document, hidden text apart. Takes milliseconds for each page of a PDF: keep the answer.

    :raises errors.InvalidFile: the text cannot be read within the limits.
    :raises errors.Busy: too many documents are being read.
    """
    if document.structured is not None:
        return PageTexts((PageText(document.structured.text),))
    if document.kind is not Kind.PDF:
        return PageTexts((PageText("", pictured=1.0),) * document.page_count)
    result = run_in_sandbox(document, sandbox, "texts", [document.media[0].data])
    return PageTexts(placed_pages.unpacked(result.facts, result.parts))


def page_images(
    document: Document, *, longest_side: int = PAGE_IMAGE_PIXELS, sandbox: Sandbox | None = None
) -> tuple[Media, ...]:
    """The pages as pictures of at most ``longest_side`` pixels; none for XML.

    :raises errors.InvalidFile: a page cannot be rendered within the limits.
    :raises errors.Busy: too many documents are being read.
    """
    if document.kind is Kind.PDF:
        result = run_in_sandbox(document, sandbox, "render", [document.media[0].data], longest_side=longest_side)
        return media_of_pictures(result, received=(), label=document.label)[0]
    if document.kind is Kind.XML or all(max(size) <= longest_side for size in document.image_sizes):
        return document.media if document.kind is Kind.IMAGE else ()
    received = tuple(part.data for part in document.media)
    result = run_in_sandbox(document, sandbox, "shrink", received, longest_side=longest_side)
    return media_of_pictures(result, received=received, label=document.label)[0]


def find_india_qr(
    document: Document, texts: PageTexts, *, public_keys: str | None = None, sandbox: Sandbox | None = None
) -> IndiaQr | None:
    """The signed e-invoice code on the pages that :func:`india_qr.pages_to_search` names, or None.

    :param public_keys: PEM keys or certificates that may have signed it (setting IRN_PUBLIC_KEYS).
    :raises errors.ConfigurationError: a code was found, and the configured keys cannot be read.
    :raises errors.InvalidFile: a page cannot be rendered within the limits.
    :raises errors.Busy: too many documents are being read.
    """
    wanted = india_qr.pages_to_search(document.kind, texts.pages)
    if not wanted:
        return None
    if document.kind is Kind.PDF:
        result = run_in_sandbox(document, sandbox, "codes", [document.media[0].data], kind="pdf", pages=list(wanted))
    else:
        result = run_in_sandbox(document, sandbox, "codes", [document.media[at].data for at in wanted], kind="image")
    return india_qr.read_codes([code for page in result.facts["codes"] for code in page], public_keys=public_keys)


def run_in_sandbox(
    document: Document, sandbox: Sandbox | None, operation: str, parts: Sequence[FileBytes], **arguments: Any
) -> Result:
    """Do an operation of the sandbox for a document, in the turn of its company; see :meth:`.Sandbox.run`."""
    return (sandbox or default_sandbox()).run(operation, parts, company=document.company, **arguments)


def _with_pdf(opened: Document, data: FileBytes, result: Result) -> Document:
    facts, parts = result.facts, result.parts
    names = facts["attachments"]
    remarks = tuple(Finding(code, _REMARKS[code], "file", review=False) for code in facts["remarks"])
    return replace(
        opened,
        page_count=facts["page_count"],
        media=(Media(opened.mime_type, parts[-1] if facts["cleaned"] else data, opened.label),),
        findings=opened.findings + remarks,
        xml_attachments=tuple(zip(names, parts[: len(names)], strict=True)),
        only_structured=facts["only_structured"],
        blank=facts["blank"],
    )


def _type_findings(
    found: file_type.FileType, *, file_name: str | None, content_type: str | None
) -> tuple[Finding, ...]:
    claim = file_type.mismatch(found, file_name=file_name, content_type=content_type)
    if claim is None:
        return ()
    message = f"The file is {found.mime_type} by its content, but {claim}."
    return (Finding("type_mismatch", message, "file", expected=claim, found=found.mime_type, review=False),)


def _frame_findings(pictures: Sequence[dict[str, Any]]) -> tuple[Finding, ...]:
    frames = max(picture["frames"] for picture in pictures)
    if frames == 1:
        return ()
    message = f"The image holds {frames} pictures; only the first one was read."
    return (Finding("first_picture_only", message, "file", found=str(frames), review=False),)


def media_of_pictures(
    result: Result, *, received: tuple[FileBytes, ...], label: str
) -> tuple[tuple[Media, ...], tuple[tuple[int, int], ...]]:
    """Media and sizes; a picture that was not changed is the one received."""
    changed = iter(result.parts)
    media, sizes = [], []
    for at, picture in enumerate(result.facts["pictures"]):
        content = next(changed) if picture["changed"] else received[at]
        media.append(Media(picture["mime_type"], content, label))
        sizes.append((picture["width"], picture["height"]))
    return tuple(media), tuple(sizes)
