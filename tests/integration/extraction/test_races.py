"""Many callers in several processes: no overspend, no document paid for twice."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import chain
from typing import Any, NamedTuple, Self

import pytest
from sqlalchemy import Select, select

from shared_code import errors
from shared_code.database import tables
from shared_code.database.connection import Database
from shared_code.records import UsageKind

from .conftest import SAMPLES
from .worker import Job, run_all

SAMPLE = SAMPLES / "ghana-vat-invoice.pdf"


class Crowd(NamedTuple):
    """Who calls at once."""

    processes: int
    threads: int


#: ``dev.py soak soak/test_races.py`` has 64 callers on each database
_CROWDS = {"sqlite": Crowd(4, 16), "postgresql": Crowd(2, 12), "mssql": Crowd(2, 12)}


@pytest.fixture
def crowd(database) -> Crowd:
    return _CROWDS[database.dialect]


class Watch:
    """Reads over a connection of its own, all the time. Use it as a context manager."""

    def __init__(self, database: Database, query: Select[Any]) -> None:
        self._database, self._query = database, query
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.samples: list[Sequence[Any]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            # One that waited too long behind the writers is no sample; the next one sees as much.
            with contextlib.suppress(errors.DatabaseUnavailable), self._database.reading() as connection:
                self.samples.append(connection.execute(self._query).all())
            time.sleep(0.02)


def race(environment, *, processes: int, numbers: Callable[[int], Sequence[int]], **job: Any) -> list[dict]:
    jobs = [Job(environment, SAMPLE, numbers(process), **job) for process in range(processes)]
    with ExitStack() as stack:
        workers = [stack.enter_context(worker) for worker in run_all(jobs)]
        return [result for worker in workers for result in worker.results()]


def race_of_all(pipeline, environment, crowd: Crowd, **job: Any) -> tuple[list[dict], list[dict]]:
    """Those served and those refused; for these no model call may have been made."""
    before = len(pipeline.gemini.calls())
    numbers = [range(crowd.threads * process, crowd.threads * (process + 1)) for process in range(crowd.processes)]
    results = race(environment, processes=crowd.processes, numbers=numbers.__getitem__, threads=crowd.threads, **job)
    served = [result for result in results if result["status"] == "ok"]
    refused = [result for result in results if result["status"] == "QUOTA_EXCEEDED"]
    assert len(served) + len(refused) == crowd.processes * crowd.threads
    assert served
    # The limit of a key that is used up does not pass: then there is no time to come back.
    assert all(bool(result["retry_after"]) is result["retryable"] for result in refused)
    assert len(pipeline.gemini.calls()) - before == len(served)
    return served, refused


def typical_call(pipeline) -> int:
    pipeline.add_key(company="PROBE")
    pipeline.extract(SAMPLE.read_bytes(), company="PROBE")
    return pipeline.rows()[0].TotalTokensUsed


@pytest.mark.long
def test_callers_in_several_processes_never_pass_the_limit_of_a_key(pipeline, environment, crowd):
    pipeline.gemini.latency(50)
    limit = typical_call(pipeline) * 10
    key = pipeline.add_key(limit=limit)
    table = tables.token_usage_summary
    query = select(table.c.TotalUsedTokens + table.c.ReservedTokens).where(table.c.TokenID == key.token_id)
    with Watch(pipeline.services.database, query) as watch:
        served, _ = race_of_all(pipeline, environment, crowd)
    samples = [used for (used,) in chain.from_iterable(watch.samples)]
    print(f"{len(served)} served, {len(samples)} samples, highest {max(samples)} of {limit}")
    assert len(samples) > 20
    assert max(samples) <= limit
    summary = pipeline.summary(key.token_id)
    assert summary.ReservedTokens == 0
    assert summary.TotalUsedTokens == sum(result["total_tokens"] for result in served) <= limit


@pytest.mark.long
def test_callers_in_several_processes_never_pass_the_quota_of_company_branch_or_user(pipeline, environment, crowd):
    pipeline.gemini.latency(50)
    typical = typical_call(pipeline)
    key = pipeline.add_key(limit=None)
    limits = {("company", ""): 10}
    limits |= {("branch", f"branch-{number}"): 7 for number in range(2)}
    limits |= {("user", f"user-{number}"): 4 for number in range(4)}
    for (scope, subject), calls in limits.items():
        pipeline.set_quota(scope, subject, daily=typical * calls)
    table = tables.quota_counters
    query = select(table.c.CounterID, table.c.LimitTokens, table.c.UsedTokens + table.c.ReservedTokens)
    with Watch(pipeline.services.database, query) as watch:
        served, refused = race_of_all(pipeline, environment, crowd, branches=2, users=4)
    samples = list(chain.from_iterable(watch.samples))
    fullest = max(used / limit for _, limit, used in samples)
    scopes = Counter(result["details"].get("scope") for result in refused)
    print(f"{len(served)} served, {len(samples)} samples, fullest counter {fullest:.0%}, refused by {scopes}")
    assert len(watch.samples) > 20
    assert fullest <= 1
    used = sum(result["total_tokens"] for result in served)
    assert pipeline.summary(key.token_id).TotalUsedTokens == used
    counters = pipeline.rows(table)
    assert all(row.ReservedTokens == 0 for row in counters)
    assert sum(row.UsedTokens for row in counters) == 3 * used


def test_a_key_with_room_for_ten_typical_calls_serves_nine_one_after_another(pipeline):
    typical = typical_call(pipeline)
    key = pipeline.add_key(limit=typical * 10)
    served = 0
    with contextlib.suppress(errors.QuotaExceeded):
        for _ in range(10):
            pipeline.extract()
            served += 1
    assert served >= 9
    assert pipeline.summary(key.token_id).TotalUsedTokens <= typical * 10


@pytest.mark.long
def test_ten_identical_uploads_at_once_cost_one_call(pipeline, environment):
    pipeline.gemini.latency(300)
    pipeline.add_key()
    results = race(environment, processes=2, numbers=lambda _process: [0] * 5, threads=5)
    assert [result["status"] for result in results] == ["ok"] * 10
    assert all(result["invoices"] == results[0]["invoices"] for result in results)
    assert len(pipeline.gemini.calls()) == 1
    assert sorted(result["total_tokens"] for result in results)[:9] == [0] * 9
    rows = pipeline.rows()
    assert [row.Kind for row in rows] == [UsageKind.USAGE] * 10
    assert sorted(row.Outcome for row in rows) == ["cached"] * 9 + ["ok"]
