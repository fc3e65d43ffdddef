"""From a model's answer to checked data: one look, at most one more, each booked on its own.

What makes a second look worth its tokens: an answer that was cut (only the pages behind the cut, or once more with a
larger cap), one in a loop and a refusal (another model), one that cannot be read (asked again), and one that is empty
or not grounded in a document that has text (once more with that text and the pages as images). After that the answer is
taken as it is, with its warnings, or given up. A document that is too long for one answer is read in page ranges.
"""

import logging
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime

from shared_code import errors
from shared_code.database.connection import Database
from shared_code.database.stores.extractions.claims import ClaimRequest
from shared_code.documents.document import Document, page_images
from shared_code.documents.page_ranges import PageRange
from shared_code.extraction.answer.heard import EMPTY, LOOPED, REFUSED, TRUNCATED, Heard, hear
from shared_code.extraction.answer.merge import merged
from shared_code.extraction.answer.page_range_merge import PartAnswer
from shared_code.extraction.call_plan import CallPlan, SecondLook
from shared_code.extraction.earlier_documents import find_earlier
from shared_code.extraction.failover import AnswerUnusable
from shared_code.extraction.late_reading import Answers, LateReading, Verdicts
from shared_code.extraction.model_calls import ModelCalls
from shared_code.extraction.outcome import (
    AnswerData,
    Provenance,
    ReadingName,
    answer_data,
    finished,
    signed,
    stored_data,
)
from shared_code.extraction.page_evidence import PageEvidence
from shared_code.extraction.page_range_reader import PageRangeReader, RangeAnswers, known_rows, split_pages
from shared_code.extraction.picture_check import pages_to_compare, with_differences
from shared_code.extraction.reviewed import reviewed_now
from shared_code.extraction.second_reading import SecondReadings
from shared_code.invoices.confidence import ESSENTIAL
from shared_code.invoices.reading import Grounding, Reading
from shared_code.invoices.result import ExtractionResult, is_empty, looks_like_an_invoice
from shared_code.invoices.text_layer import TextLayer
from shared_code.providers.base import ModelAnswer

_log = logging.getLogger(__name__)

SECOND_LOOK = "second_look"
UNUSABLE = "unusable"


@dataclass(frozen=True, slots=True)
class ReviewTools:
    """What answers are reviewed with; one set for the process.

    :ivar background: runs the local reading of text layers beside the model call.
    :ivar clock: the moment (aware, UTC) whose day dates are judged against.
    :ivar irn_public_keys: PEM keys by which signed codes on Indian invoices are verified.
    :ivar second_readings: reads pages without text; None where that is off or not installed.
    """

    database: Database
    background: Executor
    clock: Callable[[], datetime]
    irn_public_keys: str | None = None
    second_readings: SecondReadings | None = None


@dataclass(frozen=True, slots=True)
class _Judged:
    """An answer and what is wrong with it; ``trouble`` is the outcome that is booked for it, None when it will do.

    ``reading`` and ``answers`` are also there when the answer is doubted only; ``heard`` holds what is good in one that
    was cut. ``booked`` says that it was booked before it was judged.
    """

    answer: ModelAnswer
    heard: Heard
    reading: Reading | None
    trouble: str | None
    answers: Answers
    booked: bool = False


class AnswerReview:
    """Asks about one document, judges, asks once more when that helps, and stores the result with the last booking."""

    def __init__(self, tools: ReviewTools, calls: ModelCalls, claim: ClaimRequest, document: Document) -> None:
        self._tools = tools
        self._calls = calls
        self._claim = claim
        self._supersedes: str | None = None
        self._evidence = PageEvidence(document, tools.background, tools.second_readings)

    def read(self, plan: CallPlan, *, supersedes: str | None = None) -> AnswerData:
        """The ``data`` part of the answer; every billed answer is booked either way.

        :param supersedes: the id of the reading that this one replaces.
        :raises errors.ProviderRejected: the model refuses the document, and so does the next one.
        :raises errors.ProviderBadAnswer: no answer could be read, also after asking again.
        :raises errors.TooManyPages: the document would take more calls than are made for one.
        :raises errors.ServiceError: as :meth:`ModelCalls.ask`.
        """
        self._supersedes = supersedes
        plan = plan.with_rows(self._evidence.counted_rows()).with_upright(self._evidence.look_at_pictures())
        ranges = split_pages(plan.rows, self._calls.place[1]) if plan.rows else []
        if len(ranges) > 1:
            return self._finish_ranges(
                PageRangeReader(self._calls, self._document, plan, self._evidence.pages).read(ranges)
            )
        first = self._judge(self._calls.ask(plan), plan)
        if first.reading is not None and first.trouble is None:
            return self._finish(first.answer, first.reading, first.answers, booked=first.booked)
        self._book(first)
        if first.heard.cut is not None:
            reader = PageRangeReader(self._calls, self._document, plan, self._evidence.pages)
            return self._finish_ranges(reader.go_on(first.answer, first.heard))
        try:
            answer = self._ask_once_more(first.trouble, plan)
        except errors.ServiceError:
            if first.reading is None:
                raise
            # The first answer was paid for and is readable: better with its warnings than nothing.
            return self._finish(first.answer, first.reading, first.answers, booked=True)
        if answer is None:
            raise errors.ProviderRejected(details={"reason": first.answer.reason})
        second = self._judge(answer, plan)
        if second.reading is not None:
            reading, answers = second.reading, second.answers
            if first.reading is not None:
                reading = merged(first.reading, reading)
                answers = Answers((*first.answers.looks, *answers.looks))
            return self._finish(second.answer, reading, answers, booked=second.booked)
        self._book(second)
        if first.reading is not None:
            return self._finish(first.answer, first.reading, first.answers, booked=True)
        raise _unusable(second.trouble, second.answer.reason)

    @property
    def _document(self) -> Document:
        return self._evidence.document

    def leave(self) -> None:
        """Give the document up unread: another run has its answer."""
        self._evidence.leave()

    def _book(self, judged: _Judged) -> None:
        """Book an answer that does not end the run."""
        if not judged.booked:
            self._calls.settle(judged.answer, outcome=judged.trouble or UNUSABLE)

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
            return _Judged(answer, heard, None, heard.trouble, Answers(()))
        answers = Answers(([PartAnswer(PageRange(1, self._document.page_count), heard.wire)],))
        booked = self._booked_before_waiting(answer)
        reading = answers.read(self._evidence.layer)
        # The model was given the text itself: nothing else can be shown to it.
        own = self._evidence.own_layer
        doubted = self._document.structured is None and needs_second_look(
            reading, own, by_own_text=self._evidence.layer is own
        )
        return _Judged(answer, heard, reading, SECOND_LOOK if doubted else None, answers, booked)

    def _booked_before_waiting(self, answer: ModelAnswer) -> bool:
        """Book an answer that waits for the second reader: whatever ends the process meanwhile, its cost is known.

        The document has no text of its own by which it could be worth a second look.
        """
        if not self._evidence.is_open:
            return False
        self._calls.settle(answer, outcome="ok")
        return True

    def _another_plan(self, trouble: str | None, plan: CallPlan) -> CallPlan:
        """How to ask once more, by what was wrong with the first answer."""
        if trouble in (SECOND_LOOK, EMPTY) and any(self._evidence.pages) and self._document.structured is None:
            return plan.with_second_look(SecondLook(page_images(self._document), self._evidence.pages))
        return plan

    def _finish_ranges(self, answers: RangeAnswers) -> AnswerData:
        """Book the last answer, and store the result of all of them."""
        if answers.answer is None or not answers.parts:
            raise _unusable(answers.trouble, None)
        booked = not answers.is_open or self._booked_before_waiting(answers.answer)
        own = Answers((answers.parts,), tuple(answers.findings()))
        return self._finish(answers.answer, own.read(self._evidence.layer), own, booked=booked)

    def _finish(self, answer: ModelAnswer, reading: Reading, answers: Answers, *, booked: bool = False) -> AnswerData:
        """Book the answer and store its result in one transaction.

        :param answers: what the reading was read from.
        :param booked: the answer is booked already; an open reservation of a further look is given back.
        """
        calls, claim, tools = self._calls, self._claim, self._tools
        verdicts = Verdicts(
            self._evidence.pages,
            tools.clock().date(),
            self._evidence.india_qr(tools.irn_public_keys),
            self._document.findings,
        )
        result = verdicts.result(reading, self._evidence.layer, self._evidence.findings())
        if doubtful := self._doubtful_pages(reading, result):
            if not booked:
                calls.settle(answer, outcome="ok")
                booked = True
            reading = with_differences(reading, self._evidence.layer, self._evidence.read_pictures(doubtful))
            result = verdicts.result(reading, self._evidence.layer, self._evidence.findings())
        provider, model = calls.place
        provenance = Provenance(
            method="qr+model" if verdicts.qr is not None else "model",
            provider=provider.value,
            model=answer.model_version or model,
            pages=self._document.page_count,
            sha256=self._document.sha256,
        )
        if booked:
            calls.give_back()
        earlier = find_earlier(tools.database, claim, result)
        data = stored_data(result, earlier, signed(provenance, self._document))
        stored = finished(result, data, claim.head(supersedes=self._supersedes))
        if booked:
            ended = calls.store(claim.key, stored)
        else:
            ended = calls.settle(answer, outcome="ok", claim_key=claim.key, finished=stored)
        late = LateReading(tools.database, claim.reading_id, answers, verdicts, reading, len(result.invoices), earlier)
        self._evidence.when_late(late.keep)
        name = ReadingName(claim.reading_id, self._supersedes)
        reviewed = reviewed_now(tools.database, claim.reading_id, ended)
        return answer_data(data, calls.booked, name, result.evidence, reviewed=reviewed)

    def _doubtful_pages(self, reading: Reading, result: ExtractionResult) -> tuple[int, ...]:
        """Pages with text whose totals are to be compared with their pictures."""
        return pages_to_compare(reading, result, self._evidence.layer) if self._evidence.verifies else ()


def _unusable(trouble: str | None, reason: str | None) -> errors.ServiceError:
    """What the user sees when no answer can be used."""
    if trouble == REFUSED:
        return errors.ProviderRejected(details={"reason": reason})
    if trouble in (TRUNCATED, LOOPED):
        return AnswerUnusable(details={"reason": trouble})
    return errors.ProviderBadAnswer(details={"reason": trouble})


def needs_second_look(reading: Reading, layer: TextLayer, *, by_own_text: bool = True) -> str | None:
    """Why the document is worth one more call, or None: an answer that its own text contradicts.

    Some models silently see nothing of pages whose fonts they cannot read, and answer as if they were blank.

    :param layer: the document's own text.
    :param by_own_text: whether the values were looked up in that, and not in what was read from pictures, which a
        second look would not know better.
    """
    missing = [
        name for entry in reading.invoices for name in ESSENTIAL if entry.grounded.get(name) is Grounding.MISSING
    ]
    if missing and by_own_text:
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
