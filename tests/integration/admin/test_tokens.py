import threading
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from devstack.models.calls import key_hash
from shared_code.database import tables


def test_the_life_of_a_key(api, gemini):
    key = api.add(company_name="RUBI TRADERS Pvt ltd", total_token_limit=5000)
    assert key.data["api_key_hint"] == key.secret[-4:]
    assert (key.data["status"], key.data["threshold"], key.data["remaining_tokens"]) == ("Active", 3000, 5000)
    assert api.get(f"tokens/{key.id}").data == key.data
    assert [item["token_id"] for item in api.get("tokens?company_id=nt047").data["items"]] == [key.id]

    changed = api.patch(f"tokens/{key.id}", {"total_token_limit": 9000, "company_name": None})
    assert (changed.data["total_token_limit"], changed.data["remaining_tokens"]) == (9000, 9000)
    assert changed.data["company_name"] is None
    assert changed.data["threshold"] == 3000

    tested = api.post(f"tokens/{key.id}/test")
    assert (tested.status, tested.data["accepted"]) == (200, True)
    assert tested.data["models"] > 0

    rotated = api.post(f"tokens/{key.id}/rotate", {"api_key": " AIzaRotatedKey0123456789abcdef \n"})
    assert rotated.data["api_key_hint"] == "cdef"
    assert rotated.data["api_key_fingerprint"] != key.data["api_key_fingerprint"]
    assert rotated.data["total_token_limit"] == 9000

    assert api.post(f"tokens/{key.id}/block").data["status"] == "Blocked"
    assert api.post(f"tokens/{key.id}/activate").data["status"] == "Active"
    assert api.delete(f"tokens/{key.id}").data["status"] == "Disabled"
    assert [item["status"] for item in api.get("tokens").data["items"]] == ["Disabled"]
    assert api.get("tokens?status=Active").data["items"] == []

    audit = api.get("audit").data["items"]
    assert [entry["action"] for entry in audit] == [
        "token.disable",
        "token.activate",
        "token.block",
        "token.rotate",
        "token.change",
        "token.add",
    ]
    assert {entry["target"] for entry in audit} == {f"token {key.id}"}
    assert {entry["actor"] for entry in audit} == {f"admin-key:{api.key.partition('.')[0]}"}
    assert audit[4]["before"]["total_token_limit"] == 5000
    assert audit[4]["after"]["total_token_limit"] == 9000


def test_nothing_that_is_shown_or_stored_holds_a_key(api, gemini, caplog):
    caplog.set_level("DEBUG")
    key = api.add()
    rotated = "AIzaRotatedKey0123456789abcdef"
    api.post("tokens", {"company_id": "NT047", "api_key": key.secret})
    api.post("tokens", {"company_id": "NT047", "api_key": key.secret, "status": "Nonsense"})
    api.post("tokens", {"company_id": "NT047", "api_key": [key.secret]})
    api.post("tokens", {"company_id": key.secret * 3, "api_key": key.secret})
    api.post("tokens", {"company_id": "NT047", key.secret: 1})
    api.post("tokens", f'{{"api_key": "{key.secret}"'.encode())
    api.post(f"tokens/{key.id}/rotate", {"api_key": rotated, "extra": key.secret})
    api.post(f"tokens/{key.id}/rotate", {"api_key": rotated})
    gemini.keys.set_key(key_hash(key.secret), state="suspended")
    api.post(f"tokens/{key.id}/test")
    api.get(f"tokens?api_key={key.secret}")
    api.get(f"tokens/{key.secret}")
    api.get("tokens", key=key.secret)
    api.get("tokens", key=f"id.{key.secret}")
    for page in ("tokens", "audit", "logs", "retries", "usage", "quotas", "alerts", "extractions", "diagnostics"):
        assert api.get(page).status == 200
    stored = [str(row) for table in tables.metadata.sorted_tables for row in api.rows(table)]
    for secret in (key.secret, rotated, api.key.partition(".")[2]):
        assert not [text for text in api.raw if secret in text]
        assert not [text for text in stored if secret in text]
        assert secret not in caplog.text


def test_a_key_that_the_company_has_is_refused(api):
    key = api.add()
    api.delete(f"tokens/{key.id}")
    again = api.post("tokens", {"company_id": "nt047", "api_key": f"{key.secret}\n"})
    assert (again.status, again.code) == (409, "ALREADY_EXISTS")
    other = api.add(company="OTHER", api_key=key.secret)
    assert other.id != key.id
    second = api.add()
    assert api.post(f"tokens/{second.id}/rotate", {"api_key": key.secret}).status == 409


def test_a_change_is_refused_when_somebody_else_was_quicker(api):
    key = api.add()
    seen = {"If-Match": key.etag}
    first = api.patch(f"tokens/{key.id}", {"threshold": 10}, headers=seen)
    assert first.status == 200
    assert first.headers["etag"] != key.etag
    late = api.patch(f"tokens/{key.id}", {"threshold": 20}, headers=seen)
    assert (late.status, late.code) == (412, "CHANGED_MEANWHILE")
    assert api.post(f"tokens/{key.id}/rotate", {"api_key": "AIzaNew0123456789"}, headers=seen).status == 412
    assert api.get(f"tokens/{key.id}").data["threshold"] == 10
    both = {"If-Match": f'"x", {first.headers["etag"]}'}
    assert api.patch(f"tokens/{key.id}", {"threshold": 30}, headers=both).status == 200
    assert api.patch(f"tokens/{key.id}", {"threshold": 40}, headers={"If-Match": "*"}).status == 200
    assert api.patch(f"tokens/{key.id}", {"threshold": 50}, headers={"If-Match": "no quotes"}).status == 400
    weak = {"If-Match": f"W/{api.get(f'tokens/{key.id}').headers['etag']}"}
    assert api.patch(f"tokens/{key.id}", {"threshold": 60}, headers=weak).status == 412


def test_of_two_changes_at_once_one_is_refused(api):
    key = api.add()
    answers = []
    ready = threading.Barrier(4)

    def change(value):
        ready.wait()
        answers.append(api.patch(f"tokens/{key.id}", {"threshold": value}, headers={"If-Match": key.etag}).status)

    threads = [threading.Thread(target=change, args=(value,)) for value in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 412, 412, 412]


def test_a_list_goes_on_where_the_page_before_ended(api):
    added = [api.add().id for _ in range(5)]
    seen, cursor = [], ""
    while True:
        page = api.get(f"tokens?limit=2{cursor}").data
        seen += [item["token_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == added


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "company_id"),
        ({"company_id": "a b", "api_key": "k"}, "company_id"),
        ({"company_id": "NT047", "api_key": " \n"}, "api_key"),
        ({"company_id": "NT047", "api_key": "a b"}, "api_key"),
        ({"company_id": "NT047", "api_key": "k", "provider": "Claude"}, "provider"),
        ({"company_id": "NT047", "api_key": "k", "total_token_limit": -1}, "total_token_limit"),
        ({"company_id": "NT047", "api_key": "k", "total_token_limit": 2**63}, "total_token_limit"),
        ({"company_id": "NT047", "api_key": "k", "expires_at": "soon"}, "expires_at"),
        ({"company_id": "NT047", "api_key": "k", "company_name": "a\u0000b"}, "company_name"),
        ({"company_id": "NT047", "api_key": "k", "company_name": "\ud800"}, "company_name"),
        ({"company_id": "NT047", "api_key": "k", "expires_at": "9999-12-31T23:59:59-10:00"}, "expires_at"),
        ({"company_id": "NT047", "api_key": "k", "limit": 5}, "limit"),
        ({"company_id": "NT047", "api_key": "k", "total_token_limit": True}, "total_token_limit"),
        ({"company_id": "NT047", "api_key": "k", "total_token_limit": "5"}, "total_token_limit"),
        ({"company_id": "NT047", "api_key": "k", "expires_at": 0}, "expires_at"),
    ],
)
def test_a_malformed_field_is_named(api, body, field):
    answer = api.post("tokens", body)
    assert (answer.status, answer.code) == (400, "INVALID_REQUEST")
    assert answer.json["error"]["details"]["field"] == field


def test_what_is_not_there(api):
    for method, path in (("GET", "tokens/7"), ("PATCH", "tokens/7"), ("DELETE", "tokens/7"), ("POST", "tokens/7/test")):
        answer = api(method, path, {} if method == "PATCH" else None)
        assert (answer.status, answer.code) == (404, "NOT_FOUND")
    assert api.get("nothing").code == "NOT_FOUND"
    wrong = api("PUT", "tokens")
    assert (wrong.status, wrong.code) == (405, "METHOD_NOT_ALLOWED")
    assert wrong.headers["allow"] == "GET, POST"
    assert api("OPTIONS", "tokens/7").headers["allow"] == "DELETE, GET, PATCH"
    assert api("POST", "openapi.json").headers["allow"] == "GET"


def test_an_expired_key_is_not_activated(api):
    past = {"company_id": "NT047", "api_key": "AIzaOfThePast0123", "expires_at": "2020-01-01T00:00:00Z"}
    assert api.post("tokens", past).code == "CONFLICT"
    key = api.add(expires_at="2020-01-01T00:00:00Z", status="Blocked")
    assert api.post(f"tokens/{key.id}/activate").code == "CONFLICT"
    api.patch(f"tokens/{key.id}", {"expires_at": "2999-01-01T00:00:00+05:30"})
    active = api.post(f"tokens/{key.id}/activate").data
    assert (active["status"], active["expires_at"]) == ("Active", "2998-12-31T18:30:00+00:00")


def test_a_refused_key_is_told_with_its_reason(api, gemini):
    key = api.add()
    gemini.keys.set_key(key_hash(key.secret), state="suspended")
    tested = api.post(f"tokens/{key.id}/test")
    assert (tested.status, tested.data["accepted"]) == (200, False)
    assert tested.data["reason"]
    assert api.get(f"tokens/{key.id}").data["status"] == "Active"


def test_every_answer_carries_the_request_id(api):
    answer = api.get("tokens", headers={"x-request-id": "mine-1"})
    assert (answer.headers["x-request-id"], answer.json["request_id"]) == ("mine-1", "mine-1")
    assert answer.headers["cache-control"] == "no-store"
    assert api.get("nothing", key=None, headers={"x-request-id": "mine-2"}).json["request_id"] == "mine-2"
    key = api.add()
    api.post(f"tokens/{key.id}/block", headers={"x-request-id": "mine-3"})
    assert api.get("audit").data["items"][0]["request_id"] == "mine-3"


def test_the_day_on_which_a_key_or_quota_runs_out_is_shown(make_api):
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    api = make_api(services={"clock": lambda: now})
    key = api.add(total_token_limit=100_000)
    quota = api.post("quotas", {"company_id": "NT047", "scope": "company", "monthly_limit": 4_000})
    assert key.data["run_out_day"] is None
    api.services.database.run(
        lambda connection: connection.execute(
            tables.usage_daily.insert(),
            [
                {
                    **dict.fromkeys(
                        (
                            "Errors",
                            "Unmeasured",
                            "InputTokens",
                            "OutputTokens",
                            "ThoughtsTokens",
                            "CachedTokens",
                            "CostUSD",
                            "Unpriced",
                        ),
                        0,
                    ),
                    **dict.fromkeys(("Branch", "RequestedBy", "Model", "Source"), ""),
                    "CompanyID": "NT047",
                    "TokenID": key.id,
                    "LocalDay": now.date() - timedelta(days=day),
                    "Requests": 1,
                    "TotalTokens": 1_000,
                }
                for day in range(10)
            ],
        )
    )
    assert api.get(f"tokens/{key.id}").data["run_out_day"] == "2027-03-01"
    assert api.get("tokens").data["items"][0]["run_out_day"] == "2027-03-01"
    assert api.get(f"quotas/{quota.data['quota_id']}").data["run_out_day"] == "2026-11-25"
    assert api.get("quotas").data["items"][0]["run_out_day"] == "2026-11-25"


@pytest.mark.parametrize(
    ("method", "action"), [("POST", "/rotate"), ("POST", "/block"), ("POST", "/activate"), ("DELETE", "")]
)
def test_every_change_of_a_key_keeps_to_the_version_that_was_seen(api, method, action):
    key = api.add()
    body = {"api_key": f"AIzaRotated{uuid.uuid4().hex}"} if action == "/rotate" else None
    seen = {"If-Match": key.etag}
    assert api.patch(f"tokens/{key.id}", {"threshold": 17, "status": "Disabled"}).status == 200
    before = api.get(f"tokens/{key.id}")
    refused = api(method, f"tokens/{key.id}{action}", body, headers=seen)
    assert (refused.status, refused.code) == (412, "CHANGED_MEANWHILE")
    assert api.get(f"tokens/{key.id}").data == before.data
    done = api(method, f"tokens/{key.id}{action}", body, headers={"If-Match": before.headers["etag"]})
    assert done.status == 200
    assert done.headers["etag"] == api.get(f"tokens/{key.id}").headers["etag"]


def test_what_is_refused_as_a_key_does_not_become_a_secret(api):
    """Else an operator could have the words of the audit masked."""
    key = api.add(total_token_limit=5000)
    for refused in ("token 1 is no key at all", "Disabled today, or so", '{"token_id": 1, "x": 2}'):
        assert api.post("tokens", {"company_id": "NT047", "api_key": refused}).status == 400
        assert api.post(f"tokens/{key.id}/rotate", {"api_key": refused}).status == 400
    odd = '"company_id":"NT047","status":"Active"'
    assert api.post("tokens", {"company_id": "NT047", "api_key": odd}).status == 201
    api.delete(f"tokens/{key.id}")
    entry = api.get("audit?limit=1").data["items"][0]
    assert (entry["target"], entry["after"]["status"], entry["before"]["status"]) == (
        f"token {key.id}",
        "Disabled",
        "Active",
    )


def test_no_way_makes_a_key_active_after_its_end(api):
    key = api.add(expires_at="2020-01-01T00:00:00Z", status="Disabled")
    for status, answer in (
        (409, api.post(f"tokens/{key.id}/activate")),
        (409, api.patch(f"tokens/{key.id}", {"status": "Active"})),
        (409, api.patch(f"tokens/{key.id}", {"status": "Active", "expires_at": "2020-02-01T00:00:00Z"})),
        (200, api.patch(f"tokens/{key.id}", {"status": "Active", "expires_at": "2999-01-01T00:00:00Z"})),
    ):
        assert answer.status == status, answer.text
