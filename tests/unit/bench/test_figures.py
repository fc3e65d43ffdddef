"""What the bench makes of its measurements: percentiles, differences and shares, tables and the picture."""

import xml.etree.ElementTree as ET

import pytest

from bench.figures import percentile
from bench.service import chart, output, report, summary
from bench.service.cells import FLOOR, FULL, HTTP, PIPELINE, QUICK
from bench.service.children import BenchFailed


def way(*rounds, service=10.0, trips=None):
    """``rounds`` are (p50 ms, p99 ms, calls/s)."""
    return {
        "rounds": [
            {"p50_ms": p50, "p95_ms": p99, "p99_ms": p99, "calls_per_second": rate, "busy": 0.5}
            for p50, p99, rate in rounds
        ],
        "cpu_ms": {"service": service, "children": 5.0, "others": 1.0},
        "memory_mb": {"service": 180.0, "child": 40.0},
        "round_trips": trips,
    }


def results(title="one-page PDF, model 50 ms, 1 caller, SQLite"):
    """The second round was slow for both: compared with each other, the ways do not differ in it."""
    ways = {
        FLOOR: way((50, 60, 20), (500, 900, 2), (50, 60, 20), service=7.0),
        PIPELINE: way((60, 90, 15), (510, 930, 1.5), (61, 90, 16), trips=18.0),
        HTTP: way((70, 99, 10), (520, 940, 1.0), (71, 99, 10), service=20.0),
    }
    return {
        "machine": {"cores": 2, "cpu": "a <chip>", "memory_gb": 24, "python": "3.13.0", "commit": "abc", "load": 0.1, "date": "2026-01-01"},
        "starts": {"import_platform_seconds": 0.1, "import_all_seconds": 0.25, "first_answer_seconds": 1.5},
        "capacity": {"requests_per_second": 7000.0, "cpu_ms": 0.09, "sdk_calls_per_second": 140.0, "ratio": 50.0},
        "cells": [{"cell": {"title": title, "calls": 30}, "rounds": 3, "ways": ways}],
        "full": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1), (0.01, 1), (0.5, 50), (0.501, 51), (0.95, 95), (0.99, 99), (1.0, 100)]
)
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(share, expected):
    assert percentile(list(range(100, 0, -1)), share) == expected


def test_a_percentile_of_one_value_is_that_value():
    assert [percentile([7.0], share) for share in (0.0, 0.5, 1.0)] == [7.0, 7.0, 7.0]


def test_each_round_is_compared_with_the_floor_of_the_same_round():
    floor, pipeline, http = summary.rows(results()["cells"][0])
    assert (floor.added, floor.share, floor.p50_ms) == (None, 1.0, 50)
    assert pipeline.added == (10, 30, 30)
    assert pipeline.share == 0.75
    assert (http.added[0], http.share, http.calls_per_second) == (20, 0.5, 10)
    assert (pipeline.round_trips, http.round_trips) == (18.0, None)


def test_without_a_floor_the_whole_time_is_ours_and_there_is_no_share():
    measured = results()["cells"][0]
    del measured["ways"][FLOOR]
    pipeline, _ = summary.rows(measured)
    assert pipeline.added == (61, 90, 90)
    assert pipeline.share is None
    assert "no floor" in report.terminal(measured)


def test_what_is_printed_fits_a_terminal_of_80_columns():
    measured = results()["cells"][0]
    for figures in measured["ways"].values():
        for each in figures["rounds"]:
            each["p99_ms"] *= 12
    lines = [*report.terminal(measured).splitlines(), *(cell.title for cell in FULL)]
    assert [line for line in lines if len(line) > 80] == []


def test_the_markdown_has_a_line_per_way_with_as_many_columns_as_the_head():
    table = [line for line in report.markdown(results("a | b")).splitlines() if line.startswith("|")]
    assert len(table) == 2 + 3
    assert {line.replace("\\|", "").count("|") for line in table} == {table[0].count("|")}
    assert "| +10.0 | +30.0 | +30.0 | 15.0 | 75 % |" in table[3]


def test_the_remarks_say_how_far_the_stand_in_is_from_being_what_is_measured():
    said = " ".join(report.remarks(results()))
    assert "7,000 requests/s" in said
    assert "50.0 times what the bare SDK asks at 64 callers (140 calls/s)" in said
    assert "2.5 times azure.functions" in said


def test_the_picture_is_well_formed_and_escapes_what_it_shows():
    root = ET.fromstring(chart.svg(results("<script>&\"'")))
    texts = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "<script>&\"'" in texts
    assert "75.0 %" in texts
    widths = [
        float(node.get("width"))
        for node in root.iter("{http://www.w3.org/2000/svg}rect")
        if "%" not in node.get("width")
    ]
    assert max(widths) <= 290


def test_the_picture_can_be_drawn_without_a_single_figure():
    ET.fromstring(chart.svg(results() | {"cells": []}))


def test_publishing_replaces_what_stands_between_the_marks_and_nothing_else(tmp_path):
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{output.BEGIN}\nstale\n{output.END}\nafter\n")
    output.publish(results(), page)
    output.publish(results(), page)
    text = page.read_text()
    assert text.startswith(f"before\n{output.BEGIN}\n")
    assert text.endswith(f"{output.END}\nafter\n")
    assert "stale" not in text
    assert text.count("| SDK alone |") == 1
    assert "(performance.svg)" in text
    ET.parse(tmp_path / "performance.svg")


def test_a_page_without_marks_is_left_alone(tmp_path):
    page = tmp_path / "performance.md"
    page.write_text("nothing\n")
    with pytest.raises(BenchFailed, match="no place"):
        output.publish(results(), page)
    assert page.read_text() == "nothing\n"


def test_the_page_in_the_project_has_its_place():
    text = output.PAGE.read_text(encoding="utf-8")
    assert text.index(output.BEGIN) < text.index(output.END)


def test_a_run_leaves_three_files_of_one_name(tmp_path):
    written = output.write(results(), tmp_path)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".md", ".svg"]
    assert {path.stem for path in tmp_path.iterdir()} == {written.stem}


def test_every_cell_differs_from_the_base_case_in_one_thing_and_crowds_in_one_more():
    base, *others = FULL
    for cell in others:
        names = ("kind", "latency_ms", "callers", "database")
        differ = [name for name in names if getattr(cell, name) != getattr(base, name)]
        assert len(differ) == 1 or (len(differ) == 2 and "callers" in differ), cell
    assert [cell.title for cell in QUICK] == [base.title]
