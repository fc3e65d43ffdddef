"""The tables, in Markdown that a terminal shows as well, and their places in ``docs/scaling.md``."""

from collections.abc import Sequence
from pathlib import Path

from bench.service.children import BenchFailed
from bench.simulation.check import closed_loop, published
from bench.simulation.run import Result
from bench.simulation.scenarios import Scenario
from bench.simulation.sizes import INSTANCES, fitting

PAGE = Path(__file__).parents[2] / "docs" / "scaling.md"

#: what is busy: what to change
LEVERS = {
    "provider's limit": "more projects, or a higher tier",
    "database log": "Hyperscale, then stamps",
    "key's row": "more keys for that company",
    "database processors": "more vCores, then stamps",
    "database workers": "more vCores, Hyperscale",
    "connection pools": "more vCores, larger pools",
    "processors of instances": "more or larger instances",
    "interpreters": "a second process, on two processors",
    "sandbox children": "more instances",
    "seats": "more instances, or always-ready ones",
    "timer's folding": "stamps",
}
#: from which share on something is worth a change before it gives way
_BUSY = 0.7
#: percent below which a refusal is not shown
_LEAST_SHOWN = 0.05
_LOADS = ("invoices an hour", "arrivals", "from", "deployment", "served an hour", "p50 s", "p99 s")
_COMPARED = ("calls/s, measured", "calls/s, simulated", "difference")
_SIZES = ("vCPU", "memory MB", "processes", "`httpConcurrency`", "uploads", "MB of uploads")


def heading() -> str:
    """The first two lines of the table of loads."""
    return _head((*_LOADS, "refused", "busiest", "what to change"), numbers={0, 4, 5, 6})


def line(scenario: Scenario, result: Result) -> str:
    """The row of one scenario."""
    load, size = scenario.load, scenario.size
    cells = (
        f"{load.per_hour:,.0f}",
        "steady" if load.burst == 1 else "bursts",
        scenario.who,
        size.name,
        _rounded(result.per_second * 3600 * size.stamps),
        f"{result.p50:.1f}",
        f"{result.p99:.1f}",
        _refusals(result),
        f"{result.used[0][0]} {result.used[0][1] * 100:.0f} %",
        lever(result),
    )
    return _row(cells)


def lever(result: Result) -> str:
    """What helps against what is busiest; "nothing" while there is room."""
    name, share = result.used[0]
    return LEVERS[name] if share >= _BUSY or _refusals(result) != "none" else "nothing"


def sizes() -> str:
    """The table of sizes that belong together."""
    names = ("instance", *_SIZES, "sandbox children", "jobs at once", "MB at most")
    rows = []
    for instance in INSTANCES:
        made = fitting(instance)
        cells = (made.vcpus, made.memory_mb, made.processes, made.concurrency, made.uploads, made.upload_mb)
        cells += (made.children * made.processes, made.jobs, made.needed_mb)
        rows.append(_row([instance.name, *(f"{cell:,}" for cell in cells)]))
    return "\n".join([_head(names, numbers=set(range(1, len(names)))), *rows])


def checks() -> str:
    """The simulation beside what was measured, as ``docs/performance.md`` has it."""
    names = ("way", "callers", *_COMPARED, "p50 ms, measured", "p50 ms, simulated", "difference")
    rows = [_head(names, numbers=set(range(1, len(names))))]
    for way, callers, measured in published():
        rate, p50 = closed_loop(measured, callers)
        cells = [way, f"{callers}", f"{measured.per_second:.1f}", f"{rate:.1f}", _more(rate / measured.per_second)]
        rows.append(_row([*cells, f"{measured.p50 * 1000:,.0f}", f"{p50 * 1000:,.0f}", _more(p50 / measured.p50)]))
    return "\n".join(rows)


def publish(name: str, table: str, page: Path = PAGE) -> None:
    """Put a table into the page. Raises BenchFailed when the page has no place for it."""
    begin, end = marks(name)
    text = page.read_text(encoding="utf-8")
    before, found, rest = text.partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise BenchFailed(f"{page} has no place between {begin!r} and {end!r}")
    page.write_text(f"{before}{begin}\n\n{table}\n\n{end}{after}", encoding="utf-8")


def marks(name: str) -> tuple[str, str]:
    """Between which lines of the page a table stands."""
    return f"<!-- {name}: written by `python dev.py bench simulate` with BENCH_PUBLISH=1 -->", f"<!-- end of {name} -->"


def _rounded(number: float) -> str:
    """Three digits that count: more than a simulation knows would look like knowledge."""
    digits = max(len(f"{number:.0f}") - 3, 0)
    return f"{round(number, -digits):,.0f}"


def _more(ratio: float) -> str:
    return f"{(ratio - 1) * 100:+.0f} %"


def _refusals(result: Result) -> str:
    shares = {code: count / result.counted * 100 for code, count in result.refused.most_common()}
    return ", ".join(f"`{code}` {share:.1f} %" for code, share in shares.items() if share >= _LEAST_SHOWN) or "none"


def _head(names: Sequence[str], *, numbers: set[int]) -> str:
    return _row(names) + "\n|" + "".join("--:|" if at in numbers else "---|" for at in range(len(names)))


def _row(cells) -> str:
    return "| " + " | ".join(cells) + " |"
