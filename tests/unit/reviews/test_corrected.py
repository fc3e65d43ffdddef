"""Corrected values in an answer: paths, values, what is said of them, and what is carried to a newer reading."""

import json

import pytest

from shared_code.errors import InvalidRequest
from shared_code.reviews.carrying import carried
from shared_code.reviews.corrected import Change, changes_text, in_order, read_changes, with_changes
from shared_code.reviews.facts import facts_of
from shared_code.reviews.paths import checked_value, read_path


def lines(*amounts):
    return [{"net_amount": amount, "taxes": []} for amount in amounts]


def answer(*amounts, **invoice):
    own = {
        "total": "10.50",
        "seller": {"name": "Adom"},
        "payment": None,
        "line_items": lines(*amounts),
        "warnings": [],
        "confidence": {"total": "low", "line_items": "high", "due_date": "medium"},
        "evidence": {},
    } | invoice
    return {"invoices": [own], "warnings": own["warnings"], "confidence": own["confidence"]}


@pytest.mark.parametrize(
    ("path", "value", "shown"),
    [
        ("total", "12", "12"),
        ("total", " 12.50 ", "12.50"),
        ("total", 12, "12"),
        ("total", 12.5, "12.5"),
        ("total", "-0.00", "0.00"),
        ("total", "", None),
        ("total", None, None),
        ("invoice_date", "2026-03-05", "2026-03-05"),
        ("invoice_number", "  INV 1 ", "INV 1"),
        ("currency", "ghs", "GHS"),
        ("document_type", "credit_note", "credit_note"),
        ("india.reverse_charge", True, True),
        ("line_items[3].page", 2, 2),
        ("po_numbers", ["A", "B"], ["A", "B"]),
        ("po_numbers", None, []),
        ("po_numbers[0]", None, None),
        ("taxes[1]", {"name": "VAT", "rate": "15"},
         {"name": "VAT", "rate": "15", "taxable_amount": None, "amount": None, "category": None}),
        ("invoices[0].seller.name", "Adom", "Adom"),
    ],
)  # fmt: skip
def test_values_are_shown_as_answers_show_them(path, value, shown):
    assert checked_value(read_path(path, invoices=1), value) == shown


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("total", "1,250.00"), ("total", True), ("total", []), ("total", "1e5"), ("total", float("nan")),
        ("total", "9" * 40), ("invoice_date", "05.03.2026"), ("currency", "cedis"), ("document_type", "letter"),
        ("seller.name", "a\0b"), ("seller.name", 5), ("seller.name", "x" * 5000), ("india.reverse_charge", "true"),
        ("line_items[0].page", -1), ("taxes[0]", {"nome": "x"}), ("taxes[0]", "VAT"), ("po_numbers", "A"),
    ],
)  # fmt: skip
def test_what_is_no_value_of_a_field_is_refused(path, value):
    with pytest.raises(InvalidRequest):
        checked_value(read_path(path, invoices=1), value)


@pytest.mark.parametrize(
    "path",
    ["", "totals", "total.amount", "seller", "line_items.net_amount", "invoices[1].total", "invoices[0]",
     "line_items[-1]", "status", "evidence", "total ", "a" * 300, "impossible_dates", "seller[0].name"],
)  # fmt: skip
def test_what_is_no_field_is_refused(path):
    if path == "seller":  # a party as a whole is a field
        assert read_path(path, invoices=1).own == "seller"
        return
    with pytest.raises(InvalidRequest):
        read_path(path, invoices=1)


def test_what_is_given_stays_as_it_is():
    given = answer("1.00")
    before = json.dumps(given)
    assert with_changes(given, [Change("total", "12.00")])["invoices"][0]["total"] == "12.00"
    assert json.dumps(given) == before


def test_evidence_confidence_and_warnings_follow_the_values():
    doubts = [
        {"code": "total_mismatch", "field": "total", "review": True},
        {"code": "line_mismatch", "field": "line_items[0]", "review": True},
        {"code": "line_mismatch", "field": "line_items[1]", "review": True},
        {"code": "active_content", "field": None, "review": False},
    ]
    place = {"source": "text_layer", "page": 1, "box": None, "text": "x", "reason": "y"}
    given = answer("1.00", "2.00", "3.00", warnings=doubts)
    given["invoices"][0]["evidence"] = {f"line_items[{number}].net_amount": place for number in range(3)}
    changes = [
        Change("total", "12.00", 1, [0.1, 0.2, 0.3, 0.4]),
        Change("due_date", None),
        Change("line_items[0]", None),
        Change("line_items[1].net_amount", "3.30"),
    ]
    made = with_changes(given, changes)
    [invoice] = made["invoices"]
    assert [one["net_amount"] for one in invoice["line_items"]] == ["2.00", "3.30"]
    assert invoice["confidence"] == made["confidence"] == {"total": "high", "line_items": "high"}
    for warnings in (invoice["warnings"], made["warnings"]):
        assert [(one["field"], one.get("resolved", False)) for one in warnings] == [
            ("total", True),
            ("line_items[0]", True),
            ("line_items[0]", False),
            (None, False),
        ]
    evidence = invoice["evidence"]
    assert evidence["total"] == {
        "source": "person",
        "page": 1,
        "box": [0.1, 0.2, 0.3, 0.4],
        "text": "12.00",
        "reason": "a person corrected it",
    }
    assert set(evidence) == {"total", "line_items[0].net_amount", "line_items[1].net_amount"}
    assert (evidence["line_items[0].net_amount"], evidence["line_items[1].net_amount"]["source"]) == (place, "person")


def test_all_paths_of_one_request_are_those_of_the_answer_before_it():
    given = answer("1", "2", "3", "4")
    sent = [
        Change("line_items[1]", None),
        Change("line_items[3]", None),
        Change("line_items[2].net_amount", "33"),
        Change("line_items[4]", {"net_amount": "5"}),
        Change("line_items[5]", {"net_amount": "6"}),
    ]
    made = with_changes(given, in_order(sent, invoices=1))
    assert [one["net_amount"] for one in made["invoices"][0]["line_items"]] == ["1", "33", "5", "6"]


def test_an_element_that_is_not_there_is_refused():
    for change in (Change("line_items[2]", {"net_amount": "5"}), Change("line_items[1]", None)):
        with pytest.raises(InvalidRequest):
            with_changes(answer("1"), [change])


def test_a_part_that_the_document_does_not_show_is_made():
    made = with_changes(
        answer(), [Change("payment.terms", "30 days"), Change("payment.bank_accounts[0]", {"iban": "X"})]
    )
    assert made["invoices"][0]["payment"]["terms"] == "30 days"
    assert made["invoices"][0]["payment"]["bank_accounts"] == [{"iban": "X"}]


def test_changes_read_back_as_they_were():
    changes = [
        Change("total", "12.00", 1, [0.0, 0.1, 0.2, 0.3]),
        Change("line_items[0]", None),
        Change("a", "b", carried=True),
    ]
    assert read_changes(changes_text(changes)) == changes
    assert (changes_text([]), read_changes(None)) == (None, [])


def test_what_a_newer_reading_says_otherwise_is_carried():
    stored = changes_text(
        [Change("total", "12.00", 1), Change("line_items[0]", None), Change("due_date", "2026-01-01")]
    )
    newer = answer("1", "2", "3", total="13.00", due_date="2026-01-01")
    found = read_changes(carried(answer("1", "2"), stored, newer))
    assert found == [
        Change("total", "12.00", 1, carried=True),
        Change("line_items", lines("2"), carried=True),
    ]
    assert with_changes(newer, found)["invoices"][0]["line_items"] == lines("2")


def test_nothing_is_carried_between_other_numbers_of_invoices():
    two = {"invoices": answer()["invoices"] * 2}
    assert carried(answer(), changes_text([Change("total", "1")]), two) is None
    found = read_changes(carried(two, changes_text([Change("invoices[1].total", "1")]), two))
    assert found == [Change("invoices[1].total", "1", carried=True)]


@pytest.mark.parametrize(
    ("status", "codes", "doubt"),
    [
        ("ok", [], None),
        ("needs_review", ["bad_iban", "total_mismatch"], "bad_iban"),
        ("needs_review", [], "needs_review"),
        ("multiple_invoices", ["multiple_invoices", "bad_iban"], "bad_iban"),
        ("multiple_invoices", ["multiple_invoices"], "multiple_invoices"),
        ("not_an_invoice", [], None),
    ],
)
def test_the_first_doubt_is_the_reason(status, codes, doubt):
    warnings = [{"code": "copies", "review": False}, *({"code": code, "review": True} for code in codes)]
    assert facts_of({"status": status, "invoices": [], "warnings": warnings}).doubt == doubt


@pytest.mark.parametrize("total", ["NaN", "1e400", "ten", "99999999999999999999999", None])
def test_an_amount_that_no_column_holds_is_none(total):
    assert facts_of({"status": "ok", "invoices": [{"total": total, "seller": None}]}).amount is None
