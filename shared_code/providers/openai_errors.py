"""OpenAI's errors as decisions: HTTP status, error code and phrases in, :class:`ModelCallFailed` out.

Pure functions over what the SDK's exception carries; the answer's shape is ``{"error": {message, type, code}}``.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from shared_code.providers import verdicts
from shared_code.providers.base import Billing, ModelCallFailed
from shared_code.providers.verdicts import Verdict
from shared_code.providers.wait_hints import longest, seconds_in_text, seconds_of_headers

#: for a 429 that says nothing about time
_PLAIN_WAIT_SECONDS = 30.0

_BY_CODE: Mapping[str, Verdict] = {
    "invalid_api_key": verdicts.KEY_INVALID,
    "expired_api_key": verdicts.KEY_EXPIRED,
    "account_deactivated": verdicts.PROJECT_SUSPENDED,
    "insufficient_quota": verdicts.NO_CREDIT,
    "billing_hard_limit_reached": verdicts.NO_CREDIT,
    "billing_not_active": verdicts.NO_CREDIT,
    "unsupported_country_region_territory": verdicts.KEY_PRECONDITION,
    "model_not_found": verdicts.MODEL_GONE,
    "context_length_exceeded": verdicts.DOCUMENT_TOO_LONG,
    "invalid_json_schema": verdicts.SCHEMA_REFUSED,
    "unsupported_parameter": verdicts.MODEL_SETTING,
    "unsupported_value": verdicts.MODEL_SETTING,
    "content_policy_violation": verdicts.DOCUMENT_REFUSED,
    "invalid_prompt": verdicts.DOCUMENT_REFUSED,
    "invalid_file": verdicts.DOCUMENT_UNREADABLE,
    "unsupported_file": verdicts.DOCUMENT_UNREADABLE,
    "empty_file": verdicts.DOCUMENT_UNREADABLE,
    "empty_image_file": verdicts.DOCUMENT_UNREADABLE,
    "invalid_image": verdicts.DOCUMENT_UNREADABLE,
    "invalid_image_format": verdicts.DOCUMENT_UNREADABLE,
    "invalid_base64_image": verdicts.DOCUMENT_UNREADABLE,
    "image_parse_error": verdicts.DOCUMENT_UNREADABLE,
    "unsupported_image_media_type": verdicts.DOCUMENT_UNREADABLE,
    "image_too_large": verdicts.DOCUMENT_TOO_LARGE,
    "image_file_too_large": verdicts.DOCUMENT_TOO_LARGE,
    "file_too_large": verdicts.DOCUMENT_TOO_LARGE,
    "server_error": verdicts.SERVER_ERROR,
    "vector_store_timeout": verdicts.SERVER_TIMEOUT,
}
#: phrases of 400 and 422, for answers without a code
_REQUEST_RULES: Sequence[tuple[str, Verdict]] = (
    ("invalid schema", verdicts.SCHEMA_REFUSED),
    ("context window", verdicts.DOCUMENT_TOO_LONG),
    ("maximum context length", verdicts.DOCUMENT_TOO_LONG),
    ("file is empty", verdicts.DOCUMENT_UNREADABLE),
    ("invalid file data", verdicts.DOCUMENT_UNREADABLE),
    ("could not process file", verdicts.DOCUMENT_UNREADABLE),
    ("failed to extract", verdicts.DOCUMENT_UNREADABLE),
    ("invalid image", verdicts.DOCUMENT_UNREADABLE),
    ("unsupported image", verdicts.DOCUMENT_UNREADABLE),
    ("unsupported file", verdicts.DOCUMENT_UNREADABLE),
    ("usage policies", verdicts.DOCUMENT_REFUSED),
    ("file size", verdicts.DOCUMENT_TOO_LARGE),
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
    :param headers: headers of the answer, names in lower case.
    :param now: naive UTC, for dates in headers.
    """
    text = f"{status} {code or ''}: {message}"
    hint = longest((seconds_of_headers(headers, now), seconds_in_text(message)))
    verdict = _verdict(status, code or "", message.lower())
    if verdict in {verdicts.MINUTE_LIMIT, verdicts.DAY_LIMIT}:
        wait = _PLAIN_WAIT_SECONDS if hint is None else hint
        return verdict.failure(vendor_text=text, http_status=status, wait_seconds=wait)
    hint = hint if verdict in {verdicts.OVERLOADED, verdicts.SERVER_ERROR} else None
    return verdict.failure(vendor_text=text, http_status=status, wait_seconds=hint)


def classify_failed_answer(error: Any) -> ModelCallFailed:
    """Decide what an answer (HTTP 200) of status ``failed`` without usage means; whether it is billed is not known."""
    facts = error if isinstance(error, Mapping) else {}
    code, message = str(facts.get("code") or ""), str(facts.get("message") or "")
    failure = _BY_CODE.get(code, verdicts.BROKEN_ANSWER).failure(vendor_text=f"failed {code}: {message}")
    failure.billing = Billing.UNKNOWN
    return failure


def _verdict(status: int, code: str, message: str) -> Verdict:
    if code in _BY_CODE:
        return _BY_CODE[code]
    if status == _TOO_MANY_REQUESTS:
        return verdicts.DAY_LIMIT if any(phrase in message for phrase in _DAILY) else verdicts.MINUTE_LIMIT
    if status == _NOT_FOUND and "model" in message:
        return verdicts.MODEL_GONE
    if status in _REQUEST_STATUSES:
        return next((found for phrase, found in _REQUEST_RULES if phrase in message), verdicts.REQUEST_REFUSED)
    # The service's own errors have a code or a type.
    return verdicts.by_status(status) if code else verdicts.of_a_stranger(verdicts.by_status(status))
