"""Jobs that fail, wait, lose their message or their process: each comes to its end once, and is paid for once."""

import base64
import json
import os
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from shared_code.bootstrap import build_services
from shared_code.database import tables
from shared_code.database.clock import utc_in
from shared_code.database.connection import repeatable
from shared_code.database.stores.extractions import jobs
from shared_code.database.stores.extractions.claims import ClaimRequest, insert_claim
from shared_code.database.stores.quotas import quota_changes
from shared_code.errors import StorageUnavailable
from shared_code.jobs.documents import blob_name
from shared_code.jobs.messages import NAME, POISON, message_of
from shared_code.jobs.runner import JobRunner
from shared_code.jobs.turns import JobQueue
from shared_code.rollup.run import run_rollup
from tests.devstack.host.azurite import free_ports
from tests.devstack.host.running import FOREIGN
from tests.integration.blobs.stack import ROOT
from tests.integration.jobs.stack import JobStack

SHARE = 8


@pytest.fixture(scope="module")
def whole_stack(tmp_path_factory):
    # The model is asked once for each try; a job that nothing moves is forgotten at once.
    with JobStack(
        tmp_path_factory.mktemp("recovery"),
        MAX_RETRIES="0",
        BLOB_SWEEP_AFTER_SECONDS="0.5",
        BLOB_DEADLINE_SECONDS="30",
        DUPLICATE_WAIT_SECONDS="0.2",
    ) as stack:
        yield stack


@pytest.fixture
def stack(whole_stack):
    whole_stack.now = datetime.now(UTC)
    yield whole_stack
    whole_stack.gemini.script.clear()
    for row in whole_stack.rows(tables.jobs, tables.jobs.c.State.in_(jobs.LIVE)):
        whole_stack.services.database.run(
            lambda connection, row=row: jobs.end_idle_job(connection, row.PublicID, state=jobs.CANCELLED)
        )
    for queue in (NAME, POISON):
        if queue in [one.name for one in whole_stack.queues.list_queues()]:
            whole_stack.queues.get_queue_client(queue).clear_messages()


@pytest.fixture
def company(stack):
    name = f"C{uuid.uuid4().hex[:10].upper()}"
    stack.add_key(name)
    return name


def state_of(stack, job_id):
    (row,) = stack.rows(tables.jobs, tables.jobs.c.PublicID == job_id)
    return row.State


def end_lease(stack, job_id):
    """As time does, some minutes after the run was killed."""
    ended = update(tables.jobs).where(tables.jobs.c.PublicID == job_id).values(LeaseUntil=utc_in(-1))
    stack.services.database.run(lambda connection: connection.execute(ended), on_unknown=repeatable)


def sweep(stack):
    """One run of the timer's step: outcome by job."""
    return {one.name: str(one.outcome) for one in stack.services.jobs.sweep.run()[1]}


def poison(stack, *job_ids, company):
    """What the platform does after its last try."""
    queue = stack.queues.get_queue_client(POISON)
    if POISON not in [one.name for one in stack.queues.list_queues()]:
        queue.create_queue()
    for job_id in job_ids:
        queue.send_message(message_of(job_id, blob_name(company, job_id)))
    stack.queues.get_queue_client(NAME).clear_messages()


def without_storage(stack):
    """The same services where the storage account does not answer."""
    (port,) = free_ports(1)
    away = (
        "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=a2V5;"
        f"BlobEndpoint=http://127.0.0.1:{port}/devstoreaccount1;QueueEndpoint=http://127.0.0.1:{port}/devstoreaccount1;"
    )
    return build_services(
        stack._settings().model_copy(update={"azurewebjobsstorage": type(stack._settings().azurewebjobsstorage)(away)})
    ).ready()


def test_one_companys_many_jobs_do_not_stand_before_another_ones_single_job(stack, company):
    other = f"D{uuid.uuid4().hex[:10].upper()}"
    stack.add_key(other)
    many = [stack.send(company=company).data["id"] for _ in range(SHARE + 5)]
    single = stack.send(company=other).data["id"]
    assert stack.messages() == [*many[:SHARE], single], "the others wait for their turn"
    assert {stack.get(job).data["state"] for job in many} == {"queued"}
    stack.deliver()
    assert stack.get(single).data["state"] == "done"
    assert stack.messages() == many[SHARE:], "each that ends lets the next one in, in their order"
    stack.deliver()
    assert {stack.get(job).data["state"] for job in many} == {"done"}
    assert stack.rows(tables.jobs, tables.jobs.c.Slot.is_not(None)) == []


def test_a_cancelled_job_lets_the_next_one_in(stack, company):
    many = [stack.send(company=company).data["id"] for _ in range(SHARE + 2)]
    assert stack.cancel(many[0]).status == 200
    assert stack.cancel(many[-1]).status == 200, "one that waits for its turn too"
    assert stack.messages() == many[: SHARE + 1]


def test_storage_that_is_away_refuses_the_upload_and_nothing_is_queued(stack, company):
    before = len(stack.rows())
    services, stack.services = stack.services, without_storage(stack)
    try:
        answer = stack.send(company=company)
    finally:
        stack.services.close()
        stack.services = services
    assert (answer.status, answer.code) == (503, "STORAGE_UNAVAILABLE")
    assert len(stack.rows()) == before


def test_a_queue_that_is_away_refuses_the_upload_and_nothing_is_queued(stack, company, monkeypatch):
    before, documents = len(stack.rows()), stack.documents(company)

    def away(_self, _turn):
        raise StorageUnavailable

    monkeypatch.setattr(JobQueue, "send", away)
    assert stack.send(company=company).code == "STORAGE_UNAVAILABLE"
    assert (len(stack.rows()), stack.documents(company)) == (before, documents)


def test_a_model_that_is_away_costs_no_job_its_end(stack, company):
    """Five tries by the platform, then the sweep, with pauses; meanwhile the place is free for others."""
    job = stack.send(company=company).data["id"]
    stack.gemini.fault("overloaded_503", times=0)
    for _ in range(5):
        assert stack.deliver() == {job: "ProviderUnavailable"}
        assert stack.get(job).data["state"] == "queued"
        assert stack.rows(tables.extractions, tables.extractions.c.PublicID == job) == [], "it has not failed"
    poison(stack, job, company=company)
    assert sweep(stack) == {job: "waiting"}
    assert state_of(stack, job) == jobs.RESTING
    alert = stack.open_alerts("job_poisoned")[job]
    assert alert.details["code"] == "PROVIDER_UNAVAILABLE"
    assert stack.rows(tables.jobs, tables.jobs.c.Slot.is_not(None)) == []
    stack.gemini.script.clear()
    assert sweep(stack) == {}, "its pause is not over"
    stack.now += timedelta(seconds=30)
    assert sweep(stack) == {job: "result"}
    assert stack.get(job).data["state"] == "done"
    assert (stack.poisoned(), stack.open_alerts("job_poisoned"), stack.documents(company)) == ([], {}, [])
    (booked,) = stack.rows(tables.token_usage_logs, tables.token_usage_logs.c.CompanyID == company)
    assert booked.Kind == "usage"


def test_a_job_whose_cause_does_not_pass_fails_after_a_day(stack, company):
    job = stack.send(company=company).data["id"]
    stack.gemini.fault("overloaded_503", times=0)
    poison(stack, job, company=company)
    sweep(stack)
    stack.now += timedelta(hours=25)
    assert sweep(stack) == {job: "waiting"}
    failed = stack.get(job).data
    assert (failed["state"], failed["error"]["code"]) == ("failed", "PROVIDER_UNAVAILABLE")
    assert (stack.poisoned(), stack.documents(company)) == ([], [])
    stack.gemini.script.clear()
    stack.now += timedelta(hours=25)
    assert sweep(stack) == {}
    assert stack.open_alerts("job_poisoned") == {}, "its reading says it all"


def test_a_job_that_a_limit_refuses_waits_for_the_end_of_the_limit(stack, company):
    job = stack.send(company=company).data["id"]

    def limit(tokens):
        stack.services.database.run(
            lambda connection: quota_changes.set_quota(
                connection, company_id=company, scope="company", subject="", limits=(tokens, None), day=stack.now.date()
            )
        )

    limit(1)
    assert stack.deliver() == {job: "waiting"}
    assert (state_of(stack, job), stack.get(job).data["state"]) == (jobs.RESTING, "queued")
    assert stack.messages() == []
    assert stack.open_alerts("job_poisoned")[job].details["code"] == "QUOTA_EXCEEDED"
    assert stack.cancel(stack.send(company=company).data["id"]).status == 200, "its place is free"
    limit(None)
    stack.now += timedelta(minutes=16)
    assert sweep(stack) == {job: "result"}
    assert stack.open_alerts("job_poisoned") == {}


def test_a_job_whose_message_was_lost_is_found_again(stack, company):
    many = [stack.send(company=company).data["id"] for _ in range(SHARE + 2)]
    stack.queues.get_queue_client(NAME).clear_messages()
    time.sleep(0.6)
    assert sweep(stack) == dict.fromkeys(many[:SHARE], "result")
    assert stack.messages() == many[SHARE:]


def test_a_turn_that_a_killed_process_did_not_pass_on_is_passed_on_by_the_message_that_comes_again(
    stack, company, monkeypatch
):
    many = [stack.send(company=company).data["id"] for _ in range(SHARE + 1)]
    texts = [base64.b64decode(message_of(job, "")).decode() for job in many]

    def away(_self, _turn):
        raise StorageUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(JobQueue, "send", away)
        stack.services.jobs.receive(texts[0])
    assert many[-1] not in stack.messages()
    assert str(stack.services.jobs.receive(texts[0]).disposition) == "settled"
    assert stack.messages()[-1] == many[-1]


@pytest.mark.parametrize("force", [False, True])
def test_a_process_killed_after_the_models_answer_leaves_the_answer_under_its_id(stack, company, force):
    content = stack.document()
    if force:
        stack.send(content, company=company, query="")
    calls = len(stack.billed_calls())
    query = f"&async=true&force={str(force).lower()}"
    job = stack.send(content, company=company, query=query).data["id"]
    text = json.dumps({"id": job})
    kept = {name: value for name, value in os.environ.items() if not name.lower().startswith(FOREIGN)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.jobs.killed", text],
        cwd=ROOT,
        env={**kept, **stack.environment, "BLOB_DEADLINE_SECONDS": "60"},
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == -9
    assert state_of(stack, job) == jobs.RUNNING
    found = stack.get(job).data
    assert (found["state"], found["id"], found["cached"]) == ("done", job, False)
    assert stack.deliver() == {job: "AlreadyProcessing"}
    end_lease(stack, job)
    assert stack.deliver() == {job: "result"}
    assert (state_of(stack, job), stack.documents(company)) == (jobs.DONE, [])
    assert stack.get(job).data == found
    again = stack.send(content, company=company, query="").data
    assert (again["id"], again["cached"], again["usage"]["requests"]) == (job, True, 0)
    assert len(stack.billed_calls()) == calls + 1


def test_a_process_killed_after_a_failure_that_lasts_does_not_pay_for_it_again(stack, company, monkeypatch):
    job = stack.send(company=company).data["id"]
    stack.gemini.fault("safety", times=0)

    def killed(*_args, **_more):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(JobRunner, "_end", killed)
        with pytest.raises(KeyboardInterrupt):
            stack.services.jobs.receive(json.dumps({"id": job}))
    stack.gemini.script.clear()
    calls = len(stack.gemini.calls())
    assert stack.deliver() == {job: "error"}
    assert len(stack.gemini.calls()) == calls
    assert (state_of(stack, job), stack.get(job).data["state"]) == (jobs.FAILED, "failed")


def test_a_killed_run_of_a_job_is_not_its_end(stack, company):
    """The timer ends the lease of the run; the job is read again, and whoever waits is not told of a failure."""
    job = stack.send(company=company).data["id"]
    services = stack.services
    lease = {"lease_seconds": -1}
    services.database.run(lambda connection: jobs.take_job(connection, job, "killed", **lease))
    claim = ClaimRequest(company, "0" * 64, "p", "Gemini", "m", "", "killed", -1, reading_id=job)
    services.database.run(lambda connection: insert_claim(connection, claim))
    results = {one.name: one for one in run_rollup(services.rollup)}
    assert results["end stale claims"].changed == 1
    assert stack.rows(tables.extractions, tables.extractions.c.PublicID == job)[0].State == "done"
    assert stack.get(job).data["state"] == "done", "the same run of the timer has driven the job"


def test_documents_that_no_job_needs_are_removed(stack, company):
    job = stack.send(company=company).data["id"]
    stack.services.database.run(lambda connection: jobs.end_idle_job(connection, job, state=jobs.CANCELLED))
    sweep(stack)
    assert f"{company}/{job}" in stack.documents(company), "it may be on its way in"
    stack.now += timedelta(hours=2)
    sweep(stack)
    assert f"{company}/{job}" not in stack.documents(company)


def test_a_job_without_its_document_fails(stack, company):
    job = stack.send(company=company).data["id"]
    stack.services.jobs.documents.remove(company, job)
    assert stack.deliver() == {job: "error"}
    failed = stack.get(job).data
    assert (failed["state"], failed["error"]["code"]) == ("failed", "INTERNAL_ERROR")
    assert failed["error"]["retryable"] is True
