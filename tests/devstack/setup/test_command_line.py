"""What goes wrong before anything is set up, seen as a person sees it: ``dev.py`` as a process."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.setup.state import StateFolder

ROOT = Path(__file__).resolve().parents[3]


def dev(*arguments):
    return subprocess.run(
        [sys.executable, "dev.py", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


def test_a_taken_port_that_was_asked_for_ends_with_2_and_names_the_option(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = dev("run", "--port", listener.getsockname()[1], "--state", tmp_path)
    assert done.returncode == 2
    assert "is taken" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_run_in_the_same_folder_ends_with_2_and_names_the_first(tmp_path):
    with StateFolder(tmp_path):
        done = dev("run", "--state", tmp_path)
    assert done.returncode == 2
    assert f"(pid {os.getpid()})" in done.stderr
    assert "--state" in done.stderr


def test_a_state_folder_that_cannot_be_ends_with_2(tmp_path):
    (tmp_path / "file").write_text("")
    done = dev("run", "--state", tmp_path / "file" / "state")
    assert done.returncode == 2
    assert "cannot be used" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [[], ["fly"], ["run", "--port", "0"], ["run", "--port", "x"], ["run", "--model-latency-ms", "-1"], ["check", "x"]],
)
def test_a_wrong_command_line_ends_with_2_and_the_usage(arguments):
    done = dev(*arguments)
    assert done.returncode == 2
    assert "usage: dev.py" in done.stderr


def test_arguments_and_exit_code_of_pytest_pass_through():
    assert "pytest" in dev("test", "--version").stdout
    assert dev("test", "no/such/test.py").returncode == 4
