"""Where a call can go when it gets no answer, and what the user is told when it can go nowhere: pure, without I/O."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from shared_code import errors
from shared_code.extraction.call_plan import Place
from shared_code.metering.keys import resting
from shared_code.providers.base import ModelCallFailed
from shared_code.records import Provider, TokenRequest

#: why a place cannot take a call while another one may
NO_KEY = (errors.QuotaExceeded, errors.ProviderRateLimited, errors.AccessError)


class AnswerUnusable(errors.ProviderBadAnswer):
    """Bad in a way that another upload of the document would most likely pay for once more."""

    retryable = False


def places_after(
    place: Place, models: Mapping[Provider, Sequence[str]], left: Collection[tuple[Provider, str]]
) -> list[Place]:
    """The later models of the place's provider, then the preferred model of each other provider.

    :param left: models that this run has given up; the place's own is one of them.
    """
    names = list(models.get(place.provider, ()))
    following = names[names.index(place.model) + 1 :] if place.model in names else []
    places = [replace(place, model=name, same_key_tries=0) for name in following]
    places += place.with_other_providers(models)[1:]
    return [other for other in places if (other.provider, other.model) not in left]


def soonest(refusals: Sequence[errors.ServiceError]) -> errors.ServiceError:
    """Of the refusals of several places the one that passes first; of those that do not pass, a limit before a key."""

    def order(refused: errors.ServiceError) -> tuple[float, bool]:
        wait = math.inf if refused.retry_after is None else refused.retry_after
        return wait, not isinstance(refused, errors.QuotaExceeded)

    return min(refusals, key=order)


def public_error(
    failure: ModelCallFailed, *, retry_after: float | None = None, now: datetime | None = None
) -> errors.ServiceError:
    """What the user sees of a failed call when nothing else helps.

    :param now: the moment (naive UTC), where a limit of the provider may last.
    """
    wait = retry_after if retry_after is not None else failure.wait_seconds
    if now is not None and wait is not None and failure.public is errors.ProviderRateLimited:
        return resting(wait, now, {"reason": failure.reason})
    return failure.public(details={"reason": failure.reason}, retry_after=wait)


def out_of_keys(
    failure: ModelCallFailed, refused: errors.ServiceError, *, free_in: float | None, now: datetime
) -> errors.ServiceError:
    """What the user sees when a key was refused and no other one can take its place.

    A refused key does not make the company's other keys unusable: those rest, or have no room.

    :param refused: why the other keys cannot serve.
    :param free_in: seconds until the first resting key may be used again, None when none rests.
    :param now: the moment, naive UTC.
    """
    moments = [moment for moment in (free_in, refused.retry_after) if moment is not None]
    retry_after = min(moments, default=None)
    if not issubclass(failure.public, errors.AccessError):
        return public_error(failure, retry_after=retry_after, now=now)
    if retry_after is not None and free_in is not None:
        return resting(retry_after, now)
    return public_error(failure) if isinstance(refused, errors.AccessError) else refused


def contended(request: TokenRequest) -> errors.QuotaExceeded:
    """What the user sees when others were quicker for the last tokens, each time that the call was tried."""
    return errors.QuotaExceeded(
        "Too many requests compete for the last tokens of a limit. Please try again shortly.",
        details={"scope": "contended", "needed": request.least_bound},
        retry_after=1.0,
    )
