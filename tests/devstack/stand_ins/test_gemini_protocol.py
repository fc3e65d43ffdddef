import base64
import contextlib
import hashlib
import http.client
import json

import httpx2
import pytest
from google.genai import errors, types

from devstack.gemini import GeminiStandIn
from tests.devstack.stand_ins.conftest import KEY, MODEL, ask, first_invoice, gemini_client, invoice_bytes, pdf_part


@pytest.fixture
def post(gemini, transport):
    def send(body, *, path=f"/v1beta/models/{MODEL}:generateContent", key=KEY):
        headers = {"x-goog-api-key": key} if key else {}
        return transport.post(gemini.url + path, content=json.dumps(body), headers=headers)

    return send


def body(**changes):
    return {"contents": [{"parts": [{"text": "Invoice No: 7A"}]}], **changes}


def test_the_sdk_reads_an_invoice_through_it(sdk, gemini):
    response = ask(sdk, pdf_part("syn-gst-intra-qr.pdf"))

    invoice = first_invoice(response.text)
    assert invoice.scalars["invoice_number"] == "SPL/25-26/0417"
    assert invoice.scalars["invoice_date"] == "2025-11-07"
    assert invoice.scalars["total"] == "175083.00"
    assert response.candidates[0].finish_reason == types.FinishReason.STOP
    assert response.model_version == MODEL
    assert response.response_id
    [call] = gemini.calls()
    assert call["key_hash"] == hashlib.sha256(KEY.encode()).hexdigest()
    assert (call["model"], call["status"], call["answered"], call["fault"]) == (MODEL, 200, True, None)
    assert call["usage"]["totalTokenCount"] == response.usage_metadata.total_token_count
    assert call["max_output_tokens"] == 8192
    assert call["server_timeout"] == "20"
    assert KEY not in json.dumps(gemini.calls())


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_both_api_versions_are_served_on_one_kept_connection(gemini, transport, version):
    client = gemini_client(gemini.url, transport, api_version=version)
    for _ in range(3):
        ask(client, pdf_part("syn-ghana-2026.pdf"))

    assert len({call["connection"] for call in gemini.calls()}) == 1
    assert gemini.calls()[0]["path"] == f"/{version}/models/{MODEL}:generateContent"


def test_proxy_variables_do_not_matter_to_a_client_that_ignores_them(gemini, monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with httpx2.Client(trust_env=False) as transport:
        assert ask(gemini_client(gemini.url, transport), pdf_part("syn-ghana-2026.pdf")).text


def test_models_are_listed_and_retired_ones_are_404(sdk):
    names = [model.name for model in sdk.models.list()]

    assert f"models/{MODEL}" in names
    assert "models/gemini-2.5-flash" not in names
    assert sdk.models.get(model="gemini-3.8-flash").output_token_limit == 65_536
    with pytest.raises(errors.ClientError, match="is not found for API version v1beta, or is not supported"):
        ask(sdk, "x", model="gemini-2.0-flash")
    with pytest.raises(errors.ClientError, match="is no longer available to new users") as caught:
        ask(sdk, "x", model="gemini-2.5-flash")
    assert caught.value.code == 404
    assert caught.value.status == "NOT_FOUND"


def test_an_alias_answers_as_the_model_behind_it(sdk):
    response = ask(sdk, pdf_part("syn-ghana-2026.pdf"), model="gemini-flash-lite-latest")
    assert response.model_version == MODEL


def test_a_request_without_a_key_is_an_unregistered_caller(post):
    response = post(body(), key=None)
    assert response.status_code == 403
    assert response.json()["error"]["message"].startswith("Method doesn't allow unregistered callers")


def test_names_in_either_case_and_url_safe_base64_are_understood(post):
    data = base64.urlsafe_b64encode(invoice_bytes("syn-ghana-2026.pdf")).decode()
    assert "-" in data
    assert "_" in data
    answer = post(
        {
            "contents": [{"parts": [{"inline_data": {"mimeType": "application/pdf", "data": data}}]}],
            "generation_config": {
                "response_mime_type": "application/json",
                "responseSchema": {
                    "type": "OBJECT",
                    "properties": {
                        "invoice_number": {"type": "STRING", "nullable": True},
                        "po_box": {"type": "STRING"},
                    },
                    "property_ordering": ["invoice_number", "po_box"],
                },
                "thinkingConfig": {"thinking_level": "minimal"},
            },
        },
    ).json()
    assert json.loads(answer["candidates"][0]["content"]["parts"][0]["text"]) == {
        "invoice_number": "ADM-26-00118",
        "po_box": "",
    }


@pytest.mark.parametrize(
    ("config", "model", "message"),
    [
        ({"thinkingConfig": {"thinkingLevel": "low", "thinkingBudget": 5}}, MODEL, "only one of thinking budget"),
        (
            {"thinkingConfig": {"thinkingLevel": "minimal"}},
            "gemini-3.8-flash",
            "Thinking level MINIMAL is not supported",
        ),
        ({"thinkingConfig": {"thinkingLevel": "low"}}, "gemini-2.5-flash-lite", "Thinking level is not supported"),
        ({"maxOutputTokens": 70_000}, MODEL, "supported range is from 1"),
        ({"maxOutputTokens": 0}, MODEL, "supported range is from 1"),
        ({"colour": "red"}, MODEL, "Unknown name \"colour\" at 'generation_config'"),
        ({"mediaResolution": "TINY"}, MODEL, "media_resolution"),
        (
            {
                "responseMimeType": "application/json",
                "responseSchema": {
                    "type": "OBJECT",
                    "properties": {"total": {"anyOf": [{"type": "NUMBER"}, {"type": "STRING"}]}},
                },
            },
            MODEL,
            "any_of",
        ),
        (
            {
                "responseMimeType": "application/json",
                "responseSchema": {
                    "type": "OBJECT",
                    "properties": {"seller": {"type": "OBJECT", "additional_properties": False}},
                },
            },
            MODEL,
            "additional_properties",
        ),
        ({"responseSchema": {"type": "OBJECT"}}, MODEL, "response_mime_type application/json"),
    ],
)
def test_what_the_service_refuses_is_refused(post, config, model, message):
    response = post(body(generationConfig=config), path=f"/v1beta/models/{model}:generateContent")
    assert response.status_code == 400
    assert response.json()["error"]["status"] == "INVALID_ARGUMENT"
    assert message in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("request_body", "message"),
    [
        (body(colour=1), 'Unknown name "colour": Cannot find field.'),
        ({"contents": []}, "contents is not specified"),
        (
            {"contents": [{"parts": [{"inlineData": {"mimeType": "application/pdf", "data": "*"}}]}]},
            "Base64 decoding failed",
        ),
    ],
)
def test_malformed_requests_are_refused(gemini, post, request_body, message):
    assert message in post(request_body).json()["error"]["message"]
    assert gemini.calls()[0]["usage"] is None


@pytest.mark.parametrize(
    ("name", "mime_type", "message"),
    [
        ("img-multipage.tiff", "image/tiff", "Unsupported MIME type: image/tiff"),
        ("nasty-text-renamed.pdf", "image/png", "Unable to process input image."),
        ("nasty-no-pages.pdf", "application/pdf", "The document has no pages."),
        ("nasty-truncated-60.pdf", "application/pdf", "The document has no pages."),
        ("nasty-encrypted-aes256.pdf", "application/pdf", "The document has no pages."),
    ],
)
def test_files_that_the_service_cannot_read_are_refused(sdk, name, mime_type, message):
    with pytest.raises(errors.ClientError, match=message):
        ask(sdk, pdf_part(name, mime_type))


def test_pages_are_counted_before_they_are_read(sdk):
    pikepdf = pytest.importorskip("pikepdf")
    import io

    with pikepdf.new() as pdf:
        for _ in range(1001):
            pdf.add_blank_page()
        stream = io.BytesIO()
        pdf.save(stream)
    part = types.Part.from_bytes(data=stream.getvalue(), mime_type="application/pdf")
    with pytest.raises(errors.ClientError, match="contains 1001 pages which exceeds the supported page limit of 1000"):
        ask(sdk, part)


def test_short_deadlines_are_refused_where_the_stand_in_is_told_to(transport):
    with GeminiStandIn(enforce_deadline=True) as gemini:
        client = gemini_client(gemini.url, transport, timeout=2_000)
        with pytest.raises(
            errors.ClientError, match=r"Manually set deadline 2s is too short. Minimum allowed deadline is 10s."
        ):
            ask(client, "x")
        assert ask(gemini_client(gemini.url, transport), pdf_part("syn-ghana-2026.pdf")).text


def test_tokens_can_be_counted_before_the_call(sdk, gemini):
    part = pdf_part("syn-two-invoices.pdf")
    assert sdk.models.count_tokens(model=MODEL, contents=[part]).total_tokens == 2 * 560
    assert gemini.calls()[0]["usage"] is None


def test_an_answer_leaves_in_one_piece(gemini):
    """Head and body in one segment: two would cost 40 ms a call through delayed acknowledgement."""
    import socket

    request = json.dumps(body()).encode()
    head = (
        f"POST /v1beta/models/{MODEL}:generateContent HTTP/1.1\r\nHost: x\r\nx-goog-api-key: {KEY}\r\n"
        f"Content-Length: {len(request)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", gemini.port), timeout=10) as connection:
        connection.sendall(head.encode() + request)
        first = connection.recv(1 << 20)
    assert first.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"usageMetadata" in first


def test_unknown_paths_are_404_and_bodies_without_length_411(gemini):
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", gemini.port, timeout=10)) as connection:
        connection.request("GET", "/v2/nothing")
        assert connection.getresponse().read().startswith(b"<!DOCTYPE html>")
        connection.putrequest("POST", "/v1/x")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        assert connection.getresponse().status == 411
