"""Decisions by processes that are killed, and by persons who decide at once: there is one decision, or none."""

import json
import signal

import pytest

from shared_code.database import tables
from shared_code.database.stores.operations import webhook_settings
from tests.integration.reviews import clerks
from tests.integration.reviews.desk_fixture import Reviews

CORRECT = {
    "decision": "correct",
    "corrections": [{"field": "total", "value": "12.00"}, {"field": "seller.name", "value": "Ada Trading"}],
}
#: the platform's adapter, on which a killed process stands in for a killed worker
TOLD = {"WebhookUrl": "https://hooks.example.com/", "WebhookEvents": "review.decided"}


@pytest.fixture
def reviews(api):
    api.services.webhooks.thread.close()
    found = Reviews(api.services)
    found.run(lambda connection: webhook_settings.write_webhook(connection, "NT047", TOLD))
    return found


def decide(api, reading, body=CORRECT, **options):
    return api.post(f"reviews/{reading}/decision", body, headers={"If-Match": '"1"'}, **options)


def killed(api, database_url, reading, moment, tmp_path):
    """A process that decides and is killed at a moment."""
    asked, out = {"id": reading, "if_match": '"1"', "body": CORRECT}, tmp_path / "answer.json"
    process = clerks.started(clerks.decide_over_http, database_url, api.key, asked, out, None, moment)
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert not out.exists()


def left(api, reading):
    """What is there of a decision: its version, its rows, and whom it is told to."""
    tables_ = (tables.review_decisions, tables.corrections, tables.webhook_deliveries)
    return api.get(f"reviews/{reading}").data["version"], *(len(api.rows(table)) for table in tables_)


@pytest.mark.long
@pytest.mark.parametrize("moment", ["ReviewDecisions", "Corrections", "WebhookDeliveries", "COMMIT"])
def test_a_process_killed_before_the_decision_is_saved_leaves_nothing_of_it(
    api, reviews, database_url, tmp_path, moment
):
    reading = reviews.add()
    killed(api, database_url, reading, moment, tmp_path)
    assert left(api, reading) == (1, 0, 0, 0)
    shown = api.get(f"reviews/{reading}").data
    assert (shown["state"], shown["history"], shown["data"]["invoices"][0]["total"]) == ("pending", [], "10.50")
    # Nothing of it holds the next one up.
    assert decide(api, reading).status == 200
    assert left(api, reading) == (2, 1, 2, 1)


@pytest.mark.long
def test_a_process_killed_behind_the_decision_has_decided_once_however_often_it_is_sent(
    api, reviews, database_url, tmp_path
):
    reading = reviews.add()
    killed(api, database_url, reading, "answer", tmp_path)
    assert left(api, reading) == (2, 1, 2, 1)
    shown = api.get(f"reviews/{reading}").data
    assert (shown["state"], shown["data"]["invoices"][0]["total"]) == ("corrected", "12.00")
    for _ in range(2):
        again = decide(api, reading)
        assert (again.status, again.headers["etag"], again.data["state"]) == (200, '"2"', "corrected")
    assert left(api, reading) == (2, 1, 2, 1)
    # Another person's same request is one that came too late.
    assert decide(api, reading, key=api.new_key("reviewer")).status == 412
    [made] = api.get(f"reviews/{reading}").data["history"]
    assert [(one["field"], one["before"], one["after"]) for one in made["corrections"]] == [
        ("total", "10.50", "12.00"),
        ("seller.name", "Adom Trading", "Ada Trading"),
    ]


@pytest.mark.soak
def test_of_clerks_in_processes_of_their_own_one_decides_and_the_others_are_told_who_what_and_when(
    api, reviews, database_url, tmp_path
):
    decisions = (CORRECT, {"decision": "reject", "reason": "not ours"}, {"decision": "confirm"})
    for number in range(3):
        reading, start = reviews.add(), clerks.context.Barrier(len(decisions))
        running = []
        for place, body in enumerate(decisions):
            asked, out = {"id": reading, "if_match": '"1"', "body": body}, tmp_path / f"{number}-{place}.json"
            process = clerks.started(
                clerks.decide_over_http, database_url, api.new_key("reviewer"), asked, out, start, ""
            )
            running.append((process, out))
        answers = []
        for process, out in running:
            process.join(60)
            assert process.exitcode == 0
            answers.append(json.loads(out.read_text()))
        assert sorted(status for status, _ in answers) == [200, 412, 412]
        [won] = [body["data"] for status, body in answers if status == 200]
        [made] = api.get(f"reviews/{reading}").data["history"]
        assert (made["state"], made["version"], won["version"]) == (won["state"], 2, 2)
        for status, body in answers:
            if status == 412:
                told = body["error"]["details"]
                assert (body["error"]["code"], told["state"], told["version"]) == ("CHANGED_MEANWHILE", won["state"], 2)
                assert told["decided_by"] == won["decided_by"]
                assert told["decided_at"][:19] == won["decided_at"][:19]
