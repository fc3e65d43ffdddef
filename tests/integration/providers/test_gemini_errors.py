"""The table error -> decision for Gemini, each row as the service writes it, through the SDK over a socket."""

from datetime import UTC, datetime, timedelta

import pytest

from shared_code import errors
from shared_code.providers.base import Billing, KeyEffect, ModelCallFailed, Next
from shared_code.providers.gemini.client import GeminiProvider
from tests.integration.providers.vendor_server import Answer

KEY = "AIzaSyTEST-key_000000000000000000000001"
NOW = datetime(2026, 11, 21, 18, 30)
TYPE = "type.googleapis.com/google.rpc."


def body(code, status, message, *details):
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


def info(reason):
    return {"@type": TYPE + "ErrorInfo", "reason": reason, "domain": "googleapis.com"}


def quota(*ids):
    return {"@type": TYPE + "QuotaFailure", "violations": [{"quotaId": name, "quotaValue": "5"} for name in ids]}


def retry(delay):
    return {"@type": TYPE + "RetryInfo", "retryDelay": delay}


MINUTE = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
MIDNIGHT = datetime(2026, 11, 22, 8, 0)

# name, status, body, headers, next, key effect, public error, wait, cooldown
TABLE = [
    (
        "invalid key",
        400,
        body(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", info("API_KEY_INVALID")),
        {},
        Next.OTHER_KEY,
        KeyEffect.BLOCKED,
        errors.TokenUnavailable,
        None,
        None,
    ),
    (
        "expired key",
        400,
        body(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key.", info("API_KEY_INVALID")),
        {},
        Next.OTHER_KEY,
        KeyEffect.EXPIRED,
        errors.TokenExpired,
        None,
        None,
    ),
    (
        "no key",
        403,
        body(
            403,
            "PERMISSION_DENIED",
            "Method doesn't allow unregistered callers (callers without established identity).",
        ),
        {},
        Next.FAIL,
        KeyEffect.NONE,
        errors.InternalError,
        None,
        None,
    ),
    (
        "leaked",
        403,
        body(403, "PERMISSION_DENIED", "Your API key was reported as leaked. Please use another API key."),
        {},
        Next.OTHER_KEY,
        KeyEffect.BLOCKED,
        errors.TokenUnavailable,
        None,
        None,
    ),
    (
        "restricted",
        403,
        body(
            403,
            "PERMISSION_DENIED",
            "Requests to this API generativelanguage.googleapis.com method x are blocked.",
            info("API_KEY_SERVICE_BLOCKED"),
        ),
        {},
        Next.OTHER_KEY,
        KeyEffect.BLOCKED,
        errors.TokenUnavailable,
        None,
        None,
    ),
    (
        "suspended",
        403,
        body(
            403,
            "PERMISSION_DENIED",
            "Permission denied: Consumer 'api_key:X' has been suspended.",
            info("CONSUMER_SUSPENDED"),
        ),
        {},
        Next.OTHER_KEY,
        KeyEffect.PROJECT_BLOCKED,
        errors.TokenUnavailable,
        None,
        None,
    ),
    (
        "service disabled",
        403,
        body(
            403,
            "PERMISSION_DENIED",
            "Generative Language API has not been used in project 1 before or it is disabled.",
            info("SERVICE_DISABLED"),
        ),
        {},
        Next.OTHER_KEY,
        KeyEffect.PROJECT_BLOCKED,
        errors.TokenUnavailable,
        None,
        None,
    ),
    (
        "location",
        400,
        body(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
        {},
        Next.OTHER_KEY,
        KeyEffect.BLOCKED,
        errors.TokenUnavailable,
        None,
        None,
    ),
    (
        "unauthenticated",
        401,
        body(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
        {},
        Next.OTHER_KEY,
        KeyEffect.BLOCKED,
        errors.TokenUnavailable,
        None,
        None,
    ),
    (
        "per minute",
        429,
        body(429, "RESOURCE_EXHAUSTED", "Quota exceeded. Please retry in 33.752348711s.", quota(MINUTE), retry("33s")),
        {},
        Next.OTHER_KEY,
        KeyEffect.COOLING,
        errors.ProviderRateLimited,
        34.752348711,
        None,
    ),
    (
        "per minute, by header only",
        429,
        body(429, "RESOURCE_EXHAUSTED", "Too many."),
        {"Retry-After": "12"},
        Next.OTHER_KEY,
        KeyEffect.COOLING,
        errors.ProviderRateLimited,
        13.0,
        None,
    ),
    (
        "per day in spite of a short hint",
        429,
        body(429, "RESOURCE_EXHAUSTED", "Quota exceeded. Please retry in 46s.", quota(MINUTE, DAY), retry("46s")),
        {},
        Next.OTHER_KEY,
        KeyEffect.COOLING,
        errors.ProviderRateLimited,
        None,
        MIDNIGHT,
    ),
    (
        "prepaid credit gone",
        429,
        body(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted. Please go to AI Studio."),
        {},
        Next.OTHER_KEY,
        KeyEffect.NO_CREDIT,
        errors.TokenUnavailable,
        None,
        None,
    ),
    (
        "plain 429",
        429,
        body(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
        {},
        Next.OTHER_KEY,
        KeyEffect.COOLING,
        errors.ProviderRateLimited,
        30.0,
        None,
    ),
    (
        "internal",
        500,
        body(500, "INTERNAL", "An internal error has occurred. Please retry"),
        {},
        Next.SAME_KEY,
        KeyEffect.NONE,
        errors.ProviderUnavailable,
        None,
        None,
    ),
    (
        "overloaded",
        503,
        body(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
        {},
        Next.SAME_KEY,
        KeyEffect.NONE,
        errors.ProviderUnavailable,
        None,
        None,
    ),
    (
        "overloaded with a hint",
        503,
        body(503, "UNAVAILABLE", "This model is currently experiencing high demand."),
        {"retry-after": "7"},
        Next.SAME_KEY,
        KeyEffect.NONE,
        errors.ProviderUnavailable,
        7.0,
        None,
    ),
    (
        "deadline of the service",
        504,
        body(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
        {},
        Next.SAME_KEY,
        KeyEffect.NONE,
        errors.ProviderTimeout,
        None,
        None,
    ),
    (
        "HTML from a gateway",
        502,
        b"<html><title>502 Bad Gateway</title></html>",
        {},
        Next.SAME_KEY,
        KeyEffect.NONE,
        errors.ProviderUnavailable,
        None,
        None,
    ),
    (
        "a firewall's page in place of the service",
        403,
        b"<html><title>403 Forbidden</title></html>",
        {},
        Next.SAME_KEY,
        KeyEffect.NONE,
        errors.ProviderUnavailable,
        None,
        None,
    ),
    (
        "short deadline",
        400,
        body(400, "INVALID_ARGUMENT", "Manually set deadline 1s is too short. Minimum allowed deadline is 10s."),
        {},
        Next.FAIL,
        KeyEffect.NONE,
        errors.InternalError,
        None,
        None,
    ),
    (
        "bad type",
        400,
        body(400, "INVALID_ARGUMENT", "Unsupported MIME type: text/x"),
        {},
        Next.FAIL,
        KeyEffect.NONE,
        errors.InvalidFile,
        None,
        None,
    ),
    (
        "bad image",
        400,
        body(400, "INVALID_ARGUMENT", "Unable to process input image. Please retry or report."),
        {},
        Next.FAIL,
        KeyEffect.NONE,
        errors.InvalidFile,
        None,
        None,
    ),
    (
        "no pages",
        400,
        body(400, "INVALID_ARGUMENT", "The document has no pages."),
        {},
        Next.FAIL,
        KeyEffect.NONE,
        errors.InvalidFile,
        None,
        None,
    ),
    (
        "too many pages",
        400,
        body(
            400, "INVALID_ARGUMENT", "The document contains 1500 pages which exceeds the supported page limit of 1000."
        ),
        {},
        Next.FAIL,
        KeyEffect.NONE,
        errors.TooManyPages,
        None,
        None,
    ),
    (
        "too long",
        400,
        body(
            400,
            "INVALID_ARGUMENT",
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        ),
        {},
        Next.FAIL,
        KeyEffect.NONE,
        errors.TooManyPages,
        None,
        None,
    ),
    (
        "schema",
        400,
        body(
            400,
            "INVALID_ARGUMENT",
            "Request contains an invalid argument.",
            {
                "@type": TYPE + "BadRequest",
                "fieldViolations": [
                    {"description": "The specified schema produces a constraint that has too many states for serving."}
                ],
            },
        ),
        {},
        Next.OTHER_MODEL,
        KeyEffect.NONE,
        errors.InternalError,
        None,
        None,
    ),
    (
        "thinking level",
        400,
        body(400, "INVALID_ARGUMENT", "Thinking level MINIMAL is not supported for this model."),
        {},
        Next.OTHER_MODEL,
        KeyEffect.NONE,
        errors.ProviderUnavailable,
        None,
        None,
    ),
    (
        "other 400",
        400,
        body(400, "INVALID_ARGUMENT", "Invalid JSON payload received."),
        {},
        Next.FAIL,
        KeyEffect.NONE,
        errors.InternalError,
        None,
        None,
    ),
    (
        "model gone",
        404,
        body(
            404,
            "NOT_FOUND",
            "models/gemini-1.0 is not found for API version v1beta, or is not supported for generateContent.",
        ),
        {},
        Next.OTHER_MODEL,
        KeyEffect.NONE,
        errors.ProviderUnavailable,
        None,
        None,
    ),
    (
        "model closed",
        404,
        body(
            404,
            "NOT_FOUND",
            "This model models/gemini-2.5-flash is no longer available to new users. Please update your code.",
        ),
        {},
        Next.OTHER_MODEL,
        KeyEffect.NONE,
        errors.ProviderUnavailable,
        None,
        None,
    ),
    ("payload", 413, b"too big", {}, Next.FAIL, KeyEffect.NONE, errors.FileTooLarge, None, None),
    (
        "body is a list",
        429,
        [body(429, "RESOURCE_EXHAUSTED", "x", quota(DAY))],
        {},
        Next.OTHER_KEY,
        KeyEffect.COOLING,
        errors.ProviderRateLimited,
        None,
        MIDNIGHT,
    ),
    (
        "body of no known shape",
        503,
        ["a", 1],
        {},
        Next.SAME_KEY,
        KeyEffect.NONE,
        errors.ProviderUnavailable,
        None,
        None,
    ),
    (
        "details of no known shape",
        429,
        {
            "error": {
                "code": 429,
                "message": None,
                "status": 5,
                "details": ["x", {"violations": "y"}, {"retryDelay": {"s": 1}}],
            }
        },
        {},
        Next.OTHER_KEY,
        KeyEffect.COOLING,
        errors.ProviderRateLimited,
        30.0,
        None,
    ),
    ("teapot", 418, body(418, "X", "x"), {}, Next.FAIL, KeyEffect.NONE, errors.InternalError, None, None),
    ("529", 529, b"overloaded", {}, Next.SAME_KEY, KeyEffect.NONE, errors.ProviderUnavailable, None, None),
]


@pytest.mark.parametrize(
    ("status", "answer", "headers", "next_step", "effect", "public", "wait", "cooldown"),
    [row[1:] for row in TABLE],
    ids=[row[0] for row in TABLE],
)
def test_each_error_ends_in_its_decision(
    vendor, gemini, monkeypatch, question, status, answer, headers, next_step, effect, public, wait, cooldown
):
    vendor.default = Answer(status=status, body=answer, headers=headers)
    monkeypatch.setattr(gemini, "_now", lambda: NOW)
    with pytest.raises(ModelCallFailed) as caught:
        gemini.generate(question(), api_key=KEY, timeout_seconds=20)
    failure = caught.value
    assert (failure.next_step, failure.key_effect, failure.public) == (next_step, effect, public)
    assert failure.wait_seconds == (None if wait is None else pytest.approx(wait))
    assert failure.cooldown_until == cooldown
    assert failure.billing is Billing.NONE
    assert failure.details["http_status"] == status


def test_same_key_retries_are_bounded_by_kind(vendor, gemini, question):
    limits = {}
    for status in (500, 502, 503, 504):
        vendor.queue.append(Answer(status=status, body={}))
        with pytest.raises(ModelCallFailed) as caught:
            gemini.generate(question(), api_key=KEY, timeout_seconds=20)
        limits[status] = caught.value.max_same_key_retries
    assert limits == {500: 2, 502: 2, 503: 2, 504: 1}


@pytest.mark.parametrize(
    ("now", "midnight"),
    [
        (datetime(2026, 7, 1, 6, 59), datetime(2026, 7, 1, 7, 0)),
        (datetime(2026, 7, 1, 7, 0), datetime(2026, 7, 2, 7, 0)),
        # the night in which summer time ends there has 25 hours
        (datetime(2026, 11, 1, 7, 30), datetime(2026, 11, 2, 8, 0)),
        (datetime(2026, 3, 8, 9, 0), datetime(2026, 3, 9, 7, 0)),
    ],
)
def test_a_daily_limit_lasts_until_midnight_in_california(vendor, question, now, midnight):
    vendor.default = Answer(status=429, body=body(429, "RESOURCE_EXHAUSTED", "x", quota(DAY)))
    provider = GeminiProvider(vendor.url, now=lambda: now)
    with pytest.raises(ModelCallFailed) as caught:
        provider.generate(question(), api_key=KEY, timeout_seconds=20)
    provider.close()
    assert caught.value.cooldown_until == midnight


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(body=b""), "broken_answer"),
        (Answer(body=b"  \n"), "broken_answer"),
        (Answer(body=b"<html>hello</html>"), "broken_answer"),
        (Answer(body=[1, 2]), "broken_answer"),
        (Answer(body={}), "broken_answer"),
        (Answer(body={"error": {"message": "x"}}), "broken_answer"),
        (Answer(body=b"[" * 100_000), "broken_answer"),
        (Answer(body=b"\x1f\x8bnot gzip", headers={"Content-Encoding": "gzip"}), "broken_answer"),
        (Answer(drop=True), "connection_dropped"),
    ],
    ids=["empty", "blank", "html", "list", "empty object", "error in 200", "deep", "bad encoding", "dropped"],
)
def test_an_answer_that_is_none_may_have_been_billed(vendor, gemini, question, answer, reason):
    vendor.default = answer
    with pytest.raises(ModelCallFailed) as caught:
        gemini.generate(question(), api_key=KEY, timeout_seconds=20)
    failure = caught.value
    assert (failure.reason, failure.next_step, failure.billing) == (reason, Next.SAME_KEY, Billing.UNKNOWN)
    assert failure.max_same_key_retries == 1
    assert len(vendor.seen) == 1


def test_a_refused_connection_cost_nothing(question):
    provider = GeminiProvider("http://127.0.0.1:9")
    with pytest.raises(ModelCallFailed) as caught:
        provider.generate(question(), api_key=KEY, timeout_seconds=20)
    provider.close()
    failure = caught.value
    assert (failure.reason, failure.next_step, failure.billing) == ("connect_failed", Next.SAME_KEY, Billing.NONE)
    assert (failure.key_effect, failure.public) == (KeyEffect.NONE, errors.ProviderUnavailable)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("99999999999", 3600.0),
        ("9" * 5000, None),
        (str(int(NOW.replace(tzinfo=UTC).timestamp()) + 40), 40.0),
        (str(int(NOW.replace(tzinfo=UTC).timestamp()) * 1000 + 40_000), 40.0),
        (str(int(NOW.replace(tzinfo=UTC).timestamp()) - 40), 0.0),
        ((NOW + timedelta(seconds=40)).isoformat() + "Z", 40.0),
        ((NOW + timedelta(seconds=40)).strftime("%A, %d-%b-%y %H:%M:%S GMT"), 40.0),
        ((NOW + timedelta(seconds=40)).strftime("%a %b %d %H:%M:%S %Y"), 40.0),
        ("Sat, 28 Nov 999999999999999999999 09:31:00 GMT", None),
        ("Sat, 28 Nov 2026 09:31:00 +99999999999", None),
        ("Sat, 28 Nov 9999 09:31:00 GMT", 3600.0),
        ((NOW + timedelta(seconds=40)).replace(tzinfo=UTC).strftime("%a, %d %b %Y %H:%M:%S GMT"), 40.0),
        ("Sat, 21 Nov 2020 00:00:00 GMT", 0.0),
    ],
)
def test_odd_wait_hints_do_no_harm(vendor, gemini, monkeypatch, question, header, expected):
    vendor.default = Answer(status=503, body={}, headers={"Retry-After": header})
    monkeypatch.setattr(gemini, "_now", lambda: NOW)
    with pytest.raises(ModelCallFailed) as caught:
        gemini.generate(question(), api_key=KEY, timeout_seconds=20)
    assert caught.value.wait_seconds == expected


@pytest.mark.parametrize(
    ("details", "headers", "wait"),
    [
        ([retry("33s"), quota(MINUTE)], {}, 34.0),
        ([retry("1000000000s"), quota(MINUTE)], {}, 90.0),
        ([retry("-5s"), quota(MINUTE)], {}, 30.0),
        ([retry(f"{'9' * 400}s"), quota(MINUTE)], {}, 30.0),
        ([], {"Retry-After": "1000000000"}, 90.0),
        ([], {"Retry-After": "Sat, 28 Nov 999999999999999999999 09:31:00 GMT"}, 30.0),
    ],
)
def test_a_minute_limit_rests_a_key_for_little_more_than_a_minute(
    vendor, gemini, monkeypatch, question, details, headers, wait
):
    vendor.default = Answer(status=429, body=body(429, "RESOURCE_EXHAUSTED", "x", *details), headers=headers)
    monkeypatch.setattr(gemini, "_now", lambda: NOW)
    with pytest.raises(ModelCallFailed) as caught:
        gemini.generate(question(), api_key=KEY, timeout_seconds=20)
    assert (caught.value.reason, caught.value.wait_seconds) == ("rate_limited", wait)
