"""Runs pip, and says every few seconds what it is at: it is silent for minutes, or floods the screen."""

import re
import subprocess
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from devstack.setup.console import say

_EVERY_SECONDS = 5.0
_STEP = re.compile(
    r"\s*(?:(?P<found>Collecting|Requirement already satisfied:) (?P<package>[^\s<>=!~;(]+)"
    r"|Downloading (?P<file>\S+?)(?:\.metadata)? \((?P<size>[^)]+)\)"
    r"|Installing collected packages: (?P<all>.+))"
)


class _Steps:
    """What pip's lines have told so far."""

    def __init__(self) -> None:
        self._found = 0
        self.now = "starting"

    def read(self, lines: Iterable[str]) -> None:
        """Follow the lines until they end."""
        for line in lines:
            step = _STEP.match(line)
            if step is None:
                continue
            if step["all"]:
                self.now = f"unpacking {step['all'].count(',') + 1} packages"
            elif step["file"]:
                self.now = f"downloading {step['file'].rpartition('/')[2]} ({step['size']}), package {self._found}"
            else:
                self._found += 1
                self.now = f"looking at {step['package']}, package {self._found}"


def run_pip(command: Sequence[str | Path], *, cwd: Path, every_seconds: float = _EVERY_SECONDS) -> int:
    """Run pip to its end and return its exit code; its errors go to the console as they are."""
    started = time.monotonic()
    with subprocess.Popen(
        command,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as pip:
        steps = _Steps()
        reader = threading.Thread(target=steps.read, args=(pip.stdout,), daemon=True)
        reader.start()
        try:
            while True:
                try:
                    return pip.wait(timeout=every_seconds)
                except subprocess.TimeoutExpired:
                    say(f"setup: {time.monotonic() - started:.0f} s, {steps.now}")
        except BaseException:
            pip.kill()  # interrupted: pip must not go on by itself
            raise
        finally:
            reader.join()
