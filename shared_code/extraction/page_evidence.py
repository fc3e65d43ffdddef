"""What the pages themselves say, made ready beside the model call: their text, a second reading, signed codes.

None of it can fail a run: what cannot be read costs the evidence, and is said.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Executor, Future
from functools import cached_property, partial

from shared_code import errors
from shared_code.documents.document import Document, PageTexts, find_india_qr, page_texts
from shared_code.documents.file_type import Kind
from shared_code.documents.ocr.pages import with_read_pages
from shared_code.documents.sandbox.turns import waiting
from shared_code.extraction.second_reading import SecondReading, SecondReadings
from shared_code.invoices.hidden_text import hidden_text_finding
from shared_code.invoices.page import PageText
from shared_code.invoices.schema import IndiaQr
from shared_code.invoices.table_rows import count_rows
from shared_code.invoices.text_layer import TextLayer
from shared_code.records import Finding

_log = logging.getLogger(__name__)

_TEXT_SECONDS = 60.0
#: seconds that a call waits for the text that tells how long its answer may be, and more for each page
_ROWS_SECONDS, _ROWS_PAGE_SECONDS = 2.0, 0.2


class PageEvidence:
    """The text layer of one document, and what its pictures say where it has none.

    :ivar document: with its pages upright, once :meth:`look_at_pictures` was called.
    """

    def __init__(self, document: Document, background: Executor, second_readings: SecondReadings | None) -> None:
        self.document = document
        self._background = background
        self._second_readings = second_readings
        self._second: SecondReading | None = None
        self._verifying: SecondReading | None = None
        self._reading_texts = background.submit(page_texts, document)
        self._indexing: Future[TextLayer] | None = None

    def leave(self) -> None:
        """Give the document up unread."""
        self._reading_texts.cancel()
        if self._second is not None:
            self._second.give_up()

    def counted_rows(self) -> tuple[int | None, ...]:
        """Rows of tables on each page; empty when the text is late: the document's pages then tell how much to ask."""
        if self.document.structured is not None:
            return (self.document.structured.rows,)
        seconds = _ROWS_SECONDS + _ROWS_PAGE_SECONDS * self.document.page_count
        try:
            with waiting():
                texts = self._reading_texts.result(timeout=seconds)
        except (errors.ServiceError, TimeoutError, CancelledError):
            return ()
        # A model takes its time: what its answer is compared with is made ready meanwhile.
        self._indexing = self._background.submit(TextLayer(texts.parts).index)
        return count_rows(texts.pages)

    def look_at_pictures(self) -> Document:
        """Begin the second reading of pages without text; the document with its pages upright.

        Called before the model is asked. Text that is not there by now does not begin one.
        """
        if self._second_readings is None or not self._reading_texts.done() or self._texts is None:
            return self.document
        self._second = self._second_readings.start(self.document, self._texts)
        if self._second is not None:
            self.document = self._second.upright()
        return self.document

    @property
    def is_open(self) -> bool:
        """Whether :attr:`layer` waits for the second reader, and all that is known of the document comes from it."""
        return self._second is not None and self._second.is_open and not self.own_layer.usable

    @property
    def verifies(self) -> bool:
        """Whether pages with text are compared with their pictures where the reading is doubtful."""
        readings = self._second_readings
        pictured = self.document.kind is Kind.PDF and self.document.structured is None
        return readings is not None and readings.verify_doubtful and pictured

    @cached_property
    def own_layer(self) -> TextLayer:
        """The document's own text, for lookups; empty when it could not be read."""
        if self._indexing is not None and not self._indexing.cancel():
            with waiting():
                return self._indexing.result()
        return TextLayer(self._texts.parts if self._texts else ())

    @cached_property
    def layer(self) -> TextLayer:
        """The document's own text, and the second reader's where that has none."""
        read = {} if self._second is None else self._second.pages()
        if not read or self._texts is None:
            return self.own_layer
        return TextLayer(with_read_pages(self._texts, read).parts)

    @property
    def pages(self) -> Sequence[str]:
        """The document's own visible text of each page; empty when it could not be read."""
        return self._texts.pages if self._texts else ()

    def findings(self) -> list[Finding]:
        """What is to be said of the pages: that they could not be read, or that some of their text is hidden."""
        if self._texts is None:
            message = "The document's text could not be read in time, so that no value was looked up on its pages."
            return [Finding("text_not_read", message, "file")]
        second = [finding for one in (self._second, self._verifying) if one is not None for finding in one.findings()]
        return [*_hidden(self._texts, self.layer), *second]

    def read_pictures(self, pages: Sequence[int]) -> Mapping[int, PageText]:
        """What the second reader reads in the pictures of pages with text, by their indexes from 0."""
        if self._second_readings is None:
            return {}
        self._verifying = self._second_readings.begin(self.document, pages)
        read = self._verifying.pages()
        self._verifying.give_up()
        return read

    def when_late(self, keep: Callable[[TextLayer, Sequence[Finding]], None]) -> None:
        """Have a second reading kept that is still open: its text with the document's own, and what is said of it."""
        if self._second is not None and self._texts is not None:
            self._second.when_late(partial(_keep_late, keep, self._texts))

    def india_qr(self, public_keys: str | None) -> IndiaQr | None:
        """The signed code on the pages; one that cannot be looked for costs the evidence, not the answer."""
        if self._texts is None:
            return None
        try:
            return find_india_qr(self.document, self._texts, public_keys=public_keys)
        except errors.ServiceError as error:
            _log.warning("the pages could not be searched for a signed code: %s", error.code)
            return None

    @cached_property
    def _texts(self) -> PageTexts | None:
        """The document's own text; None when it could not be read: then nothing can be grounded, and it is reviewed."""
        try:
            return self._read_texts()
        except (errors.ServiceError, TimeoutError, CancelledError):
            _log.warning("the text layer could not be read", exc_info=True)
            return None

    def _read_texts(self) -> PageTexts:
        try:
            with waiting():
                return self._reading_texts.result(timeout=_TEXT_SECONDS)
        except errors.Busy:
            # The answer is paid for and its result is kept: one busy moment must not leave it without evidence.
            return page_texts(self.document)


def _hidden(texts: PageTexts, layer: TextLayer) -> list[Finding]:
    hidden = hidden_text_finding(texts.hidden, layer)
    return [] if hidden is None else [hidden]


def _keep_late(
    keep: Callable[[TextLayer, Sequence[Finding]], None],
    texts: PageTexts,
    read: Mapping[int, PageText],
    findings: Sequence[Finding],
) -> None:
    """Called after the answer; holds the texts of the document, and not the document."""
    layer = TextLayer(with_read_pages(texts, read).parts)
    keep(layer, [*_hidden(texts, layer), *findings])
