"""The one pipeline from a document to checked, accounted data, for HTTP, blobs and the command line.

The order is the promise: a usable key first (the seed's rule), then everything that can be known without a model, then
claim and reservation, then the model, and the booking committed before the answer leaves.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from shared_code import errors
from shared_code.database.stores.extractions import Claim, ClaimRequest
from shared_code.documents.document import Document, open_document
from shared_code.extraction.admission import ClaimGate
from shared_code.extraction.answer.prompt import PROMPT_VERSION
from shared_code.extraction.answer_review import Reader
from shared_code.extraction.call_plan import Plan, Questions
from shared_code.extraction.context import Question, Run, Tools
from shared_code.extraction.model_calls import ModelCalls
from shared_code.extraction.outcome import usage_dict
from shared_code.extraction.submission import Submission
from shared_code.extraction.without_model import ZeroToken
from shared_code.observability import request_context
from shared_code.observability.telemetry import telemetry
from shared_code.records import ApiKey
from shared_code.settings import Settings
from shared_code.token_manager import CompanyKeys, TokenManager

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared_code.retry_policy import RetryPolicy

_log = logging.getLogger(__name__)

_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the caller gets: a sentence and the ``data`` part of the envelope."""

    message: str
    data: Mapping[str, Any]


class ExtractionService:
    """Reads documents. One for the process; safe for many threads."""

    def __init__(
        self,
        settings: Settings,
        *,
        token_manager: TokenManager,
        tools: Tools,
        gate: ClaimGate,
        reader: Reader,
        zero_token: ZeroToken,
        questions: Questions,
        policy: "Callable[[], RetryPolicy]",
    ) -> None:
        self._settings = settings
        self._token_manager = token_manager
        self._tools = tools
        self._gate = gate
        self._reader = reader
        self._zero_token = zero_token
        self._questions = questions
        self._policy = policy

    def extract(self, submission: Submission) -> Outcome:
        """Read one document.

        :raises errors.ServiceError: any public error of the hierarchy; nothing is left reserved or claimed.
        """
        with request_context.request_scope(request_id=submission.request_id, call_id=submission.call_id):
            started = self._tools.clock()
            company = self._token_manager.usable_keys(submission.caller.company_id)
            document = open_document(
                submission.data,
                file_name=submission.file_name,
                content_type=submission.content_type,
                max_bytes=int(self._settings.max_upload_mb * _MEGABYTE),
                max_pages=self._settings.max_pages,
            )
            run = self._run(submission, document, company, started)
            data, remarks = self._zero_token.extract(run, document, lines_required=submission.lines_required)
            if data is None:
                document = replace(document, findings=(*document.findings, *remarks))
                data = self._by_model(submission, run, document, company)
            _log.info(
                "%s: status %s, method %s, tokens %s, %d ms",
                document.label,
                data["status"],
                data["provenance"]["method"],
                data["usage"]["total_tokens"],
                (self._tools.clock() - started) * 1000,
            )
            return Outcome(_message(data), data)

    def _run(self, submission: Submission, document: Document, company: CompanyKeys, started: float) -> Run:
        return Run(
            call_id=submission.call_id,
            caller=submission.caller,
            source=submission.source,
            document_sha256=document.sha256,
            deadline=started + submission.deadline_seconds,
            lease_seconds=int(submission.deadline_seconds + self._settings.lease_margin_seconds),
            request_id=submission.request_id,
            time_zone=company.time_zone,
        )

    def _by_model(
        self, submission: Submission, run: Run, document: Document, company: CompanyKeys
    ) -> Mapping[str, Any]:
        plan = self._questions.plan(company.keys, asked_model=submission.model, preferred=company.model)
        claim = ClaimRequest(
            company_id=run.caller.company_id,
            document_sha256=document.sha256,
            prompt_version=PROMPT_VERSION,
            provider=plan.provider.value,
            model=plan.model,
            options="lines" if submission.lines_required else "",
            call_id=run.call_id,
            lease_seconds=run.lease_seconds,
        )
        calls = ModelCalls(self._tools, run, keys=self._keys(run, company), policy=self._policy())
        question = self._questions.first(document, plan)
        found = self._gate.enter(
            claim,
            lambda previous: calls.open(question, claim, taken_over=previous, force=submission.force),
            force=submission.force,
        )
        if found is not None:
            return self._cached(run, found)
        data = self._read(calls, claim, document, plan, question)
        started = run.deadline - submission.deadline_seconds
        telemetry().metric("overhead_ms", (self._tools.clock() - started) * 1000 - calls.model_ms)
        return data

    def _read(
        self,
        calls: ModelCalls,
        claim: ClaimRequest,
        document: Document,
        plan: Plan,
        question: Question,
    ) -> Mapping[str, Any]:
        finished = False
        try:
            data = self._reader.read(calls, claim, document, plan, question)
            finished = True
        finally:
            if not finished:
                calls.close(claim.key)
        return data

    def _keys(self, run: Run, company: CompanyKeys) -> "Callable[[], Sequence[ApiKey]]":
        """The keys read at the start, and read anew each further time that they are asked for."""
        known = [company.keys]

        def keys() -> Sequence[ApiKey]:
            if known:
                return known.pop()
            return self._token_manager.usable_keys(run.caller.company_id).keys

        return keys

    def _cached(self, run: Run, claim: Claim) -> Mapping[str, Any]:
        """An earlier answer, at no cost; one usage row with 0 tokens says that it was given."""
        if claim.result is None:
            raise errors.InternalError(f"The claim {claim.key} is done but holds no result")
        data: dict[str, Any] = json.loads(claim.result)
        data["provenance"] = {**data["provenance"], "method": "cached"}
        self._zero_token.book(run, outcome="cached")
        data["usage"] = usage_dict([], [])
        return data


def _message(data: Mapping[str, Any]) -> str:
    return {
        "ok": "Invoice processed successfully",
        "needs_review": "Invoice processed; please review the warnings",
        "not_an_invoice": "The document is not an invoice",
        "multiple_invoices": "The file holds several invoices",
    }[data["status"]]
