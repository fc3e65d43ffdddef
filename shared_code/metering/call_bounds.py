"""How many tokens one document can cost: the bound that is reserved, and the cap on the answer.

The bound is what the promise of no overspend stands on, so it is generous: pages at the highest published rate, text
counted and multiplied by a safety factor per model. A call that still cost more is booked as it is, and raises the
factor for its model from then on.
"""

import threading

#: tokens of an answer with every key null, and what a page of line items adds; measured on the wire schema
EMPTY_ANSWER_TOKENS = 1_100
PAGE_ANSWER_TOKENS = 900
#: the cap allows this many times the expected answer
_CAP_FACTOR = 3
_LEAST_CAP = 6_000
_MOST_CAP = 32_000
#: the cap of a second try after a cut answer
_LARGER_CAP_FACTOR = 3

#: no call of the service is smaller: a key with less left is used up
SMALLEST_BOUND = 2_500

#: kind of the alert that keeps a learned factor
ESTIMATE_MISS = "estimate_miss"

_START_FACTOR = 1.15
_MOST_FACTOR = 4.0


def expected_output(page_count: int) -> int:
    """Output tokens that a document of this many pages is expected to need."""
    return EMPTY_ANSWER_TOKENS + PAGE_ANSWER_TOKENS * max(page_count, 1)


def output_cap(page_count: int, *, thoughts_tokens: int = 0, larger: bool = False) -> int:
    """Cap on the answer, thoughts included; ``larger`` is the one retry after an answer was cut."""
    cap = min(max(_CAP_FACTOR * expected_output(page_count), _LEAST_CAP), _MOST_CAP)
    if larger:
        cap = min(cap * _LARGER_CAP_FACTOR, 2 * _MOST_CAP)
    return cap + thoughts_tokens


class SafetyFactors:
    """The factor per model by which text estimates are multiplied. Misses raise it, nothing lowers it."""

    def __init__(self) -> None:
        self._factors: dict[str, float] = {}
        self._lock = threading.Lock()

    def of(self, model: str) -> float:
        """The factor for a model."""
        return self._factors.get(model, _START_FACTOR)

    def missed(self, model: str, *, bound: int, actual: int) -> float:
        """A call cost ``actual`` tokens with only ``bound`` reserved; returns the new factor."""
        with self._lock:
            raised = min(self.of(model) * max(actual / max(bound, 1), 1.0) * 1.1, _MOST_FACTOR)
            self._factors[model] = raised
            return raised

    def learned(self, model: str, factor: float) -> None:
        """Take over a factor that another instance learned."""
        with self._lock:
            self._factors[model] = max(self.of(model), min(factor, _MOST_FACTOR))
