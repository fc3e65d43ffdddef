"""Mutated documents at full length: read or refused, in bounded time and memory. The short forms are in ``tests``."""

import json
import logging
import time
from collections import Counter

import psutil

from bench import rig
from devstack.gemini import GeminiStandIn
from shared_code.documents.sandbox.pool import Sandbox
from tests.integration.documents import fuzz

MUTATIONS = 20_000
THROUGH_THE_BORDER = 2_000
#: one document, on a busy machine
SECONDS_EACH = 25.0
SECONDS_IN_ALL = 3_600.0
GROWTH_MB = 40.0
CHILD_MB = 512.0


def within(results, seconds):
    """The results as they come; fails when time is up, so that a run never goes on for hours."""
    deadline = time.monotonic() + seconds
    for result in results:
        yield result
        assert time.monotonic() < deadline, f"mutation {result[0]} came after {seconds:.0f} s"


def memory_mb(process=None):
    return (process or psutil.Process()).memory_info().rss / fuzz.MEGABYTE


def complaints(caplog):
    """What was logged as our own failure, or as one that nobody had foreseen."""
    ours = (record for record in caplog.records if record.name.startswith("shared_code"))
    return [
        record.getMessage() for record in ours if record.levelno >= logging.ERROR or "unforeseen" in record.getMessage()
    ]


def test_mutated_documents_are_read_or_refused_without_growth(caplog):
    sandbox = Sandbox()
    try:
        list(fuzz.run(500, sandbox=sandbox))
        memory, descriptors = memory_mb(), psutil.Process().num_fds()
        tally = fuzz.watch(within(fuzz.run(MUTATIONS, sandbox=sandbox), SECONDS_IN_ALL))
        children = [memory_mb(child) for child in psutil.Process().children()]
    finally:
        sandbox.close()
    print(tally)
    assert tally.outcomes.total() == MUTATIONS
    assert {"read", "embedded", "INVALID_FILE corrupt"} <= set(tally.outcomes)
    assert tally.slowest[0] < SECONDS_EACH
    assert max(tally.memory_mb) - memory < GROWTH_MB
    assert psutil.Process().num_fds() <= descriptors + 5
    assert max(children) < CHILD_MB
    assert complaints(caplog) == []


def test_no_mutated_document_is_an_internal_error(caplog):
    """Through the border of HTTP with the model call."""
    statuses = Counter()
    corpus = fuzz.corpus()
    with GeminiStandIn() as gemini, rig.environment(gemini.url):
        from shared_code import bootstrap
        from shared_code.web import extract
        from shared_code.web.extract import Upload

        for number in range(THROUGH_THE_BORDER):
            name, data = fuzz.mutation(corpus, number, seed=11)
            upload = Upload(data=data, content_type="", fields={"companyID": "BENCH"}, file_name=name, multipart=True)
            response = extract.extract_response(bootstrap.services, lambda upload=upload: upload, request_id=None)
            statuses[response.status_code] += 1
            assert response.status_code in {200, 413, 415, 422}, (number, name, json.loads(response.body))
    print(statuses)
    assert complaints(caplog) == []
