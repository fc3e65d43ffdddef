"""Unpacks a package and imports its functions, as an instance does at its start: does it load, and at what cost.

The other modules are imported too, uncounted: most of them wait for their first use.

Counted is the time of the processor, which other work on this machine changes least.
"""

import json
import os
import subprocess
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from devstack.setup.console import SetupProblem

_ROUNDS = 3
_CODE = """
import glob, importlib, json, os, sys, time
sys.path.insert(0, os.getcwd())
started = time.process_time()
for path in sorted(glob.glob("*/function.json")):
    importlib.import_module(os.path.dirname(path))
seconds = time.process_time() - started
for path in sorted(glob.glob("shared_code/**/*.py", recursive=True)):
    name = path.removesuffix(".py").replace(os.sep, ".").removesuffix(".__init__")
    if ".migrations." in name or name.endswith("__main__"):
        continue  # run by others
    try:
        importlib.import_module(name)
    except ImportError as error:
        # What is imported on first use must be there as well; the libraries of extras need not.
        if (error.name or "").startswith("shared_code"):
            raise
own = [m for m in sys.modules.values() if str(getattr(m, "__file__", None) or "").startswith(os.getcwd() + os.sep)]
print(json.dumps({"seconds": seconds, "modules": len(own)}))
"""


@dataclass(frozen=True)
class Trial:
    """What the imports of all functions took, at best, in a fresh process.

    :ivar seconds_of_sources: without the bytecode; None where there is none to compare.
    """

    modules: int
    seconds: float
    seconds_of_sources: float | None


def try_package(package: Path, python: Path, *, compiled: bool) -> Trial:
    """Import all functions of a package, away from the project.

    :param compiled: whether it has bytecode; then it is tried without as well.
    :raises SetupProblem: a function does not load.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        with zipfile.ZipFile(package) as packed:
            packed.extractall(folder)
        results = [_import(folder, python) for _ in range(_ROUNDS)]
        best = min(result["seconds"] for result in results)
        if not compiled:
            return Trial(int(results[0]["modules"]), best, None)
        for path in folder.rglob("__pycache__/*.pyc"):
            path.unlink()
        return Trial(int(results[0]["modules"]), best, min(_import(folder, python)["seconds"] for _ in range(_ROUNDS)))


def _import(folder: Path, python: Path) -> dict[str, float]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [str(python), "-B", "-P", "-c", _CODE],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise SetupProblem(
            f"The package does not load: {last[0]}. A module that git does not know is left out; "
            "`git add` it, or pack it with --untracked."
        )
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result
