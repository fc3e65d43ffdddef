"""Which of a company's keys may serve a call, and in which order they are tried: pure, without I/O.

Random among equals, so that load spreads; Active keys before BelowThreshold ones (a warning, not a stop).
"""

import random
from collections.abc import Iterable
from datetime import datetime

from shared_code import errors
from shared_code.records import ApiKey, KeyStatus, Order

#: what a caller is told to wait when running requests hold what is missing, in seconds
SOON = 60.0
USABLE = (KeyStatus.ACTIVE, KeyStatus.BELOW_THRESHOLD)
_A_DAY = 86_400.0


def usable(status: KeyStatus | None) -> bool:
    """Whether a key of this status may be used at all."""
    return status in USABLE


def cooling(key: ApiKey, now: datetime) -> bool:
    """Whether the key rests after a limit of the provider; ``now`` is naive UTC."""
    return key.cooldown_until is not None and key.cooldown_until > now


def bound_that_fits(order: Order, *rooms: int | None) -> int | None:
    """Tokens to reserve within all ``rooms`` (None = no limit), or None when even the least does not fit."""
    scarce = [room for room in rooms if room is not None]
    tokens = min([order.full_bound, *scarce])
    return tokens if tokens >= order.least_bound else None


def in_order_of_trial(keys: Iterable[ApiKey], now: datetime) -> list[ApiKey]:
    """Keys that are not cooling: Active ones in random order, then BelowThreshold ones in random order."""
    ready = [key for key in keys if not cooling(key, now)]
    random.shuffle(ready)
    return sorted(ready, key=lambda key: USABLE.index(key.status))


def refusal(order: Order, keys: Iterable[ApiKey], now: datetime) -> errors.ServiceError:
    """Why none of ``keys`` can serve: all of those with room are cooling, or none has room."""
    rested = [key for key in keys if cooling(key, now) and bound_that_fits(order, key.available_tokens) is not None]
    if rested:
        moment = min(key.cooldown_until for key in rested if key.cooldown_until is not None)
        return errors.ProviderRateLimited(
            retry_after=max((moment - now).total_seconds(), 1.0),
            details={"reason": "all keys are cooling down", "free_at": moment.isoformat() + "Z"},
        )
    return _no_room(order, list(keys))


def _no_room(order: Order, keys: list[ApiKey]) -> errors.QuotaExceeded:
    roomiest = max(keys, key=lambda key: key.available_tokens or 0, default=None)
    available = max(roomiest.available_tokens or 0, 0) if roomiest else 0
    reserved = roomiest.reserved_tokens if roomiest else 0
    needed = order.least_bound
    # Not only the roomiest: another one may be full of requests that free most of it.
    soon = any((key.available_tokens or 0) + key.reserved_tokens >= needed for key in keys)
    return errors.QuotaExceeded(
        f"The token limit of your company's API key leaves {available} tokens; "
        f"this document needs at least {needed}. "
        + (
            "Running requests hold the rest and free what they do not use."
            if soon
            else "It does not reset by itself: please ask for a higher limit."
        ),
        details={
            "scope": "key",
            "limit": roomiest.total_token_limit if roomiest else None,
            "available": available,
            "reserved": reserved,
            "needed": needed,
            "resets_at": None,
        },
        retry_after=SOON if soon else _A_DAY,
    )
