"""Forced readings of one document beside cached ones, from several processes: each id answers its own result."""

import hashlib
import json

import pytest

from shared_code.bootstrap import build_services
from shared_code.database import tables
from shared_code.extraction.evidence_data import EvidenceWanted, shown
from shared_code.web.readings import ReadingRequest, reading_response

from .audit import audit
from .conftest import SAMPLES, Pipeline
from .worker import Job, Worker, numbered

SAMPLE = SAMPLES / "ghana-vat-invoice.pdf"
#: processes that force readings, and as many that take them as they are
PROCESSES = 2
THREADS = 6


@pytest.fixture
def each() -> int:
    """Readings that each process asks for."""
    return 6


@pytest.mark.long
def test_readings_forced_by_several_processes_beside_cached_ones(pipeline_settings, environment, gemini, each):
    """One call for each reading, a chain of readings without a fork, and exact books."""
    services = build_services(pipeline_settings())
    pipeline = Pipeline(services, gemini)
    pipeline.add_key()
    document = numbered(SAMPLE, 1)
    pipeline.extract(document)
    # All wait for one claim: none of them may give up before its turn.
    waits = environment | {"DUPLICATE_WAIT_SECONDS": "60"}
    jobs = [
        Job(waits, SAMPLE, [1] * each, threads=THREADS, force=force)
        for force in (True, False)
        for _ in range(PROCESSES)
    ]
    workers = [Worker(job) for job in jobs]
    try:
        for worker in workers:
            worker.go()
        results = [result for worker in workers for result in worker.results()]
    finally:
        for worker in workers:
            worker.__exit__()
    assert [result["status"] for result in results] == ["ok"] * (2 * PROCESSES * each), results
    made = {row.PublicID: row for row in pipeline.rows(tables.extractions)}
    assert len(made) == PROCESSES * each + 1 == len(gemini.calls())
    assert {result["id"] for result in results} <= made.keys()
    assert sorted(str(row.SupersedesID) for row in made.values()) == sorted(
        [str(None), *(reading for reading in made if reading != newest(pipeline))]
    )
    assert len({row.CallID for row in made.values()}) == len(made)
    for reading_id, row in made.items():
        wanted = ReadingRequest(reading_id, f"http://localhost/api/extractions/{reading_id}")
        found = json.loads(reading_response(lambda: services, wanted, request_id=None).body)["data"]
        assert (found["id"], found["state"], found["supersedes"]) == (reading_id, "done", row.SupersedesID)
        assert shown(found["invoices"], EvidenceWanted.NONE) == json.loads(row.Result)["invoices"]
        assert found["usage"]["requests"] == 1
        assert all(result["invoices"] == found["invoices"] for result in results if result["id"] == reading_id)
    audit(services, gemini.calls(), documents={len(document): hashlib.sha256(document).hexdigest()})
    services.close()


def newest(pipeline) -> str:
    (claim,) = pipeline.rows(tables.claims)
    return claim.ReadingID
