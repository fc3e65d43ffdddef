"""/extractions/{id}/run and /reread: what the run of one reading went through and cost, and reading it anew."""

import hashlib
import uuid
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, PlainSerializer

from shared_code.admin.dependencies import ReadingsContext, RouteContext, TryingContext
from shared_code.admin.envelope import Envelope, failures, shown_as
from shared_code.admin.fields import ReadingIdPath, example, fields_of
from shared_code.admin.retries import RetryView
from shared_code.blobs.clients import storage_configured
from shared_code.database.stores.extractions import extraction_lists
from shared_code.database.stores.extractions.extraction_lists import StoredExtraction
from shared_code.database.stores.extractions.viewed_documents import viewed_document
from shared_code.database.stores.operations.admin_audit import add_audit
from shared_code.database.stores.operations.retries import RetryFilter, find_retries
from shared_code.database.stores.usage.call_usage import BookedRow, booked_rows
from shared_code.errors import Conflict, Gone, NotFound
from shared_code.extraction.submission import Submission
from shared_code.labels import is_reading_id
from shared_code.operations.access import require_own
from shared_code.records import Caller, CallIdentity, Source

router = APIRouter(tags=["extractions"])

_MOST_ATTEMPTS = 100
_ID = "ext_5e0f8f6f0d0c4c0f9a0d1b2c3d4e5f60"


def _written(cost: Decimal | None) -> str | None:
    return None if cost is None else format(cost, "f")


class BookedView(fields_of(BookedRow)):  # type: ignore[misc] # its fields are known at run time
    """One row of what a run was booked at. Unknown counts are null, never 0."""

    model_config = example(
        usage_id=991,
        at="2026-11-21T09:30:03+00:00",
        kind="usage",
        attempt=1,
        token_id=1,
        model="gemini-3.5-flash-lite",
        outcome="ok",
        source="http",
        requests=1,
        input_tokens=1280,
        output_tokens=640,
        thoughts_tokens=0,
        cached_tokens=0,
        total_tokens=1920,
        cost_usd="0.00044800",
        duration_ms=2100,
        request_id="front-end-17",
    )

    cost_usd: Annotated[
        Decimal | None,
        PlainSerializer(lambda cost: None if cost is None else format(cost, "f"), return_type=str | None),
    ]


class RunView(BaseModel):
    """The run that made a reading: what was booked, and the attempts that failed, both in their order."""

    model_config = example(call_id="9b2d2f0c-3f0e-4f5a-9f3b-5d1c7a2e8b10", booked=[], attempts=[])

    call_id: str
    booked: list[BookedView]
    attempts: list[RetryView]


class RereadView(BaseModel):
    """The reading that is made now, and the one that it is made anew of."""

    model_config = example(id=f"ext_{'1' * 32}", supersedes_id=_ID)

    id: str
    supersedes_id: str


@router.get("/extractions/{extraction_id}/run", responses=failures(404))
def get_run(context: ReadingsContext, extraction_id: ReadingIdPath) -> Envelope[RunView]:
    """What the run of a reading was booked at, and which of its attempts failed."""
    row = _reading(context, extraction_id)
    attempts = RetryFilter(call_id=row.call_id)
    booked, failed = context.read(
        lambda connection: (
            booked_rows(connection, row.call_id),
            find_retries(connection, attempts, limit=_MOST_ATTEMPTS),
        )
    )
    view = RunView(
        call_id=row.call_id,
        booked=[shown_as(BookedView)(each) for each in booked],
        attempts=[shown_as(RetryView)(each) for each in reversed(failed)],
    )
    return context.success(f"Run of extraction {extraction_id}", view)


@router.post("/extractions/{extraction_id}/reread", responses=failures(404, 409, 410))
def reread_extraction(context: TryingContext, extraction_id: ReadingIdPath) -> Envelope[RereadView]:
    """Read the document of a reading anew, at its cost, from the copy that is kept. The earlier reading stays.

    Where the service has a storage account the answer comes at once, with a reading that is made in the background.
    """
    row, services = _reading(context, extraction_id), context.services
    if row.erased_at is not None:
        raise Gone("This document was erased.", details={"field": "extraction_id"})
    viewed = context.read(lambda connection: viewed_document(connection, extraction_id))
    content = None if viewed is None else services.blobs.sources.read(viewed)
    if content is None:
        raise Conflict("No copy of this document is kept, so it cannot be read again.", details={"reason": "not_kept"})
    anew = _submission(context, row, content)
    facts = {"id": anew.reading_id, "document_sha256": hashlib.sha256(content).hexdigest()}
    services.database.run(
        lambda connection: add_audit(
            connection, context.actor, "extraction.reread", f"extraction {extraction_id}", after=facts
        )
    )
    if storage_configured(services.settings):
        services.jobs.desk.submit(anew)
    else:
        outcome = services.extraction.extract(anew)
        services.blobs.keeper.offer(anew, outcome.data)
    view = RereadView(id=anew.reading_id, supersedes_id=extraction_id)
    return context.success(f"Extraction {extraction_id} is read again", view)


def _submission(context: RouteContext, row: StoredExtraction, content: bytes) -> Submission:
    caller = Caller(row.company_id, row.requested_by, row.branch)
    return Submission(
        data=content,
        identity=CallIdentity(str(uuid.uuid4()), caller, Source.CONSOLE, context.request_id),
        deadline_seconds=context.services.settings.request_deadline_seconds,
        file_name=row.file_label,
        force=True,
    )


def _reading(context: RouteContext, extraction_id: str) -> StoredExtraction:
    """A reading that this login may see."""
    known = is_reading_id(extraction_id)
    row = context.read(lambda connection: extraction_lists.get_extraction(connection, extraction_id)) if known else None
    require_own(context.principal.company_id, row.company_id if row else None)
    if row is None:
        raise NotFound("There is no extraction with this id.", details={"field": "extraction_id"})
    return row
