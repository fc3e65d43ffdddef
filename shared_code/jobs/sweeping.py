"""What the sweep must know of jobs, in the form in which it knows dropped files: one mechanism drives both.

A job is one version that never changes; its name is its id. See :mod:`shared_code.blobs.sweep`.
"""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from shared_code.blobs.clients import ask_storage
from shared_code.blobs.conditions import BlobAlerts, Kinds
from shared_code.blobs.store import SourceVersion
from shared_code.database.stores.extractions import jobs
from shared_code.errors import BlobUnavailable
from shared_code.jobs.documents import JobDocuments
from shared_code.jobs.messages import VERSION
from shared_code.jobs.turns import JobTurns

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient

    from shared_code.database.connection import Database

_log = logging.getLogger(__name__)

#: alerts about jobs; the first one is never opened: the reading of a job that failed says so to whoever waits for it
KINDS = Kinds("job_failed", "job_poisoned", "its reading says that it failed, and it can be sent again")
_MOST = 1_000
#: age at which a document without a job that needs it is removed
_LEFT_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class JobSources:
    """Jobs as the sweep asks for them.

    :ivar queue: makes the client of the jobs' queue.
    """

    database: "Database"
    queue: "Callable[[], QueueClient]"

    def version(self, name: str) -> SourceVersion | None:
        """A job that is to come to an end, with its company; None when there is none, or it has ended."""
        job = self.database.read(lambda connection: jobs.find_job(connection, name))
        if job is None or not job.live:
            return None
        return SourceVersion(name, VERSION, 0, job.created_at.replace(tzinfo=UTC), {"companyid": job.company_id})

    def ask(self) -> None:
        """Whether storage answers at all: raises :class:`errors.StorageUnavailable`."""
        ask_storage(lambda: self.queue().get_queue_properties())


@dataclass(frozen=True, slots=True)
class ForgottenJobs:
    """Finds jobs that nothing moves: their message was lost, or the run that had them died.

    :ivar after: age at which a job counts as forgotten.
    """

    database: "Database"
    sources: JobSources
    turns: JobTurns
    after: timedelta

    def find(self) -> list[SourceVersion]:
        """Those jobs; turns that a killed process did not pass on are passed on first.

        :raises errors.DatabaseUnavailable: nothing can be found.
        """
        self.turns.catch_up_all()
        seconds = int(self.after.total_seconds())
        found = self.database.read(
            lambda connection: jobs.forgotten_jobs(connection, older_than_seconds=seconds, limit=_MOST)
        )
        versions = (self.sources.version(job_id) for job_id in found)
        return [version for version in versions if version is not None]


@dataclass(frozen=True, slots=True)
class EndedJobs:
    """Closes the alerts of jobs that have ended, and removes documents that no job needs.

    :ivar clock: the moment (aware, UTC).
    """

    database: "Database"
    documents: JobDocuments
    alerts: BlobAlerts
    clock: Callable[[], datetime]

    def close(self, *, still_open: Collection[str]) -> None:
        """Do it.

        :param still_open: jobs to leave alone.
        :raises errors.StorageUnavailable, errors.DatabaseUnavailable: one of them is away.
        """
        for name in sorted(set(self.alerts.retry_states()) - set(still_open)):
            if not self._is_live(name):
                self.alerts.close(name, KINDS.poisoned)
        for company_id, job_id in self.documents.older_than(self.clock() - _LEFT_AFTER):
            if not self._is_live(job_id):
                self._remove(company_id, job_id)

    def _is_live(self, job_id: str) -> bool:
        return self.database.read(lambda connection: jobs.is_live(connection, job_id))

    def _remove(self, company_id: str, job_id: str) -> None:
        try:
            self.documents.remove(company_id, job_id)
        except BlobUnavailable as error:  # leased, or protected by a policy: the next sweep tries it again
            _log.warning("the document of job %s could not be removed: %s", job_id, error.message)
