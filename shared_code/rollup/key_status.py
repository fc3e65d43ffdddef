"""Which status a key should have by what remains of its limit: pure arithmetic, with rest against flapping.

A key is low below its threshold or below three usual calls, whichever is more, and used up when not even the smallest
call fits. What remains shrinks with use and grows only by corrections or a raised limit; the usual call moves day by
day. So a flagged key comes back only when it is well above the line, unless its limit or threshold was changed since:
then the plain rule holds.
"""

from dataclasses import dataclass
from datetime import datetime

from shared_code.database.stores.keys.key_states import KeyState
from shared_code.metering.estimates import SMALLEST_BOUND
from shared_code.records import KeyStatus

#: statuses that the timer sets and takes back; the others are set by people or follow from a provider's answers
MANAGED = (KeyStatus.ACTIVE, KeyStatus.BELOW_THRESHOLD, KeyStatus.FULLY_UTILIZED)

_USUAL_CALLS = 3
#: a flagged key is taken back at this many times the line
_REST = 1.2


@dataclass(frozen=True, slots=True)
class Flagged:
    """The limit and threshold that a key had when it was flagged."""

    limit: int | None
    threshold: int | None


def low_mark(state: KeyState, default_threshold: int) -> int:
    """Remaining tokens below which the key is low."""
    threshold = default_threshold if state.key.threshold is None else state.key.threshold
    return max(threshold, _USUAL_CALLS * state.typical_tokens)


def wanted_status(
    state: KeyState, *, now: datetime, default_threshold: int, flagged: Flagged | None = None
) -> KeyStatus | None:
    """The status that the key should have now (``now`` is naive UTC), or None when that is not for the timer to say.

    :param flagged: what is known of the moment at which the key got the status it has; None when nothing is.
    """
    status = KeyStatus.parse(state.key.status)
    if status not in MANAGED:
        return None
    if state.key.expires_at is not None and state.key.expires_at <= now:
        return KeyStatus.EXPIRED
    remaining = state.remaining
    if remaining is None:
        return KeyStatus.ACTIVE
    rests = flagged == Flagged(state.key.total_token_limit, state.key.threshold)

    def below(line: int, *, already: bool) -> bool:
        return remaining < (line * _REST if rests and already else line)

    if below(SMALLEST_BOUND, already=status is KeyStatus.FULLY_UTILIZED):
        return KeyStatus.FULLY_UTILIZED
    if below(low_mark(state, default_threshold), already=status is not KeyStatus.ACTIVE):
        return KeyStatus.BELOW_THRESHOLD
    return KeyStatus.ACTIVE
