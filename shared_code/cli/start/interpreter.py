"""Finds the Python that has the project's packages, so that ``python manage.py`` works without activating anything.

Any Python 3 must be able to read this module, and it needs nothing but the standard library.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

_OLDEST = (3, 13)
#: of the packages that every command needs
_PACKAGES = ("typer", "pydantic_settings", "sqlalchemy")
#: tells the Python of .venv that there is no further one to try
_LAST = "MANAGE_PY_RUNS_IN_VENV"
_USAGE_ERROR = 2


def go_on_in_venv(home: Path) -> int | None:
    """None when this Python will do. Otherwise the command is run by that of ``.venv`` in ``home``.

    On POSIX that one takes the place of this process; on Windows its exit code is returned. Where it lacks something
    too, or there is none, the way to one is told, with the exit code of a usage error.
    """
    is_last = os.environ.pop(_LAST, None) is not None
    lacking = _lacking()
    if lacking is None:
        return None
    folder = home / ".venv"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if python.exists() and not is_last:
        return _run([str(python), *sys.argv])
    version = ".".join(map(str, _OLDEST))
    print(
        f"manage.py needs Python {version} with the packages of requirements.txt; {sys.executable} {lacking}.\n"
        f"`python dev.py run` makes {folder} with all of them, which manage.py then uses by itself; or, without the "
        f"local stack: python{version} -m pip install -r requirements.txt",
        file=sys.stderr,
    )
    return _USAGE_ERROR


def _run(command: list[str]) -> int:
    environment = {**os.environ, _LAST: "1"}
    if os.name != "nt":
        os.execve(command[0], command, environment)  # noqa: S606 - what a person has typed
    # On Windows, to take a process's place leaves the shell without one to wait for.
    import subprocess

    return subprocess.call(command, env=environment)  # noqa: S603 - the same


def _lacking() -> str | None:
    """What this Python lacks, as the end of a sentence."""
    if sys.version_info < _OLDEST:
        return f"is {sys.version.split()[0]}"
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    return f"lacks {', '.join(missing)}" if missing else None
