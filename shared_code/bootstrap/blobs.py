"""Puts the parts together that read dropped files."""

from dataclasses import dataclass
from datetime import timedelta

from shared_code.blobs.clients import blob_service_client, queue_client
from shared_code.blobs.conditions import BlobAlerts
from shared_code.blobs.ended_conditions import EndedConditions
from shared_code.blobs.forgotten import ForgottenBlobs
from shared_code.blobs.intake import BlobIntake
from shared_code.blobs.poison_queue import QUEUE, PoisonQueue
from shared_code.blobs.store import BlobStore
from shared_code.blobs.sweep import BlobSweep
from shared_code.bootstrap.foundations import Foundations
from shared_code.extraction.service import ExtractionService
from shared_code.settings import Settings


@dataclass(frozen=True, slots=True)
class BlobServices:
    """What serves dropped files."""

    store: BlobStore
    alerts: BlobAlerts
    intake: BlobIntake
    sweep: BlobSweep


def build_store(settings: Settings) -> BlobStore:
    """The two containers that the settings name; nothing is sent yet."""
    return BlobStore(
        lambda: blob_service_client(settings),
        sources=settings.invoice_container,
        results=settings.result_container,
    )


def build_blobs(base: Foundations, extraction: ExtractionService) -> BlobServices:
    """Everything, on the process's own pipeline, database and clocks."""
    settings, monotonic = base.settings, base.pace.clock
    store = build_store(settings)
    alerts = BlobAlerts(base.database)
    intake = BlobIntake(settings, store=store, extraction=extraction, alerts=alerts, monotonic=monotonic)
    sweep = BlobSweep(
        store=store,
        intake=intake,
        alerts=alerts,
        poison=PoisonQueue(lambda: queue_client(settings, QUEUE), container=settings.invoice_container),
        forgotten=ForgottenBlobs(
            store, alerts, clock=base.clock, after=timedelta(seconds=settings.blob_sweep_after_seconds)
        ),
        ended=EndedConditions(store, alerts),
        clock=base.clock,
        monotonic=monotonic,
    )
    return BlobServices(store, alerts, intake, sweep)
