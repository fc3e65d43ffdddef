"""What receivers are told."""

import json
import re
from datetime import datetime
from pathlib import Path

import pytest

from shared_code.database.stores.operations import webhook_deliveries as store
from shared_code.database.stores.operations.webhook_deliveries import Delivery, Happening
from shared_code.webhooks.message import TEST_EVENT, message_body

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "webhooks.md").read_text(encoding="utf-8")
READING = "ext_" + "5" * 32
AT = datetime(2026, 11, 29, 9, 30, 3, 120456)


def row(event, *, company="NT047", subject=READING, **facts):
    return Delivery(1, "msg_1", company, event, subject, facts, "pending", AT, AT, AT, 0, None, None, None)


def message(*arguments, public_url="https://invoices.example.com", **facts):
    return json.loads(message_body(row(*arguments, **facts), public_url=public_url))


def test_a_message_about_a_reading_is_the_one_of_the_page():
    shown = json.loads(re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)[1])
    made = message(store.EXTRACTION_DONE, state="done", status="needs_review")
    assert {name: set(part) if isinstance(part, dict) else part for name, part in made.items()} == {
        name: set(part) if isinstance(part, dict) else part for name, part in shown.items()
    }


def test_a_decision_names_its_moment():
    made = message(store.REVIEW_DECIDED, state="done", status="ok", review_state="confirmed")
    assert made["data"]["decided_at"] == made["timestamp"] == "2026-11-29T09:30:03.120Z"


@pytest.mark.parametrize(
    ("event", "state", "moment"),
    [(store.ALERT_OPENED, "open", "opened_at"), (store.ALERT_CLOSED, "closed", "closed_at")],
)
def test_a_message_about_an_alert_says_which_and_not_why(event, state, moment):
    made = message(event, company="", subject="7", kind="blob_failed", severity="error", company_id="NT047")
    assert made["data"] == {
        "id": "7",
        "state": state,
        "kind": "blob_failed",
        "severity": "error",
        "company_id": "NT047",
        moment: "2026-11-29T09:30:03.120Z",
        "link": "https://invoices.example.com/api/manage/alerts?state=all&kind=blob_failed",
    }


def test_the_same_row_is_the_same_message():
    first, second = (message_body(row(store.EXTRACTION_DONE), public_url="") for _ in range(2))
    assert first == second


def test_the_page_names_each_event():
    table = PAGE.partition("## What is told")[2].partition("A company is told")[0]
    events = {*store.COMPANY_EVENTS, store.ALERT_OPENED, store.ALERT_CLOSED, TEST_EVENT}
    assert set(re.findall(r"`([a-z]+\.[a-z]+)`", table)) == events


def test_no_event_is_found_in_the_name_of_another():
    """The column that says of which events a company is told is searched for the name."""
    for event in store.COMPANY_EVENTS:
        assert [other for other in store.COMPANY_EVENTS if event in other] == [event]
        assert not set("%_[") & set(event)


def test_one_happening_has_one_id_and_two_have_two():
    first = Happening(store.REVIEW_DECIDED, "NT047", READING, {})
    assert first.message_id == Happening(store.REVIEW_DECIDED, "NT047", READING, {"state": "done"}).message_id
    others = [
        Happening(store.EXTRACTION_DONE, "NT047", READING, {}),
        Happening(store.REVIEW_DECIDED, "OTHER", READING, {}),
        Happening(store.REVIEW_DECIDED, "NT047", READING, {}, occasion="2"),
    ]
    assert len({first.message_id, *(each.message_id for each in others)}) == 4
    assert READING[4:] not in first.message_id
