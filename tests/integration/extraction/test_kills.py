"""Workers killed and frozen in the middle of calls: afterwards the books are exact. The long form is in ``soak``."""

import hashlib
import signal
import time
from collections import Counter
from contextlib import ExitStack, suppress

import pytest

from shared_code import errors
from shared_code.bootstrap import build_services
from shared_code.database import tables

from .audit import audit
from .conftest import SAMPLES, Pipeline
from .recovery import recover
from .worker import AFTER_ANSWER, AFTER_RESERVE, POINTS, Job, Worker, numbered, run_all

SAMPLE = SAMPLES / "ghana-vat-invoice.pdf"
CALLS_EACH = 10


def sizes(numbers) -> dict[int, str]:
    """Size -> sha256 of the numbered documents."""
    documents = [numbered(SAMPLE, number) for number in numbers]
    return {len(data): hashlib.sha256(data).hexdigest() for data in documents}


def wait_for(condition, what: str) -> None:
    for _ in range(1_000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError(f"waited in vain for {what}")


def quiet(pipeline) -> list[dict]:
    """The stand-in's calls, once it serves none any more."""
    wait_for(lambda: all(call["finished"] for call in pipeline.gemini.calls()), "the stand-in's last answer")
    return pipeline.gemini.calls()


def with_budgets(pipeline) -> None:
    pipeline.gemini.latency(60)
    pipeline.add_key(limit=50_000_000)
    pipeline.set_quota("company", daily=60_000_000)
    pipeline.set_quota("branch", "branch-0", monthly=60_000_000)
    pipeline.set_quota("user", "user-1", daily=60_000_000)


@pytest.mark.long
def test_killed_at_each_point_of_a_call_every_answered_call_is_booked_once(pipeline, environment):
    with_budgets(pipeline)
    jobs = [
        Job(
            environment,
            SAMPLE,
            range(CALLS_EACH * index, CALLS_EACH * (index + 1)),
            threads=4,
            branches=2,
            users=2,
            dies_at=(point, 3 + index),
        )
        for index, point in enumerate(POINTS)
    ]
    with ExitStack() as stack:
        workers = [stack.enter_context(worker) for worker in run_all(jobs)]
        results = [result for worker in workers for result in worker.results()]
        assert [worker.was_killed for worker in workers] == [True] * len(POINTS)
    calls = quiet(pipeline)
    left = len(pipeline.rows(tables.token_reservations))
    assert left >= len(POINTS) - 1
    ended = recover(pipeline.services)["end stale reservations"]
    assert (ended.seen, ended.changed) == (left, left)
    everything = range(CALLS_EACH * len(POINTS))
    books = audit(pipeline.services, calls, documents=sizes(everything))
    print(f"\n{Counter(result['status'] for result in results)} before {len(POINTS)} kills; {books}")
    assert books.kinds["unmeasured"] == left
    # Whoever died with a claim in its hand has set it free: every document can be read now.
    job = Job(environment, SAMPLE, everything[::5], threads=4, branches=2, users=2)
    with Worker(job) as worker:
        worker.go()
        again = worker.results()
    assert [result["status"] for result in again] == ["ok"] * len(job.numbers)
    audit(pipeline.services, quiet(pipeline), documents=sizes(everything))


@pytest.mark.long
def test_a_run_that_dies_before_it_calls_books_its_bound_and_no_more(pipeline, environment):
    with_budgets(pipeline)
    with Worker(Job(environment, SAMPLE, [1], dies_at=(AFTER_RESERVE, 1))) as worker:
        worker.go()
        assert worker.results() == []
        assert worker.was_killed
    (reservation,) = pipeline.rows(tables.token_reservations)
    recover(pipeline.services)
    assert pipeline.gemini.calls() == []
    books = audit(pipeline.services, [], documents={})
    assert (books.kinds, books.unsent, books.tokens) == ({"unmeasured": 1}, 1, reservation.BoundTokens)


@pytest.mark.long
def test_a_process_that_was_frozen_past_its_lease_corrects_what_the_sweep_has_booked(pipeline, environment):
    with_budgets(pipeline)
    pipeline.gemini.latency(300)
    with Worker(Job(environment, SAMPLE, [1], deadline_seconds=200)) as worker:
        worker.go()
        wait_for(pipeline.gemini.calls, "the call")
        worker.signal(signal.SIGSTOP)
        calls = quiet(pipeline)
        assert recover(pipeline.services)["end stale reservations"].changed == 1
        (swept,) = pipeline.rows()
        assert swept.Kind == "unmeasured"
        worker.signal(signal.SIGCONT)
        (result,) = worker.results()
    billed = calls[0]["usage"]["totalTokenCount"]
    assert (result["status"], result["total_tokens"]) == ("ok", billed)
    assert [(row.Kind, row.TotalTokensUsed) for row in pipeline.rows()] == [
        ("unmeasured", swept.TotalTokensUsed),
        ("correction", billed - swept.TotalTokensUsed),
    ]
    audit(pipeline.services, calls, documents=sizes([1]))


@pytest.mark.long
def test_a_frozen_owner_whose_document_was_read_by_another_is_fenced_and_booked(pipeline, environment):
    with_budgets(pipeline)
    pipeline.gemini.latency(300)
    with Worker(Job(environment, SAMPLE, [1], deadline_seconds=200)) as worker:
        worker.go()
        wait_for(pipeline.gemini.calls, "the call")
        worker.signal(signal.SIGSTOP)
        quiet(pipeline)
        recover(pipeline.services)
        # Its claim has ended with its lease: the next caller reads the document instead of waiting.
        assert pipeline.extract(numbered(SAMPLE, 1)).data["provenance"]["method"] == "model"
        (taken,) = pipeline.rows(tables.claims)
        worker.signal(signal.SIGCONT)
        (result,) = worker.results()
    assert result["status"] == "ok"
    assert pipeline.rows(tables.claims) == [taken]
    # What the late run has read is no less paid for.
    assert {row.PublicID for row in pipeline.rows(tables.extractions)} > {taken.ReadingID}
    books = audit(pipeline.services, quiet(pipeline), documents=sizes([1]))
    assert books.kinds == {"unmeasured": 1, "correction": 1, "usage": 1}


@pytest.mark.parametrize(("policy", "kept"), [("book", True), ("release", False)])
@pytest.mark.long
def test_what_becomes_of_a_bound_that_nobody_measured_is_a_setting(
    pipeline_settings, environment, gemini, policy, kept
):
    services = build_services(pipeline_settings(unmeasured_calls=policy))
    pipeline = Pipeline(services, gemini)
    key = pipeline.add_key(limit=1_000_000)
    with Worker(Job(environment, SAMPLE, [1], dies_at=(AFTER_ANSWER, 1))) as worker:
        worker.go()
        worker.results()
    (reservation,) = pipeline.rows(tables.token_reservations)
    recover(services)
    (row,) = pipeline.rows()
    assert (row.Kind, row.InputTokens) == ("unmeasured", None)
    assert row.TotalTokensUsed == (reservation.BoundTokens if kept else None)
    assert pipeline.summary(key.token_id).TotalUsedTokens == (reservation.BoundTokens if kept else 0)
    # A call that fails without a usage report follows the same setting.
    gemini.fault("close", times=0, model="gemini-3.5-flash-lite")
    with suppress(errors.ServiceError):
        pipeline.extract(numbered(SAMPLE, 2))
    assert {row.TotalTokensUsed is not None for row in pipeline.rows() if row.Kind == "unmeasured"} == {kept}
    assert pipeline.summary(key.token_id).ReservedTokens == 0
    services.close()
