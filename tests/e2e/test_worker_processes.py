"""Four worker processes of one instance keep the promises of one: limits, single payment, bookings after a kill."""

import contextlib
import json
import os
import signal
import sys
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from devstack.setup.ports import free_ports
from tests.e2e.calling import SAMPLES, control, extract, post_form, request, rows, unique, write
from tests.e2e.conftest import RunningStack

INVOICE = SAMPLES / "ghana-vat-invoice.pdf"
WORKERS, CALLERS = 4, 16
LATENCY_MS = 100
PASSED = "2026-01-01 00:00:00.000000"


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    """The ready file of a stack with four workers, and ``workers``, their ids."""
    folder = tmp_path_factory.mktemp("four")
    running = RunningStack(folder, "--port", free_ports(1)[0], env={"FUNCTIONS_WORKER_PROCESS_COUNT": str(WORKERS)})
    try:
        ready = running.wait_until_ready()
        # Children for documents and connections come up.
        with ThreadPoolExecutor(2 * WORKERS) as pool:
            assert {one.status for one in pool.map(lambda _: extract(ready["host"], unique(INVOICE)), range(8))} == {
                200
            }
        control(ready["gemini"], "latency", {"milliseconds": LATENCY_MS})
        yield ready | {"workers": workers_of(ready)}
        left = [psutil.Process(pid) for pid in workers_of(ready)]
        assert len(left) == WORKERS
        assert running.end() == 0, running.console
        assert psutil.wait_procs(left, timeout=8)[1] == []
    finally:
        running.abandon()


def workers_of(ready):
    found = psutil.Process(ready["pids"]["host"]).children()
    return [each.pid for each in found if "devstack.host.worker_processes" in each.cmdline()]


def manage(ready, method, path, **body):
    answer = request(
        f"{ready['host']}/api/manage/{path}",
        method,
        body=json.dumps(body) if body else None,
        headers={"Authorization": f"Bearer {ready['admin_key']}", "Content-Type": "application/json"},
    )
    assert answer.status in {200, 201}, answer.raw
    return answer.json["data"]


def company_with_key(ready, limit=10_000_000):
    company = f"C{uuid.uuid4().hex[:8]}".upper()
    secret = f"AIzaSy{uuid.uuid4().hex}"
    key = manage(ready, "POST", "tokens", company_id=company, api_key=secret, total_token_limit=limit)
    return company, key["token_id"]


def upload(ready, company, data=None, **fields):
    return extract(ready["host"], data or unique(INVOICE), companyID=company, **fields)


def booked(ready, token):
    return rows(ready, 'SELECT * FROM "TokenUsageLogs" WHERE "TokenID" = ?', token)


def summary(ready, token):
    (row,) = rows(ready, 'SELECT * FROM "TokenUsageSummary" WHERE "TokenID" = ?', token)
    return row


def model_calls(ready):
    return len(control(ready["gemini"], "calls")["calls"])


def at_once(count, work):
    """What ``count`` callers get who begin together."""
    gate = threading.Barrier(count)

    def run(number):
        gate.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_a_limit_for_so_many_calls_gives_so_many_to_any_number_of_callers(four):
    company, _ = company_with_key(four)
    cost = upload(four, company).json["data"]["usage"]["total_tokens"]

    def served_of(count):
        """How many calls a key for ten gives, and the key."""
        name, key = company_with_key(four, limit=10 * cost)
        over, samples = threading.Event(), []

        def watch():
            while not over.is_set():
                with contextlib.suppress(Exception):  # one that finds the file locked is no sample
                    row = summary(four, key)
                    samples.append(row["TotalUsedTokens"] + row["ReservedTokens"])
                time.sleep(0.01)

        def call(_number):
            served, refused = 0, 0
            # Refused for what others hold at the moment, it comes again; one that ends short gives tokens back.
            while refused < 3:
                answer = upload(four, name)
                assert (answer.status, answer.code) in {(200, None), (429, "QUOTA_EXCEEDED")}, answer.raw
                served += answer.status == 200
                refused += answer.status == 429
                time.sleep(0.05 * (answer.status == 429))
            return served

        watcher = threading.Thread(target=watch)
        watcher.start()
        served = sum(at_once(count, call))
        over.set()
        watcher.join()
        assert samples
        assert max(samples) <= 10 * cost
        return served, key

    before = model_calls(four)
    alone, _ = served_of(1)
    served, key = served_of(CALLERS)
    assert 9 <= served == alone
    assert model_calls(four) - before == served + alone
    assert [row["TotalTokensUsed"] for row in booked(four, key)] == [cost] * served
    assert (summary(four, key)["TotalUsedTokens"], summary(four, key)["ReservedTokens"]) == (served * cost, 0)


def test_the_same_file_at_once_is_paid_once(four):
    company, token = company_with_key(four)
    data, before = unique(INVOICE), model_calls(four)
    answers = at_once(CALLERS, lambda _: upload(four, company, data))
    assert {one.status for one in answers} <= {200, 409}
    assert Counter(one.status for one in answers)[200] >= CALLERS // 2
    assert len({one.json["data"]["id"] for one in answers if one.status == 200}) == 1
    assert model_calls(four) - before == 1
    assert [row["Outcome"] for row in booked(four, token)] == ["ok"]


def test_the_same_idempotency_key_at_once_is_paid_once(four):
    company, token = company_with_key(four)
    data, key, before = unique(INVOICE), uuid.uuid4().hex, model_calls(four)

    def send(_number):
        while True:
            # "force" would read it anew each time, were it not for the key.
            answer = post_form(four["host"], data, headers={"Idempotency-Key": key}, companyID=company, force="true")
            if answer.status != 409:
                return answer
            assert answer.code == "ALREADY_PROCESSING", answer.raw
            time.sleep(0.1)

    answers = at_once(WORKERS * 2, send)
    assert {one.status for one in answers} == {200}
    assert len({one.json["data"]["id"] for one in answers}) == 1
    assert model_calls(four) - before == 1
    assert len(booked(four, token)) == 1


def test_what_one_worker_changes_binds_all_of_them_at_once(four):
    company, token = company_with_key(four)
    assert {one.status for one in at_once(WORKERS, lambda _: upload(four, company))} == {200}
    quota = manage(four, "POST", "quotas", company_id=company, scope="company", daily_limit=1)["quota_id"]
    assert {one.code for one in at_once(WORKERS * 2, lambda _: upload(four, company))} == {"QUOTA_EXCEEDED"}
    manage(four, "PATCH", f"quotas/{quota}", daily_limit=10_000_000)
    assert {one.status for one in at_once(WORKERS, lambda _: upload(four, company))} == {200}
    manage(four, "POST", f"tokens/{token}/block")
    assert {one.code for one in at_once(WORKERS * 2, lambda _: upload(four, company))} == {"TOKEN_UNAVAILABLE"}


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_calls_of_a_killed_worker_are_booked_once_and_others_go_on(four):
    company, token = company_with_key(four)
    before = model_calls(four)
    control(four["gemini"], "latency", {"milliseconds": 2_500})
    try:
        with ThreadPoolExecutor(2 * WORKERS) as pool:
            running = [pool.submit(upload, four, company) for _ in range(2 * WORKERS)]
            while model_calls(four) - before < 2 * WORKERS:
                assert not any(one.done() for one in running)
                time.sleep(0.02)
            os.kill(four["workers"][0], signal.SIGKILL)
            while psutil.pid_exists(four["workers"][0]):
                time.sleep(0.01)
            # The others serve meanwhile, and what they have begun is answered.
            assert request(f"{four['host']}/api/health/ready").status == 200
            statuses = Counter(one.result().status for one in running)
    finally:
        control(four["gemini"], "latency", {"milliseconds": LATENCY_MS})
    lost = 2 * WORKERS // WORKERS
    assert statuses == {200: 2 * WORKERS - lost, 500: lost}
    write(four, 'UPDATE "TokenReservations" SET "LeaseUntil" = ?', PASSED)
    write(four, 'UPDATE "Claims" SET "LeaseUntil" = ? WHERE "LeaseUntil" IS NOT NULL', PASSED)
    fired = request(
        f"{four['host']}/admin/functions/UsageRollupFunction",
        "POST",
        body=b'{"input": ""}',
        headers={"Content-Type": "application/json"},
    )
    assert fired.status == 202
    ends = time.monotonic() + 20
    while len(booked(four, token)) < 2 * WORKERS:
        assert time.monotonic() < ends, booked(four, token)
        time.sleep(0.05)
    kinds = Counter(row["Kind"] for row in booked(four, token))
    assert kinds == {"usage": 2 * WORKERS - lost, "unmeasured": lost}
    assert len({row["CallID"] for row in booked(four, token)}) == 2 * WORKERS
    assert summary(four, token)["ReservedTokens"] == 0
    assert model_calls(four) - before == 2 * WORKERS
    while len(workers_of(four)) < WORKERS:
        assert time.monotonic() < ends
        time.sleep(0.05)
    assert {one.status for one in at_once(2 * WORKERS, lambda _: upload(four, company))} == {200}
