import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from google.genai import errors

from devstack.gemini import GeminiStandIn
from devstack.models.calls import key_hash
from devstack.models.faults import UnknownFault
from tests.devstack.stand_ins.conftest import KEY, ask, pdf_part

ROOT = Path(__file__).parents[3]
SAMPLE = "syn-ghana-2026.pdf"


@pytest.fixture
def control(gemini):
    with httpx2.Client(base_url=gemini.url + "/_control", trust_env=False) as client:
        yield client


def test_faults_calls_latency_and_reset_over_http(control, sdk, gemini):
    script = {"faults": [{"kind": "plain_429", "key": KEY}, {"kind": "answer", "options": {"text": "hello"}}]}
    assert len(control.post("/faults", json=script).json()["faults"]) == 2
    with pytest.raises(errors.ClientError):
        ask(sdk, pdf_part(SAMPLE))
    assert ask(sdk, pdf_part(SAMPLE)).text == "hello"

    calls = control.get("/calls").json()["calls"]
    assert [call["fault"] for call in calls] == ["plain_429", "answer"]
    assert calls[0]["key_hash"] == key_hash(KEY)
    assert {"time", "model", "status", "usage", "connection", "answered"} <= set(calls[0])
    assert [call["number"] for call in control.get("/calls", params={"since": calls[0]["number"]}).json()["calls"]] == [
        calls[1]["number"]
    ]

    assert control.post("/latency", json={"milliseconds": 30}).json() == {"milliseconds": 30.0}
    ask(sdk, pdf_part(SAMPLE))
    assert gemini.calls()[-1]["duration_ms"] >= 30
    control.post("/faults", json={"kind": "plain_429", "times": 0})
    control.post("/reset")
    assert control.get("/calls").json() == {"calls": []}
    assert control.get("/faults").json()["faults"] == []


def test_a_single_fault_may_be_sent_without_a_list_and_lasts_until_reset(control, sdk):
    control.post("/faults", json={"kind": "unavailable_503", "times": 0})
    for _ in range(3):
        with pytest.raises(errors.ServerError):
            ask(sdk, pdf_part(SAMPLE))


def test_key_states_over_http(control, sdk):
    control.post("/keys", json={"key": KEY, "project": "p", "state": "ok"})
    control.post("/keys", json={"project": "p", "state": "no_credit"})
    with pytest.raises(errors.ClientError, match="prepayment credits are depleted"):
        ask(sdk, pdf_part(SAMPLE))


@pytest.mark.parametrize(
    "script", [{"kind": "meteor"}, {"kind": 5}, {"kind": "delay", "delay": 3}, [3], {"kind": "delay", "times": "often"}]
)
def test_a_script_with_a_mistake_is_refused_and_changes_nothing(control, script):
    response = control.post("/faults", json=script)
    assert response.status_code == 400
    assert response.json()["error"]
    assert control.get("/faults").json()["faults"] == []


def test_mistakes_in_process_are_refused_too(gemini, control):
    with pytest.raises(UnknownFault, match="meteor"):
        gemini.fault("meteor")
    with pytest.raises(UnknownFault, match="broken_json"):
        gemini.key(KEY, state="broken_json")
    assert control.get("/nothing").status_code == 404


@pytest.mark.parametrize("name", ["gemini", "openai"])
def test_it_runs_as_a_process_of_its_own_and_ends_on_a_signal(name, transport):
    command = [sys.executable, "-m", f"devstack.{name}", "--port", "0", "--latency-ms", "1", "--thoughts", "5"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        url = line.split(" on ")[1].strip()
        assert transport.get(f"{url}/_control/calls").json() == {"calls": []}
    finally:
        process.send_signal(signal.SIGTERM if os.name == "posix" else signal.CTRL_BREAK_EVENT)
        process.communicate(timeout=10)
    assert process.returncode == 0


def test_a_body_over_the_limit_is_refused_before_it_is_sent(gemini):
    with socket.create_connection(("127.0.0.1", gemini.port), timeout=10) as link:
        link.sendall(b"POST /v1beta/models HTTP/1.1\r\nHost: h\r\nContent-Length: 200000000\r\n\r\n")
        assert link.recv(100).startswith(b"HTTP/1.1 413")
    assert gemini.calls() == []


def test_a_stopped_stand_in_breaks_what_is_open_and_listens_no_more():
    with GeminiStandIn() as stand_in:
        idle = socket.create_connection(("127.0.0.1", stand_in.port), timeout=10)
        idle.sendall(b"GET /_control/calls HTTP/1.1\r\nHost: h\r\n\r\n")
        assert idle.recv(100).startswith(b"HTTP/1.1 200")
    with idle:
        while idle.recv(65536):
            pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", stand_in.port), timeout=10)


def test_a_taken_port_is_said_clearly(gemini):
    command = [sys.executable, "-m", "devstack.gemini", "--port", str(gemini.port)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert f"port {gemini.port} cannot be used" in done.stderr
    assert "--port" in done.stderr


def test_many_callers_at_once_get_their_own_answers(gemini, sdk):
    from concurrent.futures import ThreadPoolExecutor

    names = {"syn-ghana-2026.pdf": "ADM-26-00118", "syn-export-usd.pdf": "SPL/EXP/0031", "az-invoice.pdf": "INV-100"}
    with ThreadPoolExecutor(16) as pool:

        def number(name):
            return json.loads(ask(sdk, pdf_part(name)).text)["invoices"][0]["invoice_number"]

        asked = list(names) * 12
        assert list(pool.map(number, asked)) == [names[name] for name in asked]
    assert len(gemini.calls()) == 36
    assert all(call["answered"] for call in gemini.calls())
