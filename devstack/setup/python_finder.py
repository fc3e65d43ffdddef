"""Finds the Python that the project runs on. Looks only where one is kept; installs nothing."""

import glob
import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from devstack.setup.console import SetupProblem
from devstack.setup.processes import output_of

MINIMUM = (3, 13)

_PROBE = """
import importlib.util as u, json, sys, sysconfig
print(json.dumps({
    "version": list(sys.version_info[:3]),
    "final": sys.version_info.releaselevel == "final",
    "executable": getattr(sys, "_base_executable", None) or sys.executable,
    "has_venv": bool(u.find_spec("venv") and u.find_spec("ensurepip")),
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
}))
"""


@dataclass(frozen=True)
class Interpreter:
    """A Python that was started and asked. ``executable`` is the one behind a shim or virtual environment."""

    executable: str
    version: tuple[int, int, int]
    has_venv: bool
    usable: bool


def find_python(commands: Iterable[list[str]] | None = None) -> Interpreter:
    """The best Python from 3.13 on: 3.13 itself first, because Azure runs that one. Raises SetupProblem with advice.

    :param commands: what to try; default: everything that this machine is likely to have.
    """
    unfit: Interpreter | None = None
    newer: Interpreter | None = None
    seen: set[str] = set()
    for command in candidates() if commands is None else commands:
        found = probe(command)
        if found is None or found.executable in seen or not found.usable or found.version[:2] < MINIMUM:
            continue
        seen.add(found.executable)
        if not found.has_venv:
            unfit = unfit or found
        elif found.version[:2] == MINIMUM:
            return found
        else:
            newer = newer or found
    if newer is not None:
        return newer
    raise SetupProblem(_advice(unfit))


def probe(command: list[str]) -> Interpreter | None:
    """Start it and ask. None when it does not start (a shim without a version, a broken link) or is no Python 3."""
    try:
        facts = json.loads(output_of([*command, "-I", "-c", _PROBE]) or "{}")
        return Interpreter(
            executable=facts["executable"],
            version=(facts["version"][0], facts["version"][1], facts["version"][2]),
            has_venv=facts["has_venv"],
            # Wheels of compiled packages are made for the ordinary, final builds.
            usable=facts["final"] and not facts["free_threaded"],
        )
    except (ValueError, KeyError):
        return None


def candidates() -> Iterator[list[str]]:
    """Commands that may start a Python, likely ones first."""
    yield [sys.executable]
    yield from _on_path()
    if os.name == "nt" and shutil.which("py"):
        for minor in range(13, 20):
            yield ["py", f"-3.{minor}"]
    for pattern in _folders():
        for path in sorted(glob.glob(pattern)):  # noqa: PTH207 - patterns are absolute, Path.glob refuses those
            yield [path]
    uv = shutil.which("uv")
    if uv:
        yield from _from_uv(uv)


def _on_path() -> Iterator[list[str]]:
    """In every folder of PATH: the first one may be a shim that has no such version."""
    for name in (*(f"python3.{minor}" for minor in range(13, 20)), "python3", "python"):
        for folder in os.get_exec_path():
            found = shutil.which(name, path=folder)
            if found:
                yield [found]


def _folders() -> list[str]:
    """Where version managers and installers keep a Python that is not on PATH."""
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT") or home / ".pyenv")
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or home / ".local/share/uv/python")
    local = Path(os.environ.get("LOCALAPPDATA") or home / "AppData/Local")
    roaming = Path(os.environ.get("APPDATA") or home / "AppData/Roaming")
    if os.name == "nt":
        return [
            str(pyenv / "pyenv-win/versions/3.1[3-9]*/python.exe"),
            str(local / "Programs/Python/Python31[3-9]/python.exe"),
            str(roaming / "uv/python/cpython-3.1[3-9]*/python.exe"),
        ]
    return [
        str(pyenv / "versions/3.1[3-9]*/bin/python"),
        str(uv / "cpython-3.1[3-9]*/bin/python3"),
        str(home / ".asdf/installs/python/3.1[3-9]*/bin/python"),
        "/usr/local/bin/python3.1[3-9]",
        "/opt/homebrew/bin/python3.1[3-9]",
        "/Library/Frameworks/Python.framework/Versions/3.1[3-9]/bin/python3",
    ]


def _from_uv(uv: str) -> Iterator[list[str]]:
    found = output_of([uv, "python", "find", "--offline", "--no-project", ">=3.13"])
    if found:
        yield [found]


def _advice(unfit: Interpreter | None) -> str:
    """What to install here, as commands."""
    if unfit is not None:
        minor = unfit.version[1]
        return (
            f"{unfit.executable} is Python 3.{minor} but comes without venv and ensurepip.\n"
            f"On Debian and Ubuntu: sudo apt install python3.{minor}-venv"
        )
    lines = ["The project needs Python 3.13 (or newer), and none was found. Install it, then start dev.py again:"]
    if shutil.which("uv"):
        lines.append("  uv python install 3.13")
    elif shutil.which("pyenv"):
        lines.append("  pyenv install 3.13")
    elif sys.platform == "win32":
        lines.append("  winget install Python.Python.3.13")
    elif sys.platform == "darwin":
        lines.append("  brew install python@3.13")
    else:
        lines.append("  sudo apt install python3.13 python3.13-venv      (where the distribution has it)")
        lines.append("  or uv (pip install uv), then: uv python install 3.13")
        lines.append("  or pyenv, then: pyenv install 3.13")
    return "\n".join(lines)
