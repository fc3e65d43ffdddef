"""Brings the machine to where the project runs: Python environment, storage emulator. Says what it does."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from devstack.setup.azurite import ensure_azurite
from devstack.setup.console import SetupProblem, say
from devstack.setup.locks import FileLock
from devstack.setup.python_env import ensure_python_env

_WAIT_SECONDS = 900.0


@dataclass(frozen=True)
class Prepared:
    """What the commands need: the environment's Python, and the command that starts Azurite (empty: not asked for)."""

    python: Path
    azurite: list[str] = field(default_factory=list)


def prepare(root: Path, *, storage: bool) -> Prepared:
    """Set up what is missing; two at once take turns. Raises SetupProblem."""
    try:
        (root / ".devstack").mkdir(exist_ok=True)
        with _one_at_a_time(root / ".devstack" / "setup.lock"):
            python = ensure_python_env(root)
            return Prepared(python, ensure_azurite(root) if storage else [])
    except OSError as error:
        raise SetupProblem(f"The project folder {root} cannot be set up: {error}.") from error


@contextlib.contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    with FileLock(path) as lock:
        deadline = time.monotonic() + _WAIT_SECONDS
        told = False
        while not lock.acquire():
            if not told:
                say(f"setup: waiting for another dev.py (pid {lock.owner()}) that is setting up")
                told = True
            if time.monotonic() > deadline:
                raise SetupProblem(f"Another dev.py (pid {lock.owner()}) sets up for 15 minutes already; end it.")
            time.sleep(0.2)
        yield
