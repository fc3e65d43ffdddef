"""The envelope of every JSON answer, as models, so that the OpenAPI document describes it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field, JsonValue

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


_ERRORS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.ServiceError)]
_CODES: list[JsonValue] = [*sorted({kind.code for kind in _ERRORS})]


class ErrorFacts(BaseModel):
    """What went wrong, for programs; the same for uploads.

    `retryable`: whether the same request can succeed later. `retry_after_seconds` is the header `Retry-After`, and
    `retry_at` the same as a moment; both are null where waiting does not help, or nobody knows how long.
    """

    code: str = Field(json_schema_extra={"enum": _CODES})
    retryable: bool
    details: dict[str, Any]
    retry_after_seconds: int | None = Field(ge=1)
    retry_at: datetime | None


class ErrorEnvelope(BaseModel):
    """An answer to a request that failed."""

    model_config = example(
        status="error",
        message="Too many failed logins. Please wait.",
        request_id="3f0a8b0e-3f7f-4a43-9c3d-1f7f5a1c5d5e",
        data=None,
        error={
            "code": "TOO_MANY_FAILED_LOGINS",
            "retryable": True,
            "details": {},
            "retry_after_seconds": 287,
            "retry_at": "2026-11-21T12:04:47Z",
        },
    )

    status: Literal["error"]
    message: str
    request_id: str
    data: None
    error: ErrorFacts


#: what can be the matter with a request, by status
_KINDS: Mapping[int, tuple[type[errors.ServiceError], ...]] = {
    400: (errors.InvalidRequest,),
    401: (errors.NotAuthenticated,),
    403: (errors.Forbidden,),
    404: (errors.NotFound,),
    409: (errors.AlreadyExists, errors.Conflict),
    410: (errors.Gone,),
    412: (errors.ChangedMeanwhile,),
    413: (errors.FileTooLarge, errors.TooManyPages),
    415: (errors.UnsupportedFileType,),
    422: (errors.InvalidFile, errors.ProviderRejected),
    429: (errors.TooManyFailedLogins,),
    500: (errors.InternalError,),
    502: (errors.ProviderBadAnswer,),
    503: (errors.DatabaseUnavailable,),
    504: (errors.ProviderTimeout,),
}
_EVERYWHERE = (400, 401, 403, 429, 500, 503)
_RETRY_AFTER = {
    "Retry-After": {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds; where waiting helps."}
}


def failures(*further: int) -> dict[int | str, dict[str, Any]]:
    """``responses`` of a route: the errors that every route has, and these."""
    return {status: _failure(_KINDS[status]) for status in sorted({*_EVERYWHERE, *further})}


def _failure(kinds: tuple[type[errors.ServiceError], ...]) -> dict[str, Any]:
    told = " ".join(f"{kind.code}: {kind.default_message}" for kind in kinds)
    headers = _RETRY_AFTER if any(kind.retryable for kind in kinds) else {}
    return {"model": ErrorEnvelope, "description": told, **({"headers": dict(headers)} if headers else {})}
