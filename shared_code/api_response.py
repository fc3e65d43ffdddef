"""The one envelope of every JSON answer, and the only place where an error becomes an HTTP status."""

import json
import math
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from shared_code.errors import InternalError, ServiceError

_REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{1,64}")
_UNAUTHORIZED = 401
_UNAVAILABLE = 503
_TOO_MANY_REQUESTS = 429
_DEFAULT_RETRY_AFTER = 5


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """An HTTP answer without a framework: the function folders turn it into theirs."""

    status_code: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def request_id_of(header: str | None) -> str:
    """The client's own id when it is a harmless label (1 to 64 of ``A-Za-z0-9._-``), else a new one."""
    return header if header and _REQUEST_ID.fullmatch(header) else str(uuid.uuid4())


def format_api_response(
    message: str,
    status: str = "success",
    data: Any = None,
    *,
    request_id: str | None = None,
    error: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The envelope as a dict: ``status`` is success or error."""
    return {"status": status, "message": message, "request_id": request_id, "data": data, "error": error}


def success(message: str, data: Any, *, request_id: str, status_code: int = 200) -> ApiResponse:
    """A successful answer."""
    return _response(status_code, format_api_response(message, data=data, request_id=request_id), request_id)


def failure(error: ServiceError, *, request_id: str, now: datetime | None = None) -> ApiResponse:
    """The answer to an error: always the JSON envelope, whatever was asked for.

    Internal errors show the request id only. A 429 or 503 that passes by itself says when to come back.

    :param now: the moment (aware), by which ``retry_at`` is told; left out: that of the system's clock.
    """
    facts = error_facts(error, now=now)
    message = InternalError.default_message if isinstance(error, InternalError) else error.message
    headers = {}
    if facts["retry_after_seconds"] is not None:
        headers["Retry-After"] = str(facts["retry_after_seconds"])
    if error.http_status == _UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    envelope = format_api_response(message, "error", request_id=request_id, error=facts)
    return _response(error.http_status, envelope, request_id, headers)


def error_facts(error: ServiceError, *, now: datetime | None = None) -> dict[str, Any]:
    """``error`` of the envelope: ``code, retryable, details, retry_after_seconds, retry_at``.

    ``retry_after_seconds`` is a whole number, ``retry_at`` the same as a moment (UTC, ISO 8601, never too early); both
    are None where nothing says that waiting helps, or for how long.
    """
    seconds = _seconds_to_wait(error)
    return {
        "code": error.code,
        "retryable": error.retryable,
        "details": {} if isinstance(error, InternalError) else error.details,
        "retry_after_seconds": None if seconds is None else max(math.ceil(seconds), 1),
        "retry_at": None if seconds is None else _moment_after(seconds, now or datetime.now(UTC)),
    }


def _seconds_to_wait(error: ServiceError) -> float | None:
    if not error.retryable:
        return None
    if error.retry_after is None and error.http_status in (_UNAVAILABLE, _TOO_MANY_REQUESTS):
        return _DEFAULT_RETRY_AFTER
    return error.retry_after


def _moment_after(seconds: float, now: datetime) -> str:
    """Whole seconds, rounded up."""
    moment = now.astimezone(UTC) + timedelta(seconds=seconds)
    if moment.microsecond:
        moment = moment.replace(microsecond=0) + timedelta(seconds=1)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _response(
    status_code: int, envelope: Mapping[str, Any], request_id: str, headers: Mapping[str, str] | None = None
) -> ApiResponse:
    return ApiResponse(
        status_code,
        json.dumps(envelope, ensure_ascii=False, default=str).encode(),
        {
            "Content-Type": "application/json; charset=utf-8",
            "x-request-id": request_id,
            "Cache-Control": "no-store",
            **(headers or {}),
        },
    )
