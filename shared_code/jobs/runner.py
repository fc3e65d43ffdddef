"""Reads the document of a job by the one pipeline, and ends the job with its reading.

The platform delivers the job's message, again when a run fails or its process is killed, and at last puts it into the
poison queue; from there the sweep takes over, as with dropped files (:mod:`shared_code.blobs.sweep`). A job whose
reading is stored already is not read again, however often it comes.
"""

import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared_code.blobs.intake import Disposition, Processed
from shared_code.blobs.keeping import DocumentKeeper
from shared_code.blobs.store import SourceVersion
from shared_code.database.connection import repeatable
from shared_code.database.stores.extractions import jobs, readings
from shared_code.database.stores.extractions.job_turns import Turn
from shared_code.database.stores.extractions.jobs import Job
from shared_code.database.stores.extractions.readings import ReadingHead
from shared_code.errors import AlreadyProcessing, RunEnded, ServiceError
from shared_code.extraction import submission
from shared_code.extraction.failed_readings import end_of, passes
from shared_code.extraction.submission import Submission
from shared_code.jobs.documents import JobDocument, JobDocuments
from shared_code.jobs.turns import JobTurns
from shared_code.metering.budgets import Budgets
from shared_code.metering.finishing import AnsweredJob, Ending, Failed, finish
from shared_code.observability import request_context
from shared_code.observability.telemetry import telemetry
from shared_code.records import CallIdentity, Source

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database
    from shared_code.extraction.service import ExtractionService
    from shared_code.settings import Settings

_log = logging.getLogger(__name__)

_NOTHING = Ending()
#: seconds after which to try a job again that another run has in hand
_RETRY_AFTER = 5.0


@dataclass(frozen=True, slots=True)
class JobRunner:
    """Runs jobs. One for the process; safe for many threads.

    :ivar monotonic: the clock of the deadlines, in seconds.
    """

    settings: "Settings"
    database: "Database"
    budgets: Budgets
    extraction: "ExtractionService"
    documents: JobDocuments
    turns: JobTurns
    keeper: DocumentKeeper
    monotonic: Callable[[], float] = time.monotonic

    def process(
        self,
        name: str,
        *,
        content: bytes | None = None,  # noqa: ARG002 - a message holds none
        trace_parent: str | None = None,
        deadline_seconds: float | None = None,
        again: bool = False,  # noqa: ARG002 - a job that has ended is not read again
        from_store: bool = True,  # noqa: ARG002 - what is stored counts in any case
    ) -> Processed:
        """Bring the job with an id to its end.

        :raises errors.AlreadyProcessing: another run has it in hand.
        :raises errors.ServiceError: another passing cause; the job is tried again.
        """
        deadline = self.monotonic() + (deadline_seconds or self.settings.blob_deadline_seconds)
        with (
            request_context.request_scope(trace_parent=trace_parent),
            telemetry().request("job", url="/extraction-jobs") as span,
        ):
            done = self._process(name, deadline)
            span.finish(done.code or done.disposition.value, success=done.disposition is not Disposition.ERROR)
            return done

    def give_up(self, version: SourceVersion, error: ServiceError) -> None:
        """End a job as failed whose passing cause did not pass. Raises :class:`errors.DatabaseUnavailable`."""
        job = self._find(version.name)
        call_id = str(uuid.uuid4())
        if job is None or not self._take(job, call_id, lease_seconds=int(self.settings.lease_margin_seconds)):
            return
        document = self.documents.read(job.company_id, job.job_id)
        wanted = self._submission(job, document, call_id, self.monotonic()) if document else None
        self._end(job, call_id, jobs.FAILED, ending=_failed(job, call_id, wanted, error))

    def leave(self, name: str) -> None:
        """Let another job of the company have the place of one that rests until the sweep tries it again.

        :raises errors.DatabaseUnavailable: it keeps its place until then.
        """

        def rest(connection: "Connection") -> list[Turn]:
            jobs.rest_job(connection, name)
            job = jobs.find_job(connection, name)
            return self.turns.give(connection, job.company_id) if job else []

        self.turns.send(self.database.run(rest, on_unknown=repeatable))

    def _process(self, job_id: str, deadline: float) -> Processed:
        job = self._find(job_id)
        if job is None:
            return Processed(Disposition.GONE)
        if not job.live:
            # Its process may have been killed before it was done with the job.
            self.documents.remove(job.company_id, job_id)
            self.turns.catch_up(job.company_id)
            return Processed(Disposition.SETTLED)
        call_id = str(uuid.uuid4())
        lease = int(deadline - self.monotonic() + self.settings.lease_margin_seconds)
        if not self._take(job, call_id, lease_seconds=lease):
            raise AlreadyProcessing(retry_after=_RETRY_AFTER)
        try:
            return self._read(job, call_id, deadline)
        except BaseException:  # whatever ends the run: the job must not wait for its lease
            self._release(job, call_id)
            raise

    def _read(self, job: Job, call_id: str, deadline: float) -> Processed:
        found = self.database.read(lambda connection: readings.find_reading(connection, job.job_id))
        if found is not None and found.state == readings.DONE:
            # Read, paid for, and killed before it was noted; perhaps erased since.
            self._end(job, call_id, jobs.DONE, reading_id=job.job_id)
            return Processed(Disposition.RESULT)
        if found is not None and found.state == readings.FAILED:
            # The same with a failure that lasts; one that passes leaves no row.
            self._end(job, call_id, jobs.FAILED)
            return Processed(Disposition.ERROR, found.error_code)
        document = self.documents.read(job.company_id, job.job_id)
        if document is None:
            lost = RunEnded(details={"reason": "document_lost"})
            self._end(job, call_id, jobs.FAILED, ending=_failed(job, call_id, None, lost))
            return Processed(Disposition.ERROR, lost.code)
        wanted = self._submission(job, document, call_id, deadline)
        with request_context.request_scope(request_id=document.request_id, call_id=call_id):
            try:
                outcome = self.extraction.extract(wanted)
            except ServiceError as error:
                if passes(error):
                    _log.warning("job %s has to be tried again later: %s", job.job_id, error.code)
                    raise
                self._end(job, call_id, jobs.FAILED, ending=_failed(job, call_id, wanted, error))
                return Processed(Disposition.ERROR, error.code)
            self.keeper.offer(wanted, outcome.data)
            reading_id, earlier = outcome.data["id"], _NOTHING
            if reading_id != job.job_id:
                earlier = Ending(answered=AnsweredJob(job.job_id, job.company_id, outcome.data["status"]))
            self._end(job, call_id, jobs.DONE, reading_id=reading_id, ending=earlier)
        return Processed(Disposition.RESULT)

    def _submission(self, job: Job, document: JobDocument, call_id: str, deadline: float) -> Submission:
        fields = document.fields
        return Submission(
            data=document.content,
            identity=CallIdentity(call_id, submission.read_caller(fields), document.source, document.request_id),
            deadline_seconds=max(deadline - self.monotonic(), 1.0),
            file_name=document.file_name,
            content_type=document.content_type,
            force=document.force,
            # As it was allowed when the job was taken in.
            model=fields.get("model"),
            lines_required=submission.read_lines_required(fields),
            reading_id=job.job_id,
            tried_again=True,
        )

    def _end(
        self, job: Job, call_id: str, state: str, *, reading_id: str | None = None, ending: Ending = _NOTHING
    ) -> None:
        """End the job, and give its place to the next one of its company, in one transaction."""

        def end(connection: "Connection") -> list[Turn]:
            owned = jobs.end_job(connection, job.job_id, call_id, state=state, reading_id=reading_id)
            if owned:
                finish(connection, self.budgets, ending)
            return self.turns.give(connection, job.company_id)

        turns = self.database.run(end, on_unknown=repeatable)
        self.turns.send(turns)
        try:
            self.documents.remove(job.company_id, job.job_id)
        except ServiceError as error:
            _log.warning("the document of job %s is left to the sweep: %s", job.job_id, error.code)

    def _find(self, job_id: str) -> Job | None:
        return self.database.read(lambda connection: jobs.find_job(connection, job_id))

    def _take(self, job: Job, call_id: str, *, lease_seconds: int) -> bool:
        return self.database.run(
            lambda connection: jobs.take_job(connection, job.job_id, call_id, lease_seconds=lease_seconds),
            on_unknown=repeatable,
        )

    def _release(self, job: Job, call_id: str) -> None:
        try:
            self.database.run(
                lambda connection: jobs.release_job(connection, job.job_id, call_id), on_unknown=repeatable
            )
        except ServiceError as error:
            _log.warning("job %s waits for the end of its lease: %s", job.job_id, error.code)


def _failed(job: Job, call_id: str, wanted: Submission | None, error: ServiceError) -> Ending:
    """The failed reading of a job; without its document only the ids tell of it."""
    if wanted is not None:
        return Ending(failed=end_of(wanted, error))
    head = ReadingHead(job.job_id, job.company_id, job.document_sha256, call_id, source=Source.HTTP.value)
    return Ending(failed=Failed(head, error))
