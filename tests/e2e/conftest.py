"""One whole local stack for the end-to-end tests, started as a person starts it and ended as Ctrl-C ends it."""

import io
import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from devstack.setup import processes
from devstack.setup.ports import free_ports
from shared_code import bootstrap
from shared_code.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60
END_SECONDS = 40


class RunningStack:
    """A ``dev.py run`` of the test's own. ``ready`` is the content of its ready file."""

    def __init__(self, folder, *arguments, env=None):
        self.folder = Path(folder)
        self.state = self.folder / "state"
        self.log = self.folder / "console.log"
        self._ready_file = self.folder / "ready.json"
        command = [sys.executable, "dev.py", "run", "--state", str(self.state), "--ready-file", str(self._ready_file)]
        with self.log.open("wb") as console:
            self.process = subprocess.Popen(
                [*command, *map(str, arguments)],
                cwd=ROOT,
                env=os.environ | (env or {}),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                **processes.group_options(),
            )
        self.ready = {}

    @property
    def console(self):
        """Everything that was printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_until_ready(self):
        """The ready file's content. Fails with the console when it does not come in time."""
        deadline = time.monotonic() + START_SECONDS
        while not self._ready_file.exists():
            assert self.process.poll() is None, f"dev.py ended with {self.process.returncode}:\n{self.console}"
            assert time.monotonic() < deadline, f"not ready after {START_SECONDS} s:\n{self.console}"
            time.sleep(0.05)
        self.ready = json.loads(self._ready_file.read_text(encoding="utf-8"))
        return self.ready

    def end(self):
        """Ctrl-C for this stack alone. Fails when a process of it is left."""
        if self.process.poll() is None:
            self.process.send_signal(signal.CTRL_BREAK_EVENT if sys.platform == "win32" else signal.SIGINT)
        code = self.process.wait(timeout=END_SECONDS)
        left = {name: pid for name, pid in self.ready.get("pids", {}).items() if processes.command_line(pid)}
        assert left == {}, f"left running: {left}\n{self.console}"
        return code

    def abandon(self):
        """What a failed test does so that nothing stays behind."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=END_SECONDS)
        for pid in self.ready.get("pids", {}).values():
            if "devstack" in (processes.command_line(pid) or "") or "azurite" in (processes.command_line(pid) or ""):
                processes.kill(pid)


def pytest_collection_modifyitems(items):
    for item in items:
        if item.nodeid.startswith("tests/e2e/"):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture
def manage_in_process(monkeypatch, capsys):
    """Runs a command of ``manage.py`` without a process for it: exit code, standard output, standard error."""
    ours = logging.getLogger("shared_code")
    level = ours.level

    def run(environment, *arguments, stdin=""):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        try:
            code = main([str(argument) for argument in arguments])
        finally:
            bootstrap.reset()
            ours.setLevel(level)
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def start_stack(tmp_path):
    """Starts stacks of the test's own: ``start_stack("--no-seed", ...)``; whatever is left at the end is ended."""
    started = []

    def start(*arguments, folder=tmp_path, env=None):
        stack = RunningStack(folder, *arguments, env=env)
        started.append(stack)
        return stack

    yield start
    for stack in started:
        stack.abandon()


@pytest.fixture(scope="package")
def stack(tmp_path_factory):
    """The ready file of the one stack that all tests share which neither break it nor need other settings.

    Keys: host, gemini, openai, blob_connection_string, database_url, admin_key, console, pids.
    """
    running = RunningStack(tmp_path_factory.mktemp("stack"), "--port", free_ports(1)[0])
    try:
        yield running.wait_until_ready()
        assert running.end() == 0, running.console
    finally:
        running.abandon()
