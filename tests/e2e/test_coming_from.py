"""Every line of docs/coming-from.md that a newcomer would type: Python, requests, commands; SQL on each database."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from devstack.setup.ports import free_ports

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "coming-from.md").read_text(encoding="utf-8")
TITLES = {"mssql": "On Azure SQL", "postgresql": "On PostgreSQL", "sqlite": "On SQLite"}


def right_side(section):
    """What stands in code on the right of a section's table."""
    part = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    cells = [re.split(r" \| ", line.strip("| "))[-1] for line in part.splitlines() if line.startswith("| ")]
    return [code for cell in cells for code in re.findall(r"`([^`]+)`", cell)]


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    """A stack that answers as the earlier system did: no prefix before its addresses."""
    from .conftest import RunningStack

    stack = RunningStack(
        tmp_path_factory.mktemp("earlier"), "--port", free_ports(1)[0],
        env={"AzureFunctionsJobHost__extensions__http__routePrefix": ""},
    )  # fmt: skip
    try:
        ready = stack.wait_until_ready()
        lines = (stack.state / "settings.env").read_text().splitlines()
        settings = {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines)}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        more = {
            "HOST": ready["host"],
            "KEY": ready["admin_key"],
            "PATH": path,
            "no_proxy": "*",
            "PYTHONPATH": str(ROOT),
        }
        yield settings | more, stack
        assert stack.end() == 0, stack.console
    finally:
        stack.abandon()


def test_every_line_of_python_runs_in_a_script(earlier, tmp_path):
    lines = right_side("Python")
    assert len(lines) > 40
    script = tmp_path / "earlier.py"
    script.write_text("\n".join(lines), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=os.environ | earlier[0],
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="no curl or bash")
def test_requests_without_the_prefix_answer_as_the_earlier_system_did(earlier):
    environment, stack = earlier
    commands = [line for line in right_side("HTTP") if line.startswith("curl")]
    assert len(commands) == 7
    for command in commands:
        typed = command.replace("http://localhost:8000", environment["HOST"])
        done = subprocess.run(
            ["bash", "-c", typed], cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=60
        )
        if "-w" in command:
            assert float(done.stdout) > 0
        else:
            answer = json.loads(done.stdout)
            assert answer["status"] == "success", f"{command}\n{done.stdout}"
            if "/extract " in command:
                environment["ID"] = answer["data"]["id"]
    assert f"{environment['HOST'].replace('127.0.0.1', 'localhost')}/extract" in stack.console
    refused = subprocess.run(["curl", "-s", f"{environment['HOST']}/manage/tokens"], capture_output=True, text=True)
    assert json.loads(refused.stdout)["error"]["code"] == "NOT_AUTHENTICATED"


def test_every_command_works(earlier, manage_in_process):
    environment, _ = earlier
    commands = [line for line in right_side("Commands") + right_side("SQL") if line.startswith("python ")]
    assert len(commands) > 12
    for command in commands:
        words = shlex.split(command)
        if words[1] == "manage.py":
            code, out, err = manage_in_process(environment, *words[2:])
        else:
            done = subprocess.run([sys.executable, *words[1:]], cwd=ROOT, capture_output=True, text=True)
            code, out, err = done.returncode, done.stdout, done.stderr
        assert code == 0, f"{command}\n{out[-500:]}{err[-500:]}"


def test_settings_that_are_named_exist():
    settings = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([A-Z][A-Z_]{6,})`", PAGE))
    assert len(named) > 6
    assert [name for name in named - {"PYTHONPATH"} if f"`{name}`" not in settings] == []


def test_every_statement_runs_on_its_database(database):
    block = PAGE.partition(f"\n{TITLES[database.dialect]}:\n")[2].partition("```sql\n")[2].partition("\n```")[0]
    statements = [line.rstrip(";") for line in block.splitlines()]
    assert len(statements) == 7
    with database.engine.begin() as connection:
        for statement in statements:
            done = connection.execute(text(statement))
            if "Status FROM" in statement.replace('"', ""):
                assert [row[1] for row in done] == ["Active"]
