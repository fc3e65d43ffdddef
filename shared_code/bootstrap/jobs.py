"""Puts the parts together that read uploads later."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from shared_code.blobs.clients import blob_service_client, queue_client
from shared_code.blobs.conditions import BlobAlerts
from shared_code.blobs.delivery import BlobDelivery
from shared_code.blobs.intake import Disposition, Processed
from shared_code.blobs.keeping import DocumentKeeper
from shared_code.blobs.poison_queue import PoisonQueue
from shared_code.blobs.sweep import BlobSweep
from shared_code.bootstrap.foundations import Foundations
from shared_code.extraction.service import ExtractionService
from shared_code.jobs.desk import JobDesk
from shared_code.jobs.documents import JobDocuments
from shared_code.jobs.messages import NAME, POISON, job_in, poisoned_job
from shared_code.jobs.runner import JobRunner
from shared_code.jobs.sweeping import KINDS, EndedJobs, ForgottenJobs, JobSources
from shared_code.jobs.turns import JobQueue, JobTurns


@dataclass(frozen=True, slots=True)
class JobServices:
    """What serves jobs."""

    desk: JobDesk
    documents: JobDocuments
    runner: JobRunner
    delivery: BlobDelivery
    sweep: BlobSweep

    def receive(self, text: str, *, trace_parent: str | None = None) -> Processed:
        """Take a message of the queue. One that is about no job is done with.

        :raises errors.ServiceError: a passing cause; the platform delivers the message again.
        """
        job_id = job_in(text)
        if job_id is None:
            return Processed(Disposition.GONE)
        return self.delivery.take(job_id, trace_parent=trace_parent)


def build_jobs(base: Foundations, extraction: ExtractionService, keeper: DocumentKeeper) -> JobServices:
    """Everything, on the process's own pipeline, database and clocks."""
    settings, database, monotonic = base.settings, base.database, base.pace.clock
    queue = cache(lambda: queue_client(settings, NAME))
    documents = JobDocuments(lambda: blob_service_client(settings))
    turns = JobTurns(database, JobQueue(queue), settings.max_jobs_per_company)
    runner = JobRunner(settings, database, base.budgets, extraction, documents, turns, keeper, monotonic)
    alerts = BlobAlerts(database, KINDS)
    sources = JobSources(database, queue)
    sweep = BlobSweep(
        store=sources,
        intake=runner,
        alerts=alerts,
        poison=PoisonQueue(lambda: queue_client(settings, POISON), read=poisoned_job),
        forgotten=ForgottenJobs(database, sources, turns, timedelta(seconds=settings.blob_sweep_after_seconds)),
        ended=EndedJobs(database, documents, alerts, base.clock),
        clock=base.clock,
        monotonic=monotonic,
    )
    delivery = BlobDelivery(sources, runner, alerts, base.clock)
    return JobServices(JobDesk(database, extraction, documents, turns), documents, runner, delivery, sweep)
