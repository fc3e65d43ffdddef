"""GET /api/extractions/{id} and uploads with an Idempotency-Key, as the platform hands them over."""

import base64
import json
from types import SimpleNamespace

import azure.functions as func
import pytest
from sqlalchemy import update

import ExtractionFunction
from shared_code import bootstrap
from shared_code.bootstrap import build_services
from shared_code.bootstrap.container import Services
from shared_code.database.clock import utc_now
from shared_code.database.stores.extractions import claims
from shared_code.database.stores.extractions.claims import ClaimRequest
from shared_code.database.tables import extractions
from shared_code.labels import new_reading_id
from shared_code.observability.redaction import redact
from shared_code.web.extract import extract_response, upload_of

from .conftest import SAMPLES, Pipeline, unique

SAMPLE = SAMPLES / "ghana-vat-invoice.pdf"


@pytest.fixture
def database_url(tmp_path, _sqlite_template):
    """What stands in the requests does not depend on the database."""
    path = tmp_path / "readings.db"
    path.write_bytes(_sqlite_template.read_bytes())
    return f"sqlite:///{path}"


@pytest.fixture
def get(pipeline, monkeypatch):
    def send(reading_id: str, query: str = "", *, services: Services = pipeline.services, **headers: str):
        monkeypatch.setattr(bootstrap, "services", lambda: services)
        request = func.HttpRequest(
            "GET",
            f"http://localhost/api/extractions/{reading_id}{query}",
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            route_params={"id": reading_id},
            body=b"",
        )
        context = SimpleNamespace(trace_context=SimpleNamespace(trace_parent=None))
        response = ExtractionFunction.main(request, context)
        body = json.loads(response.get_body()) if response.get_body() else None
        return SimpleNamespace(status=response.status_code, headers=dict(response.headers), body=body)

    return send


def post(pipeline, document: bytes, *, key: str | None = None, query: str = ""):
    url = f"http://localhost/api/extract?companyID=NT047{query}"
    sent = lambda: upload_of(document, content_type="application/pdf", url=url, principal=None, idempotency_key=key)  # noqa: E731
    response = extract_response(lambda: pipeline.services, sent, request_id=None)
    return SimpleNamespace(status=response.status_code, headers=response.headers, body=json.loads(response.body))


def test_an_upload_is_answered_again_under_its_id(pipeline, get):
    pipeline.add_key()
    answered = post(pipeline, unique(SAMPLE)).body
    reading_id = answered["data"]["id"]
    again = get(reading_id, x_request_id="mine")
    assert (again.status, again.body["data"], again.body["message"]) == (200, answered["data"], answered["message"])
    assert (again.body["request_id"], again.headers["x-request-id"]) == ("mine", "mine")
    assert get(reading_id, "?companyID=nt047").status == 200
    assert len(pipeline.gemini.calls()) == 1


def test_an_answer_that_has_not_changed_is_not_sent_again(pipeline, get):
    pipeline.add_key()
    reading_id = post(pipeline, unique(SAMPLE)).body["data"]["id"]
    etag = get(reading_id).headers["ETag"]
    for named in (etag, etag.removeprefix("W/"), f'"other", {etag}', "*"):
        again = get(reading_id, if_none_match=named)
        assert (again.status, again.body, again.headers["ETag"]) == (304, None, etag)
    assert get(reading_id, if_none_match='"other"').status == 200


def test_what_is_running_says_so_and_when_to_ask_again(pipeline, get):
    claim = ClaimRequest("NT047", "a" * 64, "1", "Gemini", "m", "", "c" * 36, 60)
    pipeline.services.database.run(lambda connection: claims.insert_claim(connection, claim))
    running = get(claim.reading_id)
    assert (running.status, running.body["data"]) == (
        200,
        {"id": claim.reading_id, "state": "running", "review": {"state": "none"}},
    )
    assert int(running.headers["Retry-After"]) > 0


@pytest.mark.parametrize("query", ["", "?companyID=OTHER"])
def test_what_is_not_known_to_the_caller_is_404(pipeline, get, query):
    pipeline.add_key()
    reading_id = post(pipeline, unique(SAMPLE)).body["data"]["id"] if query else new_reading_id()
    refused = get(reading_id, query)
    assert (refused.status, refused.body["error"]["code"], refused.body["data"]) == (404, "NOT_FOUND", None)
    assert reading_id not in refused.body["message"]


def test_a_company_that_is_none_is_refused(get):
    assert get(new_reading_id(), "?companyID=a%20b").status == 400


def test_with_the_platforms_login_a_reading_is_for_its_companys_users(pipeline_settings, gemini, pauses, get):
    services = build_services(pipeline_settings(website_auth_enabled=True), monotonic=pauses, sleep=pauses.sleep)
    pipeline = Pipeline(services, gemini)
    pipeline.add_key()
    reading_id = pipeline.extract().data["id"]

    def principal(company: str) -> str:
        claim = {"typ": services.settings.company_claim, "val": company}
        return base64.b64encode(json.dumps({"claims": [claim]}).encode()).decode()

    def status(**headers: str) -> int:
        return get(reading_id, services=services, **headers).status

    try:
        assert status(x_ms_client_principal=principal("NT047")) == 200
        assert status(x_ms_client_principal=principal("OTHER")) == 404
        assert status() == 404
        erased = update(extractions).values(Result=None, ErasedAt=utc_now())
        services.database.run(lambda connection: connection.execute(erased))
        assert status(x_ms_client_principal=principal("NT047")) == 410
        assert status(x_ms_client_principal=principal("OTHER")) == 404
    finally:
        services.close()


def test_a_client_that_hung_up_gets_its_answer_under_its_key(pipeline):
    pipeline.add_key()
    document = unique(SAMPLE)
    first = post(pipeline, document, key="order-17", query="&force=true")
    again = post(pipeline, document, key="order-17", query="&force=true")
    assert (again.status, again.body["data"]["id"]) == (200, first.body["data"]["id"])
    assert len(pipeline.gemini.calls()) == 1
    other = post(pipeline, unique(SAMPLE), key="order-17")
    assert (other.status, other.body["error"]["code"]) == (409, "IDEMPOTENCY_CONFLICT")


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "é", "a\tb"])
def test_a_key_that_is_none_is_refused_before_anything_is_read(pipeline, key):
    refused = post(pipeline, b"%PDF-1.7", key=key)
    assert (refused.status, refused.body["error"]["details"]["field"]) == (400, "Idempotency-Key")
    assert "1 to 255 printable ASCII characters" in refused.body["message"]


def test_ids_are_masked_in_logs():
    reading_id = new_reading_id()
    text = redact(f"GET /api/extractions/{reading_id}?code=abc")
    assert reading_id not in text
    assert "/api/extractions/ext_***" in text
    assert redact("next_step ext_1") == "next_step ext_1"


def test_evidence_is_left_out_where_the_address_says_so(pipeline, get):
    pipeline.add_key()
    document = unique(SAMPLE)
    shown = post(pipeline, document).body["data"]
    bare = post(pipeline, document, query="&evidence=none").body["data"]
    assert "total" in shown["invoices"][0]["evidence"]
    assert (bare["cached"], "evidence" in bare["invoices"][0]) == (True, False)
    assert get(shown["id"]).body["data"]["invoices"] == shown["invoices"]
    assert "evidence" not in get(shown["id"], "?evidence=none").body["data"]["invoices"][0]
    for refused in (post(pipeline, document, query="&evidence=some"), get(shown["id"], "?evidence=some")):
        assert refused.status == 400
        assert refused.body["error"]["details"] == {"field": "evidence"}
