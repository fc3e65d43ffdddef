"""From the rounds of a cell to the figures that are shown. Pure arithmetic over the file of results."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.service.cells import FLOOR

PERCENTILES = ("p50_ms", "p95_ms", "p99_ms")


@dataclass(frozen=True)
class Row:
    """One way in one cell; medians over the rounds, processor time and round trips over all calls.

    :ivar added: milliseconds over the floor at each of :data:`PERCENTILES`, round by round; without a floor the whole
        time; None for the floor itself.
    :ivar share: of the floor's calls per second, round by round; None without a floor.
    :ivar busy: share of all cores of the machine that something used, whatever it was.
    """

    way: str
    p50_ms: float
    added: tuple[float, ...] | None
    calls_per_second: float
    share: float | None
    busy: float
    cpu_service_ms: float
    cpu_children_ms: float
    cpu_others_ms: float
    round_trips: float | None
    service_mb: float
    child_mb: float


def rows(measured: Mapping[str, Any]) -> list[Row]:
    """The rows of a cell, the floor first where there is one."""
    ways = measured["ways"]
    floor = ways[FLOOR]["rounds"] if FLOOR in ways else None
    return [_row(way, figures, floor) for way, figures in ways.items()]


def _row(way: str, figures: Mapping[str, Any], floor: Sequence[Mapping[str, float]] | None) -> Row:
    own = figures["rounds"]
    added = None
    if way != FLOOR:
        beneath = floor or [dict.fromkeys(PERCENTILES, 0.0)] * len(own)
        added = tuple(
            _median(own, beneath, lambda ours, theirs, name=name: ours[name] - theirs[name]) for name in PERCENTILES
        )
    rate = "calls_per_second"
    cpu, memory = figures["cpu_ms"], figures["memory_mb"]
    return Row(
        way=way,
        p50_ms=statistics.median(each["p50_ms"] for each in own),
        added=added,
        calls_per_second=statistics.median(each[rate] for each in own),
        share=_median(own, floor, lambda ours, theirs: ours[rate] / theirs[rate]) if floor else None,
        busy=statistics.median(each["busy"] for each in own),
        cpu_service_ms=cpu["service"],
        cpu_children_ms=cpu["children"],
        cpu_others_ms=cpu["others"],
        round_trips=figures["round_trips"],
        service_mb=memory["service"],
        child_mb=memory["child"],
    )


def _median(own: Sequence[Mapping[str, float]], floor: Sequence[Mapping[str, float]], compare: Any) -> float:
    """Each round beside the floor's same round: what slows a round slows both."""
    return statistics.median(compare(ours, theirs) for ours, theirs in zip(own, floor, strict=True))
