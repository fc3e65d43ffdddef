"""The second reading of a document's pictures, beside the model call.

It reads and never overrules: its text is evidence, like a text layer that may hold mistakes. Whatever happens to it
(too many waiting, a reader that was killed, a page that takes too long) costs this evidence and nothing else. A reading
that is not done when the answer goes out may go on, behind all those that somebody waits for.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from shared_code import errors
from shared_code.documents.document import Document, PageTexts
from shared_code.documents.ocr import pages
from shared_code.documents.ocr.layout import page_of
from shared_code.documents.ocr.reader import NoReading, SecondReader
from shared_code.documents.sandbox.turns import waiting
from shared_code.invoices.page import PageText
from shared_code.providers.base import Media
from shared_code.records import Finding

_log = logging.getLogger(__name__)

#: documents that are read or wait for it at once
_MOST_DOCUMENTS = 16
#: of them, those whose answers have gone
_MOST_LATE = 4
#: seconds that one of these waits for the others
_LATE_SECONDS = 120.0
#: seconds that a page waits for those of others before it
_LINE_SECONDS = 60.0
#: degrees from which on it is worth a word
_SKEWED = 1.0
_HALF_TURN = 180


class _GivenUp(Exception):
    """Nobody waits for the rest of the pages any more."""


@dataclass
class Reading:
    """One document's reading while it is made.

    ``turns`` are the degrees clockwise that make each page of the document upright. ``late`` says that it goes on after
    the answer.
    """

    document: Document
    wanted: tuple[int, ...]
    turns: Future[tuple[int, ...]] = field(default_factory=Future)
    done: Future[None] = field(default_factory=Future)
    given_up: threading.Event = field(default_factory=threading.Event)
    late: bool = False
    read: dict[int, PageText] = field(default_factory=dict)
    skews: dict[int, float] = field(default_factory=dict)


class SecondReadings:
    """Makes second readings on few threads of its own. One for the process.

    :param wait_seconds: how long a caller waits in all: for which way up the pages are, and for the text later.
    :param most_pages: of one document that are read.
    :param verify_doubtful: whether pages with text are read as well where the reading is doubtful.
    """

    def __init__(
        self, reader: SecondReader, *, wait_seconds: float, most_pages: int, verify_doubtful: bool = False
    ) -> None:
        self.reader = reader
        self.wait_seconds = wait_seconds
        self.most_pages = most_pages
        self.verify_doubtful = verify_doubtful
        self._threads = ThreadPoolExecutor(_MOST_DOCUMENTS, thread_name_prefix="second-reader")
        self._changed = threading.Condition()
        self._running = 0
        self._late = 0
        self._closed = False

    def start(self, document: Document, texts: PageTexts) -> "SecondReading | None":
        """Begin to read the pages without text; None when there are none."""
        wanted = pages.pages_without_text(document, texts, at_most=self.most_pages)
        return self.begin(document, wanted) if wanted else None

    def begin(self, document: Document, wanted: Sequence[int]) -> "SecondReading":
        """Begin to read these pages, given by their indexes from 0; no more of them than may be read."""
        return SecondReading(self, self.begun(document, wanted))

    def begun(self, document: Document, wanted: Sequence[int]) -> Reading:
        """The same for several who may wait for it, each with a :class:`SecondReading` of its own."""
        reading = Reading(document, tuple(wanted)[: self.most_pages])
        with self._changed:
            accepted = self._running < _MOST_DOCUMENTS
            self._running += accepted
        if accepted:
            self._threads.submit(self._run, reading)
        else:
            reading.turns.set_exception(NoReading("busy"))
            reading.done.set_exception(NoReading("busy"))
        return reading

    def close(self) -> None:
        """Start no more readings, and give up those whose answers have gone."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def goes_on(self, reading: Reading) -> bool:
        """Whether a reading whose answer goes out now may go on; only few may."""
        with self._changed:
            if reading.done.done():
                return True
            if self._closed or self._late >= _MOST_LATE:
                return False
            reading.late = True
            self._late += 1
            self._changed.notify_all()
        return True

    def hurry(self, reading: Reading) -> None:
        """Let a reading that went on after all others be made in its turn: somebody waits for it now."""
        with self._changed:
            if reading.late and not reading.done.done():
                self._late -= 1
                reading.late = False
                self._changed.notify_all()

    def afterwards(self, work: Callable[[], None]) -> None:
        """Do something on a thread of the readings; nothing when they are closed."""
        with self._changed:
            if not self._closed:
                self._threads.submit(_logged, work)

    def _run(self, reading: Reading) -> None:
        try:
            self._make(reading)
        except Exception as error:  # noqa: BLE001 - whatever ends it, those who wait are told, and nobody else is harmed
            if not isinstance(error, NoReading | _GivenUp | errors.ServiceError):
                _log.exception("a second reading failed")
            for future in (reading.turns, reading.done):
                if not future.done():
                    future.set_exception(error)
        else:
            reading.done.set_result(None)
        finally:
            with self._changed:
                self._running -= 1
                self._late -= reading.late
                self._changed.notify_all()

    def _make(self, reading: Reading) -> None:
        pictures = pages.pictures_of(reading.document, reading.wanted)
        turns = [0] * reading.document.page_count
        for place, picture in zip(reading.wanted, pictures, strict=True):
            turns[place] = self._look(reading, picture)
        reading.turns.set_result(tuple(turns))
        if any(turns):
            upright = pages.turned_upright(reading.document, turns)
            pictures = pages.pictures_of(upright, reading.wanted)
        company = reading.document.company
        for place, picture in zip(reading.wanted, pictures, strict=True):
            self._take_turn(reading)
            read = self.reader.read(picture.data, company=company, wait_seconds=_LINE_SECONDS)
            reading.skews[place] = read.skew
            reading.read[place] = page_of(read, turned=turns[place])

    def _look(self, reading: Reading, picture: Media) -> int:
        self._take_turn(reading)
        return self.reader.look(picture.data, company=reading.document.company, wait_seconds=_LINE_SECONDS)

    def _take_turn(self, reading: Reading) -> None:
        """Before each page: those whose answers have gone let all others go first."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed or not reading.late or self._running == self._late, timeout=_LATE_SECONDS
            )
            left = reading.late and (self._closed or self._running > self._late)
        if left or reading.given_up.is_set():
            raise _GivenUp


def _logged(work: Callable[[], None]) -> None:
    try:
        work()
    except Exception:  # noqa: BLE001 - the answer has gone, and nobody waits for this
        _log.exception("what a late second reading found could not be kept")


class SecondReading:
    """One document's second reading, as the run that waits for it sees it."""

    def __init__(self, readings: SecondReadings, reading: Reading) -> None:
        self._readings = readings
        self._reading = reading
        self._left_seconds = readings.wait_seconds
        self._problem: str | None = None
        self._turned: tuple[int, ...] = ()
        self._goes_on = False
        self._read: dict[int, PageText] = {}

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return not self._reading.done.done()

    def upright(self) -> Document:
        """The document with its pages upright; as it is when nothing is known of that in time."""
        document = self._reading.document
        try:
            turns = self._wait(self._reading.turns)
            if turns is None or not any(turns):
                return document
            turned = pages.turned_upright(document, turns)
        except errors.ServiceError as error:
            _log.warning("pages could not be turned: %s", error.code)
            return document
        self._turned = turns
        return turned

    def pages(self) -> dict[int, PageText]:
        """What was read of the pages, by their indices from 0, within what is left of the time to wait."""
        self._wait(self._reading.done)
        if self.is_open:
            self._goes_on = self._readings.goes_on(self._reading)
        if not self._goes_on:
            self.give_up()
        self._read = dict(self._reading.read)
        return self._read

    def give_up(self) -> None:
        """Read no more pages: nobody needs them."""
        self._reading.given_up.set()

    def when_late(self, keep: Callable[[Mapping[int, PageText], list[Finding]], None]) -> None:
        """Have what is read after :meth:`pages` kept, with all findings; called once, when the answer is stored."""
        if self._goes_on:
            self._reading.done.add_done_callback(lambda _: self._readings.afterwards(partial(self._keep_rest, keep)))

    def _keep_rest(self, keep: Callable[[Mapping[int, PageText], list[Finding]], None]) -> None:
        self._wait(self._reading.done)
        read = dict(self._reading.read)
        if read.keys() != self._read.keys():
            self._read = read
            keep(read, self.findings())

    def findings(self) -> list[Finding]:
        """What is to be said of it: pages that were turned, that are askew, and that were not read."""
        found = [_turned(place, degrees) for place, degrees in enumerate(self._turned) if degrees]
        found += [
            _skewed(place, skew)
            for place, skew in sorted(self._reading.skews.items())
            if place in self._read and abs(skew) >= _SKEWED
        ]
        missing = sorted(set(self._reading.wanted) - set(self._read))
        if missing:
            found.append(_unread(missing, self._problem or "late"))
        return found

    def _wait[T](self, future: Future[T]) -> T | None:
        started = time.monotonic()
        try:
            with waiting():
                return future.result(timeout=max(self._left_seconds, 0.0))
        except TimeoutError:
            self._problem = self._problem or "late"
        except NoReading as error:
            self._problem = error.reason
        except errors.ServiceError as error:
            self._problem = error.code
        except Exception:  # noqa: BLE001 - logged where it was raised; the run goes on without this evidence
            self._problem = "failed"
        finally:
            self._left_seconds -= time.monotonic() - started
        return None


def _turned(place: int, degrees: int) -> Finding:
    how = "was upside down" if degrees == _HALF_TURN else "lay on its side"
    message = f"Page {place + 1} {how}; it was turned before it was read."
    return Finding("page_turned", message, "file", found=str(degrees), review=False)


def _skewed(place: int, skew: float) -> Finding:
    message = f"Page {place + 1} is skewed by {abs(skew):.1f} degrees; it was read as it is."
    return Finding("page_skewed", message, "file", found=f"{skew:.1f}", review=False)


def _unread(places: list[int], problem: str) -> Finding:
    why = {
        "late": "had not finished when the answer was given",
        "busy": "had too many other pages to read",
    }.get(problem, "could not read it")
    numbers = ", ".join(str(place + 1) for place in places)
    message = f"The second reader {why}: values on page {numbers} were not compared with a reading of its picture."
    return Finding("second_reading_missing", message, "file", found=problem, review=False)
