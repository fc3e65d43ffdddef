"""Corrected values by the service's own rules: what is untouched is judged as before, what is corrected is judged anew."""

import copy
from decimal import Decimal

import pytest

from shared_code.errors import InvalidRequest
from shared_code.reviews.check import check_changes, check_corrected
from shared_code.reviews.corrected import Change
from shared_code.reviews.stored_invoice import read_invoice
from tests.integration.reviews.answers_of_documents import NAMES, TODAY, answer_about

#: every third one, so that the test stays quick
SOME = NAMES[::3]


def check(answer, *corrections):
    return check_changes(answer, answer, [Change(field, value) for field, value in corrections], today=TODAY)


def standing(warnings):
    return {(one["code"], one["field"]) for one in warnings if not one.get("resolved")}


def whole():
    """An invoice that is right, and whose total is the sum of printed amounts."""
    for name in NAMES:
        answer = answer_about(name)
        if answer is None or answer["status"] != "ok":
            continue
        invoice = answer["invoices"][0]
        if len(invoice["line_items"]) > 1 and all(invoice[field] for field in ("net_total", "tax_total", "total")):
            sums = {one["name"] for one in check(answer).equations}
            if {"total", "lines_sum", "line"} <= sums:
                return answer
    raise AssertionError


def test_without_corrections_a_reading_is_judged_as_it_was():
    differences, equations, failing = [], 0, 0
    for name in SOME:
        answer = answer_about(name)
        if answer is None or not answer["invoices"]:
            continue
        checked = check(answer)
        same = (checked.status, checked.confidence) == (answer["status"], answer["confidence"])
        if not same or standing(checked.warnings) != standing(answer["warnings"]):
            changed = set(checked.confidence.items()) ^ set(answer["confidence"].items())
            differences.append(
                (name, checked.status, changed, standing(checked.warnings) ^ standing(answer["warnings"]))
            )
        equations += len(checked.equations)
        failing += sum(not one["holds"] for one in checked.equations)
    assert differences == []
    assert equations > 200
    assert 0 < failing < equations / 4


def test_a_wrong_total_fails_the_equation_and_the_right_one_mends_it():
    answer = whole()
    right = answer["invoices"][0]["total"]
    wrong = f"{Decimal(right) + 10:f}"
    checked = check(answer, ("total", wrong))
    assert checked.invoices[0]["total"] == wrong
    assert (checked.status, ("total_mismatch", "total") in standing(checked.warnings)) == ("needs_review", True)
    [total] = [one for one in checked.equations if one["name"] == "total"]
    assert (total["right"], total["holds"], total["right_fields"]) == (wrong, False, ["total"])
    assert Decimal(total["left"]) == Decimal(right)
    assert {"net_total", "tax_total"} <= set(total["left_fields"]) <= set(total["fields"])
    mended = check(checked_answer(answer, wrong), ("total", right))
    assert ("total_mismatch", "total") not in standing(mended.warnings)
    assert mended.confidence["total"] == "high"
    assert [one["holds"] for one in mended.equations if one["name"] == "total"] == [True]


def checked_answer(answer, wrong):
    """The same answer, had the total been read wrongly."""
    found = check(answer, ("total", wrong))
    invoice = {**found.invoices[0], "evidence": answer["invoices"][0]["evidence"]}
    return {**answer, "status": "needs_review", "invoices": [invoice], "warnings": invoice["warnings"]}


def test_a_warning_that_a_correction_settles_stays_and_says_so():
    answer = checked_answer(whole(), "1.00")
    right = whole()["invoices"][0]["total"]
    checked = check(answer, ("total", right))
    settled = {(one["code"], one["field"]): one["resolved"] for one in checked.warnings}
    assert settled["total_mismatch", "total"] is True
    assert checked.status == "ok"


def test_lines_are_added_and_taken_away_and_the_sum_follows():
    answer = whole()
    lines = answer["invoices"][0]["line_items"]
    first = lines[0]
    fewer = check(answer, ("line_items[0]", None))
    assert len(fewer.invoices[0]["line_items"]) == len(lines) - 1
    assert ("lines_incomplete", "line_items") in standing(fewer.warnings)
    assert fewer.confidence["line_items"] == "low"
    back = check(answer, ("line_items[0]", None), (f"line_items[{len(lines)}]", first))
    assert ("lines_incomplete", "line_items") not in standing(back.warnings)
    assert back.invoices[0]["line_items"][-1]["net_amount"] == first["net_amount"]


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("invoice_date", "31.12.2026", "day"),
        ("invoice_date", "2026-02-30", "day"),
        ("total", "1.592,50", "number"),
        ("total", "1e400", "number"),
        ("total", {"amount": 1}, "number"),
        ("currency", "euros", "code"),
        ("seller.tax_id_type", "PASSPORT", "one of"),
        ("seller.name", "x\x00y", "text"),
        ("seller.country", "Ghana", "code"),
        ("line_items[0].quantity", "three", "number"),
    ],
)
def test_a_value_in_another_form_is_a_warning_that_names_field_and_form(field, value, told):
    answer = whole()
    checked = check(answer, (field, value))
    [warning] = [one for one in checked.warnings if one["code"] == "malformed_value"]
    assert (warning["field"], warning["review"], warning["resolved"]) == (field, True, False)
    assert field in warning["message"]
    assert told in warning["message"]
    assert checked.status == "needs_review"
    assert checked.confidence[field] == "low"


def test_a_tax_number_with_a_wrong_check_digit_is_a_warning():
    checked = check(whole(), ("seller.tax_id", "27AAPFU0939F1ZX"), ("seller.tax_id_type", "GSTIN"))
    assert ("bad_gstin", "seller.tax_id") in standing(checked.warnings)


@pytest.mark.parametrize(
    "field", ["totals", "invoices[7].total", "line_items[99].net_amount", "seller..name", "a" * 300]
)
def test_a_field_that_is_not_there_is_refused(field):
    with pytest.raises(InvalidRequest):
        check(whole(), (field, "1.00"))


@pytest.mark.parametrize("value", ["text", 5, [1], {"nothing": 1}])
def test_a_record_that_is_none_is_refused(value):
    with pytest.raises(InvalidRequest):
        check(whole(), ("line_items[0]", value))


def test_a_malformed_line_keeps_its_number_when_another_is_taken_away():
    answer = whole()
    lines = len(answer["invoices"][0]["line_items"])
    added = {**answer["invoices"][0]["line_items"][0], "net_amount": "x"}
    checked = check(answer, (f"line_items[{lines}]", added), ("line_items[0]", None))
    [warning] = [one for one in checked.warnings if one["code"] == "malformed_value"]
    assert warning["field"] == f"line_items[{lines - 1}].net_amount"


def test_several_invoices_are_checked_each_with_its_own_paths():
    one = whole()
    both = [one["invoices"][0], copy.deepcopy(one["invoices"][0])]
    answer = {**one, "status": "multiple_invoices", "invoices": both, "warnings": [], "confidence": {}}
    checked = check(answer, ("invoices[1].total", "1.00"))
    assert checked.status == "multiple_invoices"
    assert ("total_mismatch", "invoices[1].total") in standing(checked.warnings)
    assert ("total_mismatch", "invoices[0].total") not in standing(checked.warnings)
    assert {each["fields"][0].partition(".")[0] for each in checked.equations} == {"invoices[0]", "invoices[1]"}


def test_an_invoice_out_of_an_answer_is_the_one_that_was_answered():
    from shared_code.invoices.schema import as_dict

    for name in SOME:
        answer = answer_about(name)
        for invoice in answer["invoices"] if answer else ():
            plain = as_dict(read_invoice(invoice))
            wrong = {path for path in plain if plain[path] != invoice[path]}
            # A day that the calendar does not have is no day.
            assert wrong <= {one["field"] for one in invoice["warnings"] if one["code"] == "impossible_date"}, name


def test_a_corrected_answer_is_checked_against_what_was_read():
    answer = whole()
    assert check_corrected(answer, answer, today=TODAY).confidence == answer["confidence"]
