"""OpenAI's errors as decisions: HTTP status, error code and phrases in, :class:`ModelCallFailed` out.

Pure functions over what the SDK's exception carries; the answer's shape is ``{"error": {message, type, code}}``. Codes
are those of the OpenAI platform documentation, "Error codes", and of the error types in openai 3.54.0.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from shared_code.providers import failures
from shared_code.providers.base import Billing, ModelCallFailed
from shared_code.providers.failures import FailureKind
from shared_code.providers.wait_hints import longest, seconds_in_text, seconds_of_headers

#: for a 429 that names no time
_PLAIN_WAIT_SECONDS = 30.0

_BY_CODE: Mapping[str, FailureKind] = {
    "invalid_api_key": failures.KEY_INVALID,
    "expired_api_key": failures.KEY_EXPIRED,
    "account_deactivated": failures.PROJECT_SUSPENDED,
    "insufficient_quota": failures.NO_CREDIT,
    "billing_hard_limit_reached": failures.NO_CREDIT,
    "billing_not_active": failures.NO_CREDIT,
    "unsupported_country_region_territory": failures.KEY_PRECONDITION,
    "model_not_found": failures.MODEL_GONE,
    "context_length_exceeded": failures.DOCUMENT_TOO_LONG,
    "invalid_json_schema": failures.SCHEMA_REFUSED,
    "unsupported_parameter": failures.MODEL_SETTING,
    "unsupported_value": failures.MODEL_SETTING,
    "content_policy_violation": failures.DOCUMENT_REFUSED,
    "invalid_prompt": failures.DOCUMENT_REFUSED,
    "invalid_file": failures.DOCUMENT_UNREADABLE,
    "unsupported_file": failures.DOCUMENT_UNREADABLE,
    "empty_file": failures.DOCUMENT_UNREADABLE,
    "empty_image_file": failures.DOCUMENT_UNREADABLE,
    "invalid_image": failures.DOCUMENT_UNREADABLE,
    "invalid_image_format": failures.DOCUMENT_UNREADABLE,
    "invalid_base64_image": failures.DOCUMENT_UNREADABLE,
    "image_parse_error": failures.DOCUMENT_UNREADABLE,
    "unsupported_image_media_type": failures.DOCUMENT_UNREADABLE,
    "image_too_large": failures.DOCUMENT_TOO_LARGE,
    "image_file_too_large": failures.DOCUMENT_TOO_LARGE,
    "file_too_large": failures.DOCUMENT_TOO_LARGE,
    "server_error": failures.SERVER_ERROR,
    "vector_store_timeout": failures.SERVER_TIMEOUT,
}
#: phrases of 400 and 422, for answers without a code
_REQUEST_RULES: Sequence[tuple[str, FailureKind]] = (
    ("invalid schema", failures.SCHEMA_REFUSED),
    ("context window", failures.DOCUMENT_TOO_LONG),
    ("maximum context length", failures.DOCUMENT_TOO_LONG),
    ("file is empty", failures.DOCUMENT_UNREADABLE),
    ("invalid file data", failures.DOCUMENT_UNREADABLE),
    ("could not process file", failures.DOCUMENT_UNREADABLE),
    ("failed to extract", failures.DOCUMENT_UNREADABLE),
    ("invalid image", failures.DOCUMENT_UNREADABLE),
    ("unsupported image", failures.DOCUMENT_UNREADABLE),
    ("unsupported file", failures.DOCUMENT_UNREADABLE),
    ("usage policies", failures.DOCUMENT_REFUSED),
    ("file size", failures.DOCUMENT_TOO_LARGE),
)
_TOO_MANY_REQUESTS = 429
_NOT_FOUND = 404
_REQUEST_STATUSES = frozenset({400, 422})
_DAILY = ("(rpd)", "(tpd)", "requests per day", "tokens per day")


def classify(
    status: int, code: str | None, message: str, *, headers: Mapping[str, str], now: datetime
) -> ModelCallFailed:
    """Decide what an HTTP error of OpenAI means.

    :param code: ``error.code``, or ``error.type`` where there is no code.
    :param headers: headers of the answer; names in lower case find them.
    :param now: naive UTC, for dates in headers.
    """
    text = f"{status} {code or ''}: {message}"
    hint = longest((seconds_of_headers(headers, now), seconds_in_text(message)))
    kind = _kind(status, code or "", message.lower())
    if kind in {failures.MINUTE_LIMIT, failures.DAY_LIMIT}:
        wait = _PLAIN_WAIT_SECONDS if hint is None else hint
        return kind.error(vendor_text=text, http_status=status, wait_seconds=wait)
    hint = hint if kind in {failures.OVERLOADED, failures.SERVER_ERROR} else None
    return kind.error(vendor_text=text, http_status=status, wait_seconds=hint)


def classify_failed_answer(error: Any) -> ModelCallFailed:
    """Decide what an answer (HTTP 200) of status ``failed`` without usage means; it may have been billed."""
    facts = error if isinstance(error, Mapping) else {}
    code, message = str(facts.get("code") or ""), str(facts.get("message") or "")
    failure = _BY_CODE.get(code, failures.BROKEN_ANSWER).error(vendor_text=f"failed {code}: {message}")
    failure.billing = Billing.UNKNOWN
    return failure


def _kind(status: int, code: str, message: str) -> FailureKind:
    if code in _BY_CODE:
        return _BY_CODE[code]
    if status == _TOO_MANY_REQUESTS:
        return failures.DAY_LIMIT if any(phrase in message for phrase in _DAILY) else failures.MINUTE_LIMIT
    if status == _NOT_FOUND and "model" in message:
        return failures.MODEL_GONE
    if status in _REQUEST_STATUSES:
        return next((found for phrase, found in _REQUEST_RULES if phrase in message), failures.REQUEST_REFUSED)
    # The service's own errors have a code or a type; an answer without either is somebody else's.
    return failures.by_status(status) if code else failures.not_from_vendor(failures.by_status(status))
