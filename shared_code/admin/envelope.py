"""The envelope of every JSON answer, as models, so that the OpenAPI document describes it."""

from collections.abc import Callable
from typing import Any, Literal

from pydantic import BaseModel, Field

from shared_code import errors
from shared_code.admin.fields import example


class Envelope[Data](BaseModel):
    """A successful answer."""

    status: Literal["success"] = "success"
    message: str
    request_id: str
    data: Data
    error: None = None


class Page[Item](BaseModel):
    """One page of a list. ``next_cursor`` goes into ``cursor`` of the next request; null = this was the last one."""

    items: list[Item]
    next_cursor: str | None


def shown_as[View: BaseModel](view: type[View]) -> Callable[[Any], View]:
    """Makes a view of a record whose fields have the same names."""
    return lambda record: view.model_validate(record, from_attributes=True)


class ErrorFacts(BaseModel):
    """What went wrong, for programs."""

    code: str
    retryable: bool
    details: dict[str, Any] = Field(default_factory=dict)


class ErrorEnvelope(BaseModel):
    """An answer to a request that failed."""

    model_config = example(
        status="error",
        message="Your role does not allow this.",
        request_id="3f0a8b0e-3f7f-4a43-9c3d-1f7f5a1c5d5e",
        data=None,
        error={"code": "FORBIDDEN", "retryable": False, "details": {}},
    )

    status: Literal["error"]
    message: str
    request_id: str
    data: None
    error: ErrorFacts


_KINDS: dict[int, type[errors.ServiceError]] = {
    400: errors.InvalidRequest,
    401: errors.NotAuthenticated,
    403: errors.Forbidden,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    409: errors.AlreadyExists,
    412: errors.ChangedMeanwhile,
    429: errors.TooManyFailedLogins,
    500: errors.InternalError,
    503: errors.DatabaseUnavailable,
}
_EVERYWHERE = (400, 401, 403, 429, 500, 503)


def failures(*further: int) -> dict[int | str, dict[str, Any]]:
    """``responses`` of a route: the errors that every route has, and these."""
    return {
        status: {"model": ErrorEnvelope, "description": f"{_KINDS[status].code}: {_KINDS[status].default_message}"}
        for status in sorted({*_EVERYWHERE, *further})
    }
