"""Nothing that a stranger puts into an address, a header or a body ends in a 500, whichever database there is."""

import logging

import pytest

from shared_code.errors import InvalidRequest
from shared_code.observability.telemetry import Telemetry
from shared_code.observability.telemetry_items import SpanItem
from tests.collected_telemetry import Collected
from tests.integration.admin import hostile
from tests.unit.web.platform_logins import app_service_header

#: requests of the short form, for each database; ``soak`` sends 5,000
REQUESTS = 150
ENVELOPE = {"status", "message", "request_id", "data", "error"}


@pytest.fixture
def document(api):
    return api.get("openapi.json", key=None).json


def is_answered(api, request):
    """The answer, which is the envelope and no failure of ours."""
    answer = api(
        request.method, request.url, request.body, key="own" if request.login else None, headers=request.headers
    )
    assert answer.status < 500, (request, answer.text)
    assert answer.headers["x-request-id"]
    if answer.status >= 400:
        assert set(answer.json) == ENVELOPE, (request, answer.text)
        assert answer.code not in {None, "INTERNAL_ERROR"}
    return answer


@pytest.mark.parametrize(
    "path",
    [
        *("%ff", "%c0%ae", "%ed%a0%80", "tokens/%ff", "tokens?company_id=%E9", "usage?user=Jos%e9", "tokens?%ff=1"),
        *("logs?contains=%ed%a0%80", "audit?actor=%c0%ae"),
    ],
)
def test_an_address_that_is_not_utf_8_is_refused_in_the_envelope(api, path):
    for key in ("own", None, "nonsense"):
        answer = api.get(path, key=key, headers={"x-request-id": "mine"})
        assert (answer.status, answer.code, answer.headers["x-request-id"]) == (400, InvalidRequest.code, "mine")
        assert set(answer.json) == ENVELOPE


def test_numbers_are_bound_by_the_range_of_their_column(api, document):
    api.add()
    api.post("quotas", {"company_id": "NT047", "scope": "company", "daily_limit": 5})
    statuses = {}
    for request in hostile.numbers_everywhere(document):
        statuses.setdefault(request.url.partition("?")[2].partition("=")[0], set()).add(
            is_answered(api, request).status
        )
    assert statuses["cursor"] == statuses["token_id"] == {200, 400}
    for cursor in (2**31, 2**53 - 1, 10**30):
        answer = api.get(f"tokens?cursor={cursor}")
        assert (answer.status, answer.json["error"]["details"]["field"]) == (400, "cursor")


@pytest.mark.parametrize("on", ["True", "False"])
def test_a_login_header_of_any_form_is_no_login(make_api, on):
    api = make_api(website_auth_enabled=on)
    for value in hostile.HEADERS["x-ms-client-principal"]:
        answer = api.get("tokens", key=None, headers={"x-ms-client-principal": value})
        assert answer.status in {401, 403}, value
        assert set(answer.json) == ENVELOPE
    assert api.get("tokens", key=None, headers=app_service_header(("roles", "viewer"))).status == (
        200 if on == "True" else 401
    )


def test_headers_of_any_form_are_answered(api):
    for name, values in hostile.HEADERS.items():
        for value in values:
            is_answered(api, hostile.Request("GET", "tokens", headers={name: value}, login=name != "authorization"))


def test_random_requests_never_end_in_a_failure_of_ours(api, document, caplog):
    api.add()
    for request in hostile.random_requests(document, REQUESTS, seed=14):
        is_answered(api, request)
    ours = [record for record in caplog.records if record.name.startswith("shared_code")]
    assert [record.getMessage() for record in ours if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_telemetry_shows_no_part_of_an_address_that_a_client_chose(api, monkeypatch):
    sent = Collected()
    secret = f"pasted-by-mistake-{api.key.partition('.')[2]}"
    monkeypatch.setattr("shared_code.observability.telemetry._current", Telemetry(sent))
    for path, key in (("tokens/5/block", "own"), ("tokens/5", None), (secret, "own"), (f"tokens/{secret}/x", "own")):
        api("POST", path, key=key)
    seen = [item.url for item in sent.items if isinstance(item, SpanItem) and item.kind == "request"]
    assert seen == ["/api/manage/tokens/*/block", "/api/manage/tokens/*", "/api/manage/*", "/api/manage/tokens/*/*"]
