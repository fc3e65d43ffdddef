"""Of what several providers' keys say, the caller is told what passes first, and a limit before a missing key."""

import itertools

from shared_code import errors
from shared_code.extraction.failover import soonest


def test_what_passes_first_is_told_and_a_limit_before_a_missing_key():
    ranked = [
        errors.QuotaExceeded(retry_after=1),
        errors.ProviderRateLimited(retry_after=20),
        errors.QuotaExceeded(retry_after=60),
        errors.LimitUsedUp(),
        errors.TokenUnavailable(),
    ]
    for better, worse in itertools.combinations(ranked, 2):
        assert soonest([better, worse]) is soonest([worse, better]) is better
