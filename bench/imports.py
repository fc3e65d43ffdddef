"""Import time of the function folders, each in a fresh process, beside azure.functions alone."""

import subprocess
import sys

from bench import figures, rig

RUNS = 7
FOLDERS = sorted(path.parent.name for path in rig.ROOT.glob("*/function.json"))


def main() -> None:
    for name, modules in (("azure.functions", ["azure.functions"]), ("all function folders", FOLDERS)):
        code = "import time; t = time.perf_counter(); " + "; ".join(f"import {module}" for module in modules)
        code += "; print(time.perf_counter() - t)"
        runs = [
            float(subprocess.run([sys.executable, "-c", code], cwd=rig.ROOT, check=True, capture_output=True).stdout)
            for _ in range(RUNS)
        ]
        figures.row(name, runs)
