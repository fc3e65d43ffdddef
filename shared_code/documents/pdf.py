"""A PDF as a file: whether it can be opened, how many pages it has, what is embedded in it, what may be sent on.

Runs inside the sandbox only: 1.5 MB of stream lengths that refer to each other make qpdf, the parser below pikepdf,
overflow its stack, which ends its process. Encryption, page tree and embedded files are those of ISO 32000-1.
"""

import contextlib
import functools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from shared_code.documents import embedded_files, inflation_guard, pdf_contents, refusals
from shared_code.documents.pdf_objects import name_of

if TYPE_CHECKING:
    import pikepdf

_TRAILING = 1024
#: a page tree is counted up to here; more is answered as "at least"
_COUNTED_PAGES = 5_000


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a PDF is.

    :ivar cleaned: the bytes to pass on when they are not those received (decrypted, repaired, without active content).
    :ivar remarks: codes among ``active_content``, ``embedded_files``, ``decrypted``, ``repaired``,
        ``attachment_skipped``.
    :ivar only_structured: whether its pictures unpack to far more than a document needs, so that nothing but the
        attachments and the text may be read.
    :ivar blank: whether no page has anything on it; pages that show a picture of blank paper have.
    :ivar attachments: name and bytes of each embedded XML file, in the order in which they should be tried.
    """

    page_count: int
    cleaned: bytes | None
    remarks: tuple[str, ...]
    attachments: tuple[tuple[str, bytes], ...]
    only_structured: bool = False
    blank: bool = False


def inspect(data: bytes, *, max_pages: int) -> Inspection:
    """Open, count, look through and clean a PDF.

    :raises errors.InvalidFile: reason ``encrypted``, ``corrupt``, ``no_pages``, ``bomb``, ``too_complex``, ``xfa`` or
        ``portfolio``.
    :raises errors.TooManyPages: more than ``max_pages``.
    """
    too_much = inflation_guard.check_inflation(data)
    pdf = open_pdf(data)
    try:
        page_count = count_pages(pdf, max_pages=max_pages)
        decrypted, repaired = pdf.is_encrypted, bool(pdf.get_warnings())
        if decrypted:
            # Until here only ciphertext was measured.
            data = _saved(pdf)
            pdf.close()
            too_much = inflation_guard.check_inflation(data)
            pdf = open_pdf(data)
        attachments = embedded_files.attachments(pdf)
        pdf_contents.refuse_shells(pdf, attachments)
        if too_much and not attachments.found:
            raise refusals.invalid_file("bomb", limit=inflation_guard.TOTAL_LIMIT // inflation_guard.MEGABYTE)
        active, blank = pdf_contents.is_active(pdf), pdf_contents.is_blank(pdf)
        remarks = {
            "decrypted": decrypted,
            "repaired": repaired,
            "attachment_skipped": attachments.skipped,
            "embedded_files": attachments.others,
            "active_content": active,
        }
        if active or attachments.others:
            pdf_contents.strip(pdf)
        changed = decrypted or repaired or active or attachments.others or _has_foreign_bytes(data)
        cleaned = _saved(pdf) if changed else None
    finally:
        pdf.close()
    return Inspection(
        page_count,
        cleaned,
        tuple(code for code, applies in remarks.items() if applies),
        tuple((file.name, file.content) for file in attachments.found),
        too_much,
        blank,
    )


def open_pdf(data: bytes) -> "pikepdf.Pdf":
    """Open with the empty password, repairing what can be repaired.

    :raises errors.InvalidFile: reason ``encrypted``, ``corrupt`` or ``no_pages``.
    """
    import pikepdf

    _limit_qpdf()
    try:
        with _source(data) as source:
            return pikepdf.Pdf.open(source, inherit_page_attributes=False, conversion_mode="explicit")
    except pikepdf.PasswordError as error:
        raise refusals.invalid_file("encrypted") from error
    except (pikepdf.PikepdfError, ValueError) as error:  # ValueError: a number of more than 64 bits
        reason = "no_pages" if "no pages" in str(error) else "corrupt"
        raise refusals.invalid_file(reason) from error


def keep_pages(data: bytes, *, first: int, last: int) -> bytes:
    """The PDF with the pages from ``first`` to ``last`` only (from 1); forms and layers stay as they are.

    :raises errors.InvalidFile: reason ``encrypted``, ``corrupt`` or ``no_pages``.
    """
    import pikepdf

    pdf = open_pdf(data)
    try:
        del pdf.pages[last:]
        del pdf.pages[: first - 1]
        return _saved(pdf)
    except (pikepdf.PikepdfError, ValueError, TypeError) as error:
        raise refusals.invalid_file("corrupt") from error
    finally:
        pdf.close()


def turn_pages(data: bytes, degrees: Sequence[int]) -> bytes:
    """The PDF with each page turned clockwise by the degrees given for it, multiples of 90, as a viewer shows it.

    :raises errors.InvalidFile: reason ``encrypted`` or ``corrupt``.
    """
    import pikepdf

    pdf = open_pdf(data)
    try:
        for page, turn in zip(pdf.pages, degrees, strict=True):
            if turn:
                page.rotate(turn, relative=True)
        return _saved(pdf)
    except (pikepdf.PikepdfError, ValueError, TypeError) as error:
        raise refusals.invalid_file("corrupt") from error
    finally:
        pdf.close()


@contextlib.contextmanager
def _source(data: bytes) -> Iterator[str | BytesIO]:
    """The bytes as a file in memory where the system has that: the library reads a file twice as fast as a stream."""
    if not hasattr(os, "memfd_create"):
        yield BytesIO(data)
        return
    descriptor = os.memfd_create("document")
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(data)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def count_pages(pdf: "pikepdf.Pdf", *, max_pages: int) -> int:
    """The number of pages.

    The tree is walked here first: the library makes an object of every entry, and two megabytes can claim 300,000.

    :raises errors.InvalidFile: no pages, or a page tree that loops or is broken (reason ``no_pages``, ``corrupt``).
    :raises errors.TooManyPages: more than ``max_pages``.
    """
    import pikepdf

    seen = _leaves(pdf)
    if seen > max_pages:
        raise refusals.too_many_pages(limit=max_pages, actual=seen, at_least=seen >= _COUNTED_PAGES)
    try:
        count = len(pdf.pages)
    except (pikepdf.PikepdfError, ValueError, TypeError) as error:
        raise refusals.invalid_file("corrupt") from error
    if count == 0:
        raise refusals.invalid_file("no_pages")
    if count > max_pages:
        raise refusals.too_many_pages(limit=max_pages, actual=count)
    return count


@functools.cache
def _limit_qpdf() -> None:
    """Set the library's own limits, for what it unpacks by itself, such as object streams; they stay."""
    from pikepdf import settings

    settings.set_qpdf_limits(
        doc_max_warnings=20_000,
        flate_max_memory=inflation_guard.STREAM_LIMIT,
        png_max_memory=inflation_guard.STREAM_LIMIT,
        run_length_max_memory=inflation_guard.STREAM_LIMIT,
        tiff_max_memory=inflation_guard.STREAM_LIMIT,
    )


def _leaves(pdf: "pikepdf.Pdf") -> int:
    import pikepdf

    count, seen = 0, set()
    waiting = [pdf.Root.get("/Pages")]
    while waiting and count < _COUNTED_PAGES:
        node = waiting.pop()
        if not isinstance(node, pikepdf.Dictionary):
            continue
        kids = node.get("/Kids")
        if not isinstance(kids, pikepdf.Array):
            count += name_of(node.get("/Type")) != "/Pages"
            continue
        if node.objgen in seen:
            raise refusals.invalid_file("corrupt")
        if node.is_indirect:
            seen.add(node.objgen)
        waiting += [kids[at] for at in range(min(len(kids), _COUNTED_PAGES))]
    return count


def _has_foreign_bytes(data: bytes) -> bool:
    """Whether something lies before the header or behind the end, as in a file that is a ZIP archive as well."""
    return not data.startswith(b"%PDF-") or b"PK\x05\x06" in data[max(data.rfind(b"%%EOF"), 0) :][-_TRAILING * 64 :]


def _saved(pdf: "pikepdf.Pdf") -> bytes:
    """The document as bytes, without encryption. Streams are copied as they are."""
    import pikepdf

    buffer = BytesIO()
    try:
        pdf.save(
            buffer,
            encryption=False,
            fix_metadata_version=False,
            compress_streams=False,
            stream_decode_level=pikepdf.StreamDecodeLevel.none,
            object_stream_mode=pikepdf.ObjectStreamMode.disable,
        )
    except (pikepdf.PikepdfError, ValueError, TypeError) as error:
        raise refusals.invalid_file("corrupt") from error
    return buffer.getvalue()
