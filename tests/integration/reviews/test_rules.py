"""Which readings a person looks at, on each database."""

from decimal import Decimal

import pytest

from shared_code.errors import Forbidden, InvalidRequest
from shared_code.reviews.corrected import Change
from shared_code.reviews.rules import open_if_doubtful
from tests.integration.reviews.desk_fixture import ANN, DOUBT, Actor


def test_a_doubtful_reading_is_reviewed_and_another_is_not(reviews):
    doubtful, sure = reviews.add(), reviews.add(doubtful=False)
    found = reviews.review(doubtful)
    assert (found.state, found.reason, found.version) == ("pending", "total_mismatch", 1)
    assert (found.company_id, found.amount, found.currency) == ("NT047", Decimal("10.5"), "GHS")
    assert (found.seller, found.invoice_number, found.file_label) == ("Adom Trading", "INV-1", "1.pdf")
    assert reviews.review(sure) is None
    assert reviews.answer(doubtful)["review"] == {"state": "pending"}
    assert reviews.answer(sure)["review"] == {"state": "none"}


def test_of_several_invoices_what_is_doubtful_is_the_reason(reviews):
    assert reviews.reason(reviews.add(copies=2)) == "total_mismatch"


def test_a_rule_asks_for_everything_for_large_amounts_and_for_new_sellers(reviews):
    reviews.rule(mode="everything")
    assert reviews.reason(reviews.add(doubtful=False)) == "everything"
    reviews.rule(above_amount=Decimal(1000))
    assert reviews.reason(reviews.add(doubtful=False, total="1000.00")) is None
    assert reviews.reason(reviews.add(doubtful=False, total="1000.01")) == "above_amount"
    assert reviews.reason(reviews.add(doubtful=False, total="-2000.00")) == "above_amount"
    assert reviews.reason(reviews.add(doubtful=False, total=None)) is None
    assert reviews.reason(reviews.add(total="5000.00")) == "total_mismatch"
    assert reviews.reason(reviews.add(company="OTHER", doubtful=False, total="5000.00")) is None


def test_a_new_seller_is_looked_at_until_enough_of_his_were_decided(reviews):
    reviews.rule(first_of_seller=2)
    first, second = (reviews.add(doubtful=False, seller="Nova GmbH") for _ in range(2))
    assert [reviews.reason(one) for one in (first, second)] == ["new_seller"] * 2
    reviews.decide(first, "confirm")
    assert reviews.reason(reviews.add(doubtful=False, seller="NOVA  GmbH")) == "new_seller"
    reviews.decide(second, "correct", Change("total", "11.00"))
    assert reviews.reason(reviews.add(doubtful=False, seller="Nova GmbH")) is None
    assert reviews.reason(reviews.add(doubtful=False, seller="Older AG")) == "new_seller"


def test_never_excludes_all_but_a_document_that_was_corrected_before(reviews):
    first = reviews.add(sha256="f" * 64)
    reviews.decide(first, "correct", Change("total", "11.00"))
    reviews.rule(mode="never", above_amount=Decimal(1), first_of_seller=9)
    assert reviews.reason(reviews.add()) is None
    assert reviews.reason(reviews.add(sha256="f" * 64, doubtful=False)) == "corrected_before"


def test_a_rule_is_checked_shown_and_audited(reviews):
    rules = reviews.services.reviews.rules
    assert rules.find("nt047").mode == "needs_review"
    reviews.rule(company="nt047", mode="everything", above_amount=Decimal("1000.50"), first_of_seller=3)
    found = rules.find("NT047")
    assert (found.company_id, found.mode, found.above_amount, found.first_of_seller) == (
        "NT047",
        "everything",
        "1000.5",
        3,
    )
    for wrong in ({"mode": "sometimes"}, {"above_amount": Decimal(-1)}, {"first_of_seller": 5000}):
        with pytest.raises(InvalidRequest):
            reviews.rule(**wrong)
    with pytest.raises(Forbidden):
        rules.find("OTHER", bound_to="NT047")
    with pytest.raises(Forbidden):
        rules.set_rule("OTHER", found, Actor("x", company_id="NT047"))


def test_a_late_doubt_opens_a_review_and_makes_an_open_one_another_version(reviews):
    sure = reviews.add(doubtful=False)
    late = {"status": "needs_review", "invoices": [], "warnings": [DOUBT | {"code": "late_reading_differs"}]}
    reviews.run(lambda c: open_if_doubtful(c, sure, late))
    assert reviews.reason(sure) == "late_reading_differs"
    doubtful = reviews.add()
    reviews.run(lambda c: open_if_doubtful(c, doubtful, late))
    found = reviews.review(doubtful)
    assert (found.reason, found.version, found.state) == ("late_reading_differs", 2, "pending")
    decided = reviews.add()
    reviews.decide(decided, "confirm")
    reviews.run(lambda c: open_if_doubtful(c, decided, late))
    assert reviews.review(decided).state == "confirmed"


def test_who_asks_for_a_reading_gets_its_review(reviews):
    sure = reviews.add(doubtful=False)
    assert reviews.desk.take(sure, ANN).taken_by == ANN.name
    assert reviews.reason(sure) == "asked"
