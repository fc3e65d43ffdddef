"""Hundreds of jobs of five companies while the host is killed again and again and storage is cut.

The short form is in ``tests``, the long one in ``soak``.
"""

import hashlib
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from shared_code.database import tables
from tests.devstack.host.running import wait_for
from tests.integration.extraction.audit import Books, audit
from tests.integration.extraction.cuts import Proxy
from tests.integration.extraction.recovery import recover
from tests.integration.extraction.worker import numbered
from tests.integration.jobs.stack import SAMPLE, JobStack

BIG, SMALL = "BIG", ("SMALL1", "SMALL2", "SMALL3", "SMALL4")
#: a killed host's message comes back, and its leases end, after seconds instead of minutes
SETTINGS = {
    "BLOB_DEADLINE_SECONDS": "12",
    "LEASE_MARGIN_SECONDS": "3",
    "DUPLICATE_WAIT_SECONDS": "2",
    "BLOB_SWEEP_AFTER_SECONDS": "20",
    "ROLLUP_SCHEDULE": "*/10 * * * * *",
    "MAX_RETRIES": "1",
    "AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:02",
}


class CuttableStack(JobStack):
    """A stack whose host reaches its storage by way of something that can be cut."""

    def __enter__(self):
        super().__enter__()
        parts = dict(part.split("=", 1) for part in self.connection.rstrip(";").split(";"))
        self.proxies = []
        cuttable = self.connection
        for kind in ("Blob", "Queue"):
            port = parts[f"{kind}Endpoint"].split(":")[2].split("/")[0]
            proxy = Proxy(("127.0.0.1", int(port)))
            self.proxies.append(proxy)
            cuttable = cuttable.replace(f"127.0.0.1:{port}/", f"127.0.0.1:{proxy.port}/")
        self._cuttable = cuttable
        return self

    def __exit__(self, *details):
        for proxy in self.proxies:
            proxy.close()
        super().__exit__(*details)

    @property
    def environment(self):
        found = super().environment
        return found | {"AzureWebJobsStorage": getattr(self, "_cuttable", self.connection)}

    def cut_storage(self, seconds):
        for proxy in self.proxies:
            proxy.cut()
        time.sleep(seconds)
        for proxy in self.proxies:
            proxy.mend()


@dataclass
class Storm:
    """What a storm came to.

    :ivar ids: job id -> company.
    :ivar big_done: jobs of the big company that had ended when the last one of the small ones had.
    """

    ids: dict[str, str]
    states: Counter = field(default_factory=Counter)
    big_done: int = -1
    seconds: float = 0.0
    paid: Counter = field(default_factory=Counter)
    books: Books | None = None


def run_storm(folder, *, big, small, kills, cut_seconds, latency_ms, seconds):
    """Hand in ``big`` + 4 x ``small`` jobs, the big company's first, and kill and cut until all have ended."""
    documents = [numbered(SAMPLE, number) for number in range(big + len(SMALL) * small)]
    companies = [BIG] * big + [name for name in SMALL for _ in range(small)]
    with CuttableStack(folder, visibility=5, **SETTINGS) as stack:
        stack.gemini.latency(latency_ms)
        for company in (BIG, *SMALL):
            stack.add_key(company)
        began = time.monotonic()
        # One after another, so that the big company's stand before those of the small ones.
        ids = {}
        for company, document in zip(companies, documents, strict=True):
            ids[stack.send(document, company=company).data["id"]] = company
        storm = Storm(ids)
        watch = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            watching = pool.submit(_watch, stack, storm, small * len(SMALL), watch)
            total = len(ids)
            marks = [total * (number + 1) / (kills + 2) for number in range(kills)]
            for number, mark in enumerate(marks):
                with stack.host() as host:
                    wait_for(lambda mark=mark: _ended(stack).total() >= mark, seconds=seconds)
                    if cut_seconds and number == kills // 2:
                        stack.cut_storage(cut_seconds)
                    host.kill()
            with stack.host():
                with suppress(AssertionError):
                    wait_for(lambda: _ended(stack).total() == total, seconds=seconds)
                watch.set()
        watching.result()
        storm.seconds = time.monotonic() - began
        storm.states = Counter(row.State for row in stack.rows())
        wait_for(lambda: all(call["finished"] for call in stack.gemini.calls()), seconds=30)
        recover(stack.services)
        sizes = {len(document): hashlib.sha256(document).hexdigest() for document in documents}
        storm.books = audit(stack.services, stack.gemini.calls(), documents=sizes)
        rows = stack.rows(tables.token_usage_logs)
        storm.paid = Counter(row.DocumentSha256 for row in rows if row.Kind == "usage" and row.Attempt)
        for job_id in ids:
            found = stack.get(job_id).data
            assert (found["state"], found["status"]) == ("done", "ok"), found
            assert found["id"] == job_id
        assert stack.documents() == []
    return storm


def _ended(stack):
    """Jobs that have ended, by company."""
    return Counter(row.CompanyID for row in stack.rows(tables.jobs, tables.jobs.c.State.in_(("done", "failed"))))


def _watch(stack, storm, small_ones, stop):
    """Note how far the big company is when the last job of the small ones has ended."""
    stopped = False
    while not stopped:
        stopped = stop.wait(0.2)
        ended = _ended(stack)
        if ended.total() - ended[BIG] == small_ones:
            storm.big_done = ended[BIG]
            return
