"""What a start costs: the imports of the function folders, and a local host until it has answered its first upload.

Processor time says the most: wall time depends on what else the machine does.
"""

import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import documents
from bench.imports import cpu_line
from bench.own_host import OwnHost, surroundings
from bench.service.callers import Order

RUNS = 7


def main() -> None:
    print(cpu_line(), flush=True)
    rows = []
    template = documents.sample()
    with TemporaryDirectory(prefix="bench-") as folder, surroundings() as environment:
        log = Path(folder) / "host.log"
        # The first one compiles what was not yet compiled.
        for run in range(RUNS + 1):
            row = _first_answer(OwnHost(environment, log), template, run * 2 + 1)
            rows += [row] if run else []
    for title, values in zip(_TITLES, zip(*rows, strict=True), strict=True):
        print(f"{title:60} {statistics.median(values):7.0f} ms   {min(values):7.0f} to {max(values):.0f}")


_TITLES = (
    "from process start until the host listens",
    "from process start to the first answer",
    "the first upload itself",
    "the second upload",
    "CPU of the host until the first answer",
    "CPU of its children until the first answer",
)


def _first_answer(host: OwnHost, template: documents.Template, number: int) -> tuple[float, ...]:
    """Milliseconds, see the titles."""
    with host:
        host.wait_until_it_listens()
        listened = time.perf_counter() - host.started
        first = host.upload(template, Order(template.kind, number, 1, 1)).seconds[0]
        answered = time.perf_counter() - host.started
        used = host.tree.cpu()
        second = host.upload(template, Order(template.kind, number + 1, 1, 1)).seconds[0]
    return tuple(1000 * seconds for seconds in (listened, answered, first, second, used.own, used.children))
