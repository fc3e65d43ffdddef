import pytest

from shared_code.providers.base import Media, ModelRequest
from shared_code.providers.gemini import GeminiProvider
from shared_code.providers.openai import OpenAIProvider
from tests.providers.vendor_server import VendorServer

SCHEMA = {
    "type": "object",
    "properties": {"number": {"type": ["string", "null"]}},
    "required": ["number"],
    "additionalProperties": False,
}


@pytest.fixture
def vendor():
    server = VendorServer()
    yield server
    server.close()


@pytest.fixture
def gemini(vendor):
    provider = GeminiProvider(vendor.url)
    yield provider
    provider.close()


@pytest.fixture
def openai_provider(vendor):
    provider = OpenAIProvider(vendor.url + "/v1")
    yield provider
    provider.close()


@pytest.fixture
def question():
    def build(model="gemini-3.5-flash-lite", **changes):
        values = {
            "model": model,
            "prompt": "Read the invoice.",
            "schema": SCHEMA,
            "media": (Media("application/pdf", b"%PDF-1.7\xff\xfe\xfb", "invoice"),),
            "max_output_tokens": 2048,
            "system": "You read invoices.",
        }
        return ModelRequest(**(values | changes))

    return build
