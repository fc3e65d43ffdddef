"""OpenAI's Responses API through the unmodified SDK over a socket."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from shared_code import errors
from shared_code.providers.base import Billing, Finish, KeyEffect, Media, ModelCallFailed, Next
from shared_code.providers.openai.client import OpenAIProvider
from shared_code.records import Usage
from tests.integration.providers.vendor_server import Answer, VendorServer

KEY = "sk-proj-TESTTESTTESTTESTTESTTEST0001"
USAGE = {
    "input_tokens": 900,
    "input_tokens_details": {"cached_tokens": 128},
    "output_tokens": 300,
    "output_tokens_details": {"reasoning_tokens": 64},
    "total_tokens": 1200,
}


def answered(text='{"number": "7"}', *, status="completed", content=None, usage=USAGE, **more):
    parts = content if content is not None else [{"type": "output_text", "text": text, "annotations": []}]
    return {
        "id": "resp_1",
        "object": "response",
        "model": "gpt-5-mini-2025-08-07",
        "status": status,
        "output": [
            {"type": "reasoning", "id": "rs_1", "summary": []},
            {"type": "message", "id": "msg_1", "role": "assistant", "status": status, "content": parts},
        ],
        "usage": usage,
    } | more


def failed(status, message="no", code=None, kind=None, headers=None):
    return Answer(
        status=status, body={"error": {"message": message, "type": kind, "code": code}}, headers=headers or {}
    )


def ask(provider, request, key=KEY, timeout=20.0):
    return provider.generate(request, api_key=key, timeout_seconds=timeout)


def test_one_call_carries_document_schema_settings_and_key(vendor, openai_provider, question, monkeypatch):
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-somebody-else")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-of-somebody-else")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-else-000000000000")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer sk-of-somebody-else-000000000000")
    vendor.default = Answer(body=answered())
    answer = ask(openai_provider, question("gpt-5-mini"))
    assert (answer.text, answer.finish, answer.model_version) == (
        '{"number": "7"}',
        Finish.STOP,
        "gpt-5-mini-2025-08-07",
    )
    assert answer.usage == Usage(900, 300, 1200, 64, 128)
    [seen] = vendor.seen
    assert seen.path == "/v1/responses"
    assert seen.header("authorization") == f"Bearer {KEY}"
    assert seen.header("openai-organization") is None
    assert seen.header("openai-project") is None
    document, prompt = seen.body["input"][0]["content"]
    assert document["type"] == "input_file"
    assert document["filename"] == "invoice.pdf"
    assert document["file_data"].startswith("data:application/pdf;base64,")
    assert prompt == {"type": "input_text", "text": "Read the invoice."}
    form = seen.body["text"]["format"]
    assert (form["type"], form["strict"], form["schema"]) == ("json_schema", True, question().schema)
    assert seen.body["instructions"] == "You read invoices."
    assert seen.body["reasoning"] == {"effort": "minimal"}
    assert (seen.body["store"], seen.body["max_output_tokens"]) == (False, 2048)


def test_an_image_is_sent_in_high_detail_and_a_plain_model_without_reasoning(vendor, openai_provider, question):
    vendor.default = Answer(body=answered())
    ask(openai_provider, question("gpt-4.1-mini", media=(Media("image/png", b"\x89PNG"),), system=None))
    body = vendor.seen[0].body
    assert body["input"][0]["content"][0] == {
        "type": "input_image",
        "image_url": "data:image/png;base64,iVBORw==",
        "detail": "high",
    }
    assert not {"reasoning", "instructions"} & set(body)


# name, status, message, code, type, headers, next, effect, public, wait
TABLE = [
    (
        "invalid key",
        401,
        "Incorrect API key provided: sk-proj-****abcd.",
        "invalid_api_key",
        None,
        {},
        Next.OTHER_KEY,
        KeyEffect.BLOCKED,
        errors.TokenUnavailable,
        None,
    ),
    (
        "deactivated",
        401,
        "x",
        "account_deactivated",
        None,
        {},
        Next.OTHER_KEY,
        KeyEffect.PROJECT_BLOCKED,
        errors.TokenUnavailable,
        None,
    ),
    (
        "permission",
        403,
        "x",
        None,
        "permission_error",
        {},
        Next.OTHER_KEY,
        KeyEffect.BLOCKED,
        errors.TokenUnavailable,
        None,
    ),
    (
        "region",
        403,
        "x",
        "unsupported_country_region_territory",
        None,
        {},
        Next.OTHER_KEY,
        KeyEffect.BLOCKED,
        errors.TokenUnavailable,
        None,
    ),
    (
        "model not open to the project",
        403,
        "x",
        "model_not_found",
        None,
        {},
        Next.OTHER_MODEL,
        KeyEffect.NONE,
        errors.ProviderUnavailable,
        None,
    ),
    (
        "no credit",
        429,
        "You exceeded your current quota",
        "insufficient_quota",
        "insufficient_quota",
        {"retry-after": "3"},
        Next.OTHER_KEY,
        KeyEffect.NO_CREDIT,
        errors.TokenUnavailable,
        None,
    ),
    (
        "rate",
        429,
        "Rate limit reached. Please try again in 6.5s.",
        "rate_limit_exceeded",
        "tokens",
        {"retry-after": "7"},
        Next.OTHER_KEY,
        KeyEffect.COOLING,
        errors.ProviderRateLimited,
        7.0,
    ),
    (
        "rate in milliseconds",
        429,
        "Rate limit reached.",
        "rate_limit_exceeded",
        "tokens",
        {"retry-after-ms": "1500", "retry-after": "2"},
        Next.OTHER_KEY,
        KeyEffect.COOLING,
        errors.ProviderRateLimited,
        1.5,
    ),
    (
        "rate per day",
        429,
        "Rate limit reached on requests per day (RPD). Please try again in 7h12m0s.",
        "rate_limit_exceeded",
        "requests",
        {},
        Next.OTHER_KEY,
        KeyEffect.COOLING,
        errors.ProviderRateLimited,
        25920.0,
    ),
    (
        "plain 429",
        429,
        "slow down",
        None,
        None,
        {},
        Next.OTHER_KEY,
        KeyEffect.COOLING,
        errors.ProviderRateLimited,
        30.0,
    ),
    ("context", 400, "x", "context_length_exceeded", None, {}, Next.FAIL, KeyEffect.NONE, errors.TooManyPages, None),
    ("image", 400, "x", "invalid_image_format", None, {}, Next.FAIL, KeyEffect.NONE, errors.InvalidFile, None),
    (
        "file",
        422,
        "Failed to extract text from the file",
        None,
        None,
        {},
        Next.FAIL,
        KeyEffect.NONE,
        errors.InvalidFile,
        None,
    ),
    (
        "schema",
        400,
        "Invalid schema for response_format 'invoices'",
        None,
        "invalid_request_error",
        {},
        Next.OTHER_MODEL,
        KeyEffect.NONE,
        errors.InternalError,
        None,
    ),
    (
        "effort",
        400,
        "Unsupported value: 'minimal'",
        "unsupported_value",
        None,
        {},
        Next.OTHER_MODEL,
        KeyEffect.NONE,
        errors.ProviderUnavailable,
        None,
    ),
    (
        "policy",
        400,
        "x",
        "content_policy_violation",
        None,
        {},
        Next.OTHER_MODEL,
        KeyEffect.NONE,
        errors.ProviderRejected,
        None,
    ),
    ("other 400", 400, "x", None, None, {}, Next.FAIL, KeyEffect.NONE, errors.InternalError, None),
    (
        "billing as 400",
        400,
        "x",
        "billing_hard_limit_reached",
        None,
        {},
        Next.OTHER_KEY,
        KeyEffect.NO_CREDIT,
        errors.TokenUnavailable,
        None,
    ),
    (
        "model gone",
        404,
        "The model does not exist",
        "model_not_found",
        None,
        {},
        Next.OTHER_MODEL,
        KeyEffect.NONE,
        errors.ProviderUnavailable,
        None,
    ),
    ("conflict", 409, "x", None, None, {}, Next.SAME_KEY, KeyEffect.NONE, errors.ProviderUnavailable, None),
    ("server", 500, "x", "server_error", None, {}, Next.SAME_KEY, KeyEffect.NONE, errors.ProviderUnavailable, None),
    (
        "overloaded",
        503,
        "x",
        None,
        None,
        {"retry-after": "4"},
        Next.SAME_KEY,
        KeyEffect.NONE,
        errors.ProviderUnavailable,
        4.0,
    ),
    ("gateway timeout", 504, "x", None, None, {}, Next.SAME_KEY, KeyEffect.NONE, errors.ProviderTimeout, None),
]


@pytest.mark.parametrize(
    ("status", "message", "code", "kind", "headers", "next_step", "effect", "public", "wait"),
    [row[1:] for row in TABLE],
    ids=[row[0] for row in TABLE],
)
def test_each_error_ends_in_its_decision(
    vendor, openai_provider, question, status, message, code, kind, headers, next_step, effect, public, wait
):
    vendor.default = failed(status, message, code, kind, headers)
    with pytest.raises(ModelCallFailed) as caught:
        ask(openai_provider, question("gpt-5-mini"))
    failure = caught.value
    assert (failure.next_step, failure.key_effect, failure.public) == (next_step, effect, public)
    assert failure.wait_seconds == wait
    assert failure.billing is Billing.NONE
    assert len(vendor.seen) == 1, "the SDK must not try again by itself"


def test_html_in_place_of_an_error_is_understood_by_its_status(vendor, openai_provider, question):
    vendor.default = Answer(status=502, body=b"<html>Bad Gateway</html>", headers={"Content-Type": "text/html"})
    with pytest.raises(ModelCallFailed) as caught:
        ask(openai_provider, question("gpt-5-mini"))
    assert (caught.value.reason, caught.value.max_same_key_retries) == ("overloaded", 2)


@pytest.mark.parametrize("status", [401, 403])
def test_a_page_of_somebody_else_says_nothing_about_the_key(vendor, openai_provider, question, status):
    vendor.default = Answer(status=status, body=b"<html>blocked</html>", headers={"Content-Type": "text/html"})
    with pytest.raises(ModelCallFailed) as caught:
        ask(openai_provider, question("gpt-5-mini"))
    assert (caught.value.reason, caught.value.key_effect) == ("unexpected_status", KeyEffect.NONE)


@pytest.mark.parametrize(
    ("answer", "reason", "billing"),
    [
        (Answer(body=b""), "broken_answer", Billing.UNKNOWN),
        (Answer(body=b"<html></html>", headers={"Content-Type": "text/html"}), "broken_answer", Billing.UNKNOWN),
        (Answer(body=[]), "broken_answer", Billing.UNKNOWN),
        (Answer(drop=True), "connection_dropped", Billing.UNKNOWN),
        (Answer(body=answered(), delay=5), "client_timeout", Billing.UNKNOWN),
        (
            Answer(
                body=answered(status="failed", content=[], usage=None, error={"code": "server_error", "message": "x"})
            ),
            "server_error",
            Billing.UNKNOWN,
        ),
    ],
    ids=["empty", "html", "list", "dropped", "slow", "failed without usage"],
)
def test_what_may_have_been_billed_says_so(vendor, openai_provider, question, answer, reason, billing):
    vendor.default = answer
    with pytest.raises(ModelCallFailed) as caught:
        ask(openai_provider, question("gpt-5-mini"), timeout=0.5)
    failure = caught.value
    assert (failure.reason, failure.next_step, failure.billing) == (reason, Next.SAME_KEY, billing)
    assert len(vendor.seen) == 1


def test_a_refused_connection_cost_nothing(question):
    provider = OpenAIProvider("http://127.0.0.1:9/v1")
    with pytest.raises(ModelCallFailed) as caught:
        ask(provider, question("gpt-5-mini"))
    provider.close()
    assert (caught.value.reason, caught.value.billing) == ("connect_failed", Billing.NONE)


@pytest.mark.parametrize(
    ("body", "finish", "reason"),
    [
        (
            answered('{"n', status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
            Finish.TRUNCATED,
            "max_output_tokens",
        ),
        (
            answered("", status="incomplete", content=[], incomplete_details={"reason": "max_output_tokens"}),
            Finish.TRUNCATED,
            "max_output_tokens",
        ),
        (
            answered("", status="incomplete", incomplete_details={"reason": "content_filter"}),
            Finish.REFUSED,
            "content_filter",
        ),
        (answered(content=[{"type": "refusal", "refusal": "I cannot."}]), Finish.REFUSED, "refusal"),
        (answered(content=[]), Finish.EMPTY, "completed"),
        (answered(status="failed", content=[], error={"code": "server_error"}), Finish.EMPTY, "server_error"),
    ],
)
def test_every_way_to_stop_is_billed_and_named(vendor, openai_provider, question, body, finish, reason):
    vendor.default = Answer(body=body)
    answer = ask(openai_provider, question("gpt-5-mini"))
    assert (answer.finish, answer.reason, answer.usage.billable_tokens) == (finish, reason, 1200)


@pytest.mark.parametrize("key", ["", " ", "sk-with blank", "sk-\nnewline"])
def test_an_unusable_key_reaches_neither_sdk_nor_wire(vendor, openai_provider, question, key, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-else-000000000000")
    with pytest.raises(ModelCallFailed) as caught:
        ask(openai_provider, question("gpt-5-mini"), key)
    assert (caught.value.next_step, caught.value.key_effect) == (Next.OTHER_KEY, KeyEffect.BLOCKED)
    assert vendor.seen == []


def test_64_threads_with_their_own_keys_never_swap_them(vendor, openai_provider, question):
    vendor.default = Answer(body=answered())
    keys = [f"sk-THREAD-{number:04d}-{'x' * 20}" for number in range(200)]
    with ThreadPoolExecutor(64) as pool:
        list(
            pool.map(
                lambda n: ask(openai_provider, question("gpt-5-mini", prompt=f"label {n}", media=()), keys[n]),
                range(len(keys)),
            )
        )
    sent = {seen.body["input"][0]["content"][-1]["text"]: seen.header("authorization") for seen in vendor.seen}
    assert sent == {f"label {number}": f"Bearer {key}" for number, key in enumerate(keys)}


def test_a_proxy_in_the_environment_does_not_catch_loopback(vendor, openai_provider, question, monkeypatch):
    proxy = VendorServer()
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, proxy.url)
    vendor.default = Answer(body=answered())
    assert ask(openai_provider, question("gpt-5-mini")).finish is Finish.STOP
    assert proxy.seen == []
    proxy.close()


def test_an_echoed_key_is_in_no_part_of_the_exception(vendor, openai_provider, question):
    odd_key = "odd-shaped.key/without=prefix"
    vendor.default = failed(401, f"Incorrect API key provided: {odd_key}.", "invalid_api_key")
    with pytest.raises(ModelCallFailed) as caught:
        ask(openai_provider, question("gpt-5-mini"), odd_key)
    link: BaseException | None = caught.value
    while link is not None:
        assert odd_key not in f"{link!r} {link} {vars(link)}"
        link = link.__cause__ or link.__context__


def test_models_are_listed(vendor, openai_provider):
    vendor.default = Answer(
        body={"object": "list", "data": [{"id": "gpt-5-mini", "object": "model", "created": 1, "owned_by": "o"}]}
    )
    assert openai_provider.list_models(api_key=KEY, timeout_seconds=5) == ["gpt-5-mini"]
    assert vendor.seen[0].header("authorization") == f"Bearer {KEY}"


def test_dates_in_retry_after_are_read_by_the_injected_clock(vendor, question):
    vendor.default = failed(429, "x", "rate_limit_exceeded", headers={"retry-after": "Sat, 21 Nov 2026 18:30:50 GMT"})
    provider = OpenAIProvider(vendor.url + "/v1", now=lambda: datetime(2026, 11, 21, 18, 30))
    with pytest.raises(ModelCallFailed) as caught:
        ask(provider, question("gpt-5-mini"))
    provider.close()
    assert caught.value.wait_seconds == 50.0


@pytest.mark.parametrize(
    ("message", "header", "wait"),
    [
        ("Rate limit reached on tokens per min (TPM). Please try again in 6m0s.", None, 90.0),
        ("Rate limit reached on tokens per min (TPM).", "1000000000", 90.0),
        ("Rate limit reached on requests per day (RPD). Please try again in 7m12s.", None, 432.0),
        ("Rate limit reached on requests per day (RPD).", "1000000000", 86_400.0),
        ("Rate limit reached on requests per day (RPD).", "nan", 30.0),
    ],
)
def test_a_limit_rests_a_key_no_longer_than_its_kind_can_mean(vendor, openai_provider, question, message, header, wait):
    headers = {"retry-after": header} if header else {}
    vendor.default = failed(429, message, "rate_limit_exceeded", headers=headers)
    with pytest.raises(ModelCallFailed) as caught:
        ask(openai_provider, question("gpt-5-mini"))
    assert caught.value.wait_seconds == wait
