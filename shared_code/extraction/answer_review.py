"""From a model's answer to checked data: one look, at most one more, each booked on its own.

What makes a second look worth its tokens: an answer that was cut (once more with a larger cap), one that cannot be
read (asked again), and one that is empty or not grounded in a document that has text (once more with that text and
the pages as images). After that the answer is taken as it is, with its warnings, or given up.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Executor, Future
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from shared_code import errors
from shared_code.database.stores.extractions import ClaimRequest, Finished
from shared_code.documents.document import Document, PageTexts
from shared_code.extraction.answer.interpret import read_invoices
from shared_code.extraction.answer.wire_schema import parse_answer
from shared_code.extraction.call_plan import Plan, Questions
from shared_code.extraction.context import Question
from shared_code.extraction.model_calls import ModelCalls
from shared_code.extraction.outcome import finished_result, usage_dict
from shared_code.invoices.reading import Reading
from shared_code.invoices.result import _ESSENTIAL, _is_empty, _looks_like_an_invoice, build_result
from shared_code.invoices.schema import IndiaQr
from shared_code.invoices.text_layer import TextLayer
from shared_code.metering.usage_text import format_run_usage
from shared_code.providers.base import Finish, ModelAnswer
from shared_code.records import Finding

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.invoices.schema import IndiaQr
    from shared_code.metering.ledger import Ledger

_log = logging.getLogger(__name__)

REFUSED = "refused"
TRUNCATED = "truncated"
SECOND_LOOK = "second_look"
_TEXT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class _Judged:
    """An answer and what is wrong with it; ``trouble`` is the outcome that is booked for it, None when it will do."""

    answer: ModelAnswer
    reading: Reading | None
    trouble: str | None


class _Evidence:
    """The document's own text, which is read beside the model call; one that is late is waited for once."""

    def __init__(self, reading: "Future[PageTexts]") -> None:
        self._reading = reading
        self._known: list[PageTexts | None] = []

    def texts(self) -> PageTexts | None:
        """None when it could not be read: then nothing can be grounded, no more."""
        if not self._known:
            self._known.append(self._wait())
        return self._known[0]

    def pages(self) -> Sequence[str]:
        """The visible text of each page; empty when it could not be read."""
        texts = self.texts()
        return texts.pages if texts else ()

    def _wait(self) -> PageTexts | None:
        try:
            return self._reading.result(timeout=_TEXT_SECONDS)
        except (errors.ServiceError, TimeoutError, CancelledError):
            _log.warning("the text layer could not be read", exc_info=True)
            return None


class Reader:
    """Asks, judges, asks once more when that helps, and stores the result with the last booking.

    :param background: runs the local reading of text layers beside the model call.
    :param today: the day against which dates are judged.
    :param irn_public_keys: PEM keys by which signed codes on Indian invoices are verified.
    """

    def __init__(
        self,
        ledger: "Ledger",
        questions: Questions,
        background: Executor,
        *,
        today: Callable[[], date],
        irn_public_keys: str | None = None,
    ) -> None:
        self._ledger = ledger
        self._questions = questions
        self._background = background
        self._today = today
        self._irn_public_keys = irn_public_keys

    def read(
        self, calls: ModelCalls, claim: ClaimRequest, document: Document, plan: Plan, question: Question
    ) -> Mapping[str, Any]:
        """The ``data`` part of the answer. Raises public errors; every billed answer is booked either way."""
        evidence = _Evidence(self._background.submit(document.page_texts, document))
        first = self._judge(self._answer(calls, question), evidence)
        if first.trouble is None:
            return self._finish(calls, claim, document, first, evidence)
        calls.settle(first.answer, outcome=first.trouble)
        if first.trouble == REFUSED:
            raise errors.ProviderRejected(details={"reason": first.answer.reason})
        try:
            second = self._judge(
                self._answer(calls, self._another(first, question, document, plan, evidence)), evidence
            )
        except errors.ServiceError:
            if first.reading is None:
                raise
            # The first answer was paid for and is readable: better with its warnings than nothing.
            return self._finish_booked(calls, claim, document, first, evidence)
        if second.reading is not None:
            return self._finish(calls, claim, document, second, evidence)
        calls.settle(second.answer, outcome=second.trouble or "unusable")
        if first.reading is not None:
            return self._finish_booked(calls, claim, document, first, evidence)
        if second.trouble == REFUSED:
            raise errors.ProviderRejected(details={"reason": second.answer.reason})
        raise errors.ProviderBadAnswer(details={"reason": second.trouble})

    def _answer(self, calls: ModelCalls, question: Question) -> ModelAnswer:
        answer = calls.ask(question)
        _log.info("%s", format_run_usage(answer.usage, provider=calls.place[0].value))
        return answer

    def _judge(self, answer: ModelAnswer, evidence: _Evidence) -> _Judged:
        if answer.finish is Finish.REFUSED:
            return _Judged(answer, None, REFUSED)
        if answer.finish is Finish.TRUNCATED:
            return _Judged(answer, None, TRUNCATED)
        if answer.finish is Finish.EMPTY:
            return _Judged(answer, None, "empty")
        try:
            wire = parse_answer(answer.text)
        except errors.ProviderBadAnswer as error:
            _log.warning("the model's answer cannot be used: %s", error.details.get("reason"))
            return _Judged(answer, None, "bad_answer")
        pages = evidence.pages()
        reading = read_invoices(wire, pages=pages)
        return _Judged(answer, reading, SECOND_LOOK if needs_second_look(reading, pages) else None)

    def _another(
        self, first: _Judged, question: Question, document: Document, plan: Plan, evidence: _Evidence
    ) -> Question:
        if first.trouble == TRUNCATED:
            return self._questions.larger(question, document)
        texts = evidence.pages()
        if first.trouble in (SECOND_LOOK, "empty") and any(texts):
            return self._questions.second_look(document, plan, pages=document.page_images(document), texts=texts)
        return question

    def _finish(
        self,
        calls: ModelCalls,
        claim: ClaimRequest,
        document: Document,
        judged: _Judged,
        evidence: _Evidence,
    ) -> Mapping[str, Any]:
        """Book the answer and store its result in one transaction."""
        made, finish = self._finishing(calls, claim, document, judged, evidence)
        calls.settle(judged.answer, outcome="ok", claim_key=claim.key, finish=finish)
        return {**made[-1], "usage": usage_dict(calls.booked, calls.costs)}

    def _finish_booked(
        self,
        calls: ModelCalls,
        claim: ClaimRequest,
        document: Document,
        judged: _Judged,
        evidence: _Evidence,
    ) -> Mapping[str, Any]:
        """Store the result of an answer that is booked already; an open reservation of a further look is given back."""
        made, finish = self._finishing(calls, claim, document, judged, evidence)
        self._ledger.abandon(calls.reservation, None, claim.call_id)
        calls.reservation = None
        self._ledger.store(claim.key, claim.call_id, finish)
        return {**made[-1], "usage": usage_dict(calls.booked, calls.costs)}

    def _finishing(
        self,
        calls: ModelCalls,
        claim: ClaimRequest,
        document: Document,
        judged: _Judged,
        evidence: _Evidence,
    ) -> "tuple[list[dict[str, Any]], Callable[[Connection | None], Finished]]":
        texts = evidence.texts()
        assert judged.reading is not None
        provider, model = calls.place
        qr = self._qr(document, texts)
        result = build_result(
            judged.reading,
            pages=texts.pages if texts else (),
            today=self._today(),
            source_findings=(*document.findings, *_hidden(texts)),
            qr=qr,
        )
        provenance = {
            "method": "qr+model" if qr is not None else "model",
            "provider": provider.value,
            "model": judged.answer.model_version or model,
            "pages": document.page_count,
            "sha256": document.sha256,
        }
        made: list[dict[str, Any]] = []

        def finish(connection: "Connection | None") -> Finished:
            data, finished = finished_result(connection, claim, result, provenance)
            made.append(data)
            return finished

        return made, finish

    def _qr(self, document: Document, texts: PageTexts | None) -> "IndiaQr | None":
        """The signed code on the pages; one that cannot be looked for costs the evidence, not the answer."""
        if texts is None:
            return None
        try:
            return document.india_qr(document, texts, public_keys=self._irn_public_keys)
        except errors.ServiceError as error:
            _log.warning("the pages could not be searched for a signed code: %s", error.code)
            return None


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
        return "not_an_invoice" if _looks_like_an_invoice(layer) else None
    if not reading.invoices or all(_is_empty(entry.invoice) for entry in reading.invoices):
        return "empty"
    refused = any(entry.grounded.get(name) is False for entry in reading.invoices for name in _ESSENTIAL)
    return "ungrounded" if refused else None
