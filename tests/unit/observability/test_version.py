"""The version is one, and every place that names the service to others names it."""

import httpx2

from shared_code import __version__
from shared_code.observability.application_insights import Sender
from shared_code.observability.telemetry_items import EventItem
from shared_code.providers.transport import VendorClient
from shared_code.webhooks import sender


def test_telemetry_says_which_version_sends_it():
    made = Sender(instrumentation_key="k", endpoint="https://127.0.0.1", timeout_seconds=1.0)
    (envelope,) = made.envelopes([EventItem(0.0, None, None, {}, name="started", measurements={})])
    assert envelope["tags"]["ai.application.ver"] == __version__


def test_a_vendor_sees_who_asks_behind_the_name_of_its_own_library():
    seen = []

    def answer(request):
        seen.append(request.headers["user-agent"])
        return httpx2.Response(200)

    with VendorClient("https://127.0.0.1") as client:
        client._transport = httpx2.MockTransport(answer)
        client._mounts = {}
        client.get("https://127.0.0.1/", headers={"user-agent": "google-genai-sdk/3.6.1"})
        client.get("https://127.0.0.1/")
    assert seen[0] == f"google-genai-sdk/3.6.1 invoice-extraction/{__version__}"
    assert seen[1].endswith(f" invoice-extraction/{__version__}")


def test_webhooks_name_the_version():
    assert f"invoice-extraction-webhooks/{__version__}" == sender._AGENT
