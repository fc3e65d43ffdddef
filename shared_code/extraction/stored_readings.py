"""Readings asked for again by their ids: the answer of the upload, without another call of a model."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from shared_code.database.stores.extractions import jobs, readings
from shared_code.database.stores.extractions.jobs import Job
from shared_code.database.stores.extractions.readings import FoundReading
from shared_code.database.stores.usage.call_usage import CallUsage, usage_of_call
from shared_code.errors import AlreadyProcessing, Gone, JobCancelled, NotFound
from shared_code.extraction.evidence_data import EvidenceWanted
from shared_code.extraction.outcome import (
    AnswerData,
    ReadingName,
    ReviewData,
    cached_answer,
    presented,
    sentence,
    stored_answer,
)
from shared_code.labels import is_reading_id

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database


#: seconds after which to ask again for a reading that is being made
_RETRY_AFTER = 2.0


class UnfinishedData(TypedDict):
    """``data`` of a reading that is queued, running, cancelled or failed: then ``error`` says why, as an answer would.

    ``error`` is ``code, message, retryable, details``; ``retryable`` is absent where an earlier version of the service
    did not keep it.
    """

    id: str
    state: str
    error: NotRequired[dict[str, Any]]
    review: ReviewData


@dataclass(frozen=True, slots=True)
class StoredReading:
    """A reading as it stands, whose it is, when (naive UTC) and from which file it was read, a sentence for people."""

    company_id: str
    message: str
    data: AnswerData | UnfinishedData
    read_at: datetime | None = None
    file_label: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the caller of an upload that is read later is told: a sentence, and the job's ``id`` and ``state``."""

    message: str
    data: UnfinishedData


@dataclass(frozen=True, slots=True)
class _Found:
    """A reading, and what was booked for it; or a job whose reading is still to come, or will never come.

    ``cached``: the reading was there before the job that it answers.
    """

    reading: FoundReading | None = None
    booked: tuple[CallUsage, ...] = ()
    job: Job | None = None
    cached: bool = False


@dataclass(frozen=True, slots=True)
class StoredReadings:
    """Finds them. One for the process; safe for many threads."""

    database: "Database"

    def find(
        self,
        reading_id: str,
        *,
        company_id: str | None = None,
        require: Callable[[str], None] = lambda _company: None,
        evidence: EvidenceWanted = EvidenceWanted.DEFAULT,
    ) -> StoredReading:
        """The reading with an id, which is all that its reader must know.

        :param company_id: must be the reading's, where it is given; in upper case.
        :param require: told the company before anything else is said of the reading; raises to keep it from the caller.
        :param evidence: how much of it the answer shows.
        :raises errors.NotFound: there is none, or it is another company's.
        :raises errors.Gone: it was erased.
        :raises errors.DatabaseUnavailable: the database cannot be reached.
        """
        # What has not the form of an id is not looked for: texts of any length and kind come in here.
        there = self.database.read(lambda c: _look(c, reading_id)) if is_reading_id(reading_id) else _Found()
        known = there.job or there.reading
        if known is None or (company_id is not None and known.company_id.upper() != company_id):
            raise _unknown()
        company = known.company_id.upper()
        require(company)
        if there.job is not None:
            return _of_job(there.job)
        found = there.reading
        if found is None:
            raise _unknown()
        if found.erased_at is not None:
            raise _erased()
        if found.result is None:
            return StoredReading(
                company, f"The reading is {found.state}", _unfinished(found), found.created_at, found.file_label
            )
        if there.cached:
            data = _cached(found)
        else:
            data = stored_answer(found, ReadingName(found.reading_id, found.supersedes), there.booked)
        return StoredReading(company, sentence(data), presented(data, evidence), found.created_at, found.file_label)

    def find_both(self, reading_id: str, *, evidence: EvidenceWanted) -> tuple[AnswerData, AnswerData] | None:
        """A reading as persons corrected it, and as it was read; None when it has no result, or was erased.

        :raises errors.DatabaseUnavailable: the database cannot be reached.
        """
        there = self.database.read(lambda c: _look(c, reading_id)) if is_reading_id(reading_id) else _Found()
        found = there.reading
        if found is None or found.result is None or found.erased_at is not None:
            return None
        name = ReadingName(found.reading_id, found.supersedes)
        now, before = (stored_answer(found, name, there.booked, as_corrected=wanted) for wanted in (True, False))
        return presented(now, evidence), presented(before, evidence)

    def find_job(self, job_id: str) -> Job | None:
        """The job with an id, if there is one. Raises :class:`errors.DatabaseUnavailable`."""
        if not is_reading_id(job_id):
            return None
        return self.database.read(lambda connection: jobs.find_job(connection, job_id))

    def answer_again(self, reading_id: str) -> AnswerData:
        """The answer of a reading that is done, for a caller who pays nothing for it.

        :raises errors.AlreadyProcessing: its result is still to come, perhaps from the outbox.
        :raises errors.JobCancelled: it will not come.
        :raises errors.ServiceError: as :meth:`find`.
        """
        there = self.database.read(lambda connection: _look(connection, reading_id))
        if there.job is not None:
            raise AlreadyProcessing(retry_after=_RETRY_AFTER) if there.job.live else JobCancelled
        found = there.reading
        if found is not None and found.erased_at is not None:
            raise _erased()
        if found is not None and found.state == readings.RUNNING:
            raise AlreadyProcessing(retry_after=_RETRY_AFTER)
        if found is None or found.result is None:
            raise _unknown()
        return _cached(found)


def queued(job_id: str) -> UnfinishedData:
    """``data`` of a job that was taken in."""
    return UnfinishedData(id=job_id, state=jobs.QUEUED, review=ReviewData(state="none"))


def _unknown() -> NotFound:
    return NotFound("There is no reading under this id.", details={"field": "id"})


def _erased() -> Gone:
    return Gone("This reading was erased.", details={"field": "id"})


def _look(connection: "Connection", reading_id: str) -> _Found:
    found = readings.find_reading(connection, reading_id)
    if found is None or found.state != readings.DONE:
        job = jobs.find_job(connection, reading_id)
        if job is not None and (job.live or job.state == jobs.CANCELLED):
            # What a run of it left behind is not its end.
            return _Found(job=job)
        if job is not None and job.reading_id is not None:
            earlier = readings.find_reading(connection, job.reading_id)
            return _Found(earlier, cached=job.reading_id != reading_id)
    if found is None or found.result is None:
        return _Found(found)
    return _Found(found, tuple(usage_of_call(connection, found.call_id)))


def _of_job(job: Job) -> StoredReading:
    """A job without a reading."""
    data = queued(job.job_id)
    if job.state == jobs.CANCELLED:
        error = JobCancelled()
        data["error"] = {"code": error.code, "message": error.message, "retryable": False, "details": {}}
    data["state"] = job.state if job.state in {jobs.RUNNING, jobs.CANCELLED} else jobs.QUEUED
    return StoredReading(job.company_id.upper(), f"The reading is {data['state']}", data, job.created_at)


def _cached(found: FoundReading) -> AnswerData:
    return cached_answer(found, ReadingName(found.reading_id, found.supersedes, cached=True))


def _unfinished(found: FoundReading) -> UnfinishedData:
    data = UnfinishedData(id=found.reading_id, state=found.state, review=ReviewData(state="none"))
    if found.error_code is not None:
        data["error"] = {"code": found.error_code, **json.loads(found.error or "{}")}
    return data
