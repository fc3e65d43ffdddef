import json
from pathlib import Path

import httpx2
import openai
import pytest
from google import genai
from google.genai import types

from devstack.gemini import GeminiStandIn
from devstack.openai import OpenAIStandIn
from shared_code.extraction.answer.prompt import SYSTEM, build_prompt
from shared_code.extraction.answer.wire_schema import WIRE_SCHEMA, parse_answer

INVOICES = Path(__file__).parents[2] / "data" / "invoices"
KEY = "AIzaSyTESTKEYOFNOBODY000000000000000000"
MODEL = "gemini-3.5-flash-lite"


@pytest.fixture(scope="session")
def transport():
    """One HTTP client that ignores the environment; making one costs more than a call."""
    with httpx2.Client(trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def _gemini():
    with GeminiStandIn() as stand_in:
        yield stand_in


@pytest.fixture(scope="session")
def _vendor():
    with OpenAIStandIn() as stand_in:
        yield stand_in


@pytest.fixture(scope="session")
def _sdk(_gemini, transport):
    return gemini_client(_gemini.url, transport)


@pytest.fixture(scope="session")
def _openai_sdk(_vendor, transport):
    return openai_client(_vendor.url, transport)


@pytest.fixture
def gemini(_gemini):
    """A stand-in without calls, faults and latency."""
    _gemini.reset()
    _gemini.latency(0)
    return _gemini


@pytest.fixture
def vendor(_vendor):
    """The same for OpenAI."""
    _vendor.reset()
    return _vendor


@pytest.fixture
def sdk(gemini, _sdk):
    """The unmodified google-genai client, set as the product sets it."""
    return _sdk


@pytest.fixture
def openai_sdk(vendor, _openai_sdk):
    """The unmodified openai client, retries off."""
    return _openai_sdk


def openai_client(url, transport):
    return openai.OpenAI(api_key=KEY, base_url=url + "/v1", max_retries=0, timeout=20, http_client=transport)


def gemini_client(url, transport, **options):
    return genai.Client(
        api_key=KEY,
        vertexai=False,
        http_options=types.HttpOptions(
            base_url=url,
            api_version=options.pop("api_version", "v1beta"),
            timeout=options.pop("timeout", 20_000),
            retry_options=types.HttpRetryOptions(attempts=1),
            httpx_client=transport,
        ),
    )


def invoice_bytes(name):
    return (INVOICES / name).read_bytes()


def manifest():
    return {entry["file"]: entry for entry in json.loads((INVOICES / "manifest.json").read_text("utf-8"))["files"]}


def pdf_part(name, mime_type="application/pdf"):
    return types.Part.from_bytes(data=invoice_bytes(name), mime_type=mime_type)


def ask(client, *parts, model=MODEL, **config):
    """One call as the product makes it: document, prompt, wire schema."""
    options = {"max_output_tokens": 8192, "response_json_schema": dict(WIRE_SCHEMA), **config}
    return client.models.generate_content(
        model=model,
        contents=[*parts, build_prompt(page_count=1)],
        config=types.GenerateContentConfig(
            system_instruction=SYSTEM,
            response_mime_type="application/json",
            automatic_continuation=False,
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
            **options,
        ),
    )


def first_invoice(text):
    return parse_answer(text).invoices[0]


def ask_openai(client, name="syn-gst-intra-qr.pdf", *, content=None, model="gpt-5-mini", **options):
    import base64

    data = base64.b64encode(invoice_bytes(name)).decode()
    file = {"type": "input_file", "filename": name, "file_data": f"data:application/pdf;base64,{data}"}
    schema = {"type": "json_schema", "name": "invoice", "strict": True, "schema": dict(WIRE_SCHEMA)}
    return client.responses.create(
        model=model,
        instructions=SYSTEM,
        input=[
            {"role": "user", "content": content or [file, {"type": "input_text", "text": build_prompt(page_count=1)}]}
        ],
        text={"format": schema},
        **{"max_output_tokens": 8192, **options},
    )
