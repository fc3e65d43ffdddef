"""Compiles what is packed, so that no instance has to: the package is mounted where nothing can be written.

The files are hash-based and unchecked (PEP 552). One with a time stamp would be thrown away at every start: a zip file
keeps times to two seconds and without a zone, and a deployment sets its own. One that is checked reads and hashes its
source at each import. Source and bytecode travel in one package that nobody changes in place, so there is nothing to
check. Only Python 3.13, which Azure runs, reads these files; every other version compiles the sources as ever.
"""

import os
import subprocess
from pathlib import Path

from devstack.setup.console import SetupProblem
from devstack.setup.python_finder import probe

TARGET = (3, 13)


def can_compile(python: Path) -> bool:
    """Whether this is the Python whose bytecode Azure reads."""
    found = probe([str(python)])
    return found is not None and found.version[:2] == TARGET


def compile_folder(folder: Path, python: Path) -> list[str]:
    """Compile all modules below ``folder``; names of the files that were made, with ``/``, in order.

    The names of the sources in tracebacks are those that they have in the package.

    :raises SetupProblem: a module cannot be compiled.
    """
    arguments = ["-q", "-j", "1", "--invalidation-mode", "unchecked-hash", "-s", str(folder), str(folder)]
    done = subprocess.run(
        [str(python), "-m", "compileall", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONOPTIMIZE": "", "PYTHONPATH": "", "PYTHONPYCACHEPREFIX": ""},
    )
    if done.returncode:
        raise SetupProblem(f"A module does not compile:\n{done.stdout}{done.stderr}")
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("__pycache__/*.pyc"))
