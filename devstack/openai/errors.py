"""Error bodies of the OpenAI API."""

from collections.abc import Mapping

from devstack.http_server import Answer, json_answer
from devstack.models.questions import NO_KEY, Context, ErrorTable

_LEARN_MORE = "Visit https://platform.openai.com/account/rate-limits to learn more."


def error(
    status: int,
    message: str,
    *,
    kind: str = "invalid_request_error",
    code: str | None = None,
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One error in the vendor's envelope."""
    body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    return json_answer(body, status, headers=tuple((headers or {}).items()))


def _masked(api_key: str) -> str:
    """A key as the service echoes it: head and tail stay readable."""
    return api_key[:8] + "*" * max(len(api_key) - 12, 3) + api_key[-4:]


def _invalid_key(context: Context) -> Answer:
    message = (
        f"Incorrect API key provided: {_masked(context.api_key)}. You can find your API key at "
        "https://platform.openai.com/account/api-keys."
    )
    return error(401, message, code="invalid_api_key")


def _rate_limit(context: Context) -> Answer:
    seconds = float(context.options.get("retry_after", 20.0))
    message = (
        f"Rate limit reached for {context.model} in organization org-standin on requests per min (RPM): Limit 3, "
        f"Used 3, Requested 1. Please try again in {seconds:g}s. {_LEARN_MORE}"
    )
    headers = {
        "retry-after": str(max(1, round(seconds))),
        "retry-after-ms": str(round(seconds * 1000)),
        "x-ratelimit-limit-requests": "3",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": f"{seconds:g}s",
    }
    return error(429, message, kind="requests", code="rate_limit_exceeded", headers=headers)


def _per_day(context: Context) -> Answer:
    message = (
        f"Rate limit reached for {context.model} in organization org-standin on requests per day (RPD): Limit 200, "
        f"Used 200, Requested 1. Please try again in 7m12s. {_LEARN_MORE}"
    )
    headers = {"retry-after": "432", "retry-after-ms": "432000", "x-ratelimit-remaining-requests": "0"}
    return error(429, message, kind="requests", code="rate_limit_exceeded", headers=headers)


def _no_credit(_context: Context) -> Answer:
    message = (
        "You exceeded your current quota, please check your plan and billing details. For more information on this "
        "error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors."
    )
    return error(429, message, kind="insufficient_quota", code="insufficient_quota")


def _model_not_found(context: Context) -> Answer:
    message = f"The model `{context.model}` does not exist or you do not have access to it."
    return error(404, message, code="model_not_found")


def _context_length(_context: Context) -> Answer:
    message = "Your input exceeds the context window of this model. Please adjust your input and try again."
    return error(400, message, code="context_length_exceeded", param="input")


def _server_error(_context: Context) -> Answer:
    message = (
        "The server had an error while processing your request. Sorry about that! You can retry your request, or "
        "contact us through our help center at help.openai.com if the error persists."
    )
    return error(500, message, kind="server_error", code="server_error")


def _no_key(_context: Context) -> Answer:
    return error(
        401,
        "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
        "(i.e. Authorization: Bearer YOUR_KEY).",
    )


#: States that a key or a project can be in for good, and errors of single calls, by kind.
KEY_ERRORS: ErrorTable = {
    "invalid_key": _invalid_key,
    "expired_key": lambda _: error(401, "The API key has expired.", code="expired_api_key"),
    "restricted_key": lambda _: error(
        403,
        "Country, region, or territory not supported",
        kind="request_forbidden",
        code="unsupported_country_region_territory",
    ),
    "suspended": lambda _: error(
        401, "Your account is not active, please check your billing details on our website.", code="account_deactivated"
    ),
    "per_minute_quota": _rate_limit,
    "per_day_quota": _per_day,
    "no_credit": _no_credit,
    "plain_429": lambda _: error(429, "Too Many Requests", kind="requests"),
    "model_not_found": _model_not_found,
}
ERRORS: ErrorTable = {
    **KEY_ERRORS,
    NO_KEY: _no_key,
    "context_length": _context_length,
    "bad_file": lambda _: error(
        400, "The file you provided could not be processed.", code="invalid_file", param="input"
    ),
    "bad_mime": lambda _: error(
        400,
        "Invalid file data: 'file_data'. Expected a base64-encoded data URL with an application/pdf MIME type, but got "
        "unsupported MIME type.",
        code="invalid_value",
        param="input",
    ),
    "bad_schema": lambda context: error(
        400,
        f"Invalid schema for response_format 'invoice': {context.options.get('why', 'schema must be an object.')}",
        code="invalid_json_schema",
        param="text.format.schema",
    ),
    "unprocessable_422": lambda _: error(422, "Unprocessable entity."),
    "conflict_409": lambda _: error(409, "The request conflicts with another request. Please retry.", code="conflict"),
    "internal_500": _server_error,
    "unavailable_503": lambda _: error(
        503, "The engine is currently overloaded, please try again later", kind="service_unavailable_error"
    ),
    "deadline_504": lambda _: error(504, "The request timed out. Please try again.", kind="timeout"),
}
