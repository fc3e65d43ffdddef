"""NCrontab and time spans, and what a timer does with its stored status."""

from datetime import datetime, timedelta
from types import MappingProxyType, SimpleNamespace

import pytest

from devstack.host.discovery import TIMER, Binding, FunctionDefinition
from devstack.host.errors import FunctionProblem
from devstack.host.schedules import parse_schedule, parse_time_span
from devstack.host.timers import ScheduleStatus, TimerListener

START = datetime(2026, 11, 21, 21, 37, 30).astimezone()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 */5 * * * *", "2026-11-21T21:40:00"),
        ("*/5 * * * *", "2026-11-21T21:40:00"),
        ("30 37 21 * * *", "2026-11-22T21:37:30"),
        ("*/10 * * * * *", "2026-11-21T21:37:40"),
        ("0 0 0 1 Jan *", "2027-01-01T00:00:00"),
        ("0 0 9 * * mon-fri", "2026-11-23T09:00:00"),
        ("0 0 9 * * Monday-FRIDAY", "2026-11-23T09:00:00"),
        ("0 0 9 * february,Sept *", "2027-02-01T09:00:00"),
        ("0 0 9 * * 0", "2026-11-22T09:00:00"),
        ("0 0 9 */7 * *", "2026-11-22T09:00:00"),
        ("0 0 9 13 * 5", "2027-08-13T09:00:00"),
        ("0 50/3 * * * *", "2026-11-21T21:50:00"),
        ("0 50/1 * * * *", "2026-11-21T21:50:00"),
        ("0 55/1,*/11 * * * *", "2026-11-21T21:44:00"),
        ("0 5/1 */1 * * *", "2026-11-21T22:05:00"),
        ("0 0 9 * * 4-4", "2026-11-26T09:00:00"),
        ("0 7-7/3 9 * 2-2/2,12-12 *", "2026-12-01T09:07:00"),
        ("0 0 0 29 2 0-0", "2032-02-29T00:00:00"),
        ("0 5,10 22-23 * * *", "2026-11-21T22:05:00"),
        ("0 0 0 29 2 *", "2028-02-29T00:00:00"),
        ("00:01:30", "2026-11-21T21:39:00"),
    ],
)
def test_next_time(expression, expected):
    assert parse_schedule(expression).next_after(START).replace(tzinfo=None).isoformat() == expected


@pytest.mark.parametrize(
    "expression",
    ["", "x", "0 60 * * * *", "0 0 0 30 2 *", "* * *", "0 0 0 * * 7", "0 5-1 * * * *", "0 */0 * * * *", "00:00:00"],
)
def test_wrong_schedule(expression):
    with pytest.raises(FunctionProblem):
        parse_schedule(expression)


@pytest.mark.parametrize(
    "expression",
    ["0 0 0 L * *", "0 0 0 ? * *", "0 0 0 * * 5#2", "0 0 0 * * fri-mon", "H * * * * *", "@daily", "0 0 0 * * mondays"],
)
def test_what_other_crons_take_and_azure_refuses(expression):
    with pytest.raises(FunctionProblem):
        parse_schedule(expression)


def test_only_schedules_of_a_minute_and_more_are_remembered():
    frequent = ["*/30 * * * * *", "0,59 * * * * *", "10,20 0 0 1 1 *", "00:00:59"]
    others = ["0 * * * * *", "30 * * * * *", "0 0 3 * * *", "00:01:00"]
    assert [parse_schedule(one).below_one_minute for one in frequent + others] == [True] * 4 + [False] * 4


def test_time_span_of_24_hours_means_24_days():
    assert parse_time_span("24:00:00") == timedelta(days=24)
    assert parse_time_span("1.02:03:04") == timedelta(days=1, hours=2, minutes=3, seconds=4)


class Store:
    """A status that stays in memory."""

    def __init__(self, status=None):
        self.status = status

    def read(self):
        return self.status

    def write(self, status):
        self.status = status


class Runs:
    """Takes the place of the invocations: what a function would have been given."""

    def __init__(self):
        self.payloads = []

    def run(self, _name, inputs, **_options):
        self.payloads.append(inputs[0][1].python_value)


def timer(store, runs=None, schedule="0 0 * * * *", **properties):
    trigger = Binding("timer", TIMER, "in", None)
    function = FunctionDefinition(
        "T",
        None,
        None,
        "main",
        (trigger,),
        trigger,
        MappingProxyType(properties),
        disabled=False,
        config=MappingProxyType({}),
    )
    return TimerListener(function, parse_schedule(schedule), store=store, lock=SimpleNamespace(), invocations=runs)


def test_first_start_is_not_past_due_and_is_remembered():
    store = Store()
    assert not timer(store).check_past_due(START)
    assert store.status == ScheduleStatus(None, START.replace(hour=22, minute=0, second=0), START)


def test_missed_slots_fire_once():
    slot = START.replace(minute=0, second=0)
    store, runs = (
        Store(ScheduleStatus(slot - timedelta(hours=5), slot - timedelta(hours=4), slot - timedelta(hours=5))),
        Runs(),
    )
    listener = timer(store, runs)
    assert listener.check_past_due(START)
    listener.fire(START, past_due=True)
    assert runs.payloads[0]["IsPastDue"] is True
    assert runs.payloads[0]["ScheduleStatus"]["Last"] == (slot - timedelta(hours=5)).isoformat()
    assert store.status.next == slot + timedelta(hours=1)
    assert not timer(store).check_past_due(START)


def test_changed_schedule_starts_afresh():
    slot = START.replace(minute=0, second=0)
    store = Store(ScheduleStatus(slot - timedelta(hours=5), slot - timedelta(hours=4, minutes=30), slot))
    assert not timer(store).check_past_due(START)
    assert store.status == ScheduleStatus(None, slot + timedelta(hours=1), START)


def test_run_a_moment_early_counts_as_its_slot():
    slot = START.replace(hour=22, minute=0, second=0)
    store, runs = Store(ScheduleStatus(None, slot, START)), Runs()
    listener = timer(store, runs)
    listener.check_past_due(START)
    listener.fire(slot - timedelta(milliseconds=20))
    assert store.status == ScheduleStatus(slot, slot + timedelta(hours=1), slot)
    assert runs.payloads[0]["ScheduleStatus"]["Last"] == "0001-01-01T00:00:00"


def test_without_monitor_nothing_is_kept():
    store, runs = Store(), Runs()
    listener = timer(store, runs, usemonitor=False)
    listener.check_past_due(START)
    listener.fire(START)
    assert store.status is None
    assert runs.payloads == [{"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": False}]
