"""Percentiles and rows of figures, printed the same way by every bench."""

import math
from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that at least ``share`` (0..1) of them do not exceed (nearest rank)."""
    return sorted(values)[max(math.ceil(len(values) * share), 1) - 1]


def row(name: str, seconds: Sequence[float]) -> None:
    """One line of milliseconds."""
    p50, p95, p99 = (percentile(seconds, share) * 1000 for share in (0.5, 0.95, 0.99))
    print(f"{name:44} p50 {p50:8.2f} ms   p95 {p95:8.2f}   p99 {p99:8.2f}   max {max(seconds) * 1000:8.2f}")
