"""What the process does in which untrusted files are decoded; ``pool`` starts and ends it.

This module imports only what every job needs; the libraries are loaded by :func:`main`.
"""

import contextlib
import importlib
import sys
import threading
import time
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from shared_code.documents import refusals
from shared_code.documents.sandbox.child import Answer, Operation, serve

if TYPE_CHECKING:
    from shared_code.documents.page_annotations import LoadedPage

_MEGABYTE = 1_048_576
_TOUCHED_LATER_MB = 32


def main(memory_mb: int) -> None:
    """Answer frames until the standard input ends, with a limit on memory."""

    def prepare() -> None:
        _load_libraries()
        _limit_memory(memory_mb)

    serve(OPERATIONS, prepare)


def _load_libraries() -> None:
    """Load what every PDF needs; what opens pictures and codes comes with the first file that has some.

    Done before the memory limit is set, so that the limit counts only what a file takes.
    """
    # Without OpenSSL the interpreter has its own hashes; libraries import them, and nothing here asks for one.
    sys.modules.setdefault("_hashlib", cast("ModuleType", None))
    import pikepdf  # noqa: F401 - loaded for its effect
    import pypdfium2

    from shared_code.documents import page_text, pdf  # noqa: F401 - loaded for their effect

    pypdfium2.raw.FPDF_GetLastError()


def _limit_memory(memory_mb: int) -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError):
        with open("/proc/self/statm", "rb") as statm:  # noqa: PTH123 - not a file to handle with a path
            pages, resident = (int(field) for field in statm.read().split()[:2])
        # Address space that is reserved but not used is not counted, except for pages of libraries that are read later.
        beyond = (pages - resident) * resource.getpagesize()
        limit = (memory_mb - _TOUCHED_LATER_MB) * _MEGABYTE + beyond
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _inspect(header: dict[str, Any], parts: list[bytes]) -> Answer:
    from shared_code.documents import pdf

    seen = pdf.inspect(parts[0], max_pages=header["max_pages"])
    blobs = [content for _, content in seen.attachments]
    if seen.cleaned is not None:
        blobs.append(seen.cleaned)
    return {
        "page_count": seen.page_count,
        "remarks": seen.remarks,
        "attachments": [name for name, _ in seen.attachments],
        "cleaned": seen.cleaned is not None,
        "only_structured": seen.only_structured,
        "blank": seen.blank,
    }, blobs


def _cut(header: dict[str, Any], parts: list[bytes]) -> Answer:
    from shared_code.documents import pdf

    return {}, [pdf.keep_pages(parts[0], first=header["first"], last=header["last"])]


def _turn(header: dict[str, Any], parts: list[bytes]) -> Answer:
    """Pictures, or pages of one PDF, turned clockwise by the degrees given for each; 0 leaves one as it is."""
    if header["kind"] == "pdf":
        from shared_code.documents import pdf

        return {}, [pdf.turn_pages(parts[0], header["degrees"])]
    from shared_code.documents import images

    turned = zip(parts, header["degrees"], strict=True)
    return _described(tuple(images.turn(part, degrees) for part, degrees in turned))


def _pictures(header: dict[str, Any], parts: list[bytes]) -> Answer:
    from shared_code.documents import images

    pictures = images.read_pictures(parts[0], mime_type=header["mime_type"], max_frames=header["max_frames"])
    return _described(pictures)


def _shrink(header: dict[str, Any], parts: list[bytes]) -> Answer:
    from shared_code.documents import images

    return _described(tuple(images.shrink(part, longest_side=header["longest_side"]) for part in parts))


def _texts(header: dict[str, Any], parts: list[bytes]) -> Answer:
    from shared_code.documents import font_glyphs, page_text, placed_pages

    pages, total, fonts = [], 0, None
    for loaded in _pages(parts[0], header.get("pages")):
        fonts = fonts or font_glyphs.FontGlyphs(loaded.page.pdf)
        text = page_text.read_page(loaded, fonts)
        total += sum(len(part) for part in (text.text, text.hidden, text.switched_off, text.miscoded))
        if total > page_text.MAX_CHARACTERS:
            raise refusals.invalid_file("too_complex", limit=page_text.MAX_CHARACTERS)
        pages.append(text)
    return placed_pages.packed(pages)


def _render(header: dict[str, Any], parts: list[bytes]) -> Answer:
    from shared_code.documents import page_images

    pages = _pages(parts[0], header.get("pages"))
    return _described(tuple(page_images.render(one.page, longest_side=header["longest_side"]) for one in pages))


def _sizes(_header: dict[str, Any], parts: list[bytes]) -> Answer:
    """Width and height of each page of a PDF as it is shown, in points."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(parts[0])
        try:
            sizes = [document.get_page_size(index) for index in range(len(document))]
        finally:
            document.close()
    except pypdfium2.PdfiumError as error:
        raise refusals.invalid_file("corrupt") from error
    return {"sizes": sizes}, []


def _show(header: dict[str, Any], parts: list[bytes]) -> Answer:
    """One page of a PDF, or one picture, as PNG for a person."""
    from shared_code.documents import page_images

    if header["kind"] != "pdf":
        return _described((page_images.shown_picture(parts[0], width=header["width"]),))
    pages = _pages(parts[0], [header["page"]])
    return _described(tuple(page_images.shown_page(one.page, width=header["width"]) for one in pages))


def _codes(header: dict[str, Any], parts: list[bytes]) -> Answer:
    from shared_code.documents import page_images

    if header["kind"] == "pdf":
        found = [page_images.codes_on_page(one.page) for one in _pages(parts[0], header["pages"])]
    else:
        found = [page_images.codes_on_picture(part) for part in parts]
    return {"codes": found}, []


def _call(header: dict[str, Any], parts: list[bytes]) -> Answer:
    """A function of our own code, which takes the parts: what stands above this package cannot be imported by name."""
    module, _, function = header["function"].partition(":")
    return cast("Answer", getattr(importlib.import_module(module), function)(parts))


def sleep(header: dict[str, Any], parts: list[bytes]) -> Answer:
    """A job that takes a given time, for tests of what becomes of a job that hangs."""
    threading.Event().wait(header["seconds"])
    return {"slept": True}, parts


def burn(header: dict[str, Any], parts: list[bytes]) -> Answer:
    """A job that takes a given CPU time, for tests of what becomes of a slow file."""
    end = time.process_time() + header["cpu_seconds"]
    while time.process_time() < end:
        pass
    return {"burnt": True}, parts


def _unwrap(_header: dict[str, Any], parts: list[bytes]) -> Answer:
    from shared_code.documents import signed_envelope

    opened = signed_envelope.open_envelope(parts.pop())
    return {"signer": opened.signer}, [opened.content]


def _described(pictures: tuple[Any, ...]) -> Answer:
    return {
        "pictures": [
            {
                "mime_type": p.mime_type,
                "width": p.width,
                "height": p.height,
                "changed": p.data is not None,
                "blank": p.blank,
                "frames": p.frames,
            }
            for p in pictures
        ]
    }, [p.data for p in pictures if p.data is not None]


def _pages(data: bytes, wanted: list[int] | None = None) -> "Iterator[LoadedPage]":
    """Loaded pages, one at a time; ``wanted`` are indices from 0, None is all."""
    import pypdfium2

    from shared_code.documents import page_annotations

    try:
        document = pypdfium2.PdfDocument(data)
        try:
            document.init_forms()
            for index in range(len(document)) if wanted is None else wanted:
                loaded = page_annotations.load_page(document, index)
                yield loaded
                loaded.page.close()
        finally:
            document.close()
    except pypdfium2.PdfiumError as error:
        raise refusals.invalid_file("corrupt") from error


OPERATIONS: dict[str, Operation] = {
    "inspect": _inspect,
    "cut": _cut,
    "turn": _turn,
    "pictures": _pictures,
    "shrink": _shrink,
    "texts": _texts,
    "render": _render,
    "sizes": _sizes,
    "show": _show,
    "codes": _codes,
    "unwrap": _unwrap,
    "call": _call,
    "sleep": sleep,
    "burn": burn,
}
