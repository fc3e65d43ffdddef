"""The arithmetic of an evaluation, and its page and picture."""

from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from shared_code.evaluation.chart import svg
from shared_code.evaluation.comparison import Compared, Verdict
from shared_code.evaluation.figures import Difference, Share, difference, figures_of
from shared_code.evaluation.folder import KnownFolder
from shared_code.evaluation.judging import Judged
from shared_code.evaluation.known_values import KnownDocument, KnownInvoice
from shared_code.evaluation.report import WIDTH, markdown
from shared_code.evaluation.results import Results, facts
from shared_code.evaluation.runs import DocumentRun, LeftOut

RIGHT, WRONG, MISSING = Verdict.RIGHT, Verdict.WRONG, Verdict.MISSING


def value(path, verdict, *, confidence=None, got="x", lost=None, corrected=None):
    compared = Compared(path, path, "x", None if verdict is MISSING else got, verdict, path)
    return Judged(compared, confidence, lost=lost, corrected=corrected)


def run(name, *values, outcome="ok", model=None, error=None, cost="0.5", **more):
    document = more.pop("document", KnownDocument(Path(name), (KnownInvoice(),), frozenset({"ok"})))
    facts_of_run = {"tokens": 100, "calls": 1, "seconds": 2.0, "error": error, **more}
    cost_usd = None if cost is None else Decimal(cost)
    return DocumentRun(document, model, outcome, values, cost_usd=cost_usd, **facts_of_run)


def results(*runs, models=(None,), left_out=(), without=(), ended=None):
    folder = KnownFolder(
        Path("some/invoices"), tuple({one.document.path: one.document for one in runs}.values()), without
    )
    return Results(folder, "EVALUATION", models, Decimal("2.50"), list(runs), list(left_out), ended=ended)


def test_values_are_counted_by_what_became_of_them():
    figures = figures_of(
        [
            run(
                "a.pdf",
                value("total", RIGHT, confidence="high", lost=False, corrected=False),
                value("currency", WRONG, confidence="high", lost=True, corrected=False),
                value("due_date", MISSING, lost=False, corrected=False),
                value("seller.name", RIGHT, confidence="low", lost=False, corrected=True),
            ),
            run("b.pdf", value("total", WRONG, confidence="low"), outcome="needs_review", calls=0, seconds=6.0),
            run("c.pdf", outcome="refused", error=("INVALID_FILE", "broken"), calls=0, tokens=0, cost="0"),
        ]
    )
    assert (figures.documents, figures.by_model, figures.calls, figures.tokens) == (3, 1, 1, 200)
    assert (figures.right, figures.wrong, figures.missing) == (Share(2, 5), 2, 1)
    # What is not known of the model's answer counts on neither side.
    assert (figures.lost, figures.corrected) == (Share(1, 2), Share(1, 2))
    # Those of the document that asks for review did not pass.
    assert (figures.wrong_passed, figures.missing_passed) == (1, 1)
    assert figures.precision == {"high": Share(1, 2), "medium": Share(0, 0), "low": Share(1, 2)}
    assert (figures.without_review, figures.as_expected) == (Share(1, 2), Share(1, 3))
    assert (figures.cost_usd, figures.seconds, figures.median_seconds) == (Decimal("1.0"), 10.0, 2.0)
    assert figures.by_field["total"] == Share(1, 2)
    assert next(iter(figures.by_field)) == "total"


def test_a_cost_that_nobody_knows_makes_the_sum_unknown():
    assert figures_of([run("a.pdf"), run("b.pdf", cost=None)]).cost_usd is None


def test_calls_beyond_what_a_document_should_need():
    document = KnownDocument(Path("a.pdf"), (KnownInvoice(),), None, 1)
    assert figures_of([run("a.pdf", document=document, calls=2)]).too_many_calls == 1
    assert figures_of([run("a.pdf", document=document, calls=1), run("b.pdf", calls=9)]).too_many_calls == 0


def test_of_no_document_there_are_no_shares():
    figures = figures_of([])
    assert (figures.right.ratio, figures.right.interval, figures.median_seconds) == (None, None, 0.0)


@pytest.mark.parametrize(
    ("share", "low", "high"),
    [
        # Agresti and Coull, The American Statistician 52 (1998), and by hand.
        (Share(0, 10), 0.0, 0.2775),
        (Share(5, 10), 0.2366, 0.7634),
        (Share(81, 263), 0.2553, 0.3662),
        (Share(10, 10), 0.7225, 1.0),
    ],
)
def test_a_small_sample_says_less(share, low, high):
    assert share.interval == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


@pytest.mark.parametrize(
    ("first", "second", "chance"), [(0, 0, 1.0), (1, 1, 1.0), (5, 0, 0.0625), (9, 1, 0.0215), (12, 3, 0.0352)]
)
def test_a_difference_can_be_chance(first, second, chance):
    assert Difference(50, first, second, 3).chance == pytest.approx(chance, abs=1e-4)


def test_two_models_are_compared_over_what_both_were_asked():
    first = [run("a.pdf", value("total", RIGHT), value("currency", RIGHT)), run("b.pdf", value("total", RIGHT))]
    second = [run("a.pdf", value("total", WRONG), value("currency", RIGHT)), run("c.pdf", value("total", RIGHT))]
    assert difference(first, second) == Difference(1, 1, 0, 0)


LONG = "a-file-with-a-very-long-name-as-scanners-give-them-2026-11-28-17-03-59-0001.pdf"


@pytest.fixture
def three_models():
    """Three models, files with long names, errors of each kind."""
    models = ("gemini-3.5-flash-lite", "gpt-5-mini", "gemini-3.8-flash")
    runs = [
        run(
            name,
            value("payment.bank_accounts[].account_number", RIGHT, confidence="high", lost=False, corrected=False),
            value("total", WRONG, confidence="medium", got="<b>1\n2</b> & more " * 9, lost=True, corrected=False),
            model=model,
            cut_short=True,
        )
        for model in models
        for name in (*(f"{number}.pdf" for number in range(50)), LONG)
    ]
    runs.append(run("z.pdf", outcome="failed", error=("PROVIDER_BAD_ANSWER", "no"), model=models[0]))
    left = [LeftOut(KnownDocument(Path(LONG)), models[1], "OVER_SPENDING_LIMIT", "The next call can cost 1 USD.")]
    return results(*runs, models=models, left_out=left, without=("x.pdf",), ended="it was interrupted")


def test_the_page_fits_a_terminal_and_names_everything(three_models):
    page = markdown(three_models)
    too_long = [line for line in page.splitlines() if len(line) > WIDTH and LONG not in line]
    assert too_long == []
    assert "**The run ended early: it was interrupted.**" in page.replace("\n", " ")
    assert "A is gemini-3.5-flash-lite. B is gpt-5-mini." in page.replace("\n", " ")
    for head in (
        "Errors that passed (A)",
        "Right values lost (C)",
        "Documents left out",
        "Not evaluated: no known values",
    ):
        assert f"\n## {head}\n" in page
    assert "- and 11 more, see results.json" in page
    assert "z.pdf: failed (PROVIDER_BAD_ANSWER), not ok" in page


def test_tables_have_columns_of_one_width(three_models):
    for table in [part for part in markdown(three_models).split("\n\n") if part.startswith("|")]:
        assert len({len(line) for line in table.splitlines()}) == 1
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_the_picture_is_sound_and_shows_each_model(three_models):
    root = ET.fromstring(svg(three_models))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"gpt-5-mini", "all known values", "values of confidence high", "total", "50.0 % of 102"} <= set(texts)
    assert int(root.get("height")) > 0


def test_programs_get_each_value_of_each_document():
    told = facts(results(run("a.pdf", value("total", WRONG, confidence="high", lost=True, corrected=False))))
    (document,) = told["documents"]
    assert document["values"] == [
        {
            "field": "total",
            "path": "total",
            "expected": "x",
            "got": "x",
            "found_at": "total",
            "verdict": "wrong",
            "confidence": "high",
            "review": False,
            "lost": True,
            "corrected": False,
        }
    ]
    assert told["models"][0]["precision"]["high"] == {
        "part": 0,
        "whole": 1,
        "share": 0.0,
        "interval_95": [0.0, 0.7935],
    }
