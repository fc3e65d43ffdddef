"""The rule for sizes that belong together: what it finds, and what it makes."""

from dataclasses import replace

import pytest

from bench.simulation import report
from bench.simulation.sizes import INSTANCES, Sizes, fitting, problems

GOOD = Sizes(1, 3_584)


def test_a_good_set_breaks_nothing():
    assert problems(GOOD) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"processes": 2}, "more processes than processors"),
        ({"concurrency": 97}, "the platform starts another instance only after BUSY"),
        ({"upload_mb": 100}, "common files do not fill the seats before they fill the memory"),
        ({"upload_mb": 149}, "a file of the largest size is more than a company may hold"),
        ({"threads": 16}, "jobs and dropped files use all threads"),
        ({"connections": 3}, "full seats wait for connections"),
        ({"uploads": 192}, "full seats wait for connections"),
        ({"memory_mb": 2_048}, "everything in work at once is more than the memory"),
        ({"jobs": 24}, "everything in work at once is more than the memory"),
    ],
)
def test_each_part_of_the_rule_can_be_broken(changes, problem):
    assert problem in problems(replace(GOOD, **changes))


def test_on_flex_consumption_jobs_and_uploads_do_not_share_an_instance():
    apart = replace(GOOD, memory_mb=2_048, apart=True)
    assert problems(apart) == []
    assert problems(replace(apart, jobs=24)) == ["everything in work at once is more than the memory"]


@pytest.mark.parametrize("instance", INSTANCES, ids=lambda instance: f"{instance.name} {instance.vcpus}")
def test_what_is_made_for_an_instance_keeps_the_rule(instance):
    assert problems(fitting(instance)) == []


def test_the_page_shows_the_table_that_the_rule_makes():
    begin, end = report.marks("sizes")
    shown = report.PAGE.read_text(encoding="utf-8").partition(begin)[2].partition(end)[0].strip()
    assert shown == report.sizes()
