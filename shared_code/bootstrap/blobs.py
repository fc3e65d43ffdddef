"""Puts the parts together that read dropped files."""

from dataclasses import dataclass
from datetime import timedelta

from shared_code.blobs.clients import blob_service_client, queue_client, storage_configured
from shared_code.blobs.conditions import BlobAlerts
from shared_code.blobs.delivery import BlobDelivery
from shared_code.blobs.document_sources import DocumentSources
from shared_code.blobs.ended_conditions import EndedConditions
from shared_code.blobs.erasure import BlobErasure
from shared_code.blobs.expiring_documents import ExpiringDocuments
from shared_code.blobs.forgotten import ForgottenBlobs
from shared_code.blobs.intake import BlobIntake
from shared_code.blobs.keeping import DocumentKeeper
from shared_code.blobs.kept_documents import KeptDocuments
from shared_code.blobs.page_views import PageViews
from shared_code.blobs.poison_queue import QUEUE, PoisonQueue, poisoned_blob
from shared_code.blobs.recent_pages import RecentPages
from shared_code.blobs.reviewed_results import ReviewedResults
from shared_code.blobs.store import BlobStore
from shared_code.blobs.sweep import BlobSweep
from shared_code.bootstrap.foundations import Foundations
from shared_code.extraction.service import ExtractionService
from shared_code.extraction.stored_readings import StoredReadings
from shared_code.settings import KeepDocuments, Settings


@dataclass(frozen=True, slots=True)
class BlobServices:
    """What serves dropped files, and keeps copies of documents however they came.

    :ivar documents: the copies; ``keeper`` adds to them, ``expiring`` removes the old ones.
    :ivar erasure: takes everything of one document out of storage.
    :ivar sources: finds the bytes of a document; ``pages`` shows them to people.
    :ivar reviewed: brings results of dropped files up to date when a person has decided.
    """

    store: BlobStore
    alerts: BlobAlerts
    intake: BlobIntake
    delivery: BlobDelivery
    sweep: BlobSweep
    documents: KeptDocuments
    keeper: DocumentKeeper
    expiring: ExpiringDocuments
    erasure: BlobErasure
    sources: DocumentSources
    pages: PageViews
    reviewed: ReviewedResults


def build_store(settings: Settings) -> BlobStore:
    """The two containers that the settings name; nothing is sent yet."""
    return BlobStore(
        lambda: blob_service_client(settings),
        sources=settings.invoice_container,
        results=settings.result_container,
    )


def build_blobs(base: Foundations, extraction: ExtractionService, stored: StoredReadings) -> BlobServices:
    """Everything, on the process's own pipeline, database and clocks."""
    settings, monotonic = base.settings, base.pace.clock
    store = build_store(settings)
    alerts = BlobAlerts(base.database)
    documents = KeptDocuments(lambda: blob_service_client(settings))
    keeper = DocumentKeeper(
        documents,
        base.database,
        settings.keep_documents if storage_configured(settings) else KeepDocuments.OFF,
        largest_bytes=settings.max_upload_bytes,
    )
    reviewed = ReviewedResults(base.database, store, stored, base.background, storage_configured(settings))
    intake = BlobIntake(
        settings,
        store=store,
        extraction=extraction,
        alerts=alerts,
        keeper=keeper,
        reviewed=reviewed,
        monotonic=monotonic,
    )
    poison = PoisonQueue(lambda: queue_client(settings, QUEUE), read=poisoned_blob(settings.invoice_container))
    sweep = _build_sweep(base, store, intake, alerts, poison)
    expiring = ExpiringDocuments(
        documents,
        base.database.unhurried(),
        keep=timedelta(days=settings.keep_documents_days),
        clock=base.clock,
    )
    recent = RecentPages(clock=monotonic)
    erasure = BlobErasure(base.database, store, documents, poison, recent)
    delivery = BlobDelivery(store, intake, alerts, base.clock)
    sources = DocumentSources(base.database, documents, store, storage_configured(settings))
    pages = PageViews(
        base.database,
        sources,
        recent,
        max_pages=settings.max_pages,
        second_readings=base.second_readings,
    )
    return BlobServices(
        store, alerts, intake, delivery, sweep, documents, keeper, expiring, erasure, sources, pages, reviewed
    )


def _build_sweep(
    base: Foundations, store: BlobStore, intake: BlobIntake, alerts: BlobAlerts, poison: PoisonQueue
) -> BlobSweep:
    after = timedelta(seconds=base.settings.blob_sweep_after_seconds)
    return BlobSweep(
        store=store,
        intake=intake,
        alerts=alerts,
        poison=poison,
        forgotten=ForgottenBlobs(store, alerts, clock=base.clock, after=after),
        ended=EndedConditions(store, alerts),
        clock=base.clock,
        monotonic=base.pace.clock,
    )
