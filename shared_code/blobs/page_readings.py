"""What the second reader sees on pages that a person looks at, begun before the person points at anything.

Reading a picture takes seconds. So it begins when the page is shown, behind all readings that somebody waits for, and
whoever points at the page meanwhile waits for what is left of it.
"""

import threading
from collections.abc import Callable, Hashable

from shared_code.documents.document import Document
from shared_code.extraction.second_reading import Reading, SecondReading, SecondReadings
from shared_code.invoices.page import PageText


class PageReadings:
    """Reads pages, each once at a time. Safe for many threads."""

    def __init__(self, readings: SecondReadings) -> None:
        self._readings = readings
        self._lock = threading.Lock()
        self._running: dict[Hashable, Reading] = {}

    def ahead(self, page: Hashable, document: Document, number: int, keep: Callable[[PageText], None]) -> None:
        """Begin to read a page behind all others, unless it is being read, or too many are.

        :param page: names it.
        :param keep: is given what was read, on a thread of its own.
        """
        reading, begun = self._begun(page, document, number, keep)
        if begun and not self._readings.goes_on(reading):
            reading.given_up.set()

    def read(
        self, page: Hashable, document: Document, number: int, keep: Callable[[PageText], None]
    ) -> PageText | None:
        """What stands on a page; None when that is not known in time. Then it is read on, and kept."""
        reading, begun = self._begun(page, document, number, keep)
        if not begun:
            self._readings.hurry(reading)
        return SecondReading(self._readings, reading).pages().get(number - 1)

    def _begun(
        self, page: Hashable, document: Document, number: int, keep: Callable[[PageText], None]
    ) -> tuple[Reading, bool]:
        """The reading of a page, and whether it began now."""
        with self._lock:
            running = self._running.get(page)
            if running is not None:
                return running, False
            reading = self._running[page] = self._readings.begun(document, [number - 1])
        reading.done.add_done_callback(lambda _done: self._ended(page, reading, number, keep))
        return reading, True

    def _ended(self, page: Hashable, reading: Reading, number: int, keep: Callable[[PageText], None]) -> None:
        """First kept, then forgotten: whoever looks in between finds it in one of the two places."""
        try:
            read = reading.read.get(number - 1)
            if read is not None:
                keep(read)
        finally:
            with self._lock:
                self._running.pop(page, None)
