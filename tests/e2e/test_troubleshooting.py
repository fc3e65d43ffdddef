"""Every command of the troubleshooting guide, on the running stack."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.webhooks.receiver import Receiver

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL) for line in block.splitlines()]

#: run by a shell, as they are typed; the others of their kind differ in what manage.py is told, not in how it starts
TYPED = [command for command in COMMANDS if not command.startswith("python manage.py")]
TYPED.append(next(command for command in COMMANDS if command.startswith("python manage.py")))

pytestmark = pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="no curl or bash")


@pytest.fixture
def environment(stack):
    state = Path(stack["database_url"].removeprefix("sqlite:///")).parent
    lines = (state / "settings.env").read_text().splitlines()
    settings = {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return settings | {"HOST": stack["host"], "KEY": stack["admin_key"], "PATH": path, "no_proxy": "*"}


def verdict(command, code, out, err):
    """What is wrong with the answer of a command; None when nothing is."""
    # 1 is an answer too: diagnose has found something. A wrong command line is 2.
    wrong = code > 1 or "Traceback" in err or '"status": "error"' in out
    if wrong or (code == 1 and "diagnose" not in command):
        return f"{command}\n  {code} {out[-300:]} {err[-300:]}"
    return None


@pytest.fixture
def webhook(environment, manage_in_process):
    """The company of the guide is told somewhere."""
    with Receiver() as receiver:
        code, _, err = manage_in_process(environment, "webhooks", "set", "NT047", "--url", receiver.url)
        assert code == 0, err
        yield
        manage_in_process(environment, "webhooks", "remove", "NT047", "--yes")


@pytest.mark.usefixtures("webhook")
def test_every_command_of_the_guide_works(environment, manage_in_process):
    assert len(COMMANDS) > 40
    assert len(TYPED) > 5
    failed = []
    for command in COMMANDS:
        if command in TYPED:
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=ROOT,
                env=os.environ | environment,
                capture_output=True,
                text=True,
                timeout=60,
            )
            code, out, err = done.returncode, done.stdout, done.stderr
        else:
            code, out, err = manage_in_process(environment, *shlex.split(command)[2:])
        failed.append(verdict(command, code, out, err))
    assert not any(failed), "\n".join(filter(None, failed))
