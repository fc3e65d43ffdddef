import json
import threading

import httpx2
import pytest
from google.genai import errors, types

from shared_code.errors import ProviderBadAnswer
from shared_code.extraction.answer.wire_schema import parse_answer
from tests.devstack.stand_ins.conftest import KEY, MODEL, ask, gemini_client, pdf_part

SAMPLE = "syn-ghana-2026.pdf"


def detail(error, kind):
    return next(entry for entry in error.details["error"]["details"] if entry["@type"].endswith(kind))


@pytest.mark.parametrize(
    ("kind", "code", "status", "message"),
    [
        ("invalid_key", 400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
        ("expired_key", 400, "INVALID_ARGUMENT", "API key expired. Please renew the API key."),
        ("leaked_key", 403, "PERMISSION_DENIED", "Your API key was reported as leaked. Please use another API key."),
        ("restricted_key", 403, "PERMISSION_DENIED", "are blocked."),
        ("suspended", 403, "PERMISSION_DENIED", f"Consumer 'api_key:{KEY}' has been suspended"),
        ("per_minute_quota", 429, "RESOURCE_EXHAUSTED", "Please retry in 33.752348711s."),
        ("per_day_quota", 429, "RESOURCE_EXHAUSTED", "You exceeded your current quota"),
        ("no_credit", 429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."),
        ("plain_429", 429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
        ("internal_500", 500, "INTERNAL", "An internal error has occurred"),
        ("unavailable_503", 503, "UNAVAILABLE", "This model is currently experiencing high demand."),
        ("overloaded_503", 503, "UNAVAILABLE", "The model is overloaded."),
        ("deadline_504", 504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
        ("deadline_too_short", 400, "INVALID_ARGUMENT", "Manually set deadline 1s is too short."),
        ("bad_mime", 400, "INVALID_ARGUMENT", "Unsupported MIME type:"),
        ("bad_image", 400, "INVALID_ARGUMENT", "Unable to process input image."),
        ("no_pages", 400, "INVALID_ARGUMENT", "The document has no pages."),
        (
            "too_many_pages",
            400,
            "INVALID_ARGUMENT",
            "contains 1500 pages which exceeds the supported page limit of 1000.",
        ),
        ("schema_too_complex", 400, "INVALID_ARGUMENT", "too many states for serving."),
        ("failed_precondition", 400, "FAILED_PRECONDITION", "location is not supported"),
        ("model_not_found", 404, "NOT_FOUND", f"models/{MODEL} is not found for API version v1beta"),
        ("model_gone", 404, "NOT_FOUND", "is no longer available to new users. Please update"),
        ("no_key", 403, "PERMISSION_DENIED", "unregistered callers"),
    ],
)
def test_each_error_arrives_as_the_sdk_reports_it(sdk, gemini, kind, code, status, message):
    gemini.fault(kind)

    with pytest.raises(errors.APIError) as caught:
        ask(sdk, pdf_part(SAMPLE))

    assert (caught.value.code, caught.value.status) == (code, status)
    assert message in caught.value.message
    [call] = gemini.calls()
    assert (call["status"], call["usage"], call["fault"]) == (code, None, kind)
    assert ask(sdk, "x").text, "the fault is used up"


def test_quota_errors_name_their_period_and_both_carry_a_wait(sdk, gemini):
    for kind, quota in (("per_minute_quota", "PerMinute"), ("per_day_quota", "PerDay")):
        gemini.fault(kind)
        with pytest.raises(errors.ClientError) as caught:
            ask(sdk, pdf_part(SAMPLE))
        [violation] = detail(caught.value, "QuotaFailure")["violations"]
        assert violation["quotaId"] == f"GenerateRequests{quota}PerProjectPerModel-FreeTier"
        assert violation["quotaDimensions"]["model"] == MODEL
        assert detail(caught.value, "RetryInfo")["retryDelay"] in {"33s", "46s"}
    gemini.fault("per_minute_quota", retry_delay=2.5)
    with pytest.raises(errors.ClientError, match=r"Please retry in 2\.5s") as caught:
        ask(sdk, pdf_part(SAMPLE))
    assert detail(caught.value, "RetryInfo")["retryDelay"] == "2s"


def test_key_errors_carry_the_reason_that_tells_them_apart(sdk, gemini):
    for kind, reason in (
        ("invalid_key", "API_KEY_INVALID"),
        ("expired_key", "API_KEY_INVALID"),
        ("restricted_key", "API_KEY_SERVICE_BLOCKED"),
        ("suspended", "CONSUMER_SUSPENDED"),
    ):
        gemini.fault(kind)
        with pytest.raises(errors.ClientError) as caught:
            ask(sdk, pdf_part(SAMPLE))
        assert detail(caught.value, "ErrorInfo")["reason"] == reason


def test_html_from_a_proxy_is_a_502(sdk, gemini):
    gemini.fault("html_502")
    with pytest.raises(errors.ServerError) as caught:
        ask(sdk, pdf_part(SAMPLE))
    assert (caught.value.code, caught.value.status) == (502, "Bad Gateway")


def test_empty_200_is_a_response_of_nothing_and_other_text_no_json(sdk, gemini):
    gemini.fault("empty_200")
    assert ask(sdk, pdf_part(SAMPLE)).candidates is None
    gemini.fault("not_json_200")
    with pytest.raises(json.JSONDecodeError):
        ask(sdk, pdf_part(SAMPLE))


def test_closing_without_and_in_the_middle_of_an_answer(sdk, gemini):
    gemini.fault("close")
    with pytest.raises(httpx2.RemoteProtocolError):
        ask(sdk, pdf_part(SAMPLE))
    gemini.fault("close_mid_answer")
    with pytest.raises((httpx2.RemoteProtocolError, httpx2.ReadError)):
        ask(sdk, pdf_part(SAMPLE))

    nothing, half = gemini.calls()
    assert (nothing["status"], nothing["answered"], nothing["usage"]) == (None, False, None)
    assert (half["status"], half["answered"]) == (200, False)
    assert half["usage"]["totalTokenCount"], "the vendor has done the work and bills it"


def test_a_late_answer_finds_its_client_gone(gemini, transport):
    gemini.fault("delay", delay_ms=400)
    with pytest.raises(httpx2.ReadTimeout):
        ask(gemini_client(gemini.url, transport, timeout=100), pdf_part(SAMPLE))
    waited = threading.Event()
    for _ in range(100):
        if gemini.calls()[0]["finished"]:
            break
        waited.wait(0.02)
    [call] = gemini.calls()
    assert call["finished"]
    assert not call["answered"]
    assert call["usage"]


@pytest.mark.parametrize("kind", ["broken_json", "max_tokens_cut"])
def test_cut_json_cannot_be_read(sdk, gemini, kind):
    gemini.fault(kind)
    response = ask(sdk, pdf_part(SAMPLE))
    with pytest.raises(ProviderBadAnswer):
        parse_answer(response.text)
    expected = types.FinishReason.STOP if kind == "broken_json" else types.FinishReason.MAX_TOKENS
    assert response.candidates[0].finish_reason == expected


def test_fenced_json_is_still_the_answer(sdk, gemini):
    gemini.fault("fenced_json")
    response = ask(sdk, pdf_part(SAMPLE))
    assert response.text.startswith("```json\n")
    assert response.parsed is None
    assert parse_answer(response.text).invoices[0].scalars["invoice_number"] == "ADM-26-00118"


def test_thoughts_can_eat_the_whole_answer(sdk, gemini):
    gemini.fault("max_tokens_empty")
    response = ask(sdk, pdf_part(SAMPLE), max_output_tokens=500)
    assert response.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS
    assert not response.text
    assert response.usage_metadata.thoughts_token_count == 500
    assert response.usage_metadata.candidates_token_count is None


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("safety", "SAFETY"), ("recitation", "RECITATION"), ("spii", "SPII"), ("prohibited_content", "PROHIBITED_CONTENT"),
     ("blocklist", "BLOCKLIST"), ("continuation", "CONTINUATION")],
)  # fmt: skip
def test_unusable_answers_are_billed_all_the_same(sdk, gemini, kind, reason):
    gemini.fault(kind)
    response = ask(sdk, pdf_part(SAMPLE))
    assert response.candidates[0].finish_reason == reason
    assert response.usage_metadata.prompt_token_count > 560
    assert len(gemini.calls()) == 1


def test_a_blocked_prompt_and_an_answer_without_candidates(sdk, gemini):
    gemini.fault("prompt_blocked", reason="SAFETY")
    blocked = ask(sdk, pdf_part(SAMPLE))
    assert blocked.prompt_feedback.block_reason == types.BlockedReason.SAFETY
    assert not blocked.candidates
    assert blocked.usage_metadata.total_token_count == blocked.usage_metadata.prompt_token_count
    gemini.fault("no_candidates")
    assert not ask(sdk, pdf_part(SAMPLE)).candidates


def test_a_finish_reason_of_tomorrow_warns_in_the_sdk(sdk, gemini):
    gemini.fault("unknown_finish")
    with pytest.warns(UserWarning, match="NEW_REASON_OF_TOMORROW"):
        assert ask(sdk, pdf_part(SAMPLE)).text


def test_continuation_has_a_token_that_would_make_the_sdk_ask_again(sdk, gemini):
    gemini.fault("continuation")
    assert ask(sdk, pdf_part(SAMPLE)).candidates[0].continuation_token


def test_a_test_scripts_its_own_answer_usage_and_raw_response(sdk, gemini):
    gemini.fault("answer", json={"document_status": "not_an_invoice", "invoices": []})
    assert parse_answer(ask(sdk, pdf_part(SAMPLE)).text).document_status == "not_an_invoice"
    gemini.fault("answer", text="No JSON today.")
    assert ask(sdk, pdf_part(SAMPLE)).text == "No JSON today."
    gemini.fault("usage", promptTokenCount=10, candidatesTokenCount=5, totalTokenCount=999_999)
    assert ask(sdk, pdf_part(SAMPLE)).usage_metadata.total_token_count == 999_999
    gemini.fault("no_usage")
    assert ask(sdk, pdf_part(SAMPLE)).usage_metadata is None
    gemini.fault("raw", status=418, body={"error": {"code": 418, "message": "teapot", "status": "TEAPOT"}})
    with pytest.raises(errors.ClientError, match="teapot"):
        ask(sdk, pdf_part(SAMPLE))


def test_a_model_can_be_blind_to_a_page_once(sdk, gemini):
    gemini.fault("blind")
    assert parse_answer(ask(sdk, pdf_part(SAMPLE)).text).document_status == "unreadable"
    assert parse_answer(ask(sdk, pdf_part(SAMPLE)).text).document_status == "invoice"


def test_faults_wait_for_their_key_and_model_in_order(sdk, gemini):
    gemini.fault("plain_429", key="another key")
    gemini.fault("internal_500", model="gemini-3.8-flash")
    gemini.fault("unavailable_503", key=KEY, times=2)
    gemini.fault("no_credit")

    seen = []
    for _ in range(4):
        try:
            ask(sdk, pdf_part(SAMPLE))
            seen.append(200)
        except errors.APIError as error:
            seen.append(error.code)
    assert seen == [503, 503, 429, 200]
    with pytest.raises(errors.ServerError):
        ask(sdk, pdf_part(SAMPLE), model="gemini-3.8-flash")
    assert [entry["kind"] for entry in gemini.script.pending()] == ["plain_429"]


def test_keys_and_projects_have_states_that_last(sdk, gemini):
    gemini.key(KEY, state="invalid_key", project="acme")
    for _ in range(2):
        with pytest.raises(errors.ClientError, match="API key not valid"):
            ask(sdk, pdf_part(SAMPLE))
    with pytest.raises(errors.ClientError, match="API key not valid"):
        list(sdk.models.list())
    gemini.key(KEY, project="acme")
    gemini.project("acme", state="suspended")
    with pytest.raises(errors.ClientError, match="has been suspended"):
        ask(sdk, pdf_part(SAMPLE))
    gemini.reset()
    assert ask(sdk, pdf_part(SAMPLE)).text
