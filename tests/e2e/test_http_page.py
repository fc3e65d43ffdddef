"""Every request of docs/http.md, sent to a stack of its own; each must answer what the page shows."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.setup.ports import free_ports

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
#: a command, and the answer behind it, where one is shown
EXAMPLES = re.findall(r"```sh\n(.*?)\n```\n(?:\n```(json|text)\n(.*?)\n```\n)?", PAGE, re.DOTALL)
#: differs from run to run, or with what models are asked: only the kind of value is compared
VARYING = {"request_id", "retry_at", "retry_after_seconds", "resets_at", "needed", "usage"}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:]+Z|at least \d+")

pytestmark = pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="no curl or bash")


class Known:
    """Compares answers with those of the page, and learns which id stands for which."""

    def __init__(self):
        self.ids = {}

    def same(self, shown, actual, name=""):
        if name in VARYING:
            return kinds(shown) == kinds(actual)
        if isinstance(shown, dict):
            return all(key in actual and self.same(shown[key], actual[key], key) for key in shown)
        if isinstance(shown, list):
            return len(shown) == len(actual) and all(map(self.same, shown, actual))
        if name in {"id", "supersedes"} and shown:
            return self.ids.setdefault(shown, actual) == actual
        if name == "message":
            return MOMENT.sub("", shown) == MOMENT.sub("", actual)
        return shown == actual


def kinds(value):
    return {key: type(one) for key, one in value.items()} if isinstance(value, dict) else type(value)


def keys(value):
    """Names on all levels."""
    if isinstance(value, dict):
        return {name: keys(one) for name, one in value.items()}
    return [keys(one) for one in value] if isinstance(value, list) else None


@pytest.fixture
def run(start_stack):
    stack = start_stack("--cors", "http://localhost:5173", "--port", free_ports(1)[0])
    ready = stack.wait_until_ready()
    lines = (stack.state / "settings.env").read_text().splitlines()
    settings = {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | settings | {"PATH": path, "no_proxy": "*"}

    def typed(command):
        return subprocess.run(
            ["bash", "-c", command.replace("http://localhost:7071", ready["host"])],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    return typed


def test_every_request_answers_what_the_page_shows(run):
    assert len(EXAMPLES) > 15
    known, wrong, whole = Known(), [], 0
    for command, kind, shown in EXAMPLES:
        for on_page, actual in known.ids.items():
            command = command.replace(on_page, actual)  # noqa: PLW2901 - as a reader would put it
        done = run(command)
        if kind == "json":
            answer, example = json.loads(done.stdout), json.loads(shown)
            right = known.same(example, answer)
            shows_all = keys(example) == keys(answer)
            assert shows_all or command != EXAMPLES[0][0], "the first answer must show every field"
            whole += shows_all
        elif kind == "text":
            right = done.stdout.strip() == shown.strip()
        else:
            right = done.returncode == 0
        if not right:
            wrong.append(f"{command}\n{done.stdout[:2000]}{done.stderr[-300:]}")
    assert wrong == []
    assert whole >= 6
