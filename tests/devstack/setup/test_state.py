import json
import os
import signal
import subprocess
import sys
import time

import pytest

from devstack.setup import processes
from devstack.setup.console import SetupProblem
from devstack.setup.state import StateFolder, write_private

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def sleeper():
    """A process in a group of its own, as a killed run leaves them."""
    process = subprocess.Popen(SLEEPER, start_new_session=True)
    while processes.command_line(process.pid) != processes.as_command_line(SLEEPER):
        time.sleep(0.01)
    yield process
    process.kill()
    process.wait()


def test_a_second_stack_in_the_same_folder_is_refused_with_the_pid_of_the_first(tmp_path):
    with StateFolder(tmp_path), pytest.raises(SetupProblem, match=rf"pid {os.getpid()}.*--state"):
        StateFolder(tmp_path).__enter__()


def test_the_folder_is_free_again_afterwards(tmp_path):
    for _ in range(2):
        with StateFolder(tmp_path) as folder:
            with pytest.raises(SetupProblem):
                StateFolder(tmp_path).__enter__()
            assert folder is not None


def test_the_lock_of_a_killed_process_is_gone(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from devstack.setup.state import StateFolder\n"
        "with StateFolder(Path(sys.argv[1])):\n    print('locked', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(SetupProblem, match=f"pid {holder.pid}"):
            StateFolder(tmp_path).__enter__()
        holder.kill()
        holder.wait()
    with StateFolder(tmp_path):
        pass


def test_a_place_where_no_folder_can_be_is_a_clear_problem(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupProblem, match=r"cannot be used: .*--state"):
        StateFolder(tmp_path / "file" / "state")


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_full_disk_is_a_clear_problem(tmp_path):
    code = (
        "import resource, sys; from pathlib import Path; from devstack.setup.state import StateFolder\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "StateFolder(Path(sys.argv[1]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert "SetupProblem: The state folder" in done.stderr
    assert "have room" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_a_clear_problem(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(SetupProblem, match="must be writable"):
        StateFolder(tmp_path)


def test_secrets_are_made_once_and_are_the_owners_only(tmp_path):
    first, second = StateFolder(tmp_path).secrets(), StateFolder(tmp_path).secrets()
    assert first == second
    if sys.platform != "win32":
        assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_secrets_that_cannot_be_read_are_never_replaced(tmp_path):
    (tmp_path / "secrets.json").write_text('{"encryption_keys": "loc')
    with pytest.raises(SetupProblem, match=r"secrets\.json cannot be read"):
        StateFolder(tmp_path).secrets()
    assert (tmp_path / "secrets.json").read_text() == '{"encryption_keys": "loc'


def test_what_a_killed_run_left_is_ended(tmp_path, sleeper):
    state = StateFolder(tmp_path)
    state.remember_processes([("gemini", sleeper.pid, SLEEPER)])
    assert state.end_orphans() == ["gemini"]
    assert sleeper.wait(timeout=5) in {-signal.SIGTERM, -signal.SIGKILL}
    assert state.end_orphans() == []


def test_a_process_that_has_since_taken_the_pid_is_spared(tmp_path, sleeper):
    state = StateFolder(tmp_path)
    state.remember_processes([("gemini", sleeper.pid, [sys.executable, "-m", "devstack.gemini", "--port", "1"])])
    assert state.end_orphans() == []
    assert sleeper.poll() is None


@pytest.mark.parametrize("content", ["", "{", "{}", '[1, {"pid": "x"}, {"pid": 1}]'])
def test_a_broken_list_of_processes_ends_nothing(tmp_path, content):
    (tmp_path / "processes.json").write_text(content)
    assert StateFolder(tmp_path).end_orphans() == []


def test_files_are_replaced_as_a_whole(tmp_path):
    target = tmp_path / "ready.json"
    write_private(target, json.dumps({"a": 1}))
    write_private(target, json.dumps({"a": 2}))
    assert json.loads(target.read_text()) == {"a": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["ready.json"]


def test_ports_are_kept_and_a_file_that_cannot_be_read_costs_only_them(tmp_path):
    seen = []

    def choose(earlier):
        seen.append(dict(earlier))
        return {"blob": 5001}

    with StateFolder(tmp_path / "state") as state:
        assert state.ports(choose) == {"blob": 5001}
        state.ports(choose)
        for broken in ("{", "[]", '{"blob": "x", "gemini": 99999999}'):
            (state.path / "ports.json").write_text(broken)
            state.ports(choose)
    assert seen == [{}, {"blob": 5001}, {}, {}, {}]
