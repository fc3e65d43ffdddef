"""``python -m devstack.screenshots``: the pictures of ``docs/console`` anew.

Starts a stack with a state folder of its own, fills it with ``manage.py demo``, and ends it behind the last picture.
"""

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from devstack.screenshots.camera import take
from devstack.screenshots.shots import SHOTS
from devstack.setup import processes
from devstack.setup.console import SetupProblem, say

ROOT = Path(__file__).parents[2]
_START_SECONDS = 120
_END_SECONDS = 40


def main() -> int:
    """Exit code: 0 all pictures are there, 1 not; the last line says why."""
    parser = argparse.ArgumentParser(prog="python -m devstack.screenshots", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "console", help="folder (default docs/console)")
    parser.add_argument("--ready", type=Path, metavar="FILE", help="ready file of a stack that has the demo's data")
    parser.add_argument("--only", action="append", metavar="FILE", help="this picture; may be given several times")
    given = parser.parse_args()
    shots = [shot for shot in SHOTS if not given.only or shot.file in given.only]
    try:
        with _stack(given.ready) as ready:
            for file in take(ready, shots, given.out):
                say(f"{file.name}: {file.stat().st_size // 1024} KB")
    except SetupProblem as problem:
        say(f"screenshots: {problem}")
        return 1
    return 0


@contextmanager
def _stack(ready_file: Path | None) -> Iterator[dict[str, Any]]:
    """What the ready file says of a stack with the demo's data: the one that is named, or a new one."""
    if ready_file is not None:
        yield json.loads(ready_file.read_text(encoding="utf-8"))
        return
    with tempfile.TemporaryDirectory(prefix="screenshots-") as folder:
        state, ready = Path(folder) / "state", Path(folder) / "ready.json"
        command = [sys.executable, "dev.py", "run", "--no-seed", "--state", str(state), "--ready-file", str(ready)]
        options: dict[str, Any] = processes.group_options()
        with subprocess.Popen(  # noqa: S603 - our own program
            command, cwd=ROOT, stdin=subprocess.DEVNULL, **options
        ) as process:
            try:
                found = _wait(process, ready)
                _fill(state)
                yield found
            finally:
                _ask_to_end(process)
                process.wait(_END_SECONDS)


def _ask_to_end(process: "subprocess.Popen[bytes]") -> None:
    if sys.platform == "win32":
        process.send_signal(signal.CTRL_BREAK_EVENT)
    else:
        process.send_signal(signal.SIGINT)


def _wait(process: "subprocess.Popen[bytes]", ready: Path) -> dict[str, Any]:
    deadline = time.monotonic() + _START_SECONDS
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SetupProblem("The stack did not start; see the lines above.")
        time.sleep(0.1)
    found: dict[str, Any] = json.loads(ready.read_text(encoding="utf-8"))
    return found


def _fill(state: Path) -> None:
    """Run ``manage.py demo`` with the settings of a stack."""
    lines = (line.partition("=") for line in (state / "settings.env").read_text(encoding="utf-8").splitlines())
    settings = {name: " ".join(shlex.split(value)) for name, _, value in lines}
    command = [sys.executable, "manage.py", "demo"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | settings, check=False)  # noqa: S603 - our own program
    if done.returncode:
        raise SetupProblem("The demo's data could not be made; see the lines above.")


if __name__ == "__main__":
    sys.exit(main())
