"""Every command of the troubleshooting guide, on the running stack."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL) for line in block.splitlines()]

pytestmark = pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="no curl or bash")


def test_every_command_of_the_guide_works(stack):
    state = Path(stack["database_url"].removeprefix("sqlite:///")).parent
    lines = (state / "settings.env").read_text().splitlines()
    settings = {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = (
        os.environ | settings | {"HOST": stack["host"], "KEY": stack["admin_key"], "PATH": path, "no_proxy": "*"}
    )
    assert len(COMMANDS) > 40
    failed = []
    for command in COMMANDS:
        done = subprocess.run(
            ["bash", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
        )
        # 1 is an answer too: diagnose has found something. A wrong command line is 2.
        wrong = done.returncode > 1 or "Traceback" in done.stderr or '"status": "error"' in done.stdout
        if wrong or (done.returncode == 1 and "diagnose" not in command):
            failed.append(f"{command}\n  {done.returncode} {done.stdout[-300:]} {done.stderr[-300:]}")
    assert not failed, "\n".join(failed)
