import pytest

from shared_code.providers.base import Media, ModelRequest
from shared_code.providers.gemini.client import GeminiProvider
from shared_code.providers.openai.client import OpenAIProvider
from tests.integration.providers.vendor_server import VendorServer

SCHEMA = {
    "type": "object",
    "properties": {"number": {"type": ["string", "null"]}},
    "required": ["number"],
    "additionalProperties": False,
}


@pytest.fixture(scope="session")
def vendor_server():
    server = VendorServer()
    yield server
    server.close()


@pytest.fixture
def vendor(vendor_server):
    vendor_server.reset()
    return vendor_server


@pytest.fixture(scope="session")
def _gemini(vendor_server):
    provider = GeminiProvider(vendor_server.url)
    yield provider
    provider.close()


@pytest.fixture(scope="session")
def _openai(vendor_server):
    provider = OpenAIProvider(vendor_server.url + "/v1")
    yield provider
    provider.close()


@pytest.fixture
def gemini(vendor, _gemini):
    """A provider whose client is shared by the tests: building one takes tens of milliseconds."""
    return _gemini


@pytest.fixture
def openai_provider(vendor, _openai):
    return _openai


@pytest.fixture
def new_gemini(vendor):
    provider = GeminiProvider(vendor.url)
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
