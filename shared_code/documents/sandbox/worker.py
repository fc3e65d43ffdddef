"""The process in which untrusted files are decoded; ``pool`` starts and ends it.

It holds nothing worth stealing (no settings, no keys, an empty environment), has a limit on memory, and may be killed
at any moment. It ends when its standard input closes, also in the middle of a job: a second thread waits for that. This
module imports only what every job needs; the libraries are loaded by :func:`main`.
"""

import contextlib
import importlib
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from shared_code import errors
from shared_code.documents import refusals
from shared_code.documents.sandbox import frames

if TYPE_CHECKING:
    from shared_code.documents.page_annotations import LoadedPage

type Answer = tuple[dict[str, Any], list[bytes]]

_MEGABYTE = 1_048_576
_TOUCHED_LATER_MB = 32


def main(memory_mb: int) -> None:
    """Answer frames until the standard input ends. The first frame that goes out says that it is ready."""
    questions, answers = _take_over_streams()
    jobs: queue.SimpleQueue[tuple[dict[str, Any], list[bytes]]] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(questions, jobs), daemon=True).start()
    _load_libraries()
    _limit_memory(memory_mb)
    frames.write_frame(answers, {"cpu_seconds": time.process_time()})
    while True:
        header, parts = jobs.get()
        answer, blobs = _work(header, parts)
        answer["peak_mb"], answer["now_mb"] = _peak_mb(), _resident_mb()
        answer["cpu_seconds"] = time.process_time()
        frames.write_frame(answers, answer, blobs)
        del header, parts, answer, blobs


def _take_over_streams() -> tuple[BinaryIO, BinaryIO]:
    """The pipes to the service, moved away from where a library could print into them."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    return questions, answers


def _receive(questions: BinaryIO, jobs: "queue.SimpleQueue[tuple[dict[str, Any], list[bytes]]]") -> None:
    with contextlib.suppress(frames.ConnectionLost, OSError):
        while True:
            jobs.put(frames.read_frame(questions))
    os._exit(0)


def _load_libraries() -> None:
    """Load what decodes files. Done before the memory limit is set, so that the limit counts only what a file takes."""
    import pikepdf  # noqa: F401 - loaded for its effect
    import PIL.Image
    import pypdfium2
    import zxingcpp  # noqa: F401 - loaded for its effect

    PIL.Image.init()
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


def _work(header: dict[str, Any], parts: list[bytes]) -> Answer:
    try:
        return OPERATIONS[header["operation"]](header, parts)
    except errors.ServiceError as error:
        return _refused(error)
    except MemoryError:
        return _refused(refusals.invalid_file("memory"))
    except RecursionError:
        return _refused(refusals.invalid_file("too_complex"))
    except Exception as error:  # noqa: BLE001 - libraries raise whatever the bytes provoke; the service logs the kind
        return _refused(refusals.invalid_file("corrupt"), unexpected=_where(error))


def _refused(error: errors.ServiceError, **more: str) -> Answer:
    return {"error": {"code": error.code, "message": error.message, "details": error.details}, **more}, []


def _where(error: BaseException) -> str:
    """Type and place of an exception; its text could hold words of the document."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code.co_filename if trace is not None else "?"
    return f"{type(error).__name__} at {os.path.basename(code)}:{trace.tb_lineno if trace is not None else 0}"  # noqa: PTH119 - only the name


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


def _pictures(header: dict[str, Any], parts: list[bytes]) -> Answer:
    from shared_code.documents import images

    pictures = images.read_pictures(parts[0], mime_type=header["mime_type"], max_frames=header["max_frames"])
    return _described(pictures)


def _shrink(header: dict[str, Any], parts: list[bytes]) -> Answer:
    from shared_code.documents import images

    return _described(tuple(images.shrink(part, longest_side=header["longest_side"]) for part in parts))


def _texts(_header: dict[str, Any], parts: list[bytes]) -> Answer:
    from dataclasses import asdict

    from shared_code.documents import font_glyphs, page_text

    pages, total, fonts = [], 0, None
    for loaded in _pages(parts[0]):
        fonts = fonts or font_glyphs.FontGlyphs(loaded.page.pdf)
        text = page_text.read_page(loaded, fonts)
        total += sum(len(part) for part in (text.text, text.hidden, text.switched_off, text.miscoded))
        if total > page_text.MAX_CHARACTERS:
            raise refusals.invalid_file("too_complex", limit=page_text.MAX_CHARACTERS)
        pages.append(asdict(text))
    return {"pages": pages}, []


def _render(header: dict[str, Any], parts: list[bytes]) -> Answer:
    from shared_code.documents import page_images

    pages = _pages(parts[0])
    return _described(tuple(page_images.render(one.page, longest_side=header["longest_side"]) for one in pages))


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


def _sleep(header: dict[str, Any], parts: list[bytes]) -> Answer:
    """A job that takes a given time, for tests of what becomes of a job that hangs."""
    threading.Event().wait(header["seconds"])
    return {"slept": True}, parts


def _burn(header: dict[str, Any], parts: list[bytes]) -> Answer:
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


def _peak_mb() -> float:
    # The kernel's figure for this program; ru_maxrss begins with the size of the process that started it.
    with contextlib.suppress(OSError, ValueError, StopIteration), open("/proc/self/status", "rb") as status:  # noqa: PTH123 - as below
        return round(next(int(line.split()[1]) for line in status if line.startswith(b"VmHWM:")) / 1024, 1)
    try:
        import resource
    except ImportError:  # not on Windows
        return 0.0
    # kilobytes, but bytes on macOS
    unit = _MEGABYTE if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)


def _resident_mb() -> float:
    with contextlib.suppress(OSError, ValueError), open("/proc/self/statm", "rb") as statm:  # noqa: PTH123 - as above
        return round(int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / _MEGABYTE, 1)
    return 0.0


OPERATIONS: dict[str, Callable[[dict[str, Any], list[bytes]], Answer]] = {
    "inspect": _inspect,
    "cut": _cut,
    "pictures": _pictures,
    "shrink": _shrink,
    "texts": _texts,
    "render": _render,
    "codes": _codes,
    "unwrap": _unwrap,
    "call": _call,
    "sleep": _sleep,
    "burn": _burn,
}
