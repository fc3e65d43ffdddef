"""Several workers beside one host: what is shared, what goes on when one ends, and that nothing is left."""

import json
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from azure.storage.queue import QueueServiceClient, TextBase64EncodePolicy

from devstack.host.errors import HostStartError
from devstack.host.settings import AppSettings
from devstack.host.worker_processes.pool import worker_count
from tests.devstack.host.running import Host, http_function, lines, timer_function, wait_for, write_app
from tests.devstack.host.sample_app import SLOW, write_http_app
from tests.devstack.host.test_start import start

COUNT = "FUNCTIONS_WORKER_PROCESS_COUNT"
TWO = {COUNT: "2"}
PID = """
import os
import azure.functions as func

def main(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(str(os.getpid()))
"""
NOTE = """
import json, os
from pathlib import Path

def main({argument}):
    with Path({path!r}).open("a") as noted:
        noted.write(json.dumps({value}) + "\\n")
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two workers over the app of the contract tests; none of its tests ends one."""
    root = write_http_app(tmp_path_factory.mktemp("pair") / "app")
    with Host(root, environment={"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "30000000", "WINS": "shell", **TWO}) as host:
        yield host


def small_app(folder):
    return write_app(folder / "app", {"Pid": http_function(PID), "Slow": http_function(SLOW)})


def pid_of(host):
    answer = host.get("/api/Pid")
    assert answer.status == 200, host.log
    return int(answer.body)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("dict", 500),
        ("boom", 500),
        ("nocontent", 204),
        ("badheader", 500),
        ("badcookie", 500),
        ("x", 200),
    ],
)
def test_answers_are_those_of_one_worker(pair, path, status):
    assert [pair.get(f"/api/answer/{path}").status for _ in range(2)] == [status] * 2


def test_headers_cookies_bodies_settings_and_imports_are_those_of_one_worker(pair):
    answer = pair.get("/api/answer/headers")
    assert (answer.status, answer.headers["X-One"]) == (201, "1")
    assert [line.partition(";")[0] for line in answer.headers.get_all("Set-Cookie")] == ["a=1", "b=x%2Fy%3D%3D"]
    large = pair.request("POST", "/api/echo", b"\0\xff" * 10_000_000)
    assert large.json["length"] == 20_000_000
    assert pair.request("POST", "/api/Text", b'{"body": "b", "status": 202}').status == 202
    assert pair.get("/api/Settings").json["WINS"] == "shell"
    assert pair.get("/api/Settings").json["FROM_FILE"] == "file"
    assert pair.get("/api/Imports").json[2] == str(pair.root)
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert pair.get("/api/Async", traceparent=trace).body.startswith(b"Async 36 00-4bf92f3577b34da6a3ce929d0e0e4736-")
    assert {"BadImport", "BadSignature", "BadJson"} <= set(pair.ready["failed"])
    assert pair.get("/api/BadImport").status == 500


def test_what_functions_log_and_print_stands_in_the_log_of_the_host(pair):
    invocation = pair.get("/api/Logs").body.decode()
    wait_for(lambda: "printed by the function" in pair.log)
    assert f"[{invocation[:8]}] a line of the function" in pair.log
    assert f"[{invocation[:8]}] WARNING a warning of a library" in pair.log


def test_requests_take_turns_and_one_that_takes_long_stops_nobody(tmp_path):
    gate = tmp_path / "gate"
    with Host(small_app(tmp_path), environment=TWO) as host, ThreadPoolExecutor(1) as pool:
        workers = host.ready["workers"]
        assert len(set(workers)) == 2
        assert host.process.pid not in workers
        slow = pool.submit(host.get, f"/api/Slow?gate={gate}")
        wait_for(gate.with_suffix(".begun").exists)
        assert {pid_of(host) for _ in range(4)} == set(workers)
        gate.touch()
        assert slow.result().status == 200


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_killed_worker_fails_its_own_request_and_is_started_again_while_the_other_serves(tmp_path):
    gate = tmp_path / "gate"
    with Host(small_app(tmp_path), environment=TWO) as host, ThreadPoolExecutor(2) as pool:
        slow = [pool.submit(host.get, f"/api/Slow?gate={gate}{number}") for number in range(2)]
        wait_for(lambda: len(list(tmp_path.glob("*.begun"))) == 2)
        killed, other = host.ready["workers"]
        os.kill(killed, signal.SIGKILL)
        wait_for(lambda: any(one.done() for one in slow))
        assert [one.result().status for one in slow if one.done()] == [500]
        assert f"the worker process {killed} ended during the invocation" in host.log
        assert pid_of(host) == other
        wait_for(lambda: "serves in its place" in host.log)
        assert len({pid_of(host) for _ in range(4)} - {killed, other}) == 1
        for number in range(2):
            (tmp_path / f"gate{number}").touch()
        assert sorted(one.result().status for one in slow) == [200, 500]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_no_worker_is_left_when_the_host_ends(tmp_path, end):
    with Host(small_app(tmp_path), environment={COUNT: "3"}) as host:
        workers = [psutil.Process(pid) for pid in host.ready["workers"]]
        assert len({pid_of(host) for _ in range(3)}) == 3
        # As Ctrl-C reaches the whole group: a worker lets the host end it.
        for worker in workers:
            worker.send_signal(signal.SIGINT)
        pid_of(host)
        host.process.send_signal(end)
        assert host.process.wait(20) == (0 if end == signal.SIGTERM else -end)
        gone, left = psutil.wait_procs(workers, timeout=8)
        assert left == []
        assert len(gone) == 3


@pytest.mark.parametrize("text", ["0", "11", "-1", "two", "1.5", "٣"])
def test_a_count_that_azure_would_not_take_ends_the_start_with_its_reason(tmp_path, text):
    with pytest.raises(HostStartError, match=f"{COUNT} must be a whole number from 1 to 10, not"):
        worker_count(AppSettings({COUNT.lower(): text}))
    if text == "11":
        done = start(small_app(tmp_path), environment={COUNT: text})
        assert done.returncode == 1
        assert f"{COUNT} must be a whole number from 1 to 10, not '11'" in done.stderr


def test_without_a_count_the_worker_runs_in_the_process_of_the_host(tmp_path):
    assert [worker_count(AppSettings(given)) for given in ({}, {COUNT: ""}, {COUNT: " 10 "})] == [1, 1, 10]
    with Host(small_app(tmp_path)) as host:
        assert host.ready["workers"] == []
        assert pid_of(host) == host.process.pid


def test_a_tick_of_a_timer_runs_on_one_worker_and_messages_are_shared(tmp_path, storage):
    ticks, messages = tmp_path / "ticks", tmp_path / "messages"
    tick = NOTE.format(argument="timer", path=str(ticks), value="[os.getpid()]")
    read = NOTE.format(argument="message", path=str(messages), value="[os.getpid(), message.get_body().decode()]")
    bindings = [{"name": "message", "type": "queueTrigger", "direction": "in", "queueName": "shared-out"}]
    functions = {
        "Tick": timer_function(tick, schedule="*/1 * * * * *"),
        "Read": ({"bindings": bindings}, read),
        "Pid": http_function(PID),
    }
    root = write_app(tmp_path / "app", functions, values={"AzureWebJobsStorage": storage, COUNT: "2"})
    client = QueueServiceClient.from_connection_string(storage)
    queue = client.create_queue("shared-out")
    queue = client.get_queue_client("shared-out", message_encode_policy=TextBase64EncodePolicy())
    sent = [f"m{number}" for number in range(12)]
    with Host(root, arguments=("--blob-poll-seconds", "0.2")) as host:
        assert len(host.ready["workers"]) == 2, "also when local.settings.json says so"
        for text in sent:
            queue.send_message(text)
        wait_for(lambda: len(lines(messages)) >= len(sent))
        wait_for(lambda: len(lines(ticks)) >= 4)
        seen = host.log.count("Executing 'Functions.Tick'")
        assert abs(len(lines(ticks)) - seen) <= 1
        assert host.run_now("Tick").status == 202
        assert json.loads(host.get("/admin/host/status").body)["state"] == "Running"
    assert sorted(text for _, text in lines(messages)) == sorted(sent)
    assert {pid for pid, _ in lines(messages)} == set(host.ready["workers"])
