"""/retries: every failed attempt at a model call."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from shared_code.admin.dependencies import CompanyDesk
from shared_code.admin.envelope import Envelope, Page, failures
from shared_code.admin.fields import CompanyId, Moment, PageQuery, SmallId, Text100
from shared_code.database.stores import retries as store
from shared_code.database.stores.retries import RetryFilter, StoredRetry

router = APIRouter(tags=["retries"])


class RetryQuery(PageQuery):
    """Filters of the list."""

    company_id: CompanyId | None = None
    token_id: SmallId | None = None
    call_id: Text100 | None = None
    request_id: Text100 | None = None


class RetryView(BaseModel):
    """One failed attempt. ``call_id`` ties the attempts of one run together."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "retry_id": 5,
                "at": "2026-11-21T09:30:01.500000+00:00",
                "company_id": "NT047",
                "token_id": 1,
                "attempt": 1,
                "error": "The provider is overloaded (503)",
                "retryable": True,
                "call_id": "9b2d2f0c-3f0e-4f5a-9f3b-5d1c7a2e8b10",
                "request_id": "front-end-17",
            }
        }
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

    @classmethod
    def of(cls, stored: StoredRetry) -> "RetryView":
        """What is shown of a row."""
        attempt = stored.attempt
        return cls(
            retry_id=stored.retry_id,
            at=stored.at,
            company_id=attempt.company_id,
            token_id=attempt.token_id,
            attempt=attempt.attempt,
            error=attempt.error,
            retryable=attempt.retryable,
            call_id=attempt.call_id,
            request_id=attempt.request_id,
        )


@router.get("/retries", responses=failures())
def list_retries(desk: CompanyDesk, query: Annotated[RetryQuery, Query()]) -> Envelope[Page[RetryView]]:
    """Failed attempts, newest first."""
    wanted = RetryFilter(
        company_id=desk.principal.company(query.company_id),
        token_id=query.token_id,
        call_id=query.call_id,
        request_id=query.request_id,
    )
    rows = desk.read(
        lambda connection: store.find_retries(connection, wanted, before_id=query.position, limit=query.limit + 1)
    )
    return desk.page(rows, query.limit, show=RetryView.of, cursor=lambda row: row.retry_id)
