"""/review-accuracy and /reviews/{id}/check, on each database."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from shared_code.database import tables
from shared_code.reviews.corrected import Change
from shared_code.reviews.deciding import WantedDecision
from tests.integration.reviews.desk_fixture import ANN, Reviews


@pytest.fixture
def reviews(api):
    return Reviews(api.services)


def decide(reviews, reading, decision, *changes, reason=None, days_ago=0):
    changes = tuple(Change(field, value) for field, value in changes)
    reviews.desk.decide(reading, WantedDecision(decision, changes, reason), ANN, matches=None)
    moment = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=days_ago)
    for rows, column in ((tables.review_decisions, "DecidedAt"), (tables.corrections, "ChangedAt")):
        statement = update(rows).where(rows.c.ReadingID == reading).values({column: moment})
        reviews.run(lambda connection, statement=statement: connection.execute(statement))


@pytest.fixture
def decided(reviews):
    """Of Adom two of three were right, of Beta none; one is rejected, one of another company."""
    decide(reviews, reviews.add(), "confirm")
    decide(reviews, reviews.add(), "confirm", days_ago=15)
    decide(reviews, reviews.add(), "correct", ("total", "12.00"), ("line_items[0].net_amount", "5.50"))
    lines = (("line_items[0].net_amount", "5.00"), ("line_items[1].net_amount", "7.00"))
    decide(reviews, reviews.add(seller="Beta Ltd"), "correct", *lines)
    decide(reviews, reviews.add(), "reject", reason="no invoice")
    decide(reviews, reviews.add(company="OTHER"), "confirm")
    decide(reviews, reviews.add(), "confirm", days_ago=300)


def items(answer):
    assert answer.status == 200, answer.text
    return {one["key"]: (one["decided"], one["corrected"], one["accuracy"]) for one in answer.data["items"]}


def test_accuracy_by_field_counts_readings_and_no_numbers_of_lines(api, decided):
    answer = api.get("review-accuracy?company_id=NT047")
    assert (answer.data["decided"], answer.data["corrected"], answer.data["group_by"]) == (4, 2, "field")
    found = items(answer)
    assert next(iter(found)) == "line_items[].net_amount"
    assert found["line_items[].net_amount"] == (4, 2, 0.5)
    assert found["total"] == (4, 1, 0.75)
    assert found["invoice_number"] == (4, 0, 1.0)


def test_accuracy_by_seller_and_by_week(api, decided):
    sellers = api.get("review-accuracy?company_id=nt047&group_by=seller").data["items"]
    assert [(one["label"], one["decided"], one["corrected"]) for one in sellers] == [
        ("Adom Trading", 3, 1),
        ("Beta Ltd", 1, 1),
    ]
    today = datetime.now(UTC).date()
    weeks = items(api.get(f"review-accuracy?company_id=NT047&group_by=week&from={today - timedelta(days=27)}"))
    monday = today - timedelta(days=today.weekday())
    assert weeks[monday.isoformat()] == (3, 2, 0.3333)
    earlier = today - timedelta(days=15)
    assert weeks[(earlier - timedelta(days=earlier.weekday())).isoformat()] == (1, 0, 1.0)
    assert len(weeks) in {4, 5}
    assert sum(decided == 0 for decided, _, _ in weeks.values()) == len(weeks) - 2


def test_all_companies_for_those_who_may_and_one_for_bound_logins(api, decided):
    assert api.get("review-accuracy").data["decided"] == 5
    assert api.get("review-accuracy", key=api.new_key("reviewer", "OTHER")).data["decided"] == 1
    assert api.get("review-accuracy?company_id=NT047", key=api.new_key("reviewer", "OTHER")).status == 403
    assert api.get("review-accuracy", key=api.new_key("viewer")).status == 403


@pytest.mark.parametrize(
    "query",
    ["from=2026-02-01&to=2026-01-01", "from=2024-01-01&to=2026-01-01", "group_by=user", "from=x", "to=9999-12-31"],
)
def test_a_range_that_is_none_is_refused(api, query):
    assert api.get(f"review-accuracy?{query}").status == 400


def test_nothing_decided_is_no_accuracy(api):
    answer = api.get("review-accuracy")
    assert (answer.data["decided"], answer.data["corrected"]) == (0, 0)
    assert {one["accuracy"] for one in answer.data["items"]} == {None}


def test_corrections_are_checked_and_nothing_is_stored(api, reviews):
    reading = reviews.add()
    sent = {"corrections": [{"field": "total", "value": "12.00"}, {"field": "invoice_date", "value": "someday"}]}
    answer = api.post(f"reviews/{reading}/check", sent)
    assert answer.status == 200, answer.text
    assert answer.data["invoices"][0]["total"] == "12.00"
    told = {(one["code"], one["field"]): one["resolved"] for one in answer.data["warnings"]}
    assert told["malformed_value", "invoice_date"] is False
    assert told["total_mismatch", "total"] is True
    assert answer.data["status"] == "needs_review"
    assert {one["name"] for one in answer.data["equations"]} == {"lines_sum"} or answer.data["equations"] == []
    assert reviews.review(reading).version == 1
    assert api.post(f"reviews/{reading}/check", {}).data["invoices"][0]["total"] == "10.50"


def test_a_check_sees_what_was_corrected_before(api, reviews):
    reading = reviews.add()
    decide(reviews, reading, "correct", ("total", "12.00"))
    assert api.post(f"reviews/{reading}/check", {}).data["invoices"][0]["total"] == "12.00"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"corrections": [{"field": "totals", "value": "1"}]}, "totals"),
        ({"corrections": [{"value": "1"}]}, "corrections.0.field"),
        ({"corrections": "x"}, "corrections"),
        ({"corrections": [{"field": "line_items[0]", "value": "x"}]}, "line_items[0]"),
    ],
)
def test_a_correction_that_fits_nowhere_is_refused(api, reviews, body, field):
    answer = api.post(f"reviews/{reviews.add()}/check", body)
    assert (answer.status, answer.json["error"]["details"]["field"]) == (400, field)


def test_a_check_is_for_reviewers_of_the_company(api, reviews):
    reading = reviews.add()
    for role, company, status in (("viewer", None, 403), ("reviewer", "OTHER", 403), ("reviewer", "NT047", 200)):
        assert api.post(f"reviews/{reading}/check", {}, key=api.new_key(role, company)).status == status
    assert api.post("reviews/ext_" + "0" * 32 + "/check", {}).status == 404
