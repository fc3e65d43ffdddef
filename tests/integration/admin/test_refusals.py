"""What a client is told of a request that cannot be read: the field, the limit, what there was; never a text of its own."""

import pytest

from shared_code import errors
from shared_code.admin import envelope

KEY = "AIzaRefused0123456789"
QUOTA = {"company_id": "NT047", "scope": "user", "subject": "u", "daily_limit": 1}


@pytest.fixture
def database_url(tmp_path, _sqlite_template):
    """No database changes what is refused before it is asked."""
    path = tmp_path / "refusals.db"
    path.write_bytes(_sqlite_template.read_bytes())
    return f"sqlite:///{path}"


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        ("POST", "tokens", {"api_key": KEY}, "company_id: is required"),
        ("POST", "tokens", {"company_id": "A", "api_key": ""}, "api_key: has 0 characters; at least 1 are allowed"),
        ("POST", "tokens", {"company_id": "A", "api_key": KEY * 30}, "api_key: has 630 characters; at most 500 are"),
        ("POST", "tokens", {"company_id": "A", "api_key": KEY, "x": KEY}, "x: is not known here"),
        ("POST", "tokens", {"company_id": "A B", "api_key": KEY}, "company_id: has not the form that is wanted"),
        (
            "POST",
            "tokens",
            {"company_id": "A", "api_key": KEY, "threshold": -1},
            "threshold: is -1; it must be at least 0",
        ),
        (
            "POST",
            "tokens",
            {"company_id": "A", "api_key": KEY, "total_token_limit": 2**60},
            f"total_token_limit: is {2**60}; it must be at most {2**53 - 1}",
        ),
        ("POST", "quotas", {}, "scope: is required"),
        ("POST", "quotas", {**QUOTA, "scope": "galaxy"}, "scope: must be one of 'company', 'branch', 'user'"),
        ("POST", "quotas", {**QUOTA, "subject": "x" * 101}, "subject: has 101 characters; at most 100 are allowed"),
        ("POST", "quotas", {**QUOTA, "daily_limit": -5}, "daily_limit: is -5; it must be at least 0"),
        ("POST", "quotas", b"{'no': json}", "body: is not JSON (at character 1)"),
        ("POST", "quotas", b"\xff\xfe", "body: is not JSON (at character 0)"),
        ("POST", "quotas", b"1" * 5000, "The body cannot be read as JSON."),
        ("POST", "quotas", b"[" * 100_000, "The body cannot be read as JSON."),
        ("GET", "tokens?limit=0", None, "limit: is 0; it must be at least 1"),
        ("GET", "tokens?limit=501", None, "limit: is 501; it must be at most 500"),
        ("GET", "tokens?company_id=A&company_id=B", None, "company_id is given more than once."),
        ("GET", "usage?first_day=2026-11-01", None, "first_day: is not known here"),
        ("GET", "usage?from=yesterday", None, "from: is not a day or moment as ISO 8601 writes it"),
        ("GET", "tokens/0", None, "token_id: is 0; it must be at least 1"),
    ],
)
def test_the_sentence_names_field_limit_and_what_there_was(api, method, path, body, message):
    answer = api(method, path, body)
    assert (answer.status, answer.code) == (400, "INVALID_REQUEST"), answer.text
    assert answer.json["message"].startswith(message), answer.json["message"]
    assert answer.json["error"]["details"]["field"] in answer.json["message"] + "body"
    assert KEY not in answer.text


def test_a_body_that_does_not_say_that_it_is_json(api):
    answer = api("POST", "quotas", b'{"scope": "company"}', headers={"content-type": "text/plain"})
    assert answer.status == 400
    assert "application/json" in answer.json["message"]


def test_an_error_is_json_whatever_was_asked_for(api):
    accept = {"accept": "text/csv, application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
    for path, status in (("usage?format=csv&from=yesterday", 400), ("nowhere", 404), ("tokens/999?format=csv", 404)):
        answer = api.get(path, headers=accept)
        assert (answer.status, answer.json["status"], answer.json["data"]) == (status, "error", None), path
        assert answer.headers["content-type"].startswith("application/json")
        assert (answer.json["error"]["retry_after_seconds"], answer.json["error"]["retry_at"]) == (None, None)


def test_too_many_failed_logins_say_when_to_come_back(api):
    for _ in range(11):
        answer = api.get("tokens", key="0123456789abcdef.wrong-secret-wrong-secret")
    assert (answer.status, answer.code) == (429, "TOO_MANY_FAILED_LOGINS"), answer.text
    assert answer.json["error"]["retry_after_seconds"] == int(answer.headers["retry-after"]) > 200
    assert answer.json["error"]["retry_at"].endswith("Z")


def test_the_document_names_every_code_and_the_header_that_says_when_to_come_back(api):
    document = api.get("openapi.json", key=None).json
    told = document["components"]["schemas"]["ErrorFacts"]
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.ServiceError)]
    assert set(told["properties"]["code"]["enum"]) == {kind.code for kind in kinds}
    assert set(told["required"]) == {"code", "retryable", "details", "retry_after_seconds", "retry_at"}
    refused = document["paths"]["/api/manage/tokens"]["get"]["responses"]
    with_header = {status for status, response in refused.items() if "Retry-After" in response["headers"]}
    assert with_header == {"429", "503"}
    envelope.ErrorEnvelope.model_validate(document["components"]["schemas"]["ErrorEnvelope"]["example"])


def test_a_login_that_is_missing_says_which_one_is_wanted(api):
    answer = api.get("tokens", key=None)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
