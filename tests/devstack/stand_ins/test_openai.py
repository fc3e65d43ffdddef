import json

import httpx2
import openai
import pytest

from devstack.openai import OpenAIStandIn
from shared_code.errors import ProviderBadAnswer
from shared_code.extraction.answer.wire_schema import WIRE_SCHEMA, parse_answer
from tests.devstack.stand_ins.conftest import KEY, ask_openai, first_invoice, openai_client


def test_the_sdk_reads_an_invoice_through_it(openai_sdk, vendor):
    response = ask_openai(openai_sdk)

    invoice = first_invoice(response.output_text)
    assert invoice.scalars["invoice_number"] == "SPL/25-26/0417"
    assert invoice.scalars["total"] == "175083.00"
    assert response.status == "completed"
    assert response.model == "gpt-5-mini-2025-08-07"
    usage = response.usage
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens
    assert usage.output_tokens_details.reasoning_tokens == 0
    [call] = vendor.calls()
    assert call["usage"]["total_tokens"] == usage.total_tokens
    assert (call["model"], call["max_output_tokens"], call["answered"]) == ("gpt-5-mini", 8192, True)
    assert KEY not in json.dumps(call)


def test_reasoning_is_part_of_the_output(transport):
    with OpenAIStandIn(thoughts=64) as vendor:
        usage = ask_openai(openai_client(vendor.url, transport)).usage
    assert usage.output_tokens_details.reasoning_tokens == 64
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens
    assert usage.output_tokens > 64


def test_models_are_listed(openai_sdk):
    assert "gpt-5-mini" in [model.id for model in openai_sdk.models.list()]
    with pytest.raises(openai.NotFoundError) as caught:
        ask_openai(openai_sdk, model="gpt-2")
    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize(
    ("kind", "exception", "code"),
    [
        ("invalid_key", openai.AuthenticationError, "invalid_api_key"),
        ("expired_key", openai.AuthenticationError, "expired_api_key"),
        ("restricted_key", openai.PermissionDeniedError, "unsupported_country_region_territory"),
        ("suspended", openai.AuthenticationError, "account_deactivated"),
        ("per_minute_quota", openai.RateLimitError, "rate_limit_exceeded"),
        ("per_day_quota", openai.RateLimitError, "rate_limit_exceeded"),
        ("no_credit", openai.RateLimitError, "insufficient_quota"),
        ("plain_429", openai.RateLimitError, None),
        ("model_not_found", openai.NotFoundError, "model_not_found"),
        ("context_length", openai.BadRequestError, "context_length_exceeded"),
        ("bad_file", openai.BadRequestError, "invalid_file"),
        ("bad_mime", openai.BadRequestError, "invalid_value"),
        ("bad_schema", openai.BadRequestError, "invalid_json_schema"),
        ("unprocessable_422", openai.UnprocessableEntityError, None),
        ("conflict_409", openai.ConflictError, "conflict"),
        ("internal_500", openai.InternalServerError, "server_error"),
        ("unavailable_503", openai.InternalServerError, None),
        ("deadline_504", openai.InternalServerError, None),
        ("html_502", openai.InternalServerError, None),
        ("close", openai.APIConnectionError, None),
        ("close_mid_answer", openai.APIConnectionError, None),
    ],
)
def test_each_error_arrives_as_the_sdk_reports_it(openai_sdk, vendor, kind, exception, code):
    vendor.fault(kind)
    with pytest.raises((exception, httpx2.RemoteProtocolError)) as caught:
        ask_openai(openai_sdk)
    assert getattr(caught.value, "code", None) == code
    assert len(vendor.calls()) == 1
    assert ask_openai(openai_sdk).output_text


def test_a_rate_limit_says_how_long_to_wait_and_a_wrong_key_shows_only_its_ends(openai_sdk, vendor):
    vendor.fault("per_minute_quota", retry_after=1.5)
    with pytest.raises(openai.RateLimitError, match=r"try again in 1\.5s") as caught:
        ask_openai(openai_sdk)
    assert caught.value.response.headers["retry-after-ms"] == "1500"
    vendor.fault("invalid_key")
    with pytest.raises(openai.AuthenticationError) as refused:
        ask_openai(openai_sdk)
    assert KEY not in refused.value.message
    assert KEY[-4:] in refused.value.message


def test_a_missing_key_is_401(vendor, transport):
    response = transport.post(f"{vendor.url}/v1/responses", json={})
    assert response.status_code == 401
    assert "You didn't provide an API key" in response.json()["error"]["message"]


def test_slow_answers_time_out(openai_sdk, vendor):
    vendor.fault("delay", delay_ms=300)
    with pytest.raises(openai.APITimeoutError):
        ask_openai(openai_sdk.with_options(timeout=0.1))


def test_answers_end_early_for_each_reason(openai_sdk, vendor):
    for kind, reason in (
        ("max_tokens_cut", "max_output_tokens"),
        ("max_tokens_empty", "max_output_tokens"),
        ("content_filter", "content_filter"),
    ):
        vendor.fault(kind)
        response = ask_openai(openai_sdk)
        assert (response.status, response.incomplete_details.reason) == ("incomplete", reason)
        assert response.usage.total_tokens
    cut = ask_openai(openai_sdk, max_output_tokens=100)
    assert cut.incomplete_details.reason == "max_output_tokens"
    assert cut.usage.output_tokens <= 100


def test_refusals_failures_and_texts_that_are_no_json(openai_sdk, vendor):
    vendor.fault("refusal")
    refused = ask_openai(openai_sdk)
    assert refused.status == "completed"
    assert refused.output[0].content[0].type == "refusal"
    vendor.fault("failed")
    assert ask_openai(openai_sdk).status == "failed"
    vendor.fault("broken_json")
    with pytest.raises(ProviderBadAnswer):
        parse_answer(ask_openai(openai_sdk).output_text)
    vendor.fault("fenced_json")
    assert parse_answer(ask_openai(openai_sdk).output_text).invoices
    vendor.fault("no_candidates")
    assert ask_openai(openai_sdk).output == []
    vendor.fault("answer", json={"document_status": "unreadable", "invoices": []})
    assert parse_answer(ask_openai(openai_sdk).output_text).document_status == "unreadable"
    vendor.fault("blind")
    assert parse_answer(ask_openai(openai_sdk).output_text).document_status == "unreadable"


def test_usage_can_be_missing_cached_or_scripted(openai_sdk, vendor):
    vendor.fault("no_usage")
    assert ask_openai(openai_sdk).usage is None
    vendor.fault("cached", tokens=50)
    assert ask_openai(openai_sdk).usage.input_tokens_details.cached_tokens == 50
    vendor.fault("usage", total_tokens=123_456)
    assert ask_openai(openai_sdk).usage.total_tokens == 123_456


def test_html_with_status_200_breaks_in_the_sdk_the_known_way(openai_sdk, vendor):
    vendor.fault("not_json_200")
    assert not hasattr(ask_openai(openai_sdk), "output")


def without(schema, *path):
    changed = json.loads(json.dumps(schema))
    target = changed
    for name in path[:-1]:
        target = target[name]
    del target[path[-1]]
    return changed


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "array", "items": {"type": "string"}}, 'type: "object"'),
        (without(dict(WIRE_SCHEMA), "additionalProperties"), "additionalProperties"),
        (without(dict(WIRE_SCHEMA), "properties", "invoices", "items", "additionalProperties"), "additionalProperties"),
        (dict(WIRE_SCHEMA) | {"required": ["invoices"]}, "Missing 'document_status'"),
    ],
)
def test_a_schema_that_strict_mode_forbids_is_refused(openai_sdk, schema, message):
    form = {"format": {"type": "json_schema", "name": "invoice", "strict": True, "schema": schema}}
    with pytest.raises(openai.BadRequestError, match=message):
        openai_sdk.responses.create(model="gpt-5-mini", input="x", text=form)


def test_pictures_are_charged_and_have_no_text_to_read(openai_sdk):
    import base64

    from tests.devstack.stand_ins.conftest import invoice_bytes

    data = base64.b64encode(invoice_bytes("az-britain.png")).decode()
    picture = {"type": "input_image", "image_url": f"data:image/png;base64,{data}"}
    response = ask_openai(openai_sdk, content=[picture], model="gpt-4o")
    assert parse_answer(response.output_text).document_status == "unreadable"
    without_picture = ask_openai(openai_sdk, content=[{"type": "input_text", "text": ""}], model="gpt-4o")
    assert (response.usage.input_tokens - without_picture.usage.input_tokens - 85) % 170 == 0


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (
            [{"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}],
            "invalid_file",
        ),
        ([{"type": "input_file", "filename": "a.pdf", "file_data": "AAAA"}], "invalid_value"),
        ([{"type": "input_song"}], "invalid_value"),
    ],
)
def test_bad_input_is_refused(openai_sdk, vendor, content, code):
    with pytest.raises(openai.BadRequestError) as caught:
        ask_openai(openai_sdk, content=content)
    assert caught.value.code == code
    assert vendor.calls()[0]["usage"] is None
