"""``dev.py run`` as a person meets it: first start, odd environments, what kills and crashes leave behind."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request

import pytest

from devstack.setup import processes
from devstack.setup.ports import free_ports

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


def get(url):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=20) as answer:
        return answer.status, answer.read()


def wait_for(condition, seconds=40):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def gone(pid):
    return processes.command_line(pid) is None


def test_the_ready_file_says_where_everything_is(stack):
    assert set(stack) == {
        "host", "gemini", "openai", "blob_connection_string", "database_url", "admin_key", "console", "pids"
    }  # fmt: skip
    assert set(stack["pids"]) == {"dev", "azurite", "gemini", "openai", "host"}
    assert get(f"{stack['host']}/admin/host/ping")[0] == 200
    assert get(f"{stack['gemini']}/_control/calls")[0] == 200
    assert get(f"{stack['openai'].removesuffix('/v1')}/_control/calls")[0] == 200
    assert not any(gone(pid) for pid in stack["pids"].values())


def test_a_killed_run_is_cleaned_up_by_the_next_and_the_data_stays(start_stack):
    port = free_ports(1)[0]
    first = start_stack("--port", port)
    ready = first.wait_until_ready()
    secrets = (first.state / "secrets.json").read_text()
    assert stat.S_IMODE((first.state / "secrets.json").stat().st_mode) == 0o600
    first.process.kill()
    first.process.wait()
    orphans = {name: pid for name, pid in ready["pids"].items() if name != "dev"}
    assert not any(gone(pid) for pid in orphans.values())
    (first.folder / "ready.json").unlink()

    second = start_stack("--port", port)
    again = second.wait_until_ready()
    assert all(gone(pid) for pid in orphans.values())
    assert "left behind by a run that was killed" in second.console
    assert (first.state / "secrets.json").read_text() == secrets
    assert again["database_url"] == ready["database_url"]
    assert second.end() == 0
    assert not (second.folder / "ready.json").exists()
    kept = json.loads(secrets)
    values = [kept["demo_key"], kept["admin_secret"], kept["encryption_keys"].partition(":")[2]]
    assert [value for value in values if value in second.console] == []


@pytest.mark.long
def test_a_process_that_dies_ends_the_stack_and_is_named(start_stack):
    stack = start_stack("--port", free_ports(1)[0])
    ready = stack.wait_until_ready()
    os.kill(ready["pids"]["gemini"], signal.SIGKILL)
    assert stack.process.wait(timeout=40) == 1
    assert "gemini ended by itself" in stack.console
    wait_for(lambda: all(gone(pid) for pid in ready["pids"].values()))


@pytest.mark.long
def test_odd_surroundings_do_not_matter(start_stack):
    """A proxy in the environment, settings for a production database, a parent that ignores SIGINT, a second run."""
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        odd = {
            "HTTP_PROXY": address,
            "http_proxy": address,
            "HTTPS_PROXY": address,
            "ALL_PROXY": address,
            "NO_PROXY": "",
            "no_proxy": "",
            "AZURE_SQL_CONNECTION_STRING": "Server=production.invalid",
            "DATABASE_URL": "postgresql+psycopg://production.invalid/db",
        }
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            stack = start_stack("--port", free_ports(1)[0], "--no-seed", env=odd)
        finally:
            signal.signal(signal.SIGINT, before)
        ready = stack.wait_until_ready()
        assert ready["database_url"].startswith("sqlite:")
        beside = subprocess.run(
            [sys.executable, "dev.py", "run", "--state", str(stack.state)], capture_output=True, text=True, timeout=60
        )
        assert beside.returncode == 2
        assert f"(pid {ready['pids']['dev']})" in beside.stderr
        assert stack.end() == 0
        proxy.settimeout(0.1)
        with pytest.raises(TimeoutError):
            proxy.accept()


def test_an_impatient_person_leaves_nothing_behind(start_stack):
    """Ctrl-C while everything starts, and once more while it ends."""
    stack = start_stack("--port", free_ports(1)[0])
    pids = stack.state / "processes.json"
    wait_for(pids.exists)
    stack.process.send_signal(signal.SIGINT)
    time.sleep(0.1)
    stack.process.send_signal(signal.SIGINT)
    started = [entry["pid"] for entry in json.loads(pids.read_text())] if pids.exists() else []
    assert stack.process.wait(timeout=40) == 0
    assert all(gone(pid) for pid in started)
    assert "Traceback" not in stack.console
