"""From a model's answer to checked data: one look, at most one more, each booked on its own.

What makes a second look worth its tokens: an answer that was cut (once more with a larger cap), one that cannot be
read (asked again), and one that is empty or not grounded in a document that has text (once more with that text and
the pages as images). After that the answer is taken as it is, with its warnings, or given up.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Executor
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from shared_code import errors
from shared_code.database.connection import Database
from shared_code.database.stores.extractions.claims import ClaimRequest
from shared_code.documents.document import Document, PageTexts, find_india_qr, page_images, page_texts
from shared_code.extraction.answer.interpret import read_invoices
from shared_code.extraction.answer.wire_schema import parse_answer
from shared_code.extraction.call_plan import CallPlan, SecondLook
from shared_code.extraction.model_calls import ModelCalls
from shared_code.extraction.outcome import AnswerData, Provenance, answer_data, find_earlier, finished, stored_data
from shared_code.invoices.reading import Reading
from shared_code.invoices.result import (
    ESSENTIAL,
    build_result,
    is_empty,
    looks_like_an_invoice,
)
from shared_code.invoices.schema import IndiaQr
from shared_code.invoices.text_layer import TextLayer
from shared_code.metering.ledger import Ledger
from shared_code.metering.usage_text import format_run_usage
from shared_code.providers.base import Finish, ModelAnswer
from shared_code.records import Finding

_log = logging.getLogger(__name__)

REFUSED = "refused"
TRUNCATED = "truncated"
SECOND_LOOK = "second_look"
EMPTY = "empty"
BAD_ANSWER = "bad_answer"
UNUSABLE = "unusable"
_TEXT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class ReviewTools:
    """What answers are reviewed with; one set for the process.

    :ivar background: runs the local reading of text layers beside the model call.
    :ivar clock: the moment (aware, UTC) whose day dates are judged against.
    :ivar irn_public_keys: PEM keys by which signed codes on Indian invoices are verified.
    """

    database: Database
    ledger: Ledger
    background: Executor
    clock: Callable[[], datetime]
    irn_public_keys: str | None = None


@dataclass(frozen=True, slots=True)
class _Judged:
    """An answer and what is wrong with it; ``trouble`` is the outcome that is booked for it, None when it will do."""

    answer: ModelAnswer
    reading: Reading | None
    trouble: str | None


class AnswerReview:
    """Asks about one document, judges, asks once more when that helps, and stores the result with the last booking."""

    def __init__(self, tools: ReviewTools, calls: ModelCalls, claim: ClaimRequest, document: Document) -> None:
        self._tools = tools
        self._calls = calls
        self._claim = claim
        self._document = document
        self._reading_texts = tools.background.submit(page_texts, document)

    def read(self, plan: CallPlan) -> AnswerData:
        """The ``data`` part of the answer; every billed answer is booked either way.

        :raises errors.ProviderRejected: the model refuses the document.
        :raises errors.ProviderBadAnswer: no answer could be read, also after asking again.
        :raises errors.ServiceError: as :meth:`ModelCalls.ask`.
        """
        first = self._judge(self._ask(plan))
        if first.reading is not None and first.trouble is None:
            return self._finish(first.answer, first.reading)
        self._calls.settle(first.answer, outcome=first.trouble or UNUSABLE)
        if first.trouble == REFUSED:
            raise errors.ProviderRejected(details={"reason": first.answer.reason})
        try:
            second = self._judge(self._ask(self._another_plan(first.trouble, plan)))
        except errors.ServiceError:
            if first.reading is None:
                raise
            # The first answer was paid for and is readable: better with its warnings than nothing.
            return self._finish(first.answer, first.reading, booked=True)
        if second.reading is not None:
            return self._finish(second.answer, second.reading)
        self._calls.settle(second.answer, outcome=second.trouble or UNUSABLE)
        if first.reading is not None:
            return self._finish(first.answer, first.reading, booked=True)
        if second.trouble == REFUSED:
            raise errors.ProviderRejected(details={"reason": second.answer.reason})
        raise errors.ProviderBadAnswer(details={"reason": second.trouble})

    def _ask(self, plan: CallPlan) -> ModelAnswer:
        answer = self._calls.ask(plan)
        _log.info("%s", format_run_usage(answer.usage, provider=self._calls.place[0].value))
        return answer

    def _judge(self, answer: ModelAnswer) -> _Judged:
        unusable = {Finish.REFUSED: REFUSED, Finish.TRUNCATED: TRUNCATED, Finish.EMPTY: EMPTY}.get(answer.finish)
        if unusable is not None:
            return _Judged(answer, None, unusable)
        try:
            wire = parse_answer(answer.text)
        except errors.ProviderBadAnswer as error:
            _log.warning("the model's answer cannot be used: %s", error.details.get("reason"))
            return _Judged(answer, None, BAD_ANSWER)
        reading = read_invoices(wire, pages=self._pages)
        return _Judged(answer, reading, SECOND_LOOK if needs_second_look(reading, self._pages) else None)

    def _another_plan(self, trouble: str | None, plan: CallPlan) -> CallPlan:
        """How to ask once more, by what was wrong with the first answer."""
        if trouble == TRUNCATED:
            return plan.with_more_room()
        if trouble in (SECOND_LOOK, EMPTY) and any(self._pages):
            return plan.with_second_look(SecondLook(page_images(self._document), self._pages))
        return plan

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
            source_findings=(*self._document.findings, *_hidden(self._texts)),
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
        data = stored_data(result, find_earlier(tools.database, claim, result), provenance)
        if booked:
            tools.ledger.store(claim.key, claim.call_id, finished(result, data))
        else:
            calls.settle(answer, outcome="ok", claim_key=claim.key, finished=finished(result, data))
        return answer_data(data, calls.booked)

    @cached_property
    def _texts(self) -> PageTexts | None:
        """The document's own text; None when it could not be read: then nothing can be grounded, no more."""
        try:
            return self._read_texts()
        except (errors.ServiceError, TimeoutError, CancelledError):
            _log.warning("the text layer could not be read", exc_info=True)
            return None

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

    def _india_qr(self) -> IndiaQr | None:
        """The signed code on the pages; one that cannot be looked for costs the evidence, not the answer."""
        if self._texts is None:
            return None
        try:
            return find_india_qr(self._document, self._texts, public_keys=self._tools.irn_public_keys)
        except errors.ServiceError as error:
            _log.warning("the pages could not be searched for a signed code: %s", error.code)
            return None


def needs_second_look(reading: Reading, pages: Sequence[str]) -> str | None:
    """Why the document is worth one more call, or None: an answer that its own text contradicts.

    Some models silently see nothing of pages whose fonts they cannot read, and answer as if they were blank.
    """
    layer = TextLayer(pages)
    if not layer.usable:
        return None
    if reading.document_status == "unreadable":
        return "unreadable"
    if reading.document_status == "not_an_invoice":
        return "not_an_invoice" if looks_like_an_invoice(layer) else None
    if not reading.invoices or all(is_empty(entry.invoice) for entry in reading.invoices):
        return "empty"
    refused = any(entry.grounded.get(name) is False for entry in reading.invoices for name in ESSENTIAL)
    return "ungrounded" if refused else None


def _hidden(texts: PageTexts | None) -> tuple[Finding, ...]:
    if texts is None or not texts.hidden:
        return ()
    return (
        Finding(
            code="hidden_text",
            message="The document holds text that a reader of the page does not see; it was not used.",
            found=texts.hidden[0][:200],
        ),
    )
