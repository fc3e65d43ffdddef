"""500 requests and 30 kills per database, random and aimed, with leases that run out by themselves."""

import hashlib
import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.integration.extraction import bad_row
from tests.integration.extraction.audit import audit
from tests.integration.extraction.recovery import repair
from tests.integration.extraction.test_kills import SAMPLE, quiet, with_budgets
from tests.integration.extraction.worker import POINTS, Job, Worker, numbered

REQUESTS = 500
KILLS = 30
AIMED_EACH = 3
BATCH = 15
DEADLINE_SECONDS = 20.0
AT_RANDOM = "at random"


@pytest.fixture
def environment(environment):
    return environment | {"LEASE_MARGIN_SECONDS": "1", "DUPLICATE_WAIT_SECONDS": "2"}


class Storm:
    """Workers two at a time, each on a batch of documents, most of them killed."""

    def __init__(self, environment: dict[str, str], seed: int) -> None:
        self.environment = environment
        self.random = random.Random(seed)
        self.deaths: Counter = Counter()
        self.answers: Counter = Counter()
        self.sent = 0
        self.done: set[int] = set()
        self._lock = threading.Lock()
        self._numbers = iter(range(REQUESTS))
        self._fates: Iterator[str] = itertools.chain(
            self.random.sample(POINTS * AIMED_EACH, len(POINTS) * AIMED_EACH), itertools.repeat(AT_RANDOM)
        )

    def rage(self) -> None:
        """Work on batches until the kills are done."""
        while True:
            with self._lock:
                if self.deaths.total() >= KILLS:
                    return
                fate, numbers = next(self._fates), list(itertools.islice(self._numbers, BATCH))
            self._one(numbers, fate)

    def calm(self) -> None:
        """All that is left, by workers that live."""
        for _ in range(20):
            left = [number for number in range(REQUESTS) if number not in self.done]
            if not left:
                return
            self._one(left[:100], None)
            time.sleep(1)
        raise AssertionError(f"{len(left)} documents are never read")

    def _one(self, numbers: list[int], fate: str | None) -> None:
        hit = self.random.randrange(1, 9)
        aimed = None if fate in (None, AT_RANDOM) else (fate, hit)
        job = Job(
            self.environment,
            SAMPLE,
            numbers,
            threads=6,
            branches=2,
            users=2,
            deadline_seconds=DEADLINE_SECONDS,
            dies_at=aimed,
        )
        with Worker(job) as worker:
            worker.go()
            timer = None
            if fate == AT_RANDOM:
                timer = threading.Timer(self.random.uniform(0.02, 1.2), worker.kill)
                timer.start()
            results = worker.results()
            if timer:
                timer.cancel()
            killed = worker.was_killed
        with self._lock:
            self.sent += len(numbers)
            self.deaths[fate] += killed
            self.answers.update(result["status"] for result in results)
            self.done |= {result["number"] for result in results if result["status"] == "ok"}


def test_500_requests_and_30_kills(pipeline, environment):
    with_budgets(pipeline)
    bad_row.type_in(pipeline.services)
    seed = random.randrange(10_000)
    storm, over = Storm(environment, seed), threading.Event()
    swept: list[int] = []

    def sweep() -> None:
        while not over.wait(1):
            swept.append(repair(pipeline.services)["end stale reservations"].changed)

    threads = [threading.Thread(target=storm.rage) for _ in range(2)]
    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Leases end by the database's own clock.
    time.sleep(DEADLINE_SECONDS + 3)
    storm.calm()
    over.set()
    sweeper.join()
    repair(pipeline.services)
    bad_row.take_away(pipeline.services)
    documents = {
        len(data): hashlib.sha256(data).hexdigest() for data in (numbered(SAMPLE, number) for number in range(REQUESTS))
    }
    books = audit(pipeline.services, quiet(pipeline), documents=documents)
    print(f"\nseed {seed}: {storm.sent} requests, kills {dict(storm.deaths)}, answers {dict(storm.answers)}")
    print(f"{sum(swept)} leases swept; {books}")
    assert storm.sent >= REQUESTS
    assert storm.deaths.total() >= KILLS
    assert all(storm.deaths[point] >= AIMED_EACH for point in POINTS), storm.deaths
