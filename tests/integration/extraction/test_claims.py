"""One run per document at a time: who waits, who takes over, and what each of them gets."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from shared_code import errors
from shared_code.bootstrap import build_services
from shared_code.database import tables
from shared_code.extraction.admission import ClaimGate
from shared_code.extraction.submission import Pace
from shared_code.records import UsageKind

from .conftest import SAMPLES, Pipeline
from .recovery import end_leases, recover
from .worker import AFTER_ANSWER, Job, Worker, numbered

SAMPLE = SAMPLES / "ghana-vat-invoice.pdf"


def busy(pipeline, document: bytes, started: threading.Event):
    """Reads the document in a thread, in which the model takes its time; returns when the model has been asked."""
    pool = ThreadPoolExecutor(1)
    running = pool.submit(pipeline.extract, document)
    while not pipeline.gemini.calls():
        started.wait(0.01)
    pool.shutdown(wait=False)
    return running


@pytest.fixture
def waiting():
    return threading.Event()


def test_an_answer_serves_callers_long_after_the_lease_of_its_run(pipeline):
    pipeline.add_key()
    document = numbered(SAMPLE, 1)
    pipeline.extract(document)
    end_leases(pipeline.services)
    assert pipeline.extract(document).data["provenance"]["method"] == "cached"
    assert len(pipeline.gemini.calls()) == 1


@pytest.mark.long
def test_a_document_of_a_run_that_died_is_read_by_the_next_caller(pipeline, environment):
    pipeline.add_key()
    with Worker(Job(environment, SAMPLE, [1], dies_at=(AFTER_ANSWER, 1))) as worker:
        worker.go()
        worker.results()
    with pytest.raises(errors.AlreadyProcessing) as refused:
        pipeline.extract(numbered(SAMPLE, 1))
    assert refused.value.retry_after
    recover(pipeline.services)
    assert pipeline.extract(numbered(SAMPLE, 1)).data["provenance"]["method"] == "model"
    assert [row.Kind for row in pipeline.rows()] == [UsageKind.UNMEASURED, UsageKind.USAGE]


def test_a_second_caller_waits_and_gets_the_first_ones_answer(pipeline_settings, gemini, waiting):
    gemini.latency(400)
    services = build_services(pipeline_settings())
    pipeline = Pipeline(services, gemini)
    pipeline.add_key()
    document = numbered(SAMPLE, 1)
    running = busy(pipeline, document, waiting)
    second = pipeline.extract(document)
    assert second.data["invoices"] == running.result().data["invoices"]
    assert second.data["usage"]["total_tokens"] == 0
    assert len(gemini.calls()) == 1
    services.close()


def test_a_second_caller_that_insists_reads_again_after_the_first(pipeline_settings, gemini, waiting):
    gemini.latency(400)
    services = build_services(pipeline_settings())
    pipeline = Pipeline(services, gemini)
    pipeline.add_key()
    document = numbered(SAMPLE, 1)
    running = busy(pipeline, document, waiting)
    assert pipeline.extract(document, force=True).data["provenance"]["method"] == "model"
    assert running.result().data["provenance"]["method"] == "model"
    assert len(gemini.calls()) == 2
    services.close()


def test_an_error_is_not_kept_and_frees_the_document(pipeline):
    pipeline.add_key()
    document = numbered(SAMPLE, 1)
    pipeline.gemini.fault("safety", times=2)
    with pytest.raises(errors.ProviderRejected):
        pipeline.extract(document)
    assert pipeline.rows(tables.claims) == []
    assert pipeline.extract(document).data["provenance"]["method"] == "model"


@pytest.mark.long
def test_at_most_a_quarter_of_the_threads_wait_for_a_document(pipeline_settings, gemini, waiting):
    gemini.latency(2_200)
    services = build_services(pipeline_settings())
    gate = ClaimGate(services.ledger, threads=4, wait_seconds=1.2, pace=Pace(time.monotonic, time.sleep))
    services = replace(services, extraction=replace(services.extraction, gate=gate))
    pipeline = Pipeline(services, gemini)
    pipeline.add_key()
    document = numbered(SAMPLE, 1)
    running = busy(pipeline, document, waiting)
    with ThreadPoolExecutor(3) as pool:
        others = [pool.submit(pipeline.extract, document) for _ in range(3)]
        # One waits its whole time; for the rest there is no place to wait in.
        assert [type(other.exception()) for other in others] == [errors.AlreadyProcessing] * 3
    assert running.result().data["status"]
    assert len(gemini.calls()) == 1
    services.close()
