"""Tables of the figures: for a terminal of 80 columns, and in Markdown."""

from collections.abc import Mapping
from typing import Any

from bench.service.cells import FLOOR
from bench.service.summary import Row, rows

_COLUMNS = (
    "Case", "Way", "p50 ms", "added p50", "added p95", "added p99", "calls/s", "share",
    "busy", "CPU service", "CPU children", "CPU others", "round trips", "MB service", "MB child",
)  # fmt: skip


def terminal(measured: Mapping[str, Any]) -> str:
    """One cell."""
    cell = measured["cell"]
    lines = [
        cell["title"],
        f"{measured['rounds']} rounds of {cell['calls']} calls"
        + ("" if _has_floor(measured) else "; no floor: the whole time is ours"),
        f"  {'':11} {'p50 ms':>8} {'+p50':>8} {'+p95':>8} {'+p99':>8} {'calls/s':>9} {'share':>7} {'busy':>6}",
    ]
    for row in rows(measured):
        added = row.added or (None,) * 3
        cells = [_number(row.p50_ms), *map(_signed, added)]
        lines.append(
            f"  {row.way:11} "
            + " ".join(f"{text:>8}" for text in cells)
            + f" {row.calls_per_second:9.1f} {_share(row):>7} {row.busy:>6.0%}"
        )
    lines.append(
        f"  {'':11} {'CPU ms: service':>17} {'children':>8} {'others':>8} {'trips':>9} {'MB: service':>12} {'child':>6}"
    )
    for row in rows(measured):
        cpu = f"{row.cpu_service_ms:17.1f} {row.cpu_children_ms:8.1f} {row.cpu_others_ms:8.1f}"
        lines.append(f"  {row.way:11} {cpu} {_trips(row):>9} {row.service_mb:12.0f} {_child(row):>6}")
    return "\n".join(lines)


def remarks(results: Mapping[str, Any]) -> list[str]:
    """Whether the stand-in is fast enough, and how long starts take; one sentence each."""
    said = []
    if capacity := results.get("capacity"):
        said += [
            (
                f"The model stand-in serves {capacity['requests_per_second']:,.0f} requests/s on 64 connections, "
                f"at {capacity['cpu_ms']:.2f} ms CPU each."
            ),
            (
                f"That is {capacity['ratio']:.1f} times what the bare SDK asks at 64 callers "
                f"({capacity['sdk_calls_per_second']:.0f} calls/s)."
            ),
        ]
    if starts := results.get("starts"):
        platform, everything = starts["import_platform_seconds"], starts["import_all_seconds"]
        said += [
            (
                f"Importing all function folders takes {everything * 1000:.0f} ms, "
                f"{everything / platform:.1f} times azure.functions alone."
            ),
            f"From process start to the first answered upload: {starts['first_answer_seconds']:.2f} s.",
        ]
    return said


def machine_line(results: Mapping[str, Any]) -> str:
    """Where and when it was measured."""
    machine = results["machine"]
    return (
        f"{machine['cores']} cores ({machine['cpu']}), {machine['memory_gb']} GB, Python {machine['python']}, "
        f"commit {machine['commit']}, load before {machine['load']}, {machine['date']}"
    )


def markdown(results: Mapping[str, Any]) -> str:
    """Everything, as it stands in ``docs/performance.md``."""
    rounds = max((measured["rounds"] for measured in results["cells"]), default=0)
    lines = [
        f"{machine_line(results)}. Medians of {rounds} rounds.",
        "",
        *(f"- {line}" for line in remarks(results)),
        "",
    ]
    lines += ["| " + " | ".join(_COLUMNS) + " |", "|---|---|" + "---:|" * (len(_COLUMNS) - 2)]
    for measured in results["cells"]:
        for row in rows(measured):
            lines.append("| " + " | ".join((_escaped(measured["cell"]["title"]), *_fields(row))) + " |")
    return "\n".join(lines) + "\n"


def _fields(row: Row) -> tuple[str, ...]:
    added = row.added or (None,) * 3
    return (
        row.way,
        _number(row.p50_ms),
        *map(_signed, added),
        f"{row.calls_per_second:.1f}",
        _share(row),
        f"{row.busy * 100:.0f} %",
        f"{row.cpu_service_ms:.1f}",
        f"{row.cpu_children_ms:.1f}",
        f"{row.cpu_others_ms:.1f}",
        _trips(row),
        f"{row.service_mb:.0f}",
        _child(row),
    )


def _has_floor(measured: Mapping[str, Any]) -> bool:
    return FLOOR in measured["ways"]


def _number(value: float) -> str:
    return f"{value:,.1f}"


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+,.1f}"


def _share(row: Row) -> str:
    return "" if row.share is None else f"{row.share * 100:.0f} %"


def _trips(row: Row) -> str:
    return "" if row.round_trips is None else f"{row.round_trips:.1f}"


def _child(row: Row) -> str:
    return f"{row.child_mb:.0f}" if row.child_mb else ""


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
