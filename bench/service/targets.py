"""What many callers are promised, beside what was measured. Pure arithmetic over the file of results."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.service.cells import FLOOR, HTTP, HTTP_TWO

LEAST_RATE, LEAST_SHARE = 95.0, 0.6
LEAST_GAIN, FULL_CORES = 1.4, 0.9
LEAST_POSTGRESQL = 0.8
LEAST_SLOW_RATE, MOST_SLOW_P99_MS = 20.0, 3_600.0


def lines(cells: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """One sentence for each target whose cells were measured."""
    ways = {measured["cell"]["key"]: measured["ways"] for measured in cells}
    if "callers64" in ways:
        yield from _crowd(ways["callers64"])
    if "callers16" in ways:
        yield from _two_workers(ways["callers16"])
    if "postgresql64" in ways and "callers64" in ways:
        share = _rate(ways["postgresql64"], HTTP) / _rate(ways["callers64"], HTTP)
        yield _sentence(
            share >= LEAST_POSTGRESQL,
            f"PostgreSQL, 64 callers: {share:.0%} of SQLite (at least {LEAST_POSTGRESQL:.0%})",
        )
    if "crowd3000" in ways:
        yield from _slow_model(ways["crowd3000"])


def _crowd(ways: Mapping[str, Any]) -> Iterator[str]:
    wanted = min(LEAST_RATE, LEAST_SHARE * _rate(ways, FLOOR))
    for way in (HTTP, HTTP_TWO):
        if way in ways:
            rate = _rate(ways, way)
            said = f"64 callers, {way}: {rate:.1f} calls/s, cores {_busy(ways, way):.0%} busy (at least {wanted:.1f})"
            yield _sentence(rate >= wanted, said)


def _two_workers(ways: Mapping[str, Any]) -> Iterator[str]:
    """Round by round: what slows a round slows both."""
    if HTTP_TWO in ways:
        one, two = ways[HTTP]["rounds"], ways[HTTP_TWO]["rounds"]
        gain = statistics.median(
            ours["calls_per_second"] / theirs["calls_per_second"] for ours, theirs in zip(two, one, strict=True)
        )
        busy = _busy(ways, HTTP), _busy(ways, HTTP_TWO)
        yield _sentence(
            gain >= LEAST_GAIN or busy[0] >= FULL_CORES,
            f"16 callers, two workers: {gain:.2f} x one; cores busy {busy[0]:.0%} and {busy[1]:.0%} "
            f"(at least {LEAST_GAIN} x, unless one keeps {FULL_CORES:.0%} of the cores busy)",
        )


def _slow_model(ways: Mapping[str, Any]) -> Iterator[str]:
    for way in (HTTP, HTTP_TWO):
        if way in ways:
            rate, p99 = _rate(ways, way), statistics.median(each["p99_ms"] for each in ways[way]["rounds"])
            yield _sentence(
                rate >= LEAST_SLOW_RATE and p99 <= MOST_SLOW_P99_MS,
                f"64 callers, model 3 s, {way}: {rate:.1f} calls/s, p99 {p99:,.0f} ms "
                f"(at least {LEAST_SLOW_RATE:.0f}, at most {MOST_SLOW_P99_MS:,.0f})",
            )


def _rate(ways: Mapping[str, Any], way: str) -> float:
    return statistics.median(each["calls_per_second"] for each in ways[way]["rounds"])


def _busy(ways: Mapping[str, Any], way: str) -> float:
    return statistics.median(each["busy"] for each in ways[way]["rounds"])


def _sentence(is_met: bool, said: str) -> str:  # noqa: FBT001 - the first word of the sentence
    return f"{'met   ' if is_met else 'MISSED'}  {said}"
