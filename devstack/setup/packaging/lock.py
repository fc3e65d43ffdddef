"""requirements.lock: the exact packages that the deployed app runs on, each with the digests of its files.

Made by uv for Linux on x86-64 and Python 3.13, as Flex Consumption installs. The package carries it under the name
``requirements.txt``, so that the platform's build installs these files or fails. No address of an index is in it.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from devstack.setup.console import SetupProblem
from devstack.setup.packaging.contents import LOCK, REQUIREMENTS

#: Debian 12, on which the platform's image is built, has a newer glibc (2.36)
_PLATFORM = "x86_64-manylinux_2_28"
_PYTHON = "3.13"
_HEAD = f"""\
# The exact packages of the deployed app: Linux on x86-64, Python {_PYTHON}.
# Made of {REQUIREMENTS} by `python dev.py lock`; `--upgrade` takes newer versions.
"""
_ENTRY = re.compile(r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)((?:[^\n]*\\\n)*[^\n]*)$", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Locked:
    """A package of the lock. ``sha256`` are digests of its files, of which one is installed."""

    name: str
    version: str
    sha256: tuple[str, ...]


def read_lock(path: Path) -> list[Locked]:
    """The packages of a lock, by name."""
    found = _ENTRY.findall(path.read_text(encoding="utf-8"))
    return [Locked(normal_name(name), version, tuple(_HASH.findall(rest))) for name, version, rest in found]


def normal_name(name: str) -> str:
    """As package indexes compare names (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def write_lock(root: Path, python: Path, *, upgrade: bool) -> None:
    """Make the lock anew; versions that still fit stay, unless they are to be upgraded.

    :raises SetupProblem: uv finds no packages that fit together, or reaches no index.
    """
    target = root / LOCK
    earlier = target.read_text(encoding="utf-8") if target.exists() else None
    arguments = [
        *("-m", "uv", "pip", "compile", REQUIREMENTS, "--quiet", "--output-file", LOCK, "--generate-hashes"),
        *("--python-version", _PYTHON, "--python-platform", _PLATFORM, "--only-binary", ":all:"),
        *("--no-header", "--no-emit-index-url", "--no-emit-find-links", "--no-annotate"),
        *(("--upgrade",) if upgrade else ()),
    ]
    done = subprocess.run([str(python), *arguments], cwd=root, check=False)
    if done.returncode:
        if earlier is not None:
            target.write_text(earlier, encoding="utf-8")
        raise SetupProblem(f"uv could not lock the packages (exit {done.returncode}); see its lines above.")
    target.write_text(_HEAD + target.read_text(encoding="utf-8"), encoding="utf-8")


def direct_names(requirements: Path) -> list[str]:
    """Names of the packages that a requirements file asks for."""
    lines = requirements.read_text(encoding="utf-8").splitlines()
    return [normal_name(found[0]) for line in lines if (found := re.match(r"[A-Za-z0-9][\w.-]*", line))]
