"""/logs: what the service said, as ApplicationLogs holds it."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from shared_code.admin.dependencies import ViewerDesk
from shared_code.admin.envelope import Envelope, Page, failures
from shared_code.admin.fields import GivenMoment, Moment, PageQuery, Text100
from shared_code.database.stores import logs as store
from shared_code.database.stores.logs import LogFilter
from shared_code.records import LogEntry

router = APIRouter(tags=["logs"])


class LogQuery(PageQuery):
    """Filters of the list. ``contains`` looks into message and exception."""

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

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "log_id": 981,
                "at": "2026-11-21T09:30:00.123000+00:00",
                "level": "INFO",
                "logger": "shared_code.extraction.model_calls",
                "message": "Token 1 selected for company NT047, model gemini-3.5-flash-lite",
                "exception": None,
                "module": "calls",
                "function": "_selected",
                "line": 203,
                "call_id": "9b2d2f0c-3f0e-4f5a-9f3b-5d1c7a2e8b10",
                "request_id": "front-end-17",
                "operation_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            }
        }
    )

    log_id: int | None
    at: Moment | None
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

    @classmethod
    def of(cls, entry: LogEntry) -> "LogView":
        """What is shown of a row."""
        return cls(
            log_id=entry.log_id,
            at=entry.timestamp,
            level=entry.level,
            logger=entry.logger,
            message=entry.message,
            exception=entry.exception,
            module=entry.module,
            function=entry.function,
            line=entry.line,
            call_id=entry.call_id,
            request_id=entry.request_id,
            operation_id=entry.operation_id,
        )


@router.get("/logs", responses=failures())
def list_logs(desk: ViewerDesk, query: Annotated[LogQuery, Query()]) -> Envelope[Page[LogView]]:
    """Log lines, newest first."""
    wanted = LogFilter(
        level=query.level,
        logger=query.logger,
        call_id=query.call_id,
        request_id=query.request_id,
        operation_id=query.operation_id,
        contains=query.contains,
        since=query.since,
        until=query.until,
    )
    rows = desk.read(
        lambda connection: store.find_logs(connection, wanted, before_id=query.position, limit=query.limit + 1)
    )
    return desk.page(rows, query.limit, show=LogView.of, cursor=lambda row: row.log_id or 0)
