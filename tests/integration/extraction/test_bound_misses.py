"""Calls that cost twice their bound, many at once: what they cost is booked, and the limit holds from then on."""

import pytest
from sqlalchemy import select

from shared_code import errors
from shared_code.database import tables

from .test_races import Watch, crowd, race_of_all, typical_call  # noqa: F401 - a fixture


@pytest.mark.long
def test_callers_whose_calls_cost_twice_their_bound_pass_a_limit_for_ten_by_the_misses_in_flight_only(
    pipeline,
    environment,
    crowd,  # noqa: F811 - the fixture
):
    held = tables.token_reservations
    with Watch(pipeline.services.database, select(held.c.BoundTokens)) as watch:
        pipeline.gemini.latency(200)
        typical_call(pipeline)
    bound = max(tokens for sample in watch.samples for (tokens,) in sample)
    cost = 2 * bound
    limit = 10 * cost
    key = pipeline.add_key(limit=limit)
    pipeline.set_quota("company", daily=limit, monthly=limit)
    booked_before = len(pipeline.rows())
    pipeline.gemini.fault("usage", times=0, totalTokenCount=cost)
    with Watch(pipeline.services.database, select(held.c.BoundTokens)) as watch:
        served, _ = race_of_all(pipeline, environment, crowd)
    bounds = [tokens for sample in watch.samples for (tokens,) in sample]
    in_flight, miss = limit // min(bounds), cost - min(bounds)

    rows = pipeline.rows()[booked_before:]
    assert [row.TotalTokensUsed for row in rows] == [cost] * len(served)
    summary = pipeline.summary(key.token_id)
    used = len(served) * cost
    print(f"{len(served)} served on a limit for 10; {used - limit} over, {in_flight} x {miss} allowed")
    assert (summary.TotalUsedTokens, summary.ReservedTokens) == (used, 0)
    assert [(row.UsedTokens, row.ReservedTokens) for row in pipeline.rows(tables.quota_counters)] == [(used, 0)] * 2
    assert limit <= used <= limit + in_flight * miss

    calls = len(pipeline.gemini.calls())
    with pytest.raises(errors.QuotaExceeded):
        pipeline.extract()
    assert len(pipeline.gemini.calls()) == calls
    assert [(row.Kind, row.ClosedAt) for row in pipeline.rows(tables.alerts)] == [("estimate_miss", None)]
