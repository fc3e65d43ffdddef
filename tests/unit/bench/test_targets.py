"""What many callers are promised is judged by medians, and two workers round by round."""

import pytest

from bench.service.cells import FLOOR, FULL, HTTP, HTTP_TWO, WAYS
from bench.service.targets import lines


def measured(key, **rates):
    ways = {
        way: {"rounds": [{"calls_per_second": rate, "p99_ms": p99, "busy": busy} for rate, p99, busy in rounds]}
        for way, rounds in rates.items()
    }
    return {"cell": {"key": key}, "ways": ways}


@pytest.mark.parametrize(("rate", "word"), [(60.1, "met"), (59.9, "MISSED")])
def test_a_crowd_is_measured_by_the_lesser_of_a_rate_and_a_share_of_the_floor(rate, word):
    (line,) = lines([measured("callers64", **{FLOOR: [(100.0, 0, 1)], HTTP: [(rate, 0, 0.8)]})])
    assert line.startswith(word)
    assert "at least 60.0" in line
    (line,) = lines([measured("callers64", **{FLOOR: [(300.0, 0, 1)], HTTP: [(95.0, 0, 0.8)]})])
    assert line.startswith("met")


@pytest.mark.parametrize(("gain", "busy", "word"), [(1.4, 0.5, "met"), (1.3, 0.5, "MISSED"), (1.0, 0.95, "met")])
def test_two_workers_must_be_quicker_where_cores_are_left(gain, busy, word):
    one = [(10.0, 0, busy), (20.0, 0, busy)]
    two = [(10.0 * gain, 0, 1), (20.0 * gain, 0, 1)]
    (line,) = lines([measured("callers16", **{HTTP: one, HTTP_TWO: two})])
    assert line.startswith(word)
    assert f"{gain:.2f} x one" in line


def test_a_slow_model_and_a_server_have_targets_of_their_own():
    found = list(
        lines(
            [
                measured("callers64", **{FLOOR: [(100.0, 0, 1)], HTTP: [(80.0, 0, 1)]}),
                measured("crowd3000", **{HTTP: [(21.0, 3_500.0, 1)], HTTP_TWO: [(21.0, 3_700.0, 1)]}),
                measured("postgresql64", **{HTTP: [(60.0, 0, 1)]}),
            ]
        )
    )
    assert [line.split()[0] for line in found] == ["met", "MISSED", "met", "MISSED"]
    assert "PostgreSQL, 64 callers: 75% of SQLite" in found[1]


def test_two_workers_are_measured_beside_one_only_where_a_case_says_so():
    assert {cell.key for cell in FULL if HTTP_TWO in cell.ways} == {"callers16"}
    assert FULL[0].ways == WAYS
