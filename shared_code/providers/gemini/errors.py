"""Gemini's errors as decisions: HTTP status, status word, reasons and phrases in, :class:`ModelCallFailed` out.

Pure functions over what the SDK's exception carries, so that each row of the table is tested without the SDK. The
phrases are the service's own, from its troubleshooting guide (ai.google.dev/gemini-api/docs/troubleshooting) and from
answers that users reported. A 429 is read by its quota id and not by its wait hint: a daily limit carries a hint of
seconds too (google-gemini/gemini-cli, issues 13808, 10925 and 14811).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared_code.providers import failures
from shared_code.providers.base import ModelCallFailed
from shared_code.providers.failures import FailureKind
from shared_code.providers.transport import mapping, mappings
from shared_code.providers.wait_hints import (
    longest,
    next_quota_day,
    seconds_in_text,
    seconds_of_headers,
    seconds_of_span,
)

#: for a 429 that names no time
_PLAIN_WAIT_SECONDS = 30.0
#: added to the service's hints: they are rounded, and a call a moment too early is refused again
_MARGIN_SECONDS = 1.0

_Rules = Sequence[tuple[str, FailureKind]]

_KEY_RULES: _Rules = (
    ("api key expired", failures.KEY_EXPIRED),
    ("api_key_expired", failures.KEY_EXPIRED),
    ("api key not valid", failures.KEY_INVALID),
    ("api_key_invalid", failures.KEY_INVALID),
    ("api key not found", failures.KEY_INVALID),
)
_BAD_REQUEST_RULES: _Rules = (
    *_KEY_RULES,
    ("manually set deadline", failures.DEADLINE_REFUSED),
    ("too many states for serving", failures.SCHEMA_REFUSED),
    ("response_schema", failures.SCHEMA_REFUSED),
    ("response_json_schema", failures.SCHEMA_REFUSED),
    ("supported page limit", failures.DOCUMENT_TOO_MANY_PAGES),
    ("has no pages", failures.DOCUMENT_UNREADABLE),
    ("unsupported mime type", failures.DOCUMENT_UNREADABLE),
    ("unable to process input image", failures.DOCUMENT_UNREADABLE),
    ("unable to process the document", failures.DOCUMENT_UNREADABLE),
    ("payload size exceeds", failures.DOCUMENT_TOO_LARGE),
    ("input token count", failures.DOCUMENT_TOO_LONG),
    ("thinking", failures.MODEL_SETTING),
)
_FORBIDDEN_RULES: _Rules = (
    ("unregistered callers", failures.KEY_NOT_SENT),
    ("reported as leaked", failures.KEY_LEAKED),
    ("consumer_suspended", failures.PROJECT_SUSPENDED),
    ("has been suspended", failures.PROJECT_SUSPENDED),
    ("service_disabled", failures.PROJECT_SUSPENDED),
    ("consumer_invalid", failures.PROJECT_SUSPENDED),
    ("project has been denied access", failures.PROJECT_SUSPENDED),
    ("billing_disabled", failures.NO_CREDIT),
    *_KEY_RULES,
)
_NOT_FOUND_RULES: _Rules = (("no longer available to new users", failures.MODEL_CLOSED),)
#: per status: the phrases, and the kind when none of them is found
_BY_STATUS: Mapping[int, tuple[_Rules, FailureKind]] = {
    400: (_BAD_REQUEST_RULES, failures.REQUEST_REFUSED),
    403: (_FORBIDDEN_RULES, failures.KEY_RESTRICTED),
    404: (_NOT_FOUND_RULES, failures.MODEL_GONE),
}
_TOO_MANY_REQUESTS = 429


@dataclass(frozen=True, slots=True)
class ErrorFacts:
    """What one error answer says.

    :ivar words: message, reasons and violations in lower case, joined; phrases are looked for in here.
    :ivar quota_ids: limits that were exceeded, as the service names them.
    :ivar retry_delay: seconds that RetryInfo names, if any.
    """

    status: str
    message: str
    words: str
    quota_ids: tuple[str, ...] = ()
    retry_delay: float | None = None


def classify(
    code: int, status: str | None, message: str | None, body: Any, *, headers: Mapping[str, str], now: datetime
) -> ModelCallFailed:
    """Decide what an HTTP error of Gemini means.

    :param body: the parsed body, of whatever shape.
    :param headers: headers of the answer; names in lower case find them.
    :param now: naive UTC, for daily limits and dates in headers.
    """
    facts = read_facts(status, message, body)
    text = f"{code} {facts.status}: {facts.message}"
    if code == _TOO_MANY_REQUESTS:
        return _limited(facts, text, seconds_of_headers(headers, now), now)
    kind = _kind(code, facts, from_vendor=_error_of(body) is not None)
    hint = seconds_of_headers(headers, now) if kind in {failures.OVERLOADED, failures.SERVER_ERROR} else None
    return kind.error(vendor_text=text, http_status=code, wait_seconds=hint)


def read_facts(status: str | None, message: str | None, body: Any) -> ErrorFacts:
    """Collect what the error's parts say; parts that are missing or of another shape are left out."""
    delay: float | None = None
    quota_ids: list[str] = []
    words = [message or ""]
    for detail in mappings((_error_of(body) or {}).get("details")):
        delay = seconds_of_span(detail.get("retryDelay")) if "retryDelay" in detail else delay
        words.append(str(detail.get("reason", "")))
        for violation in (*mappings(detail.get("violations")), *mappings(detail.get("fieldViolations"))):
            quota_ids.append(str(violation.get("quotaId", "")))
            words.append(str(violation.get("description", "")))
    return ErrorFacts(status or "", message or "", " ".join(words).lower(), tuple(filter(None, quota_ids)), delay)


def _kind(code: int, facts: ErrorFacts, *, from_vendor: bool) -> FailureKind:
    if facts.status == "FAILED_PRECONDITION":
        return _match(_KEY_RULES, facts, failures.KEY_PRECONDITION)
    rules, otherwise = _BY_STATUS.get(code, ((), failures.by_status(code)))
    return _match(rules, facts, otherwise if from_vendor else failures.not_from_vendor(otherwise))


def _limited(facts: ErrorFacts, text: str, header_hint: float | None, now: datetime) -> ModelCallFailed:
    if "credits are depleted" in facts.words or "billing_disabled" in facts.words:
        return failures.NO_CREDIT.error(vendor_text=text, http_status=429)
    if any("perday" in quota_id.lower() for quota_id in facts.quota_ids):
        # One daily limit outweighs all others: after their few seconds the call would be refused again.
        return failures.DAY_LIMIT.error(vendor_text=text, http_status=429, cooldown_until=next_quota_day(now))
    hint = longest((facts.retry_delay, seconds_in_text(facts.message), header_hint))
    wait = _PLAIN_WAIT_SECONDS if hint is None else hint + _MARGIN_SECONDS
    return failures.MINUTE_LIMIT.error(vendor_text=text, http_status=429, wait_seconds=wait)


def _match(rules: _Rules, facts: ErrorFacts, otherwise: FailureKind) -> FailureKind:
    return next((kind for phrase, kind in rules if phrase in facts.words), otherwise)


def _error_of(body: Any) -> Mapping[str, Any] | None:
    """The service's own error object; None when somebody else answered, such as a proxy."""
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    error = mapping(body).get("error")
    return error if isinstance(error, Mapping) else None
