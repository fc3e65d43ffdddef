"""The service as it is simulated: nothing is lost, no limit is passed, and what was measured comes out again."""

from collections import Counter
from dataclasses import replace

import pytest

from bench.simulation import report, run, upload
from bench.simulation.check import closed_loop, published
from bench.simulation.inputs import NO_LIMITS, Deployment, Figures, Load, Tier
from bench.simulation.provider import Project
from bench.simulation.run import make_world, simulate
from bench.simulation.scenarios import LARGER, SCENARIOS

#: a minute that is not counted, and one that is
SHORT = Load(20_000, companies=20, largest_share=0.3, seconds=120.0)
ONE_COMPANY = replace(SHORT, companies=1, largest_share=1.0)
SMALL = Deployment(instances=2, tier=NO_LIMITS)
#: a model that answers at once lets a small load fill what is behind it
FAST = Figures(model_seconds=0.05, failures=0.0)


@pytest.mark.parametrize(
    ("load", "size"),
    [
        (SHORT, SMALL),
        (replace(SHORT, burst=5.0), SMALL),
        (replace(SHORT, per_hour=400_000), replace(SMALL, most=3, seats=30)),
        (ONE_COMPANY, replace(SMALL, tier=Tier("", 1e9, 200_000, 1e9), keys=2)),
        (replace(SHORT, quotas=3), replace(SMALL, pool=1, workers=2)),
    ],
    ids=["steady", "bursts", "too much", "short of tokens", "short of connections"],
)
def test_every_upload_that_came_was_served_or_refused_or_is_in_work(load, size):
    found = simulate(load, size)
    assert found.arrived == found.served + found.refused_in_all.total() + found.waiting
    assert found.served > 0
    assert found.arrived == pytest.approx(load.per_hour / 3600 * load.seconds, rel=0.1)


@pytest.mark.parametrize(
    ("tier", "seconds", "most_calls"),
    [
        (Tier("", 50, 1e12, 1e9), 60.0, 50),
        (Tier("", 1e9, 180_000, 1e9), 60.0, 50),
        (Tier("", 1e9, 1e12, 0.8), 600.0, 190),
    ],
    ids=["requests", "tokens", "dollars"],
)
def test_no_key_is_given_more_than_its_limits_in_any_window(tier, seconds, most_calls, monkeypatch):
    taken, ask = Counter(), Project.ask

    def watched(project):
        wait = ask(project)
        if wait is None:
            taken[id(project), project._clock.now // seconds] += 1
        return wait

    monkeypatch.setattr(Project, "ask", watched)
    found = simulate(replace(ONE_COMPANY, seconds=1_200.0), replace(SMALL, keys=3, tier=tier), seed=2)
    assert len({project for project, _ in taken}) == 3
    assert max(taken.values()) == most_calls
    assert found.refused[upload.RATE_LIMITED] > 0
    assert found.used[0] == ("provider's limit", pytest.approx(1.0, abs=0.3))


def test_keys_of_other_projects_take_what_one_cannot():
    one, three = (simulate(ONE_COMPANY, replace(SMALL, tier=Tier("", 1e9, 800_000, 1e9), keys=keys)) for keys in (1, 3))
    assert one.refused[upload.RATE_LIMITED] > 0.2 * one.counted
    assert not three.refused
    assert report.lever(one) == report.LEVERS["provider's limit"]
    assert report.lever(three) == "nothing"


def test_the_same_seed_gives_the_same_result_and_another_one_another():
    load = replace(SHORT, burst=5.0)
    first, second, other = (simulate(load, SMALL, seed=seed) for seed in (7, 7, 8))
    assert first == second
    assert first != other
    assert report.line(replace(SCENARIOS[0], load=load), first) == report.line(replace(SCENARIOS[0], load=load), second)


def test_one_key_is_no_faster_than_its_row():
    size = replace(LARGER, instances=2, most=2, tier=NO_LIMITS)
    figures = replace(FAST, own_cpu=0.001, child_cpu=0.001)
    found = simulate(replace(ONE_COMPANY, per_hour=400_000, seconds=60.0), size, figures)
    share = figures.locked_trips / sum(figures.trips) * figures.database_cpu
    held = 2 * (figures.locked_trips * size.trip_seconds + share + size.commit_seconds)
    assert found.per_second == pytest.approx(1 / held, rel=0.05)
    assert found.used[0][0] == "key's row"
    assert report.lever(found) == "more keys for that company"


@pytest.mark.parametrize(
    ("changes", "figures", "busiest"),
    [
        ({"database_cores": 1}, replace(FAST, database_cpu=0.4), "database processors"),
        ({"pool": 1, "instances": 1, "most": 1, "commit_seconds": 0.1}, FAST, "connection pools"),
        ({"log_rate": 20_000.0}, FAST, "database log"),
        ({"most": 2}, replace(FAST, own_cpu=0.3), "processors of instances"),
        ({"most": 2, "cores": 8.0}, replace(FAST, own_cpu=0.4), "interpreters"),
        ({"most": 2, "seats": 8}, replace(FAST, model_seconds=9.0), "seats"),
    ],
)
def test_what_is_too_small_is_found_to_be_the_busiest(changes, figures, busiest):
    found = simulate(replace(SHORT, companies=50, largest_share=0.02), replace(SMALL, **changes), figures)
    assert found.used[0][0] == busiest
    assert found.used[0][1] > 0.85
    assert report.lever(found) == report.LEVERS[busiest]


def test_every_kind_of_place_has_a_lever():
    assert set(report.LEVERS) == {name for name, _ in simulate(replace(SHORT, seconds=20.0), SMALL).used}
    assert set(report.LEVERS) == set(run.INNERMOST_FIRST)


def test_more_instances_come_when_more_is_in_work_than_they_should_have():
    found = simulate(replace(SHORT, per_hour=100_000), replace(SMALL, instances=1))
    assert 6 <= found.instances <= 14
    assert simulate(replace(SHORT, per_hour=100_000), replace(SMALL, instances=1, most=3)).instances == 3


def test_a_company_gets_two_thirds_of_the_seats_and_another_the_rest():
    world = make_world(SHORT, replace(SMALL, instances=1, seats=30), Figures(), 1)
    worker = world.fleet.route()
    assert sum(worker.let_in(1, 1_000) is not None for _ in range(30)) == 20
    assert sum(worker.let_in(2, 1_000) is not None for _ in range(30)) == 10


MEASURED = [pytest.param(callers, found, id=f"{callers} callers, {way}") for way, callers, found in published()]


def test_the_page_of_measurements_is_read():
    assert len(MEASURED) >= 6


@pytest.mark.parametrize(("callers", "measured"), MEASURED)
def test_what_was_measured_comes_out_within_a_quarter(callers, measured):
    rate, p50 = closed_loop(measured, callers)
    assert rate == pytest.approx(measured.per_second, rel=0.25)
    assert p50 == pytest.approx(measured.p50, rel=0.25)


def test_the_page_says_how_the_simulation_compares_with_what_was_measured():
    begin, end = report.marks("check")
    shown = report.PAGE.read_text(encoding="utf-8").partition(begin)[2].partition(end)[0].strip()
    assert shown == report.checks()


def test_the_page_has_a_row_for_each_scenario():
    begin, end = report.marks("loads")
    table = report.PAGE.read_text(encoding="utf-8").partition(begin)[2].partition(end)[0].strip().splitlines()
    assert "\n".join(table[:2]) == report.heading()
    empty = simulate(replace(SHORT, per_hour=3_600, seconds=5.0), SMALL)
    expected = [report.line(scenario, empty).split("|")[1:5] for scenario in SCENARIOS]
    assert [row.split("|")[1:5] for row in table[2:]] == expected
