"""The ``usage`` part of an answer: what the calls of one run cost in all. Never a key or a TokenID."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from shared_code.records import Usage


def usage_dict(calls: Sequence[Usage], costs: Sequence[Decimal | None]) -> dict[str, Any]:
    """Sums over all calls; a count that no call reported is None, and a cost is None when one of them is unknown."""
    modalities: Counter[str] = Counter()
    for usage in calls:
        modalities.update(usage.modalities)
    cost = None if any(price is None for price in costs) else sum((price or Decimal(0) for price in costs), Decimal(0))
    return {
        "input_tokens": _sum([usage.input_tokens for usage in calls]),
        "output_tokens": _sum([usage.output_tokens for usage in calls]),
        "total_tokens": _sum([usage.billable_tokens for usage in calls]),
        "thoughts_tokens": _sum([usage.thoughts_tokens for usage in calls]),
        "cached_tokens": _sum([usage.cached_tokens for usage in calls]),
        "by_modality": dict(modalities),
        "requests": sum(usage.requests for usage in calls),
        "cost_usd": None if cost is None else f"{cost:f}",
    }


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known or not counts else None
