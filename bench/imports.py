"""Import time of the function folders, each in a fresh process, beside azure.functions alone."""

import subprocess
import sys

from bench import figures
from bench.documents import ROOT

RUNS = 7
FOLDERS = sorted(path.parent.name for path in ROOT.glob("*/function.json"))


def main() -> None:
    for name, seconds in import_seconds(RUNS).items():
        figures.row(name, seconds)


def import_seconds(runs: int) -> dict[str, list[float]]:
    """Seconds of each import by what is imported, in turn."""
    seconds: dict[str, list[float]] = {}
    for _ in range(runs):
        for name, modules in (("azure.functions", ["azure.functions"]), ("all function folders", FOLDERS)):
            code = "import time; t = time.perf_counter(); " + "; ".join(f"import {module}" for module in modules)
            code += "; print(time.perf_counter() - t)"
            done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
            seconds.setdefault(name, []).append(float(done.stdout))
    return seconds
