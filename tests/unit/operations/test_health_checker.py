import threading
import time

import pytest

from shared_code.operations.health_checker import CheckResult, SystemHealthChecker, cached, public_view

KEY = "AIza" + "SyPlantedKey0123456789abcdefghijklm"


def fail():
    raise RuntimeError(f"cannot reach with {KEY}")


def test_the_result_has_the_seeds_shape():
    checker = SystemHealthChecker()
    checker.add_check("cpu", lambda: True)
    checker.add_check("memory", lambda: 0)
    checker.add_check("api", fail)
    checker.add_check("disk", lambda: CheckResult({"percent": 12.5}))
    result = checker.run_checks()
    assert set(result) == {"timestamp", "checks", "overall_status", "health_percentage"}
    assert result["timestamp"].startswith("20")
    assert result["checks"] == {
        "cpu": {"status": "healthy", "result": True},
        "memory": {"status": "unhealthy", "result": 0},
        "api": {"status": "error", "error": "RuntimeError: cannot reach with ***"},
        "disk": {"status": "healthy", "result": {"percent": 12.5}},
    }
    assert result["overall_status"] == "degraded"
    assert result["health_percentage"] == 50.0


def test_all_well_is_healthy():
    checker = SystemHealthChecker()
    checker.add_check("a", lambda: True)
    checker.add_check("b", lambda: CheckResult(healthy=True))
    result = checker.run_checks()
    assert (result["overall_status"], result["health_percentage"]) == ("healthy", 100.0)


def test_no_checks_is_no_division_by_zero():
    result = SystemHealthChecker().run_checks()
    assert (result["checks"], result["overall_status"], result["health_percentage"]) == ({}, "healthy", 100.0)


def test_a_check_of_the_same_name_is_replaced():
    checker = SystemHealthChecker()
    checker.add_check("a", fail)
    checker.add_check("a", lambda: True)
    assert list(checker.run_checks()["checks"]) == ["a"]
    assert checker.run_checks()["overall_status"] == "healthy"


def test_checks_run_side_by_side():
    """Each waits for the other: one after the other they would never end."""
    barrier = threading.Barrier(3, timeout=5)
    checker = SystemHealthChecker()
    for name in "abc":
        checker.add_check(name, lambda: barrier.wait() >= 0)
    assert checker.run_checks()["overall_status"] == "healthy"


def test_a_check_that_hangs_is_cut_at_its_limit_and_costs_one_thread():
    release = threading.Event()
    started = []

    def hang():
        started.append(1)
        return release.wait(10)

    checker = SystemHealthChecker(time_limit_seconds=5)
    checker.add_check("slow", hang, time_limit_seconds=0.05)
    checker.add_check("quick", lambda: True)
    began = time.perf_counter()
    results = [checker.run_checks() for _ in range(4)]
    assert time.perf_counter() - began < 4, "it hangs for 10 s"
    assert results[0]["checks"]["slow"] == {"status": "error", "error": "No answer within 0.05 s"}
    assert all(result["checks"]["slow"]["status"] == "error" for result in results)
    assert all(result["checks"]["quick"]["status"] == "healthy" for result in results)
    assert results[0]["overall_status"] == "degraded"
    assert len(started) == 1
    release.set()
    deadline = time.monotonic() + 5
    while len(started) < 2 and time.monotonic() < deadline:
        result = checker.run_checks()
    assert len(started) == 2, "once it has ended it is asked again"
    assert result["checks"]["slow"]["status"] == "healthy"


def test_a_result_is_kept_for_as_long_as_the_caller_accepts():
    now = [100.0]
    asked = []
    checker = SystemHealthChecker(clock=lambda: now[0])
    checker.add_check("a", lambda: asked.append(1) or True)
    first = checker.run_checks()
    now[0] += 4
    assert checker.run_checks(max_age_seconds=5) is first
    now[0] += 2
    assert checker.run_checks(max_age_seconds=5) is not first
    checker.run_checks()
    assert len(asked) == 3


def test_callers_without_a_login_see_statuses_only():
    checker = SystemHealthChecker()
    checker.add_check("api", fail)
    checker.add_check("keys", lambda: CheckResult({"usable_keys": 7}))
    seen = public_view(checker.run_checks())
    assert seen["checks"] == {"api": {"status": "error"}, "keys": {"status": "healthy"}}
    assert set(seen) == {"timestamp", "checks", "overall_status", "health_percentage"}


def test_an_expensive_check_is_asked_seldom_and_sooner_after_a_bad_answer():
    now, answers = [0.0], [CheckResult(healthy=False), CheckResult(), CheckResult()]
    asked = []
    check = cached(lambda: asked.append(now[0]) or answers[len(asked) - 1], seconds=300, clock=lambda: now[0])
    for moment in (0, 10, 31, 300, 330, 332):
        now[0] = float(moment)
        check()
    assert asked == [0.0, 31.0, 332.0]


def test_a_failure_of_an_expensive_check_is_not_kept():
    outcomes = [fail, lambda: True]

    def ask():
        outcome = outcomes.pop(0)
        return outcome()

    check = cached(ask, seconds=300)
    with pytest.raises(RuntimeError):
        check()
    assert check() is True
