"""``dev.py test``, ``check``, ``bench`` and ``soak``: run the tools of the virtual environment."""

import itertools
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from devstack.setup import azurite, processes
from devstack.setup.console import SetupProblem, say
from devstack.setup.odbc import ensure_odbc
from devstack.setup.prepare import prepare
from devstack.setup.stack import loopback_without_proxy

_NO_TESTS = 5
#: folders of tests/ that can be named without their path; those that start no service need no storage either
_PARTS = ("unit", "integration", "e2e", "browser", "devstack", "structure")
_WITHOUT_SERVICES = {"unit", "structure"}
#: each waits for others a third of its time: three keep two cores busy; each test over the databases runs on one
_AS_A_WHOLE = ("-n", "3", "--spread")
#: the long proofs, and the long tests that `test` leaves out
_LONG = ("soak", "tests", "--long")


def check(root: Path) -> int:
    """Lint, format, types, structure: all of them, also after one failed."""
    python = prepare(root, storage=False).python
    steps: list[tuple[str, list[str]]] = [
        ("ruff check", ["-m", "ruff", "check", "."]),
        ("ruff format", ["-m", "ruff", "format", "--check", "."]),
        ("mypy", ["-m", "mypy"]),
        ("structure", ["-m", "pytest", "-q", "tests/structure"]),
    ]
    failed = []
    for name, arguments in steps:
        say(f"check: {name}")
        if _call(root, [str(python), *arguments], _environment(root)):
            failed.append(name)
    say(f"check: failed: {', '.join(failed)}" if failed else "check: all good")
    return 1 if failed else 0


def test(root: Path, arguments: Sequence[str]) -> int:
    """All tests, or those of the parts that are named first; the rest goes to pytest, and so does the exit code."""
    parts = list(itertools.takewhile(_PARTS.__contains__, arguments))
    services = not parts or not _WITHOUT_SERVICES.issuperset(parts)
    python = prepare(root, storage=services).python
    if services:
        _ensure_driver_manager()
    return _pytest(root, python, _pytest_arguments(parts, list(arguments[len(parts) :]), services=services))


def _pytest_arguments(parts: list[str], others: list[str], *, services: bool) -> list[str]:
    """What pytest is called with. Starting processes takes longer than the tests that need no service."""
    folders = [f"tests/{part}" for part in parts]
    in_parallel = services and (bool(parts) or not others)
    return [*(_AS_A_WHOLE if in_parallel else ()), *folders, *others]


def soak(root: Path, arguments: Sequence[str]) -> int:
    """The long proofs, which ``test`` has in a short form."""
    if not (root / "soak").is_dir():
        raise SetupProblem("There is no soak/ folder yet.")
    python = prepare(root, storage=True).python
    _ensure_driver_manager()
    return _pytest(root, python, list(arguments) if _names_a_path(arguments) else ["-s", *_LONG, *arguments])


def bench(root: Path, arguments: Sequence[str]) -> int:
    """Measurements; ``bench --help`` says what there is."""
    if not (root / "bench" / "__main__.py").exists():
        raise SetupProblem("There is no bench/__main__.py yet.")
    python = prepare(root, storage=True).python
    return _call(root, [str(python), "-m", "bench", *arguments], _environment(root))


def _ensure_driver_manager() -> None:
    if os.environ.get("TEST_MSSQL_URL") or os.environ.get("TEST_MSSQL_STANDIN"):
        ensure_odbc()


def _pytest(root: Path, python: Path, arguments: list[str]) -> int:
    code = _call(root, [str(python), "-m", "pytest", *arguments], _environment(root))
    if code == _NO_TESTS:
        say("test: no test was found")
    return code


def _environment(root: Path) -> dict[str, str]:
    """The caller's environment without what would change the outcome of a test."""
    environment = loopback_without_proxy(os.environ) | {"AZURITE_BIN": str(azurite.binary(root)), "PYTHONUTF8": "1"}
    # The first three come from a virtual environment that the caller has activated; the tools run in their own.
    # With the last one, each of the many processes that the tests start would compile the whole service again.
    for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE"):
        environment.pop(name, None)
    return environment


def _call(root: Path, arguments: list[str], environment: dict[str, str]) -> int:
    """Run a tool on this console, wait for it also after Ctrl-C (it gets it too), and pass its exit code on.

    One that a signal ended has 128 and the signal's number, as in a shell.
    """
    sys.stdout.flush()
    process = subprocess.Popen(arguments, cwd=root, env=environment, stdin=subprocess.DEVNULL)
    try:
        code = process.wait()
        return code if code >= 0 else 128 - code
    except BaseException:  # Ctrl-C, or anything else: no child stays behind
        processes.end_child(process, grace_seconds=30)
        raise


def _names_a_path(arguments: Sequence[str]) -> bool:
    return any(Path(argument.partition("::")[0]).exists() for argument in arguments)
