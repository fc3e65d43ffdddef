"""The second reader as the service sees it: one process that reads one picture at a time.

It starts on first use and ends when nothing was asked of it for a while. What it finds is evidence and no more: when it
is killed, hangs, grows or has too many waiting, its caller is told and goes on without.
"""

import atexit
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from shared_code import errors
from shared_code.documents.ocr import engine
from shared_code.documents.sandbox.process import Process, ProcessGone
from shared_code.documents.sandbox.seats import Seats
from shared_code.documents.sandbox.watch import Limits, Watch
from shared_code.records import FileBytes

#: resident; seen at most 480 MB with pages of 2048 pixels
MEMORY_MB = 900
#: one page takes one to three seconds of CPU time, one of 160 lines takes five. Its start
#: counts as no progress, and is slow on a busy machine.
LIMITS = Limits(cpu=20.0, stalled=20.0, wall=45.0, slow=float("inf"), resident_mb=MEMORY_MB)
_REPLACE_ABOVE_MB = 600.0
_IDLE_SECONDS = 120.0
#: pictures that may wait, of all companies together
_LINE = 32
_WORKER = "shared_code.documents.ocr.worker"

_log = logging.getLogger(__name__)


class NoReading(Exception):
    """The picture was not read; ``reason`` is ``busy``, ``gone`` or ``refused``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ReadLine:
    """A line of text. ``score`` is 0 to 1.

    :ivar corners: x and y of each, in fractions of the picture, clockwise from the line's top left.
    """

    text: str = field(repr=False)
    score: float
    corners: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class ReadPicture:
    """An upright picture as it was read.

    :ivar width: in pixels, as ``height``.
    :ivar skew: degrees by which its lines fall to the right.
    """

    lines: tuple[ReadLine, ...]
    width: int
    height: int
    skew: float


class SecondReader:
    """Reads pictures. Thread-safe; companies take turns.

    :ivar starts: how often a process was started.
    """

    def __init__(self, *, limits: Limits = LIMITS, idle_seconds: float = _IDLE_SECONDS, line: int = _LINE) -> None:
        self.starts = 0
        self._limits = limits
        self._idle_seconds = idle_seconds
        self._line = line
        self._seats = Seats(1)
        self._watch = Watch(limits, on_slow=lambda: None)
        self._lock = threading.Lock()
        self._waiting = 0
        self._process: Process | None = None
        self._ending: threading.Timer | None = None

    def look(self, picture: FileBytes, *, company: str, wait_seconds: float) -> int:
        """The degrees, clockwise, by which a picture must be turned to be upright: 0, 90, 180 or 270.

        :param wait_seconds: how long to wait for the pictures before it.
        :raises NoReading: it was not looked at.
        """
        return int(self._ask("look", [picture], company=company, wait_seconds=wait_seconds)["turn"])

    def read(self, picture: FileBytes, *, company: str, wait_seconds: float) -> ReadPicture:
        """The text of an upright picture.

        :raises NoReading: it was not read.
        """
        facts = self._ask("read", [picture], company=company, wait_seconds=wait_seconds)
        lines = tuple(
            ReadLine(line["text"], line["score"], tuple((x, y) for x, y in line["corners"])) for line in facts["lines"]
        )
        return ReadPicture(lines, facts["width"], facts["height"], facts["skew"])

    @property
    def pid(self) -> int | None:
        """The id of its process; None when none runs."""
        process = self._process
        return None if process is None else process.pid

    def close(self) -> None:
        """End the process. It starts again when it is needed again."""
        with self._lock:
            process, self._process = self._process, None
            if self._ending is not None:
                self._ending.cancel()
        if process is not None:
            process.close(at_once=True)

    def _ask(
        self, operation: str, parts: Sequence[FileBytes], *, company: str, wait_seconds: float, **arguments: Any
    ) -> dict[str, Any]:
        with self._lock:
            if self._waiting >= self._line:
                raise NoReading("busy")
            self._waiting += 1
        try:
            with self._seats.one_for(company, wait_seconds=wait_seconds):
                return self._answer({"operation": operation, **arguments}, parts)
        except errors.Busy as error:
            raise NoReading("busy") from error
        finally:
            with self._lock:
                self._waiting -= 1

    def _answer(self, header: dict[str, Any], parts: Sequence[FileBytes]) -> dict[str, Any]:
        process = self._take()
        try:
            result = process.ask(header, parts, self._watch)
        except ProcessGone as gone:
            _log.warning("Reading a picture ended the second reader: %s", gone.end)
            raise NoReading("gone") from gone
        self._keep(process)
        if "error" in result.facts:
            _log.warning("The second reader refused a picture: %s", result.facts.get("unexpected", "damaged"))
            raise NoReading("refused")
        return result.facts

    def _take(self) -> Process:
        """The process, which is this caller's until it is kept again.

        :raises errors.Busy: it could not be started.
        """
        with self._lock:
            if self._ending is not None:
                self._ending.cancel()
                self._ending = None
            process, self._process = self._process, None
        if process is not None and not process.is_worn:
            return process
        if process is not None:
            process.close(at_once=True)
        self.starts += 1
        return Process(MEMORY_MB, worker=_WORKER, replace_above_mb=_REPLACE_ABOVE_MB)

    def _keep(self, process: Process) -> None:
        with self._lock:
            self._process = process
            self._ending = threading.Timer(self._idle_seconds, self._end_idle, [process])
            self._ending.daemon = True
            self._ending.start()

    def _end_idle(self, process: Process) -> None:
        with self._lock:
            if self._process is not process:
                return
            self._process = None
        process.close(at_once=False)


_default: SecondReader | None = None
_default_lock = threading.Lock()


def default_reader() -> SecondReader | None:
    """The reader of this process, made on first use and closed at exit; None where it is not installed."""
    global _default  # noqa: PLW0603 - one per process, like the process itself
    if not engine.is_installed():
        return None
    with _default_lock:
        if _default is None:
            _default = SecondReader()
            atexit.register(_default.close)
        return _default
