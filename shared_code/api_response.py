"""The one envelope of every JSON answer, and the only place where an error becomes an HTTP status."""

import json
import math
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
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


def failure(error: ServiceError, *, request_id: str) -> ApiResponse:
    """The answer to an error. Internal ones show the request id only; every 429 and 503 says when to come back."""
    internal = isinstance(error, InternalError)
    envelope = format_api_response(
        InternalError.default_message if internal else error.message,
        "error",
        request_id=request_id,
        error={
            "code": error.code,
            "retryable": error.retryable,
            "details": {} if internal else error.details,
        },
    )
    headers = {}
    if error.retry_after is not None or error.http_status in (_UNAVAILABLE, _TOO_MANY_REQUESTS):
        seconds = error.retry_after if error.retry_after is not None else _DEFAULT_RETRY_AFTER
        headers["Retry-After"] = str(max(math.ceil(seconds), 1))
    if error.http_status == _UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return _response(error.http_status, envelope, request_id, headers)


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
