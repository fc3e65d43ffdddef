"""From a model's answer to checked data: one look, at most one more, each booked on its own.

What makes a second look worth its tokens: an answer that was cut (only the pages behind the cut, or once more with a
larger cap), one in a loop and a refusal (another model), one that cannot be read (asked again), and one that is empty
or not grounded in a document that has text (once more with that text and the pages as images). After that the answer is
taken as it is, with its warnings, or given up. A document that is too long for one answer is read in page ranges.
"""

import logging
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from shared_code import errors
from shared_code.database.connection import Database
from shared_code.database.stores.extractions.claims import ClaimRequest
from shared_code.documents.document import Document, PageTexts, find_india_qr, page_images, page_texts
from shared_code.documents.page_ranges import PageRange
from shared_code.extraction.answer.heard import EMPTY, LOOPED, REFUSED, TRUNCATED, Heard, hear
from shared_code.extraction.answer.interpret import read_invoices
from shared_code.extraction.answer.merge import merged
from shared_code.extraction.answer.page_range_merge import PartAnswer, read_joined
from shared_code.extraction.answer.wire_schema import WireAnswer
from shared_code.extraction.call_plan import CallPlan, SecondLook
from shared_code.extraction.failover import AnswerUnusable
from shared_code.extraction.model_calls import ModelCalls
from shared_code.extraction.outcome import (
    AnswerData,
    Provenance,
    ReadingName,
    answer_data,
    find_earlier,
    finished,
    signed,
    stored_data,
)
from shared_code.extraction.page_range_reader import PageRangeReader, RangeAnswers, known_rows, split_pages
from shared_code.invoices.hidden_text import hidden_text_finding
from shared_code.invoices.reading import Grounding, Reading
from shared_code.invoices.result import (
    ESSENTIAL,
    build_result,
    is_empty,
    looks_like_an_invoice,
)
from shared_code.invoices.schema import IndiaQr
from shared_code.invoices.table_rows import count_rows
from shared_code.invoices.text_layer import TextLayer
from shared_code.providers.base import ModelAnswer
from shared_code.records import Finding

_log = logging.getLogger(__name__)

SECOND_LOOK = "second_look"
UNUSABLE = "unusable"
_TEXT_SECONDS = 60.0
#: seconds that a call waits for the text that tells how long its answer may be, and more for each page
_ROWS_SECONDS, _ROWS_PAGE_SECONDS = 2.0, 0.2


@dataclass(frozen=True, slots=True)
class ReviewTools:
    """What answers are reviewed with; one set for the process.

    :ivar background: runs the local reading of text layers beside the model call.
    :ivar clock: the moment (aware, UTC) whose day dates are judged against.
    :ivar irn_public_keys: PEM keys by which signed codes on Indian invoices are verified.
    """

    database: Database
    background: Executor
    clock: Callable[[], datetime]
    irn_public_keys: str | None = None


@dataclass(frozen=True, slots=True)
class _Judged:
    """An answer and what is wrong with it; ``trouble`` is the outcome that is booked for it, None when it will do.

    ``reading`` is also there when the answer is doubted only; ``heard`` holds what is good in one that was cut.
    """

    answer: ModelAnswer
    heard: Heard
    reading: Reading | None
    trouble: str | None


class AnswerReview:
    """Asks about one document, judges, asks once more when that helps, and stores the result with the last booking."""

    def __init__(self, tools: ReviewTools, calls: ModelCalls, claim: ClaimRequest, document: Document) -> None:
        self._tools = tools
        self._calls = calls
        self._claim = claim
        self._document = document
        self._supersedes: str | None = None
        self._reading_texts = tools.background.submit(page_texts, document)
        self._indexing: Future[TextLayer] | None = None

    def read(self, plan: CallPlan, *, supersedes: str | None = None) -> AnswerData:
        """The ``data`` part of the answer; every billed answer is booked either way.

        :param supersedes: the id of the reading that this one replaces.
        :raises errors.ProviderRejected: the model refuses the document, and so does the next one.
        :raises errors.ProviderBadAnswer: no answer could be read, also after asking again.
        :raises errors.TooManyPages: the document would take more calls than are made for one.
        :raises errors.ServiceError: as :meth:`ModelCalls.ask`.
        """
        self._supersedes = supersedes
        plan = plan.with_rows(self._counted_rows())
        ranges = split_pages(plan.rows, self._calls.place[1]) if plan.rows else []
        if len(ranges) > 1:
            return self._finish_ranges(PageRangeReader(self._calls, self._document, plan, self._pages).read(ranges))
        first = self._judge(self._calls.ask(plan), plan)
        if first.reading is not None and first.trouble is None:
            return self._finish(first.answer, first.reading)
        self._calls.settle(first.answer, outcome=first.trouble or UNUSABLE)
        if first.heard.cut is not None:
            reader = PageRangeReader(self._calls, self._document, plan, self._pages)
            return self._finish_ranges(reader.go_on(first.answer, first.heard))
        try:
            answer = self._ask_once_more(first.trouble, plan)
        except errors.ServiceError:
            if first.reading is None:
                raise
            # The first answer was paid for and is readable: better with its warnings than nothing.
            return self._finish(first.answer, first.reading, booked=True)
        if answer is None:
            raise errors.ProviderRejected(details={"reason": first.answer.reason})
        second = self._judge(answer, plan)
        if second.reading is not None:
            reading = merged(first.reading, second.reading) if first.reading is not None else second.reading
            return self._finish(second.answer, reading)
        self._calls.settle(second.answer, outcome=second.trouble or UNUSABLE)
        if first.reading is not None:
            return self._finish(first.answer, first.reading, booked=True)
        raise _unusable(second.trouble, second.answer.reason)

    def leave(self) -> None:
        """Give the document up unread: another run has its answer."""
        self._reading_texts.cancel()

    def _counted_rows(self) -> tuple[int | None, ...]:
        """Rows of tables on each page; empty when the text is late: the document's pages then tell how much to ask."""
        if self._document.structured is not None:
            return (self._document.structured.rows,)
        seconds = _ROWS_SECONDS + _ROWS_PAGE_SECONDS * self._document.page_count
        try:
            texts = self._reading_texts.result(timeout=seconds)
        except (errors.ServiceError, TimeoutError, CancelledError):
            return ()
        # A model takes its time: what its answer is compared with is made ready meanwhile.
        self._indexing = self._tools.background.submit(TextLayer(texts.parts).index)
        return count_rows(texts.pages)

    def _ask_once_more(self, trouble: str | None, plan: CallPlan) -> ModelAnswer | None:
        """A second answer by what was wrong with the first; None when no other model can take a refused document."""
        return (
            self._calls.ask_elsewhere(plan)
            if trouble == REFUSED
            else self._calls.ask(self._another_plan(trouble, plan))
        )

    def _judge(self, answer: ModelAnswer, plan: CallPlan) -> _Judged:
        heard = hear(answer, rows=known_rows(plan.rows))
        if heard.wire is None:
            return _Judged(answer, heard, None, heard.trouble)
        whole = PartAnswer(PageRange(1, self._document.page_count), heard.wire)
        reading = read_joined([whole], self._interpret)
        # The model was given the text itself: nothing else can be shown to it.
        doubted = self._document.structured is None and needs_second_look(reading, self._layer)
        return _Judged(answer, heard, reading, SECOND_LOOK if doubted else None)

    def _interpret(self, wire: WireAnswer) -> Reading:
        return read_invoices(wire, self._layer)

    def _another_plan(self, trouble: str | None, plan: CallPlan) -> CallPlan:
        """How to ask once more, by what was wrong with the first answer."""
        if trouble in (SECOND_LOOK, EMPTY) and any(self._pages) and self._document.structured is None:
            return plan.with_second_look(SecondLook(page_images(self._document), self._pages))
        return plan

    def _finish_ranges(self, answers: RangeAnswers) -> AnswerData:
        """Book the last answer, and store the result of all of them."""
        if answers.answer is None or not answers.parts:
            raise _unusable(answers.trouble, None)
        reading = read_joined(answers.parts, self._interpret)
        reading = replace(reading, findings=(*reading.findings, *answers.findings()))
        return self._finish(answers.answer, reading, booked=not answers.is_open)

    def _finish(self, answer: ModelAnswer, reading: Reading, *, booked: bool = False) -> AnswerData:
        """Book the answer and store its result in one transaction.

        :param booked: the answer is booked already; an open reservation of a further look is given back.
        """
        calls, claim, tools = self._calls, self._claim, self._tools
        qr = self._india_qr()
        result = build_result(
            reading,
            pages=self._pages,
            today=tools.clock().date(),
            source_findings=(*self._document.findings, *self._on_the_text()),
            qr=qr,
        )
        provider, model = calls.place
        provenance = Provenance(
            method="qr+model" if qr is not None else "model",
            provider=provider.value,
            model=answer.model_version or model,
            pages=self._document.page_count,
            sha256=self._document.sha256,
        )
        if booked:
            calls.give_back()
        data = stored_data(result, find_earlier(tools.database, claim, result), signed(provenance, self._document))
        stored = finished(result, data, claim.head(supersedes=self._supersedes))
        if booked:
            calls.store(claim.key, stored)
        else:
            calls.settle(answer, outcome="ok", claim_key=claim.key, finished=stored)
        return answer_data(data, calls.booked, ReadingName(claim.reading_id, self._supersedes))

    @cached_property
    def _texts(self) -> PageTexts | None:
        """The document's own text; None when it could not be read: then nothing can be grounded, and it is reviewed."""
        try:
            return self._read_texts()
        except (errors.ServiceError, TimeoutError, CancelledError):
            _log.warning("the text layer could not be read", exc_info=True)
            return None

    @cached_property
    def _layer(self) -> TextLayer:
        """The text of all pages, for lookups; empty when it could not be read."""
        if self._indexing is not None and not self._indexing.cancel():
            return self._indexing.result()
        return TextLayer(self._texts.parts if self._texts else ())

    def _read_texts(self) -> PageTexts:
        try:
            return self._reading_texts.result(timeout=_TEXT_SECONDS)
        except errors.Busy:
            # The answer is paid for and its result is kept: one busy moment must not leave it without evidence.
            return page_texts(self._document)

    @property
    def _pages(self) -> tuple[str, ...]:
        """The visible text of each page; empty when it could not be read."""
        return self._texts.pages if self._texts else ()

    def _on_the_text(self) -> tuple[Finding, ...]:
        """What the document's text says of itself: that it could not be read, or that some of it is hidden."""
        if self._texts is None:
            message = "The document's text could not be read in time, so that no value was looked up on its pages."
            return (Finding("text_not_read", message, "file"),)
        finding = hidden_text_finding(self._texts.hidden, self._layer)
        return () if finding is None else (finding,)

    def _india_qr(self) -> IndiaQr | None:
        """The signed code on the pages; one that cannot be looked for costs the evidence, not the answer."""
        if self._texts is None:
            return None
        try:
            return find_india_qr(self._document, self._texts, public_keys=self._tools.irn_public_keys)
        except errors.ServiceError as error:
            _log.warning("the pages could not be searched for a signed code: %s", error.code)
            return None


def _unusable(trouble: str | None, reason: str | None) -> errors.ServiceError:
    """What the user sees when no answer can be used."""
    if trouble == REFUSED:
        return errors.ProviderRejected(details={"reason": reason})
    if trouble in (TRUNCATED, LOOPED):
        return AnswerUnusable(details={"reason": trouble})
    return errors.ProviderBadAnswer(details={"reason": trouble})


def needs_second_look(reading: Reading, layer: TextLayer) -> str | None:
    """Why the document is worth one more call, or None: an answer that its own text contradicts.

    Some models silently see nothing of pages whose fonts they cannot read, and answer as if they were blank.
    """
    if any(entry.grounded.get(name) is Grounding.MISSING for entry in reading.invoices for name in ESSENTIAL):
        return "ungrounded"
    if not layer.usable:
        return None
    if reading.document_status == "unreadable":
        return "unreadable"
    if reading.document_status == "not_an_invoice":
        return "not_an_invoice" if looks_like_an_invoice(layer) else None
    if not reading.invoices or all(is_empty(entry.invoice) for entry in reading.invoices):
        return "empty"
    return None
