"""Many callers in several processes: no overspend, no document paid for twice."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from shared_code import errors
from shared_code.database import tables

from .conftest import RING, SAMPLES

ROOT = Path(__file__).parents[2]


class Worker:
    """One process of callers; see ``worker.py``."""

    def __init__(self, settings_environment: dict[str, str], **job) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.pipeline.worker", json.dumps(job)],
            cwd=ROOT,
            env={**os.environ, **settings_environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def wait_until_ready(self) -> None:
        assert self.process.stdout.readline().strip() == "ready"

    def go(self) -> None:
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def results(self) -> list[dict]:
        found = []
        for line in self.process.stdout:
            if line.strip() == "done":
                break
            found.append(json.loads(line))
        self.close()
        return found

    def close(self) -> None:
        self.process.wait(timeout=30)
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def environment(database_url, gemini, openai) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "GEMINI_BASE_URL": gemini.url,
        "OPENAI_BASE_URL": f"{openai.url}/v1",
        "TOKEN_ENCRYPTION_KEYS": RING,
        "AzureWebJobsStorage": "",
        "PYTHONWARNINGS": "default",
        "LOG_LEVEL": "WARNING",
        "PYTHON_THREADPOOL_THREAD_COUNT": "64",
    }


def start(environment, processes: int, **job) -> list[Worker]:
    workers = [Worker(environment, **job) for _ in range(processes)]
    for worker in workers:
        worker.wait_until_ready()
    for worker in workers:
        worker.go()
    return workers


def test_64_callers_in_four_processes_never_pass_the_limit_of_a_key(pipeline, environment):
    pipeline.gemini.latency(50)
    pipeline.add_key(company="PROBE")
    pipeline.extract(company="PROBE")
    typical = pipeline.rows()[0].TotalTokensUsed
    limit = typical * 10
    key = pipeline.add_key(limit=limit)
    before = len(pipeline.gemini.calls())
    samples, stop = [], threading.Event()
    table = tables.token_usage_summary

    def watch() -> None:
        while not stop.is_set():
            with pipeline.services.database.reading() as connection:
                row = connection.execute(
                    select(table.c.TotalUsedTokens, table.c.ReservedTokens).where(table.c.TokenID == key.token_id)
                ).one()
            samples.append(row.TotalUsedTokens + row.ReservedTokens)
            time.sleep(0.005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    workers = start(
        environment, 4, documents=[str(SAMPLES / "ghana-vat-invoice.pdf")], unique=True, threads=16, calls=16
    )
    results = [result for worker in workers for result in worker.results()]
    stop.set()
    watcher.join()
    succeeded = [result for result in results if result["status"] == "ok"]
    refused = [result for result in results if result["status"] == "QUOTA_EXCEEDED"]
    print(f"{len(succeeded)} of {len(results)} served, {len(samples)} samples, highest {max(samples)} of {limit}")
    assert len(results) == 64
    assert len(succeeded) + len(refused) == 64
    assert succeeded
    assert max(samples) <= limit
    assert len(samples) > 20
    assert len(pipeline.gemini.calls()) - before == len(succeeded)
    summary = pipeline.summary(key.token_id)
    assert summary.ReservedTokens == 0
    assert summary.TotalUsedTokens == sum(result["total_tokens"] for result in succeeded)
    assert all(result["retry_after"] for result in refused)


def test_a_key_with_room_for_ten_typical_calls_serves_nine_one_after_another(pipeline):
    pipeline.add_key(company="PROBE")
    pipeline.extract(company="PROBE")
    typical = pipeline.rows()[0].TotalTokensUsed
    key = pipeline.add_key(limit=typical * 10)
    served = 0
    with contextlib.suppress(errors.QuotaExceeded):
        for _ in range(10):
            pipeline.extract()
            served += 1
    assert served >= 9
    assert pipeline.summary(key.token_id).TotalUsedTokens <= typical * 10


def test_ten_identical_uploads_at_once_cost_one_call(pipeline, environment):
    pipeline.gemini.latency(300)
    pipeline.add_key()
    workers = start(environment, 2, documents=[str(SAMPLES / "gst-invoice.pdf")], threads=5, calls=5)
    results = [result for worker in workers for result in worker.results()]
    assert [result["status"] for result in results] == ["ok"] * 10
    assert all(result["invoices"] == results[0]["invoices"] for result in results)
    assert len(pipeline.gemini.calls()) == 1
    assert sorted(result["total_tokens"] for result in results)[:9] == [0] * 9
