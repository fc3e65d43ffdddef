"""/logs: what the service said, as ApplicationLogs holds it."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import AliasChoices, BaseModel, Field

from shared_code.admin.dependencies import OperatingContext
from shared_code.admin.envelope import Envelope, Page, failures, shown_as
from shared_code.admin.fields import GivenMoment, Moment, PageQuery, Text100, example
from shared_code.database.stores.operations.logs import LogFilter, find_logs

router = APIRouter(tags=["logs"])


class LogQuery(PageQuery):
    """Filters of the list. ``level`` means this one and above; ``contains`` looks into message and exception."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] | None = None
    logger: Text100 | None = None
    call_id: Text100 | None = None
    request_id: Text100 | None = None
    operation_id: Annotated[
        str | None, Field(pattern=r"^[0-9a-f]{32}$", description="`operation_Id` of Application Insights.")
    ] = None
    contains: Text100 | None = None
    since: GivenMoment | None = None
    until: GivenMoment | None = None


class LogView(BaseModel):
    """One line."""

    model_config = example(
        log_id=981,
        at="2026-11-21T09:30:00.123000+00:00",
        level="INFO",
        logger="shared_code.extraction.model_calls",
        message="Token 1 selected for company NT047, model gemini-3.5-flash-lite",
        exception=None,
        module="calls",
        function="_selected",
        line=203,
        call_id="9b2d2f0c-3f0e-4f5a-9f3b-5d1c7a2e8b10",
        request_id="front-end-17",
        operation_id="4bf92f3577b34da6a3ce929d0e0e4736",
    )

    log_id: int | None
    at: Annotated[Moment | None, Field(validation_alias=AliasChoices("timestamp", "at"))]
    level: str | None
    logger: str | None
    message: str | None
    exception: str | None
    module: str | None
    function: str | None
    line: int | None
    call_id: str | None
    request_id: str | None
    operation_id: str | None


@router.get("/logs", responses=failures())
def list_logs(context: OperatingContext, query: Annotated[LogQuery, Query()]) -> Envelope[Page[LogView]]:
    """Log lines, newest first."""
    wanted = LogFilter(**query.filters())
    return context.newest(find_logs, wanted, query, show=shown_as(LogView), cursor=lambda row: row.log_id or 0)
