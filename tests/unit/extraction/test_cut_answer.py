"""What is kept of an answer that was cut, and when it is a loop."""

import json
import time

import pytest

from shared_code.extraction.answer.cut_answer import read_cut_answer

from .wire_answers import answer as answer_of
from .wire_answers import invoice


def line(number, **values):
    return {"line_no": str(number), "description": f"Article {number}", "net_amount": "10.00", **values}


def answer(lines, **values):
    return answer_of(invoice(invoice_number="A-1", line_items=lines, **values))


def test_complete_rows_before_the_cut_are_kept_and_the_open_one_is_not():
    text = answer([line(at) for at in range(1, 40)])
    cut = read_cut_answer(text[: text.index("Article 21")], rows=50)
    (kept,) = cut.wire.invoices
    assert [row["line_no"] for row in kept.rows["line_items"]] == [str(at) for at in range(1, 21)]
    assert (cut.open_table, cut.looped) == ("line_items", False)
    assert kept.scalars["invoice_number"] == "A-1"


def test_a_cut_at_every_character_gives_no_broken_row():
    text = answer([line(at, description='5" {brass}, [x]\\') for at in range(1, 4)])
    for end in range(0, len(text), 7):
        wire = read_cut_answer(text[:end], rows=None).wire
        for kept in wire.invoices if wire else ():
            assert all(row["net_amount"] == "10.00" for row in kept.rows["line_items"])


@pytest.mark.parametrize("text", ["", "{", '{"document_status": "invoice"', "not JSON at all", "]}", '"\\'])
def test_an_answer_without_an_invoice_keeps_nothing(text):
    assert read_cut_answer(text, rows=None).wire is None


@pytest.mark.parametrize("group", [1, 2, 5])
def test_rows_that_repeat_are_a_loop_and_stand_once(group):
    good = [line(at) for at in range(1, 11)]
    loop = [{**good[-1 - at % group], "line_no": str(11 + at)} for at in range(40 * group)]
    cut = read_cut_answer(answer(good + loop)[:-1500], rows=12)
    assert cut.looped
    assert len(cut.wire.invoices[0].rows["line_items"]) <= 10 + group


def test_rows_that_repeat_as_often_as_the_page_may_have_them_are_no_loop():
    text = answer([line(at, description="Parking") for at in range(1, 41)])
    cut = read_cut_answer(text[: text.rindex("Parking")], rows=45)
    assert not cut.looped
    assert len(cut.wire.invoices[0].rows["line_items"]) == 39


@pytest.mark.parametrize("piece", ["x", " very", "0", "\n\n", "lorem ipsum dolor sit amet "])
def test_a_value_that_repeats_itself_is_a_loop(piece):
    text = answer([line(1), line(2, description="A" + piece * 2_000)])
    cut = read_cut_answer(text[: text.index(json.dumps(piece * 8)[1:-1]) + 1_501], rows=30)
    assert cut.looped
    assert [row["line_no"] for row in cut.wire.invoices[0].rows["line_items"]] == ["1"]


@pytest.mark.parametrize("text", ['"', '"\\', "\\", "[", '{"a":', "a", '{"document_status":"invoice","invoices":['])
def test_hostile_text_takes_no_time(text):
    started = time.process_time()
    read_cut_answer(text * (300_000 // len(text)), rows=None)
    assert time.process_time() - started < 5
