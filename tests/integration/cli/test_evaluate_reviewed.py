"""``manage.py evaluate --from-corrections``: what persons decided is what is known."""

import json

import pytest

from shared_code.bootstrap import build_services
from shared_code.reviews.corrected import Change
from shared_code.reviews.deciding import WantedDecision
from shared_code.settings import load_settings
from tests.integration.reviews.desk_fixture import ANN, Reviews


@pytest.fixture
def reviews(manage):
    assert manage("db", "current")[0] == 0  # from here on the settings are those of the command's database
    services = build_services(load_settings())
    yield Reviews(services.ready())
    services.close()


@pytest.fixture
def decided(reviews):
    """Two of NT047, of which one total was wrong, one of another company, one rejected, one that waits."""
    decide = reviews.desk.decide
    right, wrong, other, rejected = reviews.add(), reviews.add(), reviews.add(company="OTHER"), reviews.add()
    reviews.add()
    for reading in (right, other):
        decide(reading, WantedDecision("confirm"), ANN, matches=None)
    decide(wrong, WantedDecision("correct", (Change("total", "12.00"),)), ANN, matches=None)
    decide(rejected, WantedDecision("reject", reason="none of ours"), ANN, matches=None)
    return right, wrong


def test_what_was_read_is_measured_by_what_persons_decided(manage, decided, tmp_path):
    out = tmp_path / "report"
    code, told, error = manage("evaluate", "--from-corrections", "--of", "nt047", "--out", out, "--json")
    assert code == 0, error
    [model] = told["models"]
    assert (told["company_id"], model["name"], model["documents"], model["calls"]) == ("NT047", "as it was read", 2, 0)
    assert model["wrong"] == 1
    assert model["fields"]["total"] == {
        "part": 1,
        "whole": 2,
        "share": 0.5,
        "interval_95": model["fields"]["total"]["interval_95"],
    }
    wrong = [value for one in told["documents"] for value in one["values"] if value["verdict"] == "wrong"]
    assert [(one["path"], one["expected"], one["got"]) for one in wrong] == [("total", "12.00", "10.50")]
    assert json.loads((out / "results.json").read_text(encoding="utf-8"))["spent_usd"] in {0, "0"}
    assert "as it was read" in (out / "report.md").read_text(encoding="utf-8")


def test_all_companies_and_a_time(manage, decided, tmp_path):
    out = ("--out", tmp_path / "report", "--json")
    assert manage("evaluate", "--from-corrections", *out)[1]["models"][0]["documents"] == 3
    assert manage("evaluate", "--from-corrections", "--since", "2020-01-01", *out)[1]["models"][0]["documents"] == 3
    code, _, error = manage("evaluate", "--from-corrections", "--since", "2099-01-01", *out)
    assert (code, "No reading has been confirmed or corrected" in error) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "Give a folder, or --from-corrections"),
        (("--of", "NT047"), "Give a folder, or --from-corrections"),
        (("--from-corrections", "."), "Give a folder, or --from-corrections"),
        (("--from-corrections", "--since", "yesterday"), "--since is a day"),
    ],
)
def test_mistakes_are_told(manage, arguments, told):
    code, _, error = manage("evaluate", *arguments)
    assert (code, told in error) == (1, True)


def test_a_company_does_not_read_its_own_documents_anew(manage, decided):
    manage("tokens", "add", "NT047", stdin="AIzaSyEvaluation0123456789abcdefghijklm")
    code, _, error = manage("evaluate", "--from-corrections", "--company", "NT047", "--model", "gemini-3.5-flash-lite")
    assert (code, "Let another company than NT047 pay for it" in error) == (1, True)
