"""20,000 calls with faults, and a flood of one company beside single calls of another; for an idle machine.

``SOAK_CALLS`` says how many instead. ``FUNCTIONS_WORKER_PROCESS_COUNT`` is that of the caller's shell.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

import pytest

from bench import documents, rig
from bench.documents import ROOT
from bench.figures import percentile
from bench.service.callers import Order
from bench.service.children import LocalStack, Worker
from bench.service.model import Model
from bench.service.roles import Tree

CALLS = int(os.environ.get("SOAK_CALLS", "20000"))
CALLERS, FLOOD_CALLERS = 32, 64
PART = max(CALLS // 20, 1)
FAULT_EVERY = 100
LATENCY_MS = 50
MOST_DIFFERENCE, MOST_SLOWDOWN = 0.10, 2.5
SINGLE = "SINGLE"


class Rig(NamedTuple):
    model: Model
    stack: LocalStack
    service: Tree
    #: clients of the company that floods, and of the other one
    flood: Worker
    single: Worker

    def rows(self, sql: str) -> list[tuple]:
        path = self.stack.settings()["DATABASE_URL"].removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, timeout=20)) as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture
def measured(tmp_path: Path) -> Iterator[Rig]:
    with ExitStack() as ending:
        documents.build(tmp_path)
        model = Model(ending.enter_context(rig.gemini()))
        stack = LocalStack(
            tmp_path / "stack",
            gemini_url=model.url,
            database=None,
            env={"APPLICATIONINSIGHTS_CONNECTION_STRING": model.connection_string},
        )
        ending.callback(stack.end)
        pids = stack.wait_until_ready()
        for company in (rig.COMPANY, SINGLE):
            add = [sys.executable, "-c", f"from bench.rig import add_key; add_key({company!r})"]
            subprocess.run(add, cwd=ROOT, env=os.environ | stack.settings(), check=True)
        clients = [
            Worker("upload", tmp_path, stack.port, company, log=tmp_path / "client.log")
            for company in (rig.COMPANY, SINGLE)
        ]
        for client in clients:
            ending.callback(client.end)
        yield Rig(model, stack, Tree(pids["host"]), *clients)
    shutil.rmtree(tmp_path, ignore_errors=True)


def test_no_call_of_many_is_lost_or_doubled_and_the_last_are_as_quick_as_the_first(measured):
    measured.flood.run(Order("page", 1, 4 * CALLERS, CALLERS))
    first, rates = 4 * CALLERS + 1, []
    measured.model.set_latency(LATENCY_MS)
    measured.model.set_fault_every(FAULT_EVERY)
    while first <= CALLS + 4 * CALLERS:
        timing = measured.flood.run(Order("page", first, PART, CALLERS))
        first += PART
        rates.append(PART / timing.wall_seconds)
        print(f"{first - 1 - 4 * CALLERS} calls: {rates[-1]:.1f} calls/s", flush=True)
    measured.model.set_fault_every(0)
    counts, memory = measured.model.counts(), measured.service.peaks()
    kinds = dict(measured.rows('SELECT "Kind", COUNT(*) FROM "TokenUsageLogs" GROUP BY "Kind"'))
    ((runs,),) = measured.rows('SELECT COUNT(DISTINCT "CallID") FROM "TokenUsageLogs" WHERE "Kind" = \'usage\'')
    ((used, reserved),) = measured.rows('SELECT SUM("TotalUsedTokens"), SUM("ReservedTokens") FROM "TokenUsageSummary"')
    ((logged,),) = measured.rows('SELECT SUM("TotalTokensUsed") FROM "TokenUsageLogs"')
    print(
        f"{counts['calls']} answers and {counts['faults']} faults of the model ({counts['cut']} cut off); rows {kinds}; "
        f"first {rates[0]:.1f}, last {rates[-1]:.1f} calls/s; MB: service {memory.own:.0f}, child {memory.child:.0f}"
    )
    assert counts["faults"] >= CALLS // FAULT_EVERY
    assert counts["calls"] == first - 1
    assert counts["doubled"] == 0
    assert kinds == {"usage": first - 1} | ({"unmeasured": counts["cut"]} if counts["cut"] else {})
    assert runs == first - 1
    assert (used, reserved) == (logged, 0)
    assert abs(rates[-1] / rates[0] - 1) <= MOST_DIFFERENCE or CALLS < 2_000


def test_a_flood_of_one_company_slows_single_calls_of_another_to_two_and_a_half_at_most(measured):
    count = max(min(CALLS // 100, 100), 20)
    for client in (measured.flood, measured.single):
        client.run(Order("page", 1, 2 * FLOOD_CALLERS, 8))
    measured.model.set_latency(LATENCY_MS)
    alone = measured.single.run(Order("page", 10_000, count, 1)).seconds
    over = threading.Event()
    rates: list[float] = []

    def flood() -> None:
        first = 100_000
        while not over.is_set():
            timing = measured.flood.run(Order("page", first, 2 * FLOOD_CALLERS, FLOOD_CALLERS))
            rates.append(2 * FLOOD_CALLERS / timing.wall_seconds)
            first += 2 * FLOOD_CALLERS

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        under = measured.single.run(Order("page", 20_000, count, 1)).seconds
    finally:
        over.set()
        thread.join()
    before, after = percentile(alone, 0.95), percentile(under, 0.95)
    print(
        f"{count} single calls: p95 {before * 1000:.0f} ms alone, {after * 1000:.0f} ms under a flood of {FLOOD_CALLERS} "
        f"callers ({min(rates):.1f} calls/s): {after / before:.2f} times"
    )
    assert after / before <= MOST_SLOWDOWN
