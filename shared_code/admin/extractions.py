"""/extractions: the documents that were read, and what was answered."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from shared_code.admin.dependencies import CompanyContext
from shared_code.admin.envelope import Envelope, Page, failures, shown_as
from shared_code.admin.fields import BigIdPath, BigPageQuery, CompanyId, Text100, example, fields_of
from shared_code.database.stores.extractions import extraction_lists as store
from shared_code.database.stores.extractions.extraction_lists import ExtractionFilter, StoredExtraction
from shared_code.errors import NotFound

router = APIRouter(tags=["extractions"])


class ExtractionQuery(BigPageQuery):
    """Filters of the list."""

    company_id: CompanyId | None = None
    state: Literal["running", "done", "short"] | None = None
    status: Literal["ok", "needs_review", "not_an_invoice", "multiple_invoices"] | None = None
    document_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    call_id: Text100 | None = None


_SUMMARY: dict[str, Any] = {
    "extraction_id": 42,
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
}


class ExtractionSummary(fields_of(StoredExtraction, without={"result"})):  # type: ignore[misc] # known at run time
    """One document's run."""

    model_config = example(**_SUMMARY)


class ExtractionView(ExtractionSummary):
    """One document's run with the data that was answered."""

    model_config = example(**_SUMMARY, result={"status": "ok", "invoices": [], "warnings": []})

    result: dict[str, Any] | None


@router.get("/extractions", responses=failures())
def list_extractions(
    context: CompanyContext, query: Annotated[ExtractionQuery, Query()]
) -> Envelope[Page[ExtractionSummary]]:
    """Runs, newest first, without results."""
    wanted = ExtractionFilter(**query.filters() | {"company_id": context.principal.company(query.company_id)})
    return context.newest(
        store.find_extractions, wanted, query, show=shown_as(ExtractionSummary), cursor=lambda row: row.extraction_id
    )


@router.get("/extractions/{extraction_id}", responses=failures(404))
def get_extraction(context: CompanyContext, extraction_id: BigIdPath) -> Envelope[ExtractionView]:
    """One run with its result."""
    row = context.read(lambda connection: store.get_extraction(connection, extraction_id))
    context.own(row.company_id if row else None)
    if row is None:
        raise NotFound(f"There is no extraction {extraction_id}.", details={"field": "extraction_id"})
    return context.success(f"Extraction {extraction_id}", shown_as(ExtractionView)(row))
