"""How long a start takes: importing all function folders, and a process until it has answered its first upload."""

import statistics
import time
from collections.abc import Mapping
from pathlib import Path

from bench import documents
from bench.imports import APP, PLATFORM, measure_imports
from bench.own_host import OwnHost
from bench.service.callers import Order

RUNS = 3


def measure(folder: Path, settings: Mapping[str, str], first: int) -> dict[str, float]:
    """Medians, in seconds.

    :param settings: environment of a further host on a stack's database and storage.
    :param first: numbers of the documents, ``RUNS`` of them.
    """
    imports, _ = measure_imports(RUNS)
    template = documents.load(folder, "page")
    answers = [_first_answer(template, settings, first + run, folder / "starts.log") for run in range(RUNS)]
    return {
        "import_platform_seconds": statistics.median(imports.seconds[PLATFORM]),
        "import_all_seconds": statistics.median(imports.seconds[APP]),
        "first_answer_seconds": statistics.median(answers),
    }


def _first_answer(template: documents.Template, settings: Mapping[str, str], number: int, log: Path) -> float:
    """Seconds from the start of the host to the answer of its first upload."""
    with OwnHost(settings, log) as host:
        host.wait_until_it_listens()
        host.upload(template, Order(template.kind, number, 1, 1))
        return time.perf_counter() - host.started
