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


@pytest.mark.parametrize(
    "url",
    [
        "gateway.example",
        "ftp://gateway.example",
        "http://",
        "http://h:99999",
        "http://h:x",
        "http://h/?key=1",
        "http://h /",
    ],
)
def test_a_model_server_that_is_no_address_ends_with_2_and_is_named(url):
    done = dev("run", "--gemini-url", url)
    assert done.returncode == 2
    assert repr(url) in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "origin", ["*", "localhost:5173", "http://", "http://a.example/app", "http://a.example,http://b.example", "null"]
)
def test_what_is_no_exact_origin_of_a_front_end_ends_with_2_and_is_named(origin):
    done = dev("run", "--cors", origin)
    assert done.returncode == 2
    assert repr(origin) in done.stderr
    assert "Traceback" not in done.stderr


def test_the_password_of_a_model_server_is_refused_and_not_repeated():
    done = dev("run", "--gemini-url", "https://user:secret@gateway.example")
    assert done.returncode == 2
    assert "'https://***@gateway.example'" in done.stderr
    assert "secret" not in done.stderr


def test_another_model_server_and_the_vendors_themselves_exclude_each_other():
    done = dev("run", "--gemini-url", "http://gateway.example", "--real-models")
    assert done.returncode == 2
    assert "not allowed with" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["fly"], "no such bench: fly"),
        (["imports", "fly"], "no such bench: fly"),
        (["--fly"], "unrecognized arguments: --fly"),
        (["--quick", "--full"], "not allowed with"),
        (["--publish"], "--publish needs --full"),
        (["imports", "--full"], "do not go together"),
    ],
)
def test_a_bench_that_is_not_there_ends_with_2_before_anything_is_measured(arguments, named):
    done = dev("bench", *arguments)
    assert done.returncode == 2
    assert named in done.stderr
    assert "Traceback" not in done.stderr
