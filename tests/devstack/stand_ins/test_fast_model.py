"""The model stand-in of the bench as a process: connections that are kept, calls side by side, what it counts."""

import asyncio
import http.client
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bench import documents, rig
from bench.service.callers import Order
from bench.service.children import BenchFailed, Worker
from bench.service.flood import request
from bench.service.floor import asker
from bench.service.model import Model
from bench.service.roles import Tree
from bench.service.upload import upload

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def model():
    with rig.gemini() as url:
        yield Model(url)


@pytest.fixture(scope="module")
def page():
    return documents.sample()


def connect(model):
    address = urlsplit(model.url)
    return http.client.HTTPConnection(address.hostname, address.port, timeout=10)


def post(connection, path, body=b"{}"):
    connection.request("POST", path, body)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def test_the_sdk_reads_its_answer(model, page):
    before = model.counts()["calls"]
    ask = asker(model.url)
    ask(page.document(1))
    ask(page.document(2))
    assert model.counts()["calls"] == before + 2


def test_one_connection_serves_many_calls_and_each_is_counted(model, page):
    before = model.counts()
    body = request(page.document(5)).partition(b"\r\n\r\n")[2]
    connection = connect(model)
    answers = [post(connection, "/v1beta/models/x:generateContent", body) for _ in range(20)]
    connection.close()
    assert {status for status, _ in answers} == {200}
    assert len({answer["responseId"] for _, answer in answers}) == 20
    after = model.counts()
    assert after["calls"] == before["calls"] + 20
    assert after["cpu_seconds"] >= before["cpu_seconds"]


def test_many_callers_wait_side_by_side(model, page):
    body = request(page.document(5)).partition(b"\r\n\r\n")[2]
    connections = [connect(model) for _ in range(20)]
    model.set_latency(300)
    try:
        started = time.monotonic()
        with ThreadPoolExecutor(20) as pool:
            asked = [pool.submit(post, each, "/v1beta/models/x:generateContent", body) for each in connections]
            assert {each.result()[0] for each in asked} == {200}
        assert 0.3 <= time.monotonic() - started < 3
    finally:
        model.set_latency(0)
        for each in connections:
            each.close()


def test_the_list_of_models_and_telemetry_are_served_and_are_no_calls(model):
    before = model.counts()
    connection = connect(model)
    connection.request("GET", "/v1beta/models?pageSize=1000")
    listed = json.loads(connection.getresponse().read())
    assert "models/gemini-3.5-flash-lite" in {each["name"] for each in listed["models"]}
    assert post(connection, "/v2.1/track", b"[]")[1]["errors"] == []
    connection.close()
    after = model.counts()
    assert (after["calls"], after["telemetry"]) == (before["calls"], before["telemetry"] + 1)


def test_what_it_does_not_serve_is_refused_and_counted(model):
    before = model.counts()["unknown"]
    connection = connect(model)
    assert post(connection, "/v1beta/models/x:countTokens")[0] == 404
    assert post(connection, "/v1beta/models/x:generateContent", b'{"contents": []}')[0] == 404
    connection.close()
    assert model.counts()["unknown"] == before + 2


def test_it_ends_when_its_standard_input_ends():
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.fast_model"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline().startswith(b"http://127.0.0.1:")
    process.stdin.close()
    assert process.wait(timeout=10) == 0
    process.stdout.close()


def test_an_upload_that_is_not_read_fails_the_measurement(model, page):
    port = urlsplit(model.url).port
    with pytest.raises(RuntimeError, match="404"):
        asyncio.run(upload(port, page, Order("page", 1, 2, 2)))


def test_a_measuring_process_counts_its_calls_and_reports_one_that_fails(model, tmp_path):
    documents.build(tmp_path)
    worker = Worker("floor", tmp_path, model.url, log=tmp_path / "log")
    try:
        before = model.counts()["calls"]
        timing = worker.run(Order("page", 1, 6, 3))
        assert len(timing.seconds) == model.counts()["calls"] - before == 6
        assert max(timing.seconds) <= timing.wall_seconds <= sum(timing.seconds) + 1
        used = Tree(worker.pid).cpu()
        assert used.own > 0
        assert Tree(worker.pid).peaks().own > 20
        # Numbers of more than seven digits are none that the stand-in knows.
        with pytest.raises(BenchFailed, match="404"):
            worker.run(Order("page", 100_000_000, 1, 1))
    finally:
        worker.end()
    assert worker.process.returncode == 0
