"""The one pipeline from a document to checked, accounted data, for HTTP, blobs and the command line.

The order is the promise: a usable key first (the seed's rule), then everything that can be known without a model, then
claim and reservation, then the model, and the booking committed before the answer leaves.
"""

import logging
from dataclasses import dataclass, replace
from functools import cached_property

from shared_code import errors
from shared_code.database.stores.extractions.claims import Claim, ClaimRequest
from shared_code.database.text_columns import fitting
from shared_code.documents.document import Document, open_document
from shared_code.documents.sandbox.turns import WorkTurns
from shared_code.extraction.admission import ClaimGate
from shared_code.extraction.answer.prompt import PROMPT_VERSION
from shared_code.extraction.answer_review import AnswerReview, ReviewTools
from shared_code.extraction.call_plan import CallPlanner
from shared_code.extraction.failed_readings import FailedReadings, failed_reading
from shared_code.extraction.model_calls import CallTools, ModelCalls
from shared_code.extraction.outcome import AnswerData, ReadingName, cached_answer, presented, sentence
from shared_code.extraction.submission import Deadline, ExtractionContext, Pace, Submission
from shared_code.extraction.without_model import WithoutModel, for_model
from shared_code.metering.keys import KeyFinder, RunKeys
from shared_code.observability.telemetry import telemetry
from shared_code.providers.retry import RetryConfig
from shared_code.settings import Settings

_log = logging.getLogger(__name__)

#: of a model's name in the log
_MODEL_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the caller gets: a sentence and the ``data`` part of the envelope."""

    message: str
    data: AnswerData


@dataclass(frozen=True)
class ExtractionService:
    """Reads documents. One for the process; safe for many threads."""

    settings: Settings
    keys: KeyFinder
    planner: CallPlanner
    gate: ClaimGate
    call_tools: CallTools
    review_tools: ReviewTools
    without_model: WithoutModel
    failed_readings: FailedReadings
    pace: Pace
    turns: WorkTurns

    def extract(self, submission: Submission) -> Outcome:
        """Read one document; one that fails leaves a row that says so.

        :raises errors.ServiceError: any public error of the hierarchy; nothing is left reserved or claimed.
        """
        try:
            return self._extract(submission)
        except Exception as error:  # whatever ends a run, its row says so
            self.failed_readings.note(submission, error)
            raise

    def check(self, submission: Submission) -> None:
        """Refuse a document that need not be read to be refused; that leaves a row as well.

        :raises errors.ServiceError: no usable key of the company, or nothing that can be read.
        """
        try:
            RunKeys(self.keys, submission.identity.caller.company_id)
            self.without_model.check(self._opened(submission))
        except Exception as error:  # whatever refuses it, its row says so
            self.failed_readings.note(submission, error)
            raise

    def _opened(self, submission: Submission) -> Document:
        return open_document(
            submission.data,
            company=submission.identity.caller.company_id,
            file_name=submission.file_name,
            content_type=submission.content_type,
            max_bytes=self.settings.max_upload_bytes,
            max_pages=self.settings.max_pages,
        )

    def _extract(self, submission: Submission) -> Outcome:
        deadline = Deadline(submission.deadline_seconds, self.pace)
        # Those that wait for theirs have spent nothing yet.
        company = submission.identity.caller.company_id
        with self.turns.one_for(company, wait_seconds=submission.deadline_seconds):
            return self._read(submission, deadline)

    def _read(self, submission: Submission, deadline: Deadline) -> Outcome:
        keys = RunKeys(self.keys, submission.identity.caller.company_id)
        document = self._opened(submission)
        context = ExtractionContext(
            identity=replace(submission.identity, document_sha256=document.sha256),
            deadline=deadline,
            lease_seconds=int(submission.deadline_seconds + self.settings.lease_margin_seconds),
            reading_id=submission.reading_id,
            file_label=document.label,
            time_zone=keys.company.time_zone,
            force=submission.force,
        )
        data, remarks = self.without_model.extract(context, document, lines_required=submission.lines_required)
        served = ""
        if data is None:
            document = replace(for_model(document), findings=(*document.findings, *remarks))
            data, served = self._by_model(submission, context, document, keys)
        # Beside one for each call, the one line of a run without trouble: each costs a row, and a share of its time.
        _log.info(
            "%s: status %s, method %s%s, tokens %s, %d ms",
            document.label,
            data["status"],
            data["provenance"]["method"],
            served,
            data["usage"]["total_tokens"],
            deadline.elapsed * 1000,
        )
        return Outcome(sentence(data), presented(data, submission.evidence))

    def _by_model(
        self, submission: Submission, context: ExtractionContext, document: Document, keys: RunKeys
    ) -> tuple[AnswerData, str]:
        """The data, and for the log which model and token served."""
        choice = self.planner.choose(keys.company, asked_model=submission.model)
        claim = ClaimRequest(
            company_id=context.identity.caller.company_id,
            document_sha256=document.sha256,
            prompt_version=PROMPT_VERSION,
            provider=choice.provider.value,
            model=choice.model,
            options="lines" if submission.lines_required else "",
            call_id=context.identity.call_id,
            lease_seconds=context.lease_seconds,
            reading_id=context.reading_id,
            source=context.identity.source.value,
            username=context.identity.caller.username,
            branch=context.identity.caller.branch,
            file_label=context.file_label,
        )
        calls = ModelCalls(self.call_tools, context, keys=keys, retry_config=self._retry_config)
        plan = self.planner.plan(document, choice)
        # It reads the document's text meanwhile, which tells how long the answer may become.
        review = AnswerReview(self.review_tools, calls, claim, document)
        admission = self.gate.enter(calls, plan, claim, force=submission.force)
        if admission.answer is not None:
            review.leave()
            return self._cached(context, admission.answer), ""
        try:
            data = review.read(plan, supersedes=admission.supersedes)
        except BaseException as error:  # whatever ends the run, an interruption too: what it holds is given back
            review.leave()
            calls.close(claim.key, failed_reading(submission, error))
            raise
        telemetry().metric("overhead_ms", context.deadline.elapsed * 1000 - calls.model_ms)
        # The model is named by the vendor's answer.
        model = " ".join(fitting(data["provenance"]["model"] or "", _MODEL_CHARACTERS).split())
        return data, f" by {model} with token {calls.tokens}"

    @cached_property
    def _retry_config(self) -> RetryConfig:
        return RetryConfig(
            max_retries=self.settings.max_retries,
            initial_delay=self.settings.retry_initial_delay_seconds,
            max_delay=self.settings.retry_max_delay_seconds,
        )

    def _cached(self, context: ExtractionContext, claim: Claim) -> AnswerData:
        """An earlier reading, at no cost; one usage row with 0 tokens says that it was given."""
        if claim.result is None:
            raise errors.InternalError(f"The claim {claim.key} points to no reading")
        self.without_model.book(context, outcome="cached")
        name = ReadingName(claim.reading_id, claim.supersedes, cached=True)
        return cached_answer(claim, name)
