"""Import of the function folders, each in a fresh process, beside azure.functions alone."""

import os
import statistics
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from bench import figures
from bench.documents import ROOT

RUNS = 7
FOLDERS = sorted(path.parent.name for path in ROOT.glob("*/function.json"))
PLATFORM, APP = "azure.functions", "all function folders"
_CODE = """
import time
wall, cpu = time.perf_counter(), time.process_time()
import {modules}
print(time.perf_counter() - wall, time.process_time() - cpu)
"""


@dataclass(frozen=True)
class ImportTimes:
    """Seconds of one kind by what is imported, one per fresh process."""

    seconds: dict[str, list[float]]

    @property
    def ratio(self) -> float:
        """How many times longer the app takes than the platform's library alone."""
        return statistics.median(self.seconds[APP]) / statistics.median(self.seconds[PLATFORM])


def main() -> None:
    wall, _ = measure_imports(RUNS)
    for name, seconds in wall.seconds.items():
        figures.row(name, seconds)
    print(cpu_line())


def cpu_line() -> str:
    """Processor time of the imports, in words."""
    _, cpu = measure_imports(RUNS)
    app, platform = (statistics.median(cpu.seconds[name]) * 1000 for name in (APP, PLATFORM))
    return f"CPU of importing: {APP} {app:.0f} ms, {PLATFORM} {platform:.0f} ms, {cpu.ratio:.2f} times"


def measure_imports(runs: int) -> tuple[ImportTimes, ImportTimes]:
    """Wall and processor seconds, what is compared in turn. One process that is not counted compiles first."""
    _seconds(FOLDERS)
    wall: dict[str, list[float]] = {PLATFORM: [], APP: []}
    cpu: dict[str, list[float]] = {PLATFORM: [], APP: []}
    for _ in range(runs):
        for name, modules in ((PLATFORM, [PLATFORM]), (APP, FOLDERS)):
            passed, used = _seconds(modules)
            wall[name].append(passed)
            cpu[name].append(used)
    return ImportTimes(wall), ImportTimes(cpu)


def with_bytecode(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that keeps what it compiles, as the deployed app has it."""
    return {name: value for name, value in environment.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _seconds(modules: list[str]) -> tuple[float, float]:
    command = [sys.executable, "-c", _CODE.format(modules=", ".join(modules))]
    done = subprocess.run(command, cwd=ROOT, env=with_bytecode(os.environ), check=True, capture_output=True)
    passed, used = done.stdout.split()
    return float(passed), float(used)
