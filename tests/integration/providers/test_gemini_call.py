"""The call itself, through the unmodified SDK over a socket."""

import base64
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared_code.observability.redaction import redact
from shared_code.providers.base import Billing, Finish, KeyEffect, Media, ModelCallFailed, Next
from shared_code.providers.gemini.client import GeminiProvider
from tests.integration.providers.vendor_server import Answer, VendorServer

KEY = "AIzaSyTEST-key_000000000000000000000001"


def answered(text='{"number": "7"}', *, finish="STOP", **more):
    return {
        "candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": finish}],
        "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15},
        "modelVersion": "gemini-3.5-flash-lite",
        "responseId": "r-1",
    } | more


def ask(provider, request, key=KEY, timeout=20.0):
    return provider.generate(request, api_key=key, timeout_seconds=timeout)


def test_one_call_carries_document_schema_settings_and_key(vendor, gemini, question):
    vendor.default = Answer(body=answered())
    answer = ask(gemini, question(), timeout=45.5)
    assert (answer.text, answer.finish, answer.model_version) == (
        '{"number": "7"}',
        Finish.STOP,
        "gemini-3.5-flash-lite",
    )
    [seen] = vendor.seen
    assert seen.path == "/v1beta/models/gemini-3.5-flash-lite:generateContent"
    assert seen.header("x-goog-api-key") == KEY
    assert seen.header("x-server-timeout") == "46"
    [content] = seen.body["contents"]
    media, prompt = content["parts"]
    inline = media["inlineData"]
    assert base64.urlsafe_b64decode(inline["data"]) == b"%PDF-1.7\xff\xfe\xfb"
    assert (inline.get("mimeType") or inline.get("mime_type")) == "application/pdf"
    assert prompt == {"text": "Read the invoice."}
    assert seen.body["systemInstruction"]["parts"] == [{"text": "You read invoices."}]
    config = seen.body["generationConfig"]
    assert config["responseJsonSchema"] == question().schema
    assert config["responseMimeType"] == "application/json"
    assert config["maxOutputTokens"] == 2048
    assert {str(value).upper() for value in config["thinkingConfig"].values()} == {"MINIMAL"}
    assert not {"temperature", "topP", "topK", "responseSchema"} & set(config)


@pytest.mark.parametrize(
    ("model", "setting"),
    [
        ("gemini-3.8-flash", ("thinkingLevel", "LOW")),
        ("gemini-3.7-flash", ("thinkingLevel", "LOW")),
        ("gemini-3.1-flash-lite", ("thinkingLevel", "MINIMAL")),
        ("gemini-2.5-flash-lite", ("thinkingBudget", 0)),
        ("gemini-2.5-pro", ("thinkingBudget", 128)),
        ("gemini-2.0-flash", None),
    ],
)
def test_thinking_is_set_as_the_model_takes_it(vendor, gemini, question, model, setting):
    vendor.default = Answer(body=answered())
    ask(gemini, question(model))
    sent = vendor.seen[0].body["generationConfig"].get("thinkingConfig")
    if setting is None:
        assert sent is None
    else:
        [(name, value)] = sent.items()
        assert (name.replace("_", "").lower(), value) == (setting[0].lower(), setting[1])


def test_the_output_cap_never_passes_the_models_limit(vendor, gemini, question):
    vendor.default = Answer(body=answered())
    ask(gemini, question(max_output_tokens=10**6))
    assert vendor.seen[0].body["generationConfig"]["maxOutputTokens"] == 65_536


def test_a_short_deadline_is_ours_and_not_the_services(vendor, gemini, question):
    """The service refuses a deadline below ten seconds; ours may be shorter."""
    vendor.queue.append(Answer(body=answered(), delay=5))
    started = time.monotonic()
    with pytest.raises(ModelCallFailed) as caught:
        ask(gemini, question(), timeout=0.2)
    assert time.monotonic() - started < 3
    assert vendor.seen[0].header("x-server-timeout") == "10"
    failure = caught.value
    assert (failure.reason, failure.next_step, failure.billing) == ("client_timeout", Next.SAME_KEY, Billing.UNKNOWN)
    assert failure.max_same_key_retries == 1


def test_a_trickling_answer_ends_at_the_deadline(vendor, gemini, question):
    vendor.queue.append(Answer(body=answered("x" * 500), trickle=0.02))
    started = time.monotonic()
    with pytest.raises(ModelCallFailed) as caught:
        ask(gemini, question(), timeout=0.5)
    assert time.monotonic() - started < 3
    assert caught.value.reason == "client_timeout"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_the_sdk_never_tries_again_by_itself(vendor, gemini, question, status):
    vendor.default = Answer(status=status, body={"error": {"code": status, "message": "no", "status": "X"}})
    with pytest.raises(ModelCallFailed):
        ask(gemini, question())
    assert len(vendor.seen) == 1


def test_a_continuation_is_not_followed(vendor, gemini, question):
    body = answered('{"number": "', finish="CONTINUATION")
    body["candidates"][0]["continuationToken"] = "bW9yZQ=="
    vendor.default = Answer(body=body)
    answer = ask(gemini, question())
    assert (answer.finish, answer.usage.total_tokens, len(vendor.seen)) == (Finish.TRUNCATED, 15, 1)


@pytest.mark.parametrize(
    "key", ["", "   ", "\n", "AIza with blank", "AIza\nnewline0000000", "AIzaé000000000", "AIza\u200b0000"]
)
def test_an_unusable_key_reaches_neither_sdk_nor_wire(vendor, new_gemini, question, key, monkeypatch):
    monkeypatch.setenv("GOOGLE_API_KEY", "AIzaSomebodyElsesKey00000000000000000")
    monkeypatch.setenv("GEMINI_API_KEY", "AIzaSomebodyElsesKey00000000000000000")
    for call in (
        lambda: ask(new_gemini, question(), key),
        lambda: new_gemini.list_models(api_key=key, timeout_seconds=5),
    ):
        with pytest.raises(ModelCallFailed) as caught:
            call()
        assert (caught.value.next_step, caught.value.key_effect) == (Next.OTHER_KEY, KeyEffect.BLOCKED)
        assert caught.value.billing is Billing.NONE
        assert "Elses" not in str(caught.value)
    assert vendor.seen == []
    assert new_gemini._client is None


def test_a_key_pasted_with_blanks_is_sent_without_them(vendor, gemini, question):
    vendor.default = Answer(body=answered())
    ask(gemini, question(), f"  {KEY}\n")
    assert vendor.seen[0].header("x-goog-api-key") == KEY


def test_the_environment_cannot_redirect_a_call(vendor, question, monkeypatch):
    monkeypatch.setenv("GOOGLE_API_KEY", "AIzaSomebodyElsesKey00000000000000000")
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_GENAI_USE_ENTERPRISE", "true")
    monkeypatch.setenv("GOOGLE_GENAI_API_VERSION", "v9")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:9")
    vendor.default = Answer(body=answered())
    provider = GeminiProvider(vendor.url, api_version="v1")
    ask(provider, question())
    provider.close()
    assert vendor.seen[0].path == "/v1/models/gemini-3.5-flash-lite:generateContent"
    assert vendor.seen[0].header("x-goog-api-key") == KEY


def test_a_proxy_in_the_environment_does_not_catch_loopback(question, monkeypatch):
    proxy = VendorServer()
    vendor = VendorServer()
    vendor.default = Answer(body=answered())
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, proxy.url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for url in (vendor.url, vendor.url.replace("127.0.0.1", "localhost")):
        provider = GeminiProvider(url)
        assert ask(provider, question()).finish is Finish.STOP
        provider.close()
    assert proxy.seen == []
    proxy.close()
    vendor.close()


def test_a_proxy_in_the_environment_serves_real_hosts(question, monkeypatch):
    proxy = VendorServer()
    proxy.default = Answer(body=answered())
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    provider = GeminiProvider("http://models.example.invalid")
    assert ask(provider, question()).finish is Finish.STOP
    provider.close()
    assert len(proxy.seen) == 1
    proxy.close()


def test_64_threads_with_their_own_keys_never_swap_them(vendor, gemini, question):
    """The answer repeats nothing of the key, so the prompt carries a label and the server compares."""
    vendor.default = Answer(body=answered())
    keys = [f"AIzaSyTHREAD-{number:04d}-{'x' * 20}" for number in range(500)]

    def call(number):
        return ask(gemini, question(prompt=f"label {number}", media=()), keys[number])

    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(call, range(len(keys))))
    assert all(answer.finish is Finish.STOP for answer in answers)
    sent = {seen.body["contents"][0]["parts"][-1]["text"]: seen.header("x-goog-api-key") for seen in vendor.seen}
    assert sent == {f"label {number}": key for number, key in enumerate(keys)}


def test_another_spelling_of_the_key_header_sends_the_wrong_key(vendor, gemini, question, monkeypatch):
    """Why the header's name is exactly ``x-goog-api-key``: in capitals, the client's own key is sent as well or instead."""
    vendor.default = Answer(body=answered())
    monkeypatch.setattr("shared_code.providers.gemini.client._KEY_HEADER", "X-Goog-Api-Key")
    ask(gemini, question())
    values = [value for name, value in vendor.seen[0].headers if name.lower() == "x-goog-api-key"]
    assert values != [KEY]


def test_the_client_is_built_once_by_many_threads(vendor, new_gemini, question):
    vendor.default = Answer(body=answered())
    clients = set()
    gate = threading.Barrier(16)

    def build(_):
        gate.wait()
        clients.add(id(new_gemini._ready_client()))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(build, range(16)))
    assert len(clients) == 1


def test_the_connection_is_kept(vendor, new_gemini, question):
    vendor.default = Answer(body=answered())
    for _ in range(5):
        ask(new_gemini, question())
    assert len({seen.port for seen in vendor.seen}) == 1


def test_models_are_listed_by_plain_name(vendor, gemini):
    vendor.queue.append(Answer(body={"models": [{"name": "models/gemini-3.5-flash-lite"}], "nextPageToken": "2"}))
    vendor.queue.append(Answer(body={"models": [{"name": "models/gemini-3.8-flash"}]}))
    assert gemini.list_models(api_key=KEY, timeout_seconds=5) == ["gemini-3.5-flash-lite", "gemini-3.8-flash"]
    assert {seen.header("x-goog-api-key") for seen in vendor.seen} == {KEY}


def test_a_redirect_is_not_followed(vendor, gemini, question):
    other = VendorServer()
    vendor.default = Answer(status=302, headers={"Location": other.url})
    with pytest.raises(ModelCallFailed) as caught:
        ask(gemini, question())
    assert caught.value.reason == "unexpected_status"
    assert other.seen == []
    other.close()


def test_an_echoed_key_is_in_no_part_of_the_exception(vendor, gemini, question):
    odd_key = "odd-shaped.key/without=prefix"
    body = {
        "error": {
            "code": 403,
            "status": "PERMISSION_DENIED",
            "message": f"Consumer 'api_key:{odd_key}' has been suspended.",
        }
    }
    vendor.default = Answer(status=403, body=body)
    with pytest.raises(ModelCallFailed) as caught:
        ask(gemini, question(), odd_key)
    seen: list[BaseException] = []
    link: BaseException | None = caught.value
    while link is not None and link not in seen:
        seen.append(link)
        link = link.__cause__ or link.__context__
    told = "\n".join(f"{link!r} {link} {vars(link)} {link.args}" for link in seen)
    assert odd_key not in told
    assert len(seen) == 2
    assert (
        caught.value.details["provider_message"] == "403 PERMISSION_DENIED: Consumer 'api_key:***' has been suspended."
    )
    assert "Consumer" not in str(caught.value)
    assert redact(odd_key) == "***"


def test_importing_the_module_does_not_import_the_sdk():
    code = (
        "import sys, shared_code.providers.gemini.client, shared_code.providers.openai.client, shared_code.metering.estimates, "
        "shared_code.metering.call_costs, shared_code.retry_policy, shared_code.metering.usage_text; "
        "heavy = {'google.genai', 'openai', 'httpx2', 'splintr', 'genai_prices', 'tenacity'} & set(sys.modules); "
        "print(','.join(sorted(heavy)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")


def test_an_image_is_sent_as_its_own_type(vendor, gemini, question):
    vendor.default = Answer(body=answered())
    ask(gemini, question(media=(Media("image/png", b"\x89PNG"),)))
    inline = vendor.seen[0].body["contents"][0]["parts"][0]["inlineData"]
    assert (inline.get("mimeType") or inline.get("mime_type")) == "image/png"
