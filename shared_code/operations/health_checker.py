"""Runs named health checks side by side, each within its time limit.

The result has the seed's shape. A check is any callable whose answer is truthy when things are well; the built-in ones
(``health_checks``) answer with a :class:`CheckResult`, which carries the measured values too. A check that hangs costs
one thread, however often health is asked for, because it is not started again while it runs.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shared_code.observability.redaction import redact

Check = Callable[[], Any]

_MAX_ERROR_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A check's answer with the values that it was made from; truthy when things are well."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    healthy: bool = True

    def __bool__(self) -> bool:
        return self.healthy


@dataclass(slots=True)
class _Registered:
    name: str
    check: Check
    limit_seconds: float
    running: "_CheckRun | None" = None


class _CheckRun:
    """One run of one check, in a thread that nobody waits for longer than the limit."""

    def __init__(self, check: Check, *, name: str, clock: Callable[[], float]) -> None:
        self._check = check
        self._clock = clock
        self.started = clock()
        self.entry: dict[str, Any] | None = None
        self.done = threading.Event()
        # A daemon: a check that hangs must not keep the process from ending.
        threading.Thread(target=self._run, name=f"health-{name}", daemon=True).start()

    def seconds(self) -> float:
        return self._clock() - self.started

    def _run(self) -> None:
        try:
            answer = self._check()
            result = dict(answer.facts) if isinstance(answer, CheckResult) else answer
            self.entry = {"status": "healthy" if answer else "unhealthy", "result": result}
        except Exception as error:  # noqa: BLE001 - a check may fail in any way; that is its answer
            text = redact(f"{type(error).__name__}: {error}")
            self.entry = {"status": "error", "error": text[:_MAX_ERROR_CHARACTERS]}
        finally:
            self.done.set()


class SystemHealthChecker:
    """Keeps the checks and runs them.

    :param time_limit_seconds: for a check that has no limit of its own.
    :param clock: monotonic seconds.
    """

    def __init__(self, *, time_limit_seconds: float = 5.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._time_limit = time_limit_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._registered: dict[str, _Registered] = {}
        self._latest: tuple[float, dict[str, Any]] | None = None

    def add_check(self, name: str, check_func: Check, *, time_limit_seconds: float | None = None) -> None:
        """Add a check, or replace the one of that name. Its answer is healthy when it is truthy."""
        with self._lock:
            self._registered[name] = _Registered(name, check_func, time_limit_seconds or self._time_limit)

    def run_checks(self, *, max_age_seconds: float = 0.0) -> dict[str, Any]:
        """Run all checks and return the seed's result; never raises, and takes no longer than the longest limit.

        ``timestamp`` (ISO, UTC), ``checks`` (name -> ``status`` healthy or unhealthy with ``result``, or ``status``
        error with ``error``), ``overall_status`` (healthy or degraded), ``health_percentage`` (0 to 100).

        :param max_age_seconds: a result that is no older is returned again, so that a caller without a login cannot
            load the database.
        """
        with self._lock:
            if self._latest and self._clock() - self._latest[0] < max_age_seconds:
                return self._latest[1]
            registered = list(self._registered.values())
            runs = [(item, *self._start(item)) for item in registered]
        asked = self._clock()
        checks = {item.name: self._wait(item, run, fresh, asked) for item, run, fresh in runs}
        result = _summary(checks)
        with self._lock:
            self._latest = (self._clock(), result)
        return result

    def _start(self, item: _Registered) -> tuple[_CheckRun, bool]:
        if item.running is not None and not item.running.done.is_set():
            return item.running, False
        item.running = _CheckRun(item.check, name=item.name, clock=self._clock)
        return item.running, True

    def _wait(self, item: _Registered, run: _CheckRun, fresh: bool, asked: float) -> dict[str, Any]:  # noqa: FBT001
        over = not fresh and run.seconds() > item.limit_seconds
        if not over:
            run.done.wait(max(item.limit_seconds - (self._clock() - asked), 0.0))
        if run.entry is not None:
            return run.entry
        if over:
            return {"status": "error", "error": f"Still running after {run.seconds():.0f} s"}
        return {"status": "error", "error": f"No answer within {item.limit_seconds:g} s"}


def public_view(result: Mapping[str, Any]) -> dict[str, Any]:
    """The result for callers without a login: per check only its status."""
    return {**result, "checks": {name: {"status": check["status"]} for name, check in result["checks"].items()}}


def cached(
    check: Check,
    *,
    seconds: float,
    unhealthy_seconds: float = 30.0,
    clock: Callable[[], float] = time.monotonic,
) -> Check:
    """The check, asked at most once in ``seconds``: for one that costs something.

    A bad answer is kept for ``unhealthy_seconds`` only, so that recovery shows soon; an exception is not kept.
    """
    lock = threading.Lock()
    kept: list[tuple[float, Any]] = []

    def ask() -> Any:
        with lock:
            if kept and clock() < kept[0][0]:
                return kept[0][1]
            answer = check()
            kept[:] = [(clock() + (seconds if answer else min(seconds, unhealthy_seconds)), answer)]
            return answer

    return ask


def rationed(check: Check, *, per_second: int, clock: Callable[[], float] = time.monotonic) -> Check:
    """The check, asked at most so often in any second: beyond that the last answer, or error, is given again."""
    lock = threading.Lock()
    asked: deque[float] = deque(maxlen=per_second)
    last: list[Future[Any]] = []

    def ask() -> Any:
        with lock:
            if len(asked) < per_second or clock() - asked[0] >= 1.0:
                asked.append(clock())
                answer: Future[Any] = Future()
                try:
                    answer.set_result(check())
                except Exception as error:  # noqa: BLE001 - told to each who asks
                    answer.set_exception(error)
                last[:] = [answer]
            return last[0].result()

    return ask


def _summary(checks: dict[str, dict[str, Any]]) -> dict[str, Any]:
    healthy = sum(check["status"] == "healthy" for check in checks.values())
    return {
        "timestamp": datetime.now(UTC).isoformat(),
        "checks": checks,
        "overall_status": "healthy" if healthy == len(checks) else "degraded",
        "health_percentage": healthy / len(checks) * 100 if checks else 100.0,
    }
