"""What becomes of what a model read: right values come out as they are, wrong ones do not pass as ok.

Each case in tests/data/answers is a document, the model's answer call by call, and what must come of it. Scans (ids with
``s``) have no text to compare with; their planted errors are not asked for here.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devstack.gemini import GeminiStandIn
from shared_code import errors
from shared_code.bootstrap import build_services
from shared_code.extraction.service import Outcome

from .conftest import RING, Pipeline

CASES = Path(__file__).parents[2] / "data" / "answers"
EXPECTED = {path.name.removesuffix(".expected.json"): path for path in sorted(CASES.glob("*.expected.json"))}
#: three lines read as one with the right sum: no figure of the page contradicts it
NOT_SEEN = {"p36-lines-merged"}
#: a dynamic XFA form: the page says no more than that another program is needed
REFUSED = {"g27-xfa"}
SCANS = "s"


@pytest.fixture(scope="module")
def company(tmp_path_factory, make_settings) -> Iterator[Pipeline]:
    """A company with a key, on SQLite: what is judged here never touches the database."""
    path = tmp_path_factory.mktemp("answers") / "answers.db"
    with GeminiStandIn() as gemini:
        settings = make_settings(f"sqlite:///{path}", gemini_base_url=gemini.url, token_encryption_keys=RING)
        services = build_services(settings)
        services.ready()
        pipeline = Pipeline(services, gemini)
        pipeline.add_key(limit=900_000_000)
        yield pipeline
        services.close()


def played(company: Pipeline, name: str) -> tuple[Outcome, int]:
    """The outcome of a case and how many calls it took."""
    company.gemini.reset()
    for answer in json.loads((CASES / f"{name}.answer.json").read_text())["model_answers"]:
        kind, options = answer if isinstance(answer, list) else ("answer", {"json": answer})
        if isinstance(answer, str):
            options = {"text": answer}
        company.gemini.fault(kind, **options)
    outcome = company.extract((CASES / f"{name}.pdf").read_bytes(), force=True)
    return outcome, len(company.gemini.calls())


def value_at(value: Any, path: str) -> Any:
    """What stands at a path such as ``line_items[2].net_amount``; None where it ends."""
    for step in re.findall(r"[^.\[\]]+", path):
        if step.isdigit():
            value = value[int(step)] if isinstance(value, list) and int(step) < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def expectation(name: str) -> Any:
    return json.loads(EXPECTED[name].read_text())["expected"]


RIGHT = [
    name
    for name in EXPECTED
    if isinstance(expectation(name), dict) and "values" in expectation(name) and name not in REFUSED
]
WRONG = [
    name
    for name in EXPECTED
    if isinstance(expectation(name), dict)
    and "planted_error" in expectation(name)
    and not name.startswith(SCANS)
    and name not in NOT_SEEN
]


@pytest.mark.parametrize("name", RIGHT)
def test_right_values_come_out_as_they_are(company, name):
    wanted = expectation(name)
    outcome, calls = played(company, name)
    invoice = outcome.data["invoices"][0]
    assert {path: value_at(invoice, path) for path in wanted["values"]} == wanted["values"]
    reviewed = [warning for warning in outcome.data["warnings"] if warning["review"]]
    assert wanted["status"] != "ok" or not reviewed
    assert calls <= wanted.get("model_calls_at_most", 2)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_goes_to_a_person_or_is_corrected(company, name):
    wanted = expectation(name)
    field = wanted["planted_error"]["field"]
    outcome, _ = played(company, name)
    invoice = outcome.data["invoices"][0] if outcome.data["invoices"] else {}
    right = wanted.get("true_values", {}).get(field)
    corrected = right is not None and value_at(invoice, field) == right
    assert corrected or outcome.data["status"] != "ok"
    assert corrected or outcome.data["confidence"].get(field) != "high"


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_file_whose_pages_do_not_show_the_invoice_is_refused_before_a_call(company, name):
    with pytest.raises(errors.InvalidFile) as refused:
        played(company, name)
    assert "the invoice is inside" in refused.value.message
    assert not company.gemini.calls()


def test_letters_that_a_model_escapes_twice_are_letters(company):
    outcome, _ = played(company, "a16")
    assert outcome.data["invoices"][0]["seller"]["name"] == "Müller & Söhne"


@pytest.mark.parametrize("name", ["b01", "b03"])
def test_a_second_answer_that_sees_less_takes_nothing_away(company, name):
    outcome, _ = played(company, name)
    invoice = outcome.data["invoices"][0]
    assert (invoice["invoice_number"], invoice["invoice_date"], invoice["total"]) == (
        "BX-2026-0417",
        "2026-11-02",
        "118.00",
    )


@pytest.mark.parametrize(
    ("name", "verdicts"),
    [("b10", ["ok", "ok"]), ("b11", ["ok", "needs_review"]), ("b13", ["needs_review", "needs_review"])],
)
def test_each_of_several_invoices_has_its_own_verdict(company, name, verdicts):
    outcome, _ = played(company, name)
    assert outcome.data["status"] == "multiple_invoices"
    assert [invoice["status"] for invoice in outcome.data["invoices"]] == verdicts
    for invoice in outcome.data["invoices"]:
        assert any(warning["review"] for warning in invoice["warnings"]) is (invoice["status"] == "needs_review")


def test_an_original_and_its_copy_are_one_invoice(company):
    outcome, _ = played(company, "b15")
    assert len(outcome.data["invoices"]) == 1
    assert [warning["code"] for warning in outcome.data["warnings"] if warning["code"] == "copies"] == ["copies"]
    assert outcome.data["status"] == "ok"


@pytest.mark.parametrize("name", ["b2-ja", "b2-receipt-en"])
def test_no_invoice_is_doubted_by_what_the_page_shows_in_any_language(company, name):
    outcome, calls = played(company, name)
    assert (outcome.data["status"], calls) == ("needs_review", 2)
