"""/try: a document from the console, read like any upload and charged like one."""

import uuid
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, Field

from shared_code.admin.dependencies import RouteContext, TryingContext
from shared_code.admin.envelope import Envelope, failures
from shared_code.admin.fields import CompanyId, ReadingIdPath, Sent, Text100, example
from shared_code.blobs.clients import storage_configured
from shared_code.documents import refusals
from shared_code.errors import InvalidRequest, NotFound
from shared_code.extraction import submission
from shared_code.extraction.evidence_data import EvidenceWanted
from shared_code.extraction.submission import Submission
from shared_code.operations.access import require_own
from shared_code.records import CallIdentity, Source

router = APIRouter(tags=["extractions"])

_BYTES = "application/octet-stream"
_ID = "ext_5e0f8f6f0d0c4c0f9a0d1b2c3d4e5f60"


class TryQuery(Sent):
    """Whose key pays, and what the document is called."""

    company_id: CompanyId | None = None
    file_name: Text100 | None = None
    force: Annotated[bool, Field(description="Read it again, at its cost, also when it was read before.")] = False


class TriedView(BaseModel):
    """How far a document is.

    `status`, `usage` and `provenance` are those of the upload's answer, and null until it is done; `error` is null
    unless it failed. `review_id` is the reading to look at, which is another one when the document was read before.
    """

    model_config = example(
        id=_ID, state="queued", status=None, cached=False, review_id=None, usage=None, provenance=None, error=None
    )

    id: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    status: str | None = None
    cached: bool = False
    review_id: str | None = None
    usage: dict[str, Any] | None = None
    provenance: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


@router.post("/try", responses=failures(404, 409, 413, 415, 422, 502, 504))
def try_document(
    context: TryingContext,
    query: Annotated[TryQuery, Query()],
    document: Annotated[bytes, Body(media_type=_BYTES, min_length=1)],
) -> Envelope[TriedView]:
    """Have a document read. It is charged to the company, under the name of your login and the source `console`.

    Where the service has a storage account the answer comes at once, and `GET /try/{extraction_id}` says how far it is.
    """
    services, wanted = context.services, _submission(context, query, document)
    if storage_configured(services.settings):
        accepted = services.jobs.desk.submit(wanted)
        return context.success(accepted.message, _view(accepted.data["id"], accepted.data))
    outcome = services.extraction.extract(wanted)
    services.blobs.keeper.offer(wanted, outcome.data)
    return context.success(outcome.message, _view(wanted.reading_id, outcome.data))


@router.get("/try/{extraction_id}", responses=failures(404, 410))
def get_tried(context: TryingContext, extraction_id: ReadingIdPath) -> Envelope[TriedView]:
    """How far a document is that was sent to `/try`, and what reading it has cost."""
    bound_to = context.principal.company_id
    try:
        found = context.services.stored_readings.find(
            extraction_id, require=lambda company: require_own(bound_to, company), evidence=EvidenceWanted.NONE
        )
    except NotFound:
        # To a login of one company what is not there looks like what is another's.
        require_own(bound_to, None)
        raise
    return context.success(found.message, _view(extraction_id, found.data))


def _submission(context: RouteContext, query: TryQuery, document: bytes) -> Submission:
    """The document as an upload of this login.

    :raises Forbidden: it is for another company than the login's.
    :raises InvalidRequest: no company is named.
    :raises FileTooLarge: says the limit.
    """
    company, settings = context.principal.company(query.company_id), context.services.settings
    if company is None:
        raise InvalidRequest("Say whose key pays: company_id is missing.", details={"field": "company_id"})
    if len(document) > settings.max_upload_bytes:
        raise refusals.too_large(len(document), settings.max_upload_bytes)
    caller = submission.read_caller({"companyID": company, "username": context.principal.name[:100]})
    return Submission(
        data=document,
        identity=CallIdentity(str(uuid.uuid4()), caller, Source.CONSOLE, context.request_id),
        deadline_seconds=settings.request_deadline_seconds,
        file_name=query.file_name,
        force=query.force,
    )


def _view(asked: str, data: Any) -> TriedView:
    done = data["state"] == "done"
    return TriedView(
        id=asked,
        state=data["state"],
        status=data.get("status"),
        cached=bool(data.get("cached")),
        review_id=data["id"] if done else None,
        usage=data.get("usage"),
        provenance=data.get("provenance"),
        error=data.get("error"),
    )
