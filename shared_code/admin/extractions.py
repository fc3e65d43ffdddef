"""/extractions: the documents that were read or refused, and what was answered."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from shared_code.admin.auth import Principal
from shared_code.admin.dependencies import ErasingContext, ReadingsContext, ReportsContext
from shared_code.admin.envelope import Envelope, Page, failures, shown_as
from shared_code.admin.fields import BigPageQuery, CompanyId, GivenMoment, ReadingIdPath, Text100, example, fields_of
from shared_code.admin.review.views import DecisionView, decision_view
from shared_code.blobs.document_erasure import ErasedDocument
from shared_code.database.stores.extractions import extraction_lists as store
from shared_code.database.stores.extractions.extraction_lists import ExtractionFilter, StoredExtraction
from shared_code.errors import NotFound
from shared_code.extraction.evidence_data import EvidenceWanted
from shared_code.labels import is_reading_id
from shared_code.operations.access import Action, require_own

router = APIRouter(tags=["extractions"])

#: fields of a list that come from the invoice itself, or lead to it: whoever has an id may ask for the reading
_INVOICE_VALUES = ("invoice_number", "id", "supersedes_id")


class ExtractionQuery(BigPageQuery):
    """Filters of the list."""

    company_id: CompanyId | None = None
    state: Literal["queued", "running", "done", "failed", "cancelled"] | None = None
    status: Literal["ok", "needs_review", "not_an_invoice", "multiple_invoices"] | None = None
    document_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    call_id: Text100 | None = None
    error_code: Text100 | None = None
    file: Annotated[Text100 | None, Field(description="A part of the file's name.")] = None
    requested_by: Text100 | None = None
    invoice_number: Annotated[
        Text100 | None, Field(description="As it was read; for logins that may see readings.")
    ] = None
    request_id: Annotated[Text100 | None, Field(description="`x-request-id` of the upload.")] = None
    since: GivenMoment | None = None
    until: GivenMoment | None = None


_SUMMARY: dict[str, Any] = {
    "id": "ext_5e0f8f6f0d0c4c0f9a0d1b2c3d4e5f60",
    "company_id": "NT047",
    "document_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "provider": "Gemini",
    "model": "gemini-3.5-flash-lite",
    "call_id": "9b2d2f0c-3f0e-4f5a-9f3b-5d1c7a2e8b10",
    "state": "done",
    "status": "ok",
    "invoice_number": "SPL/25-26/0417",
    "created_at": "2026-11-21T09:30:00+00:00",
    "finished_at": "2026-11-21T09:30:03+00:00",
    "supersedes_id": None,
    "source": "http",
    "requested_by": "bzumah",
    "branch": "RUB",
    "file_label": "invoice.pdf",
    "error_code": None,
    "erased_at": None,
}


_HIDDEN = {"extraction_id", "result", "error", "corrected_values"}


class ExtractionSummary(fields_of(StoredExtraction, without=_HIDDEN)):  # type: ignore[misc] # known at run time
    """One reading. ``id`` and ``invoice_number`` are null for logins that may not see readings."""

    model_config = example(**_SUMMARY)


class ExtractionView(ExtractionSummary):
    """One reading with the data that was answered, or with the error."""

    model_config = example(**_SUMMARY, result={"status": "ok", "invoices": [], "warnings": []}, error=None)

    result: dict[str, Any] | None
    error: dict[str, Any] | None


class ExtractionDetail(ExtractionView):
    """One reading with what persons made of it.

    `data` is what it is answered with now, `original` what was read: both are null without a result. `history` holds
    all decisions with their corrections, oldest first. `result` is what is stored of the reading.
    """

    model_config = example(
        **_SUMMARY,
        result={"status": "ok", "invoices": [], "warnings": []},
        error=None,
        data={"status": "ok", "invoices": [], "warnings": []},
        original={"status": "ok", "invoices": [], "warnings": []},
        history=[],
    )

    data: dict[str, Any] | None
    original: dict[str, Any] | None
    history: list[DecisionView]


class ErasedView(fields_of(ErasedDocument)):  # type: ignore[misc] # its fields are known at run time
    """What was erased: the readings of one document of a company."""

    model_config = example(
        id=_SUMMARY["id"],
        company_id="NT047",
        document_sha256=_SUMMARY["document_sha256"],
        readings=2,
        erased_at="2026-11-28T10:00:00+00:00",
    )


@router.get("/extractions", responses=failures())
def list_extractions(
    context: ReportsContext, query: Annotated[ExtractionQuery, Query()]
) -> Envelope[Page[ExtractionSummary]]:
    """Readings, newest first, without results; for viewers without what the invoice says."""
    if query.invoice_number is not None:
        context.principal.require(Action.SEE_READINGS)
    wanted = ExtractionFilter(**query.filters() | {"company_id": context.principal.company(query.company_id)})
    return context.newest(
        store.find_extractions, wanted, query, show=_summary(context.principal), cursor=lambda row: row.extraction_id
    )


@router.get("/extractions/{extraction_id}", responses=failures(404))
def get_extraction(context: ReadingsContext, extraction_id: ReadingIdPath) -> Envelope[ExtractionDetail]:
    """One finished reading with its result or error, and what persons made of it."""
    known = is_reading_id(extraction_id)
    row = context.read(lambda connection: store.get_extraction(connection, extraction_id)) if known else None
    require_own(context.principal.company_id, row.company_id if row else None)
    if row is None:
        raise NotFound("There is no extraction with this id.", details={"field": "extraction_id"})
    both = context.services.stored_readings.find_both(extraction_id, evidence=EvidenceWanted.LINES)
    desk = context.services.reviews.desk
    made = desk.history(extraction_id).decisions
    names = desk.names([], made)
    view = ExtractionDetail(
        **shown_as(ExtractionView)(row).model_dump(),
        data=dict(both[0]) if both else None,
        original=dict(both[1]) if both else None,
        history=[decision_view(one, names) for one in made],
    )
    return context.success(f"Extraction {extraction_id}", view)


@router.delete("/extractions/{extraction_id}", responses=failures(404, 409))
def erase_extraction(
    context: ErasingContext,
    extraction_id: ReadingIdPath,
    with_source: Annotated[bool, Query(description="Erase dropped files that hold the document too.")] = False,  # noqa: FBT002 - FastAPI reads the query from parameters
) -> Envelope[ErasedView]:
    """Erase the document of a reading: all its readings, its files and the names in its accounts; see docs/privacy.md.

    The ids stay, and are answered 410. Erasing again does no harm, and finishes what a fault of storage has left (503).
    While the document is being read it is refused (409).
    """
    erased = context.services.document_erasure.erase(extraction_id, context.actor, with_source=with_source)
    return context.success(f"Extraction {extraction_id} is erased", shown_as(ErasedView)(erased))


def _summary(principal: Principal) -> Callable[[StoredExtraction], ExtractionSummary]:
    """Shows a reading of a list to this login."""
    if principal.may(Action.SEE_READINGS):
        return shown_as(ExtractionSummary)
    hidden: dict[str, Any] = dict.fromkeys(_INVOICE_VALUES)
    return lambda row: shown_as(ExtractionSummary)(replace(row, **hidden))
