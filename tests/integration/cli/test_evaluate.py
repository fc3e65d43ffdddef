"""``manage.py evaluate``: documents with known values through the whole pipeline, to the stand-in and to the accounts."""

import json
import shutil
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import func, select

from shared_code.database import tables
from shared_code.database.connection import create_database
from shared_code.settings import load_settings
from tests.unit.documents.files import FOLDER

ROOT = Path(__file__).parents[3]
KEY = "AIzaSyEvaluation0123456789abcdefghijklm"
#: an XML, two PDFs that the stand-in reads, a file that is refused
DOCUMENTS = ("fx-OK-001.pdf", "nasty-xxe.xml", "syn-export-usd.pdf", "syn-ghana-2026.pdf")


@pytest.fixture
def known(tmp_path):
    """A folder of four documents; ``known(**changes)`` writes its manifest, with values changed by file name."""
    folder = tmp_path / "mine"
    folder.mkdir()
    entries = {one["file"]: one for one in json.loads((FOLDER / "manifest.json").read_text("utf-8"))["files"]}
    for name in DOCUMENTS:
        shutil.copyfile(FOLDER / name, folder / name)

    def write(changes=None):
        files = [entries[name] for name in DOCUMENTS]
        for name, values in (changes or {}).items():
            files = [{**one, "expected": one["expected"] | values} if one["file"] == name else one for one in files]
        (folder / "manifest.json").write_text(json.dumps({"files": files}), encoding="utf-8")
        return folder

    return write


@pytest.fixture
def company(manage):
    """A key of the company that evaluations are booked to, beside another company's."""
    manage("tokens", "add", "NT047", stdin=KEY + "other")
    manage("tokens", "add", "EVALUATION", stdin=KEY)


def booked():
    """Usage rows and open reservations of all companies."""
    database = create_database(load_settings())
    usage, reserved = tables.token_usage_logs, tables.token_reservations
    rows = database.read(
        lambda connection: connection.execute(
            select(usage.c.CompanyID, usage.c.TotalTokensUsed, usage.c.CostUSD, usage.c.Source)
        ).all()
    )
    held = database.read(lambda connection: connection.execute(select(func.count()).select_from(reserved)).scalar_one())
    database.close()
    return rows, held


def asked(gemini):
    return sum("generateContent" in call["path"] for call in gemini.calls())


def test_known_documents_are_read_and_judged(manage, company, gemini, known, tmp_path):
    code, told, _ = manage("evaluate", known(), "--json")
    assert code == 0
    (model,) = told["models"]
    assert (told["company_id"], model["name"]) == ("EVALUATION", "as configured (gemini-3.5-flash-lite)")
    assert (model["documents"], model["read_by_model_calls"], model["calls"], asked(gemini)) == (4, 2, 2, 2)
    assert (model["as_expected"]["part"], model["as_expected"]["whole"]) == (4, 4)
    assert (model["values"]["share"], model["lost"]["part"], model["wrong_passed"]) == (1.0, 0, 0)
    # The values of the two documents that a model has read; nobody knows a model's answer of an XML.
    assert 0 < model["lost"]["whole"] < model["values"]["whole"]
    outcomes = {one["file"]: (one["outcome"], one["method"], one["calls"]) for one in told["documents"]}
    assert outcomes == {
        "fx-OK-001.pdf": ("needs_review", "embedded_xml", 0),
        "nasty-xxe.xml": ("refused", None, 0),
        "syn-export-usd.pdf": ("ok", "model", 1),
        "syn-ghana-2026.pdf": ("ok", "model", 1),
    }
    rows, held = booked()
    assert held == 0
    assert {(row.CompanyID, row.Source) for row in rows} == {("EVALUATION", "cli")}
    assert sum(row.TotalTokensUsed for row in rows) == model["tokens"]
    assert sum(row.CostUSD or 0 for row in rows) == Decimal(model["cost_usd"])
    written = tmp_path / "mine-evaluation"
    assert json.loads((written / "results.json").read_text("utf-8")) == told
    assert (written / "chart.svg").read_text("utf-8").startswith("<svg ")


def test_what_is_wrong_is_shown_with_its_confidence(manage, company, known, tmp_path):
    folder = known({"syn-ghana-2026.pdf": {"total": "1.00", "due_date": "2026-01-01"}})
    code, page, _ = manage("evaluate", folder, "--out", tmp_path / "here", COLUMNS="80")
    assert code == 0
    assert page.startswith((tmp_path / "here" / "report.md").read_text("utf-8"))
    assert max(len(line) for line in page.splitlines() if not line.startswith("Written to")) <= 80
    assert "- syn-ghana-2026.pdf: total: `76440.00`, not `1.00` (ok, " in page.replace("\n  ", " ")
    assert "- syn-ghana-2026.pdf: due_date: nothing, not `2026-01-01` (ok)" in page
    assert "## Errors that passed" in page
    assert "## Right values lost" not in page


def test_nothing_is_cached_unless_it_is_asked_for(manage, company, gemini, known):
    manage("evaluate", known())
    manage("evaluate", known())
    assert asked(gemini) == 4
    code, told, _ = manage("evaluate", known(), "--cached", "--json")
    assert (code, asked(gemini), told["models"][0]["tokens"]) == (0, 4, 0)
    assert {one["method"] for one in told["documents"] if one["model"] is None} >= {"cached"}
    assert told["models"][0]["values"]["share"] == 1.0
    assert told["models"][0]["lost"]["whole"] == 0


def test_two_models_have_a_column_each(manage, company, gemini, known):
    options = ("--model", "gemini-3.5-flash-lite", "--model", "gemini-3.8-flash")
    code, told, _ = manage("evaluate", known(), *options, "--json")
    assert (code, asked(gemini)) == (0, 4)
    assert [model["name"] for model in told["models"]] == [options[1], options[3]]
    assert told["models"][0]["cost_usd"] < told["models"][1]["cost_usd"]
    (difference,) = told["differences"]
    assert difference["right_in_both"] == told["models"][0]["values"]["whole"]
    page = manage("evaluate", known(), *options)[1]
    assert "A is gemini-3.5-flash-lite. B is gemini-3.8-flash." in page
    assert "right in both" in page


# --- what it may cost


def test_a_call_that_does_not_fit_into_the_limit_is_not_made(manage, company, gemini, known):
    whole = manage("evaluate", known(), "--json")[1]
    one_document = Decimal(whole["models"][0]["cost_usd"]) / 2
    before = asked(gemini)
    code, told, _ = manage("evaluate", known(), "--limit-usd", "0.02", "--json")
    # The bound of the second call does not fit beside what the first one did cost.
    assert (code, asked(gemini) - before) == (1, 1)
    assert [(one["file"], one["code"]) for one in told["left_out"]] == [("syn-ghana-2026.pdf", "OVER_SPENDING_LIMIT")]
    assert [one["file"] for one in told["documents"]] == list(DOCUMENTS[:3])
    assert Decimal(told["models"][0]["cost_usd"]) < Decimal("0.02") < one_document * 20
    assert booked()[1] == 0


def test_with_nothing_to_spend_what_costs_nothing_is_still_read(manage, company, gemini, known):
    code, page, _ = manage("evaluate", known(), "--limit-usd", "0")
    assert (code, asked(gemini)) == (1, 0)
    assert page.count("OVER_SPENDING_LIMIT") == 2
    # What was left out is not claimed either: the next run reads it.
    assert manage("evaluate", known(), "--cached", "--json")[1]["models"][0]["calls"] == 2


def test_a_second_call_beyond_the_limit_leaves_the_first_answer(manage, company, gemini, known):
    gemini.fault("answer", json={"document_status": "invoice", "invoices": []})
    code, told, _ = manage("evaluate", known(), "--limit-usd", "0.017", "--json")
    first = next(one for one in told["documents"] if one["file"] == "syn-export-usd.pdf")
    assert (code, asked(gemini), first["cut_short"], first["outcome"]) == (1, 1, True, "needs_review")


def test_a_model_without_a_price_cannot_be_limited(manage, company, gemini, known):
    more = {"ALLOWED_MODELS": "gemini-9-secret"}
    code, _, said = manage("evaluate", known(), "--model", "gemini-9-secret", "--limit-usd", "1", **more)
    assert (code, asked(gemini)) == (1, 0)
    assert "No price is known for the model gemini-9-secret" in said


def test_limits_of_tokens_hold_too(manage, known, gemini):
    manage("tokens", "add", "EVALUATION", "--limit", "100", stdin=KEY)
    code, told, _ = manage("evaluate", known(), "--json")
    assert (code, asked(gemini)) == (1, 0)
    assert {one["code"] for one in told["left_out"]} == {"QUOTA_EXCEEDED"}


# --- how it ends


@pytest.fixture
def hearing_ctrl_c():
    """Processes that are started hear Ctrl-C, also when a shell in the background has the tests ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("hearing_ctrl_c")
def test_ctrl_c_shows_what_is_done(manage, company, gemini, known, tmp_path):
    manage("company", "show", "EVALUATION")
    folder = known()
    command = [sys.executable, "manage.py", "evaluate", str(folder), "--json", "--out", str(tmp_path / "out")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        gemini.fault("answer", json={"document_status": "not_an_invoice", "invoices": []})
        gemini.fault("answer", delay_ms=30_000, times=0, json={})
        patience = time.monotonic() + 30
        while asked(gemini) < 2 and time.monotonic() < patience:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    told = json.loads(out)
    assert told["ended"] == "it was interrupted"
    assert [one["file"] for one in told["documents"]][:2] == list(DOCUMENTS[:2])
    assert "**The run ended early:" in (tmp_path / "out" / "report.md").read_text("utf-8")
    assert booked()[1] == 0


def test_a_key_that_is_refused_ends_the_run_with_what_is_done(manage, company, gemini, known):
    gemini.key(KEY, state="invalid_key")
    code, told, said = manage("evaluate", known(), "--json")
    assert code == 1
    assert [one["file"] for one in told["documents"]] == list(DOCUMENTS[:2])
    assert told["ended"].endswith("at syn-export-usd.pdf")
    assert said.startswith("error: ")


def test_mistakes_are_told_before_anything_is_paid(manage, company, gemini, known, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    for arguments, said in (
        ((empty,), "has nothing in it"),
        ((FOLDER / "licences",), "has no known values"),
        ((known(), "--limit-usd", "much"), "--limit-usd is a number of dollars such as 2.50, not 'much'"),
        ((known(), "--limit-usd", "nan"), "--limit-usd is a number of dollars"),
        ((known(), "--model", "abacus-1"), "model 'abacus-1' is not allowed"),
        ((known(), "--model", "gpt-5-mini"), "Company EVALUATION has no usable key for the model gpt-5-mini"),
        ((known(), "--company", "NOBODY"), "No active token found"),
    ):
        code, out, err = manage("evaluate", *arguments)
        assert (code, out) == (1, ""), arguments
        assert said in err
    said = manage("evaluate", known({"syn-ghana-2026.pdf": {"totl": "1"}}))[2]
    assert "manifest.json: files[3].expected.totl: there is no totl in an invoice; did you mean total?" in said
    assert manage("evaluate", tmp_path / "nowhere")[0] == 2
    assert asked(gemini) == 0
    assert not (tmp_path / "mine-evaluation").exists()


def test_without_a_company_of_its_own_the_only_one_pays(manage, gemini, known):
    assert "No company has a key" in manage("evaluate", known())[2]
    manage("tokens", "add", "NT047", stdin=KEY)
    assert manage("evaluate", known(), "--json")[1]["company_id"] == "NT047"
