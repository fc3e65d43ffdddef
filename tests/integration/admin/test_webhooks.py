"""Webhooks over the admin API."""

import pytest
from standardwebhooks import Webhook

from shared_code.database.stores.extractions.readings import ReadingHead
from shared_code.errors import ProviderRejected
from shared_code.labels import new_reading_id
from shared_code.metering.finishing import Ending, Failed, finish
from tests.integration.webhooks.receiver import Receiver


@pytest.fixture
def receiver():
    with Receiver() as server:
        yield server


@pytest.fixture
def api(make_api):
    made = make_api(webhook_allow_loopback=True)
    made.services.webhooks.thread.close()
    return made


def fail_reading(api, company="NT047"):
    head = ReadingHead(new_reading_id(), company, "a" * 64, "c" * 36)
    ending = Ending(failed=Failed(head, ProviderRejected()))
    api.services.database.run(lambda connection: finish(connection, api.services.budgets, ending))
    return head.reading_id


def put(api, company, url, *, key="own", **more):
    return api("PUT", "webhooks", {"company_id": company, "url": url, **more}, key=key)


def test_a_webhook_is_set_tried_changed_and_taken_away(api, receiver):
    made = put(api, "nt047", receiver.url, events=["extraction.failed"])
    assert made.status == 200, made.text
    secret = made.data["secret"]
    shown = {"company_id": "NT047", "url": receiver.url, "events": ["extraction.failed"], "secrets": 1}
    assert {name: value for name, value in made.data.items() if name != "secret"} == shown
    assert api.get("webhooks/NT047").data == shown
    assert api.get("webhooks").data["items"] == [shown]

    tried = api.post("webhooks/NT047/test").data
    assert (tried["delivered"], tried["status"], tried["error"]) == (True, 200, None)
    assert Webhook(secret).verify(receiver.requests[0].body, receiver.requests[0].headers)["type"] == "webhook.test"

    rotated = api.post("webhooks/NT047/rotate").data
    assert rotated["secrets"] == 2
    assert rotated["secret"] not in (None, secret)
    assert api.post("webhooks/NT047/retire").data["secrets"] == 1
    assert put(api, "NT047", receiver.url).data["secret"] is None

    assert api.delete("webhooks/NT047").data == {"company_id": "NT047"}
    for answer in (api.get("webhooks/NT047"), api.post("webhooks/NT047/test"), api.delete("webhooks/NT047")):
        assert (answer.status, answer.code) == (404, "NOT_FOUND")


def test_a_refused_address_is_told(make_api):
    api = make_api()
    for url in ("https://10.0.0.5/", "http://hooks.example.com/", "https://user:pw@hooks.example.com/", "ftp://a"):
        answer = put(api, "NT047", url)
        assert (answer.status, answer.code) == (400, "INVALID_REQUEST")
        assert answer.json["error"]["details"]["field"] == "url"
    assert put(api, "NT047", "https://a.example/", events=["invoice.paid"]).status == 400


def test_messages_are_listed_in_pages_and_sent_again(api, receiver):
    receiver.status = 503
    put(api, "NT047", receiver.url)
    readings = [fail_reading(api) for _ in range(3)]
    api.services.webhooks.deliveries.deliver_due(seconds=10)
    page = api.get("webhooks/deliveries?limit=2").data
    rest = api.get(f"webhooks/deliveries?limit=2&cursor={page['next_cursor']}").data
    items = [*page["items"], *rest["items"]]
    assert [item["subject_id"] for item in items] == readings[::-1]
    assert {(item["state"], item["last_status"], item["last_error"]) for item in items} == {
        ("pending", 503, "the receiver answered 503")
    }
    assert api.get("webhooks/deliveries?state=delivered").data["items"] == []
    assert len(api.get(f"webhooks/deliveries?subject_id={readings[0]}").data["items"]) == 1

    receiver.status = 200
    again = api.post(f"webhooks/deliveries/{items[0]['delivery_id']}/redeliver")
    assert (again.status, again.data["attempts"], again.data["message_id"]) == (200, 0, items[0]["message_id"])
    assert api.services.webhooks.deliveries.deliver_due(seconds=10).taken == 1
    assert api.post("webhooks/deliveries/999/redeliver").status == 404


def test_a_bound_login_sees_and_changes_its_own_company_only(api, receiver):
    for company in ("NT047", "OTHER"):
        put(api, company, receiver.url)
        fail_reading(api, company)
    api.services.webhooks.deliveries.deliver_due(seconds=10)
    key = api.new_key("operator", "NT047")
    assert [item["company_id"] for item in api.get("webhooks", key=key).data["items"]] == ["NT047"]
    found = api.get("webhooks/deliveries", key=key).data["items"]
    assert [item["company_id"] for item in found] == ["NT047"]
    (other,) = api.get("webhooks/deliveries?company_id=OTHER").data["items"]
    for answer in (
        api.get("webhooks/OTHER", key=key),
        put(api, "OTHER", receiver.url, key=key),
        api.post("webhooks/OTHER/rotate", key=key),
        api.post("webhooks/OTHER/test", key=key),
        api.delete("webhooks/OTHER", key=key),
        api.get("webhooks/deliveries?company_id=OTHER", key=key),
        api.post(f"webhooks/deliveries/{other['delivery_id']}/redeliver", key=key),
        api.post("webhooks/deliveries/999/redeliver", key=key),
    ):
        assert (answer.status, answer.code) == (403, "FORBIDDEN")


def test_no_secret_leaves_but_once(api, receiver):
    secret = put(api, "NT047", receiver.url).data["secret"]
    fail_reading(api)
    api.services.webhooks.deliveries.deliver_due(seconds=10)
    api.raw.clear()
    for path in ("webhooks", "webhooks/NT047", "webhooks/deliveries", "audit", "logs"):
        assert api.get(path).status == 200
    api.post("webhooks/NT047/test")
    assert not any(secret in text for text in api.raw)
