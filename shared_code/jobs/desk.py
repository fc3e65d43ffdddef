"""Takes uploads in that are to be read later, and cancels them as long as nobody reads them."""

import hashlib
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared_code.database.connection import repeatable
from shared_code.database.stores.extractions import jobs
from shared_code.database.stores.extractions.job_turns import Turn
from shared_code.database.stores.extractions.jobs import CANCELLED, Job, NewJob
from shared_code.errors import Conflict, ServiceError, StorageUnavailable
from shared_code.extraction.stored_readings import Accepted, queued
from shared_code.extraction.submission import Submission
from shared_code.jobs.documents import JobDocuments
from shared_code.jobs.turns import JobTurns

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database
    from shared_code.extraction.service import ExtractionService

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JobDesk:
    """Takes jobs in. One for the process; safe for many threads."""

    database: "Database"
    extraction: "ExtractionService"
    documents: JobDocuments
    turns: JobTurns

    def submit(self, submission: Submission) -> Accepted:
        """Keep a document to be read later under the submission's ``reading_id``.

        :raises errors.ServiceError: it is refused, or cannot be kept at the moment; then nothing is queued.
        """
        self.extraction.check(submission)
        self.documents.put(submission)
        company_id = submission.identity.caller.company_id
        job = NewJob(submission.reading_id, company_id, hashlib.sha256(submission.data).hexdigest())

        def add(connection: "Connection") -> list[Turn]:
            jobs.insert_job(connection, job)
            return self.turns.give(connection, company_id)

        try:
            turns = self.database.run(add, on_unknown=repeatable)
        except BaseException:  # whatever it is: nobody is told of the job
            self._remove_document(company_id, job.job_id)
            raise
        self._send(turns, job)
        _log.info("job %s of company %s is taken in", job.job_id, company_id)
        return Accepted("The document is queued", queued(job.job_id))

    def cancel(self, job: Job) -> None:
        """End a job that nobody reads; one that is cancelled already stays so.

        :raises errors.Conflict: it has begun, or has ended.
        :raises errors.DatabaseUnavailable: the database cannot be reached.
        """

        def cancel(connection: "Connection") -> tuple[bool, list[Turn]]:
            cancelled = jobs.end_idle_job(connection, job.job_id, state=CANCELLED)
            return cancelled, self.turns.give(connection, job.company_id) if cancelled else []

        cancelled, turns = self.database.run(cancel, on_unknown=repeatable)
        if not cancelled:
            now = self.database.read(lambda connection: jobs.find_job(connection, job.job_id))
            if now is None or now.state != CANCELLED:
                raise Conflict(
                    "This job has begun, or has ended; it cannot be cancelled any more.",
                    details={"field": "id", "state": now.state if now else jobs.DONE},
                )
        self._remove_document(job.company_id, job.job_id)
        self.turns.send(turns)

    def _send(self, turns: list[Turn], job: NewJob) -> None:
        """Send the messages; a job whose own cannot be sent is taken back, because its caller sends it again."""
        own = [turn for turn in turns if turn.job_id == job.job_id]
        self.turns.send([turn for turn in turns if turn.job_id != job.job_id])
        for turn in own:
            try:
                self.turns.queue.send(turn)
            except StorageUnavailable:
                self._take_back(job)
                raise
            with suppress(ServiceError):  # else the sweep sends it once more
                self.turns.note_sent(turn)

    def _take_back(self, job: NewJob) -> None:
        def take_back(connection: "Connection") -> list[Turn]:
            jobs.delete_job(connection, job.job_id)
            return self.turns.give(connection, job.company_id)

        try:
            turns = self.database.run(take_back, on_unknown=repeatable)
        except ServiceError as error:
            # The sweep reads it, and the same document sent again is then paid for once.
            _log.warning("job %s could not be taken back: %s", job.job_id, error.code)
            return
        self._remove_document(job.company_id, job.job_id)
        self.turns.send(turns)

    def _remove_document(self, company_id: str, job_id: str) -> None:
        try:
            self.documents.remove(company_id, job_id)
        except ServiceError as error:
            _log.warning("the document of job %s is left to the sweep: %s", job_id, error.code)
