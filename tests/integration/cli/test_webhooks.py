"""``manage.py webhooks``."""

import pytest
from standardwebhooks import Webhook

from shared_code.database.connection import create_database
from shared_code.database.stores.extractions.readings import ReadingHead
from shared_code.errors import ProviderRejected
from shared_code.labels import new_reading_id
from shared_code.metering.budgets import Budgets
from shared_code.metering.finishing import Ending, Failed, finish
from shared_code.settings import load_settings
from tests.integration.webhooks.receiver import Receiver


@pytest.fixture
def receiver():
    with Receiver() as server:
        yield server


@pytest.fixture
def webhooks(manage, monkeypatch):
    monkeypatch.setenv("WEBHOOK_ALLOW_LOOPBACK", "true")
    return lambda *arguments, **options: manage("webhooks", *arguments, **options)


def fail_reading():
    database = create_database(load_settings())
    head = ReadingHead(new_reading_id(), "NT047", "a" * 64, "c" * 36)
    ending = Ending(failed=Failed(head, ProviderRejected()))
    database.run(lambda connection: finish(connection, Budgets(None, "UTC"), ending))
    database.close()
    return head.reading_id


def test_a_webhook_is_set_shown_tried_and_removed(webhooks, receiver):
    code, said, _ = webhooks("set", "nt047", "--url", receiver.url, "--events", "extraction.failed, extraction.done")
    secret = said.splitlines()[-1]
    assert (code, said.splitlines()[0]) == (0, "company NT047 is told of extraction.done, extraction.failed")
    assert secret.startswith("whsec_")
    assert webhooks("test", "NT047")[:2] == (0, "taken: status 200\n")
    Webhook(secret).verify(receiver.requests[0].body, receiver.requests[0].headers)

    shown = webhooks("show", "NT047", "--json")[1]
    assert shown == [
        {"company_id": "NT047", "url": receiver.url, "events": ["extraction.done", "extraction.failed"], "secrets": 1}
    ]
    assert secret not in str(webhooks("show")[1])
    new = webhooks("rotate", "NT047", "--json")[1]
    assert (new["secrets"], new["secret"] != secret) == (2, True)
    assert webhooks("retire", "NT047", "--json")[1]["secrets"] == 1

    assert webhooks("remove", "NT047", "--yes")[0] == 0
    code, _, complaint = webhooks("show", "NT047")
    assert (code, complaint) == (1, "error: Company NT047 has no webhook.\n")


def test_messages_are_listed_and_sent_again(webhooks, receiver):
    receiver.status = 500
    webhooks("set", "NT047", "--url", receiver.url)
    reading = fail_reading()
    assert webhooks("deliveries", "--json")[1][0]["state"] == "pending"
    (row,) = webhooks("deliveries", "--company", "nt047", "--json")[1]
    assert (row["subject_id"], row["event"]) == (reading, "extraction.failed")
    assert webhooks("redeliver", row["delivery_id"], "--json")[1] == {"messages": 1, "tried": 1, "delivered": 0}
    assert "the receiver answered 500" in webhooks("deliveries")[1]
    receiver.status = 200
    assert webhooks("redeliver", row["delivery_id"])[1] == "1 messages to be sent again; 1 of 1 tries were taken\n"
    assert webhooks("deliveries", "--state", "delivered", "--json")[1][0]["attempts"] == 1
    assert len(set(receiver.ids())) == 1
    assert webhooks("redeliver", "--company", "NT047", "--json")[1]["messages"] == 0


def test_what_cannot_be_done_is_told(webhooks):
    assert "which is a number" in webhooks("set", "NT047", "--url", "https://2130706433/")[2]
    assert "events are some of" in webhooks("set", "NT047", "--url", "https://a.example/", "--events", "x")[2]
    assert "Give the id of a delivery, or --company" in webhooks("redeliver")[2]
    assert "state must be one of" in webhooks("deliveries", "--state", "lost")[2]
    assert webhooks("test")[2] == "error: ALERT_WEBHOOK_URL is not set.\n"
    webhooks("set", "NT047", "--url", "http://127.0.0.1:9/")
    code, said, _ = webhooks("test", "NT047")
    assert (code, said) == (1, "not taken: the connection failed: Connection refused\n")


def test_the_operators_own_is_shown_without_its_address(webhooks, receiver, monkeypatch):
    monkeypatch.setenv("ALERT_WEBHOOK_URL", receiver.url)
    assert webhooks("show", "--json")[1] == [
        {"company_id": None, "url": "ALERT_WEBHOOK_URL", "events": ["alert.opened", "alert.closed"], "secrets": 0}
    ]
    assert webhooks("test")[:2] == (0, "taken: status 200\n")
