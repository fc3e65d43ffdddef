"""Where a run's next call goes, and what the user is told when no key can take it: pure, without I/O."""

import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from shared_code import errors
from shared_code.providers.base import ModelCallFailed
from shared_code.records import Provider

_log = logging.getLogger(__name__)

#: why a place cannot take a call while another one may
_NO_KEY = (errors.QuotaExceeded, errors.ProviderRateLimited, errors.AccessError)


@dataclass(slots=True)
class Place:
    """Where the next call goes. ``spent`` are keys that the provider refused for this run."""

    provider: Provider
    model: str
    spent: set[int | None] = field(default_factory=set)
    same_key_tries: int = 0

    def with_other_providers(self, models: Mapping[Provider, Sequence[str]]) -> "list[Place]":
        """This place, then the preferred model of each other provider."""
        others = [
            Place(provider, names[0], spent=set(self.spent))
            for provider, names in models.items()
            if names and provider is not self.provider
        ]
        return [self, *others]


def first_that_serves(places: Iterable[Place], reserve: Callable[[Place], None]) -> errors.ServiceError | None:
    """Reserve at the first place that has a key; None when one had, else the refusal that ends soonest."""
    refusals: list[errors.ServiceError] = []
    for place in places:
        try:
            reserve(place)
        except _NO_KEY as refused:
            _log.info("no %s key can take the call: %s", place.provider, refused.code)
            refusals.append(refused)
        else:
            return None
    return min(refusals, key=lambda refused: math.inf if refused.retry_after is None else refused.retry_after)


def public_error(failure: ModelCallFailed, *, retry_after: float | None = None) -> errors.ServiceError:
    """What the user sees of a failed call when nothing else helps."""
    wait = retry_after if retry_after is not None else failure.wait_seconds
    return failure.public(details={"reason": failure.reason}, retry_after=wait)


def out_of_keys(
    failure: ModelCallFailed, refused: errors.ServiceError, *, free_in: float | None
) -> errors.ServiceError:
    """What the user sees when a key was refused and no other one can take its place.

    A refused key does not make the company's other keys unusable: those rest, or have no room.

    :param refused: why the other keys cannot serve.
    :param free_in: seconds until the first resting key may be used again, None when none rests.
    """
    moments = [moment for moment in (free_in, refused.retry_after) if moment is not None]
    retry_after = min(moments, default=None)
    if not issubclass(failure.public, errors.AccessError):
        return public_error(failure, retry_after=retry_after)
    if free_in is not None:
        return errors.ProviderRateLimited(details={"reason": "all keys are cooling down"}, retry_after=retry_after)
    return public_error(failure) if isinstance(refused, errors.AccessError) else refused
