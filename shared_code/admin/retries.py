"""/retries: every failed attempt at a model call."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from shared_code.admin.dependencies import ReportsContext
from shared_code.admin.envelope import Envelope, Page, failures, shown_as
from shared_code.admin.fields import CompanyId, Moment, PageQuery, SmallId, Text100, example
from shared_code.database.stores.operations.retries import RetryFilter, find_retries

router = APIRouter(tags=["retries"])


class RetryQuery(PageQuery):
    """Filters of the list."""

    company_id: CompanyId | None = None
    token_id: SmallId | None = None
    call_id: Text100 | None = None
    request_id: Text100 | None = None


class RetryView(BaseModel):
    """One failed attempt. ``call_id`` ties the attempts of one run together."""

    model_config = example(
        retry_id=5,
        at="2026-11-21T09:30:01.500000+00:00",
        company_id="NT047",
        token_id=1,
        attempt=1,
        error="The provider is overloaded (503)",
        retryable=True,
        call_id="9b2d2f0c-3f0e-4f5a-9f3b-5d1c7a2e8b10",
        request_id="front-end-17",
    )

    retry_id: int
    at: Moment | None
    company_id: str | None
    token_id: int | None
    attempt: int | None
    error: str | None
    retryable: bool
    call_id: str | None
    request_id: str | None


@router.get("/retries", responses=failures())
def list_retries(context: ReportsContext, query: Annotated[RetryQuery, Query()]) -> Envelope[Page[RetryView]]:
    """Failed attempts, newest first."""
    wanted = RetryFilter(**query.filters() | {"company_id": context.principal.company(query.company_id)})
    return context.newest(find_retries, wanted, query, show=shown_as(RetryView), cursor=lambda row: row.retry_id)
