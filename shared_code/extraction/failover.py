"""What the user is told when no key can take a call: pure, without I/O."""

import math
from collections.abc import Sequence

from shared_code import errors
from shared_code.providers.base import ModelCallFailed
from shared_code.records import TokenRequest

#: why a place cannot take a call while another one may
NO_KEY = (errors.QuotaExceeded, errors.ProviderRateLimited, errors.AccessError)


def soonest(refusals: Sequence[errors.ServiceError]) -> errors.ServiceError:
    """Of the refusals of several places the one that passes first."""
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


def contended(request: TokenRequest) -> errors.QuotaExceeded:
    """What the user sees when others were quicker for the last tokens, each time that the call was tried."""
    return errors.QuotaExceeded(
        "Too many requests compete for the last tokens of a limit. Please try again shortly.",
        details={"scope": "contended", "needed": request.least_bound},
        retry_after=1.0,
    )
