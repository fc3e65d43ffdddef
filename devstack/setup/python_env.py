"""Makes ``.venv`` and keeps it in step with the requirement files.

A stamp written last says that the environment is complete; a mark written first says that a change is under way. So a
set-up that was cut off is seen at the next start and done anew, and a complete one costs one short process.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from devstack.setup.console import SetupProblem, say
from devstack.setup.pip_progress import run_pip
from devstack.setup.python_finder import MINIMUM, find_python, probe

_FILES = ("requirements.txt", "requirements-ocr.txt", "requirements-dev.txt")
_STAMP = "setup-stamp.json"
_UNDER_WAY = "setup-under-way"


def ensure_python_env(root: Path) -> Path:
    """Path of the virtual environment's Python, made or mended first if need be. Raises SetupProblem."""
    folder = root / ".venv"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = _read(folder / _STAMP)
    wanted = _digest(root)
    version = _version(python)
    whole = version is not None and stamp.get("path") in {None, str(folder)} and not (folder / _UNDER_WAY).exists()
    if not whole:
        version = _create(folder, python)
    if not whole or stamp != _stamp(folder, wanted, version):
        _install(root, folder, python)
        _write(folder / _STAMP, json.dumps(_stamp(folder, wanted, version)))
    return python


def _create(folder: Path, python: Path) -> str:
    found = find_python()
    if folder.exists():
        say(f"setup: {folder} is incomplete, was moved or has a Python older than 3.13; making it anew")
        if Path(sys.prefix) == folder:
            raise SetupProblem(
                f"dev.py runs on the Python of {folder}, which has to be made anew; start it with another."
            )
        shutil.rmtree(folder)
    say(f"setup: making {folder} with Python {'.'.join(map(str, found.version))} ({found.executable})")
    folder.mkdir(parents=True)
    _write(folder / _UNDER_WAY, "")
    done = subprocess.run([found.executable, "-m", "venv", str(folder)], check=False, stdin=subprocess.DEVNULL)
    version = _version(python)
    if done.returncode or version is None:
        raise SetupProblem(f"{found.executable} -m venv failed (exit {done.returncode}); see the lines above.")
    return version


def _install(root: Path, folder: Path, python: Path) -> None:
    say("setup: installing Python packages (requirements-dev.txt); one to three minutes when nothing is cached")
    started = time.monotonic()
    _write(folder / _UNDER_WAY, "")
    options = ("--disable-pip-version-check", "--progress-bar", "off")
    code = run_pip([python, "-m", "pip", "install", *options, "-r", str(root / _FILES[-1])], cwd=root)
    # Cut off by a signal, pip may leave a package half there: then the mark stays and the next start begins anew.
    if code >= 0:
        (folder / _UNDER_WAY).unlink(missing_ok=True)
    if code:
        raise SetupProblem(
            f"pip could not install the packages (exit {code}); see its lines above. "
            "Without a network, or behind a proxy, set pip's index or proxy and start again."
        )
    say(f"setup: packages installed in {time.monotonic() - started:.0f} s")


def _version(python: Path) -> str | None:
    """``3.13.1`` of a working environment's Python, None when it does not start or is too old."""
    if not python.exists():
        return None
    found = probe([str(python)])
    return None if found is None or found.version[:2] < MINIMUM else ".".join(map(str, found.version))


def _digest(root: Path) -> str:
    digest = hashlib.sha256()
    for name in _FILES:
        path = root / name
        digest.update(path.read_bytes().replace(b"\r\n", b"\n") if path.exists() else b"")
    return digest.hexdigest()


def _stamp(folder: Path, wanted: str, version: str | None) -> dict[str, str | None]:
    return {"requirements": wanted, "python": version, "path": str(folder)}


def _read(path: Path) -> dict[str, str | None]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SetupProblem(
            f"Cannot write {path}: {error.strerror}. Free some space or mend its permissions."
        ) from error
