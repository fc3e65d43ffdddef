"""What is decided about readings, on each database: answers, history, races, kills, newer readings, erasure."""

import json
import signal
import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from shared_code.blobs.expiring_documents import documents_under_review
from shared_code.database import tables
from shared_code.database.stores.extractions import erased_readings, readings
from shared_code.database.stores.extractions.erased_readings import DocumentKey
from shared_code.database.stores.operations import webhook_deliveries, webhook_settings
from shared_code.database.stores.operations.webhook_deliveries import DeliveryFilter
from shared_code.database.stores.reviews.review_lists import ReviewFilter
from shared_code.errors import ChangedMeanwhile, Conflict, Gone, InvalidRequest
from shared_code.exports.export import Exports, as_exported
from shared_code.reviews.corrected import Change
from tests.integration.reviews import clerks
from tests.integration.reviews.desk_fixture import ANN, BEN, line


def stored(reviews, reading_id):
    return reviews.read(lambda c: readings.find_reading(c, reading_id))


def rows(reviews, table):
    return reviews.read(lambda c: c.execute(select(table)).all())


def history(reviews, reading_id):
    return reviews.desk.history(reading_id).decisions


def test_a_confirmed_reading_is_answered_as_it_was_read(reviews):
    reading = reviews.add()
    before = stored(reviews, reading).result
    made = reviews.decide(reading, "confirm")
    assert (made.state, made.version, made.decided_by, made.taken_by) == ("confirmed", 2, ANN.name, None)
    answer = reviews.answer(reading)
    assert (answer["review"], answer["invoices"][0]["total"]) == ({"state": "confirmed"}, "10.50")
    assert answer["status"] == "needs_review"
    assert stored(reviews, reading).result == before
    [one] = history(reviews, reading)
    assert (one.decision, one.state, one.decided_by, one.corrections) == ("confirm", "confirmed", ANN.name, ())


def test_corrected_values_are_in_every_answer_and_the_reading_stays(reviews):
    reading = reviews.add()
    before = stored(reviews, reading).result
    box = [0.1, 0.2, 0.3, 0.25]
    changes = (
        Change("total", "12.00", 1, box),
        Change("line_items[0]", None),
        Change("line_items[2]", line("5.50")),
        Change("line_items[1].description", "Nails"),
        Change("seller.tax_id", "C0001"),
        Change("payment.bank_accounts[0]", {"iban": "DE89370400440532013000"}),
    )
    reviews.decide(reading, "correct", *changes)
    assert stored(reviews, reading).result == before
    answer = reviews.answer(reading)
    [invoice] = answer["invoices"]
    assert answer["review"] == {"state": "corrected"}
    assert (invoice["total"], invoice["seller"]["tax_id"]) == ("12.00", "C0001")
    assert [one["net_amount"] for one in invoice["line_items"]] == ["6.50", "5.50"]
    assert invoice["line_items"][0]["description"] == "Nails"
    assert invoice["payment"]["bank_accounts"][0]["iban"] == "DE89370400440532013000"
    assert invoice["payment"]["terms"] is None
    assert (answer["status"], invoice["status"]) == ("needs_review", "needs_review")
    assert invoice["warnings"][0]["resolved"] is answer["warnings"][0]["resolved"] is True
    assert (invoice["confidence"]["total"], answer["confidence"]["total"]) == ("high", "high")

    cached = reviews.services.stored_readings.answer_again(reading)
    assert (cached["cached"], cached["invoices"][0]["total"]) == (True, "12.00")
    exports = Exports(reviews.services.database, "UTC")
    [exported] = [as_exported(row) for row in exports.everything(exports.wanted("NT047", None, None))]
    assert exported.data["invoices"][0]["total"] == "12.00"
    now, then = reviews.services.stored_readings.find_both(reading, evidence="lines")
    assert (now["invoices"][0]["total"], then["invoices"][0]["total"]) == ("12.00", "10.50")

    [made] = history(reviews, reading)
    told = {one.field: (one.before, one.after) for one in made.corrections}
    assert told["total"] == ("10.50", "12.00")
    assert (told["line_items[0]"][0]["net_amount"], told["line_items[0]"][1]) == ("4.00", None)
    assert (told["line_items[2]"][0], told["line_items[2]"][1]["net_amount"]) == (None, "5.50")
    assert {one.changed_by for one in made.corrections} == {ANN.name}
    assert next((one.page, one.box) for one in made.corrections if one.field == "total") == (1, box)


def test_corrections_of_several_invoices_name_theirs(reviews):
    reading = reviews.add(copies=2)
    with pytest.raises(InvalidRequest):
        reviews.decide(reading, "correct", Change("total", "12.00"))
    reviews.decide(reading, "correct", Change("invoices[1].total", "12.00"))
    answer = reviews.answer(reading)
    assert [one["total"] for one in answer["invoices"]] == ["10.50", "12.00"]
    assert "resolved" not in answer["warnings"][0]


@pytest.mark.parametrize(
    ("decision", "changes", "options", "field"),
    [
        ("approve", (), {}, "decision"),
        ("correct", (), {}, "corrections"),
        ("confirm", (Change("total", "1"),), {}, "corrections"),
        ("reject", (), {}, "reason"),
        ("reject", (), {"reason": "  "}, "reason"),
        ("confirm", (), {"until": datetime(2027, 1, 1)}, "until"),
        ("correct", (Change("total", "twelve"),), {}, "total"),
        ("correct", (Change("total", "10.50"),), {}, "corrections"),
        ("correct", (Change("totals", "1"),), {}, "totals"),
        ("correct", (Change("line_items[9].net_amount", "1"),), {}, "line_items[9].net_amount"),
        ("correct", (Change("invoice_date", "31.12.2026"),), {}, "invoice_date"),
        ("correct", (Change("currency", "cedi"),), {}, "currency"),
        ("correct", (Change("impossible_dates", []),), {}, "impossible_dates"),
        ("correct", (Change("seller.name", "x\0y"),), {}, "seller.name"),
    ],
)
def test_what_is_no_decision_changes_nothing(reviews, decision, changes, options, field):
    reading = reviews.add()
    with pytest.raises(InvalidRequest) as refused:
        reviews.decide(reading, decision, *changes, **options)
    assert refused.value.details["field"] == field
    assert reviews.review(reading).version == 1
    assert history(reviews, reading) == []


def test_a_decision_that_comes_too_late_says_who_decided_what(reviews):
    reading = reviews.add()
    reviews.decide(reading, "correct", Change("total", "12.00"), version=1)
    with pytest.raises(ChangedMeanwhile) as late:
        reviews.decide(reading, "confirm", actor=BEN, version=1)
    assert late.value.details["state"] == "corrected"
    assert late.value.details["decided_by"] == ANN.name
    assert late.value.details["decided_at"].startswith("20")
    with pytest.raises(Conflict):
        reviews.decide(reading, "reject", actor=BEN, reason="twice")
    # Who has seen what was decided may decide otherwise, and take it back again.
    assert reviews.decide(reading, "reject", actor=BEN, version=2, reason="twice").state == "rejected"
    assert reviews.decide(reading, "correct", Change("total", "10.50"), version=3).version == 4
    assert reviews.answer(reading)["invoices"][0]["total"] == "10.50"
    assert [one.decision for one in history(reviews, reading)] == ["correct", "reject", "correct"]


def test_the_same_decision_again_is_none(reviews):
    reading = reviews.add()
    first = reviews.decide(reading, "correct", Change("total", "12.00"), version=1)
    again = reviews.decide(reading, "correct", Change("total", "12.00"), version=1)
    assert (first.version, again.version, len(history(reviews, reading))) == (2, 2, 1)
    with pytest.raises(ChangedMeanwhile):
        reviews.decide(reading, "correct", Change("total", "12.00"), version=1, actor=BEN)


def test_of_eight_that_decide_at_once_one_does(reviews):
    reading = reviews.add()
    start, ends = threading.Barrier(8), []

    def decide(number):
        start.wait()
        try:
            reviews.decide(reading, "correct", Change("total", f"{number}.00"), version=1)
            ends.append(number)
        except ChangedMeanwhile:
            ends.append(None)

    threads = [threading.Thread(target=decide, args=(number,)) for number in range(20, 28)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    [winner] = [one for one in ends if one is not None]
    assert len(ends) == 8
    assert reviews.answer(reading)["invoices"][0]["total"] == f"{winner}.00"
    assert (reviews.review(reading).version, len(history(reviews, reading))) == (2, 1)


def test_confirming_corrected_values_leaves_them(reviews):
    reading = reviews.add()
    reviews.decide(reading, "correct", Change("total", "12.00"))
    assert reviews.decide(reading, "confirm", actor=BEN, version=2).state == "corrected"
    assert reviews.answer(reading)["invoices"][0]["total"] == "12.00"


def test_a_postponed_review_comes_back_by_itself(reviews):
    reading = reviews.add()
    made = reviews.decide(reading, "postpone", reason="ask the seller")
    assert (made.state, made.decision_reason) == ("postponed", "ask the seller")
    assert timedelta(hours=23) < made.postponed_until - made.decided_at < timedelta(hours=25)
    assert reviews.desk.take_next(ReviewFilter(), ANN) is None
    assert reviews.answer(reading)["review"] == {"state": "postponed"}
    reviews.decide(reading, "postpone", version=2, until=datetime(2026, 1, 1))
    assert reviews.desk.take_next(ReviewFilter(), ANN).reading_id == reading
    assert reviews.review(reading).state == "pending"


def test_the_company_is_told_with_the_decision(reviews):
    values = {"WebhookUrl": "https://hooks.example.com/", "WebhookEvents": "review.decided"}
    reviews.run(lambda c: webhook_settings.write_webhook(c, "NT047", values))
    reading = reviews.add()
    reviews.decide(reading, "postpone")
    reviews.decide(reading, "correct", Change("total", "12.00"), version=2)
    reviews.decide(reading, "correct", Change("total", "12.00"), version=2)
    reviews.decide(reading, "reject", version=3, reason="not ours")
    found = reviews.read(lambda c: webhook_deliveries.find_deliveries(c, DeliveryFilter(), limit=9))
    assert [(row.event, row.subject_id, row.facts["state"]) for row in found[::-1]] == [
        ("review.decided", reading, "corrected"),
        ("review.decided", reading, "rejected"),
    ]


def test_a_newer_reading_keeps_the_corrections_and_asks(reviews):
    sha = "e" * 64
    first = reviews.add(sha256=sha, lines=("1.00", "2.00"))
    reviews.decide(first, "correct", Change("total", "12.00", 1, [0, 0, 1, 1]), Change("line_items[0]", None))
    newer = reviews.add(sha256=sha, doubtful=False, total="13.00", lines=("1.00", "2.00", "3.00"))
    review = reviews.review(newer)
    assert (review.state, review.reason) == ("pending", "corrected_before")
    now, read = reviews.services.stored_readings.find_both(newer, evidence="lines")
    assert (now["invoices"][0]["total"], read["invoices"][0]["total"]) == ("12.00", "13.00")
    assert [one["net_amount"] for one in now["invoices"][0]["line_items"]] == ["2.00"]
    assert len(read["invoices"][0]["line_items"]) == 3
    assert now["review"] == {"state": "pending"}
    earlier = reviews.desk.history(newer).earlier
    assert (earlier.id, [one.field for one in earlier.corrections]) == (first, ["total", "line_items[0]"])
    assert reviews.desk.history(first).earlier is None

    # Corrected values stay corrected when a person says so, and the history of this reading says what was changed.
    assert reviews.decide(newer, "confirm", actor=BEN).state == "corrected"
    [made] = history(reviews, newer)
    assert {one.field: one.before for one in made.corrections}["total"] == "13.00"
    # A third reading asks again.
    third = reviews.add(sha256=sha, doubtful=False, total="12.00", lines=("2.00",))
    assert reviews.reason(third) == "corrected_before"
    assert reviews.answer(third)["invoices"][0]["total"] == "12.00"
    assert reviews.decide(third, "correct", Change("total", "14.00")).state == "corrected"
    assert reviews.answer(third)["invoices"][0]["total"] == "14.00"


def test_a_correction_of_an_older_reading_holds_for_the_newer_one(reviews):
    sha = "d" * 64
    older = reviews.add(sha256=sha)
    newer, sure = reviews.add(sha256=sha, total="13.00"), None
    reviews.decide(older, "correct", Change("total", "12.00"))
    assert (reviews.reason(newer), reviews.review(newer).version) == ("corrected_before", 2)
    assert reviews.answer(newer)["invoices"][0]["total"] == "12.00"
    assert sure is None


def test_corrections_that_are_corrected_again_hold_for_newer_readings_until_one_was_decided_about(reviews):
    sha = "7" * 64
    first = reviews.add(sha256=sha)
    reviews.decide(first, "correct", Change("total", "12.00"))
    second, third = (reviews.add(sha256=sha, model=model, total="13.00") for model in ("a", "b"))

    def totals():
        return [reviews.answer(one)["invoices"][0]["total"] for one in (first, second, third)]

    assert totals() == ["12.00"] * 3
    assert reviews.desk.history(third).earlier.id == first
    reviews.decide(first, "correct", Change("total", "15.00"), version=2)
    assert totals() == ["15.00"] * 3
    # What the newer ones have read is right after all.
    reviews.decide(first, "correct", Change("total", "13.00"), version=3)
    assert totals() == ["13.00"] * 3
    assert reviews.reason(second) == "corrected_before"
    reviews.decide(second, "correct", Change("total", "16.00"), version=reviews.review(second).version)
    assert totals() == ["13.00", "16.00", "16.00"]
    reviews.decide(first, "correct", Change("total", "17.00"), version=4)
    assert totals() == ["17.00", "16.00", "16.00"]
    assert reviews.desk.history(third).earlier.id == second


def test_a_kill_between_saving_and_answering_loses_nothing(reviews, database_url):
    values = {"WebhookUrl": "https://hooks.example.com/", "WebhookEvents": "review.decided"}
    reviews.run(lambda c: webhook_settings.write_webhook(c, "NT047", values))
    reading = reviews.add()
    process = clerks.started(clerks.die_after_saving, database_url, reading, {})
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert reviews.answer(reading)["invoices"][0]["total"] == "99.00"
    [made] = history(reviews, reading)
    assert [(one.field, one.after) for one in made.corrections] == [("total", "99.00")]
    assert len(rows(reviews, tables.webhook_deliveries)) == 1


def test_an_erased_document_takes_everything_with_it(reviews):
    reading, other = reviews.add(sha256="c" * 64), reviews.add()
    for one in (reading, other):
        reviews.decide(one, "correct", Change("total", "12.00"))

    def erase(connection):
        document = DocumentKey("NT047", "c" * 64)
        assert erased_readings.free_document(connection, document)
        erased_readings.empty_readings(connection, document, reading)

    reviews.run(erase)
    for table in (tables.reviews, tables.review_decisions, tables.corrections):
        assert [row.ReadingID for row in rows(reviews, table)] == [other]
    with pytest.raises(Gone):
        reviews.decide(reading, "confirm")
    with pytest.raises(Gone):
        reviews.desk.take(reading, ANN)
    assert json.dumps("12.00") not in str(rows(reviews, tables.extractions)[0])


def test_a_copy_of_a_document_stays_until_somebody_has_decided(reviews):
    reading = reviews.add(sha256="b" * 64, doubtful=False)
    waits = lambda: reviews.read(lambda c: documents_under_review(c, "NT047", ["b" * 64]))  # noqa: E731
    assert waits() == set()
    reviews.desk.take(reading, ANN)
    assert waits() == {"b" * 64}
    reviews.decide(reading, "postpone")
    assert waits() == {"b" * 64}
    reviews.decide(reading, "confirm", version=2)
    assert waits() == set()
