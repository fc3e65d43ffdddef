"""The local stack with another model server, and what Ctrl-C leaves of a running bench: nothing."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from bench import documents, rig
from bench.service.model import Model
from devstack.setup import processes
from devstack.setup.ports import free_ports
from tests.e2e.calling import extract
from tests.e2e.conftest import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


def test_the_stack_asks_the_model_server_that_it_is_pointed_at(start_stack):
    with rig.gemini() as url:
        stack = start_stack("--port", free_ports(1)[0], "--gemini-url", f"{url}/")
        ready = stack.wait_until_ready()
        assert ready["gemini"] == url
        assert set(ready["pids"]) == {"dev", "azurite", "openai", "host"}
        assert f"Gemini:    {url} (in place of the stand-in, which was not started)" in stack.console
        answer = extract(ready["host"], documents.sample().document(1))
        assert (answer.status, answer.json["data"]["status"]) == (200, "ok")
        invoice = answer.json["data"]["invoices"][0]
        assert "ADM-26-00001" in json.dumps(invoice)
        counts = Model(url).counts()
        assert (counts["calls"], counts["unknown"]) == (1, 0)
        assert stack.end() == 0


def test_ctrl_c_ends_the_bench_and_every_process_that_it_has_started():
    bench = subprocess.Popen(
        [sys.executable, "dev.py", "bench", "--quick"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **processes.group_options(),
    )
    try:
        started = wait_for_processes(bench.pid, {"bench.fast_model", "bench.service.floor", "devstack.host"})
        # The console sends it to all processes of its group; a second one comes from somebody without patience.
        os.killpg(bench.pid, signal.SIGINT)
        time.sleep(0.3)
        os.killpg(bench.pid, signal.SIGINT)
        printed, _ = bench.communicate(timeout=60)
    finally:
        if bench.poll() is None:
            processes.kill(bench.pid)
            bench.wait()
    assert bench.returncode == 130
    assert "Traceback" not in printed, printed
    _, left = psutil.wait_procs(started, timeout=10)
    assert [each.cmdline() for each in left] == []


def wait_for_processes(pid, modules):
    """All processes below one, once these modules run among them."""
    deadline = time.monotonic() + 60
    while True:
        found = psutil.Process(pid).children(recursive=True)
        lines = [processes.command_line(each.pid) or "" for each in found]
        if all(any(module in line for line in lines) for module in modules):
            return found
        assert time.monotonic() < deadline, lines
        time.sleep(0.1)
