"""The process that reads pictures; ``reader`` starts and ends it.

Its libraries reserve far more address space than they use, so that the service watches the memory that is really used
instead of limiting it here. One thread each: a page costs the same CPU time on more, and the rest is the service's.
"""

import contextlib
import os
import threading
from typing import TYPE_CHECKING, Any

from shared_code.documents.sandbox import worker as documents
from shared_code.documents.sandbox.child import Answer, Operation, serve

if TYPE_CHECKING:
    from shared_code.documents.ocr.engine import Engine

#: libraries that start a thread for each core when nothing says otherwise
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
#: how much others are preferred, see nice(2)
_NICE = 5
_MEGABYTE = 1_048_576

_engine: "Engine | None" = None


def main(_memory_mb: int) -> None:
    """Answer frames until the standard input ends."""
    serve(OPERATIONS, _prepare)


def _prepare() -> None:
    global _engine  # noqa: PLW0603 - one for the process
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    if hasattr(os, "nice"):
        os.nice(_NICE)
    with contextlib.suppress(ImportError):  # not on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from shared_code.documents.ocr.engine import Engine

    _engine = Engine()


def _loaded() -> "Engine":
    if _engine is None:
        raise RuntimeError("asked before it was ready")
    return _engine


def _look(_header: dict[str, Any], parts: list[bytes]) -> Answer:
    return _loaded().look(parts[0]), []


def _read(_header: dict[str, Any], parts: list[bytes]) -> Answer:
    return _loaded().read(parts[0]), []


def _hoard(header: dict[str, Any], _parts: list[bytes]) -> Answer:
    """A job that takes a given memory and time, for tests of what becomes of one that grows."""
    held = bytearray(os.urandom(1024)) * (header["megabytes"] * 1024)
    threading.Event().wait(header["seconds"])
    return {"held": len(held) // _MEGABYTE}, []


OPERATIONS: dict[str, Operation] = {
    "look": _look,
    "read": _read,
    "hoard": _hoard,
    "sleep": documents.sleep,
    "burn": documents.burn,
}
