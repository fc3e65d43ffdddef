"""Error bodies of the Gemini API, word for word as they were captured from the service."""

import math
from typing import Any

from devstack.http_server import Answer, json_answer
from devstack.models.questions import NO_KEY, Context, ErrorTable

_DOMAIN = "googleapis.com"
_SERVICE = "generativelanguage.googleapis.com"
_TYPE = "type.googleapis.com/google.rpc."
_QUOTA_TEXT = (
    "You exceeded your current quota, please check your plan and billing details. For more information on this error, "
    "head to: https://ai.google.dev/gemini-api/docs/rate-limits. To monitor your current usage, head to: "
    "https://ai.dev/rate-limit. \n* Quota exceeded for metric: {metric}, limit: {limit}, model: {model}\n"
    "Please retry in {seconds}s."
)
_LIMITS_PAGE = "https://ai.google.dev/gemini-api/docs/rate-limits"
_METRIC = f"{_SERVICE}/generate_content_free_tier_requests"


def error(code: int, status: str, message: str, details: list[dict[str, Any]] | None = None) -> Answer:
    """One error in the vendor's envelope."""
    body: dict[str, Any] = {"code": code, "message": message, "status": status}
    if details:
        body["details"] = details
    return json_answer({"error": body}, code, indent=2)


def invalid_argument(message: str, *, field_path: str | None = None) -> Answer:
    """A 400 about the request itself."""
    details = None
    if field_path is not None:
        violation = {"field": field_path, "description": message}
        details = [{"@type": f"{_TYPE}BadRequest", "fieldViolations": [violation]}]
    return error(400, "INVALID_ARGUMENT", message, details)


def _info(reason: str, **metadata: str) -> dict[str, Any]:
    return {
        "@type": f"{_TYPE}ErrorInfo",
        "reason": reason,
        "domain": _DOMAIN,
        "metadata": {"service": _SERVICE, **metadata},
    }


def _key_error(message: str) -> Answer:
    localized = {"@type": f"{_TYPE}LocalizedMessage", "locale": "en-US", "message": message}
    return error(400, "INVALID_ARGUMENT", message, [_info("API_KEY_INVALID"), localized])


def _forbidden(message: str, details: list[dict[str, Any]] | None = None) -> Answer:
    return error(403, "PERMISSION_DENIED", message, details)


def _suspended(context: Context) -> Answer:
    consumer = f"api_key:{context.api_key}"
    details = [_info("CONSUMER_SUSPENDED", consumer="projects/123456789012", containerInfo=consumer)]
    return _forbidden(f"Permission denied: Consumer '{consumer}' has been suspended.", details)


def _restricted(_context: Context) -> Answer:
    method = "google.ai.generativelanguage.v1beta.GenerativeService.GenerateContent"
    message = f"Requests to this API {_SERVICE} method {method} are blocked."
    return _forbidden(message, [_info("API_KEY_SERVICE_BLOCKED", methodName=method)])


def _quota(period: str, context: Context) -> Answer:
    seconds = float(context.options.get("retry_delay", 33.752348711 if period == "Minute" else 46.183920111))
    limit = str(context.options.get("limit", 5 if period == "Minute" else 20))
    message = _QUOTA_TEXT.format(metric=_METRIC, limit=limit, model=context.model, seconds=f"{seconds:.9f}".rstrip("0"))
    violation = {
        "quotaMetric": _METRIC,
        "quotaId": f"GenerateRequestsPer{period}PerProjectPerModel-FreeTier",
        "quotaDimensions": {"location": "global", "model": context.model},
        "quotaValue": limit,
    }
    link = {
        "description": "Learn more about Gemini API quotas",
        "url": _LIMITS_PAGE,
    }
    details: list[dict[str, Any]] = [
        {"@type": f"{_TYPE}Help", "links": [link]},
        {"@type": f"{_TYPE}QuotaFailure", "violations": [violation]},
        {"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{math.floor(seconds)}s"},
    ]
    return error(429, "RESOURCE_EXHAUSTED", message, details)


def _exhausted(message: str) -> Answer:
    return error(429, "RESOURCE_EXHAUSTED", message)


def _unavailable(context: Context) -> Answer:
    demand = (
        "This model is currently experiencing high demand. Spikes in demand are usually temporary. "
        "Please try again later."
    )
    return error(503, "UNAVAILABLE", str(context.options.get("message", demand)))


def _schema_too_complex(_context: Context) -> Answer:
    message = (
        "The specified schema produces a constraint that has too many states for serving. Typical causes of this error "
        "are schemas with lots of text (for example, very long property or enum names), schemas with long array length "
        "limits (especially when nested), or schemas using complex value matchers (for example, integers or numbers "
        "with minimum/maximum bounds or strings with complex formats like date-time)"
    )
    return invalid_argument(message, field_path="generation_config.response_json_schema")


def _model_not_found(context: Context) -> Answer:
    message = (
        f"models/{context.model} is not found for API version {context.version}, or is not supported for "
        "generateContent. Call ListModels to see the list of available models and their supported methods."
    )
    return error(404, "NOT_FOUND", message)


def _model_gone(context: Context) -> Answer:
    message = (
        f"This model models/{context.model} is no longer available to new users. Please update your code to use a "
        "newer model for the latest features and improvements."
    )
    return error(404, "NOT_FOUND", message)


def _no_key(_context: Context) -> Answer:
    return _forbidden(
        "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other "
        "form of API consumer identity to call this API."
    )


_NO_CREDIT = (
    "Your prepayment credits are depleted. Please go to AI Studio at https://ai.studio/projects to manage your project "
    "and billing."
)
#: States that a key or a project can be in for good, and errors of single calls, by kind.
KEY_ERRORS: ErrorTable = {
    "invalid_key": lambda _: _key_error("API key not valid. Please pass a valid API key."),
    "expired_key": lambda _: _key_error("API key expired. Please renew the API key."),
    "leaked_key": lambda _: _forbidden("Your API key was reported as leaked. Please use another API key."),
    "restricted_key": _restricted,
    "suspended": _suspended,
    "per_minute_quota": lambda context: _quota("Minute", context),
    "per_day_quota": lambda context: _quota("Day", context),
    "no_credit": lambda _: _exhausted(_NO_CREDIT),
    "plain_429": lambda _: _exhausted("Resource has been exhausted (e.g. check quota)."),
    "failed_precondition": lambda _: error(
        400, "FAILED_PRECONDITION", "User location is not supported for the API use."
    ),
    "model_not_found": _model_not_found,
    "model_gone": _model_gone,
}
ERRORS: ErrorTable = {
    **KEY_ERRORS,
    NO_KEY: _no_key,
    "internal_500": lambda _: error(
        500,
        "INTERNAL",
        "An internal error has occurred. Please retry or report in "
        "https://developers.generativeai.google/guide/troubleshooting",
    ),
    "unavailable_503": _unavailable,
    "overloaded_503": lambda _: error(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    "deadline_504": lambda _: error(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
    "deadline_too_short": lambda context: invalid_argument(
        f"Manually set deadline {context.options.get('seconds', 1)}s is too short. Minimum allowed deadline is 10s."
    ),
    "bad_mime": lambda context: invalid_argument(
        f"Unsupported MIME type: {context.options.get('mime_type', 'application/octet-stream')}"
    ),
    "bad_image": lambda _: invalid_argument("Unable to process input image."),
    "no_pages": lambda _: invalid_argument("The document has no pages."),
    "too_many_pages": lambda context: invalid_argument(
        f"The document contains {context.options.get('pages', 1500)} pages which exceeds the supported page limit of "
        "1000."
    ),
    "schema_too_complex": _schema_too_complex,
}
