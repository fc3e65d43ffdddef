"""More pools than the database has sessions for: refusals are 503 with a hint, and nothing that was paid for is lost.

``soak`` does it with sixty pools in six processes on two hundred sessions.
"""

import time
from collections import Counter

import pytest

from shared_code.bootstrap import build_services
from shared_code.database import tables

from .conftest import RING, SAMPLES, Pipeline
from .crowd import crowd, limited_role
from .recovery import recover
from .test_outage import storage  # noqa: F401 - fixture

SAMPLE = SAMPLES / "ghana-vat-invoice.pdf"


@pytest.fixture(params=["postgresql"])
def database_url(request, postgresql_server, _postgresql_template):
    from tests.conftest import _fresh_postgresql

    yield from _fresh_postgresql(postgresql_server, _postgresql_template)


@pytest.fixture
def counted(database_url, make_settings, gemini, storage):  # noqa: F811 - the fixture
    """A pipeline as an operator's, who is not counted, with an outbox that the crowd shares."""
    settings = make_settings(
        database_url,
        gemini_base_url=gemini.url,
        token_encryption_keys=RING,
        azurewebjobsstorage=storage,
        usage_outbox_queue=f"crowd-{time.monotonic_ns()}",
    )
    services = build_services(settings)
    yield Pipeline(services, gemini)
    services.close()


def prove_crowd(
    pipeline, environment, *, sessions: int, processes: int, pools: int, calls: int, threads: int, budget_seconds: float
) -> Counter:
    """The crowd, then the timer, then the books; the answers' codes."""
    pipeline.gemini.latency(100)
    pipeline.add_key(limit=10**9)
    pipeline.set_quota("company", daily=10**9)
    settings = pipeline.services.settings
    with limited_role(settings.database_url.get_secret_value(), sessions) as url:
        crowded = environment | {
            "DATABASE_URL": url,
            "AzureWebJobsStorage": settings.azurewebjobsstorage.get_secret_value(),
            "USAGE_OUTBOX_QUEUE": settings.usage_outbox_queue,
            "DB_RETRY_BUDGET_SECONDS": str(budget_seconds),
        }
        answers = crowd(crowded, SAMPLE, processes=processes, pools=pools, calls=calls, threads=threads)
    recover(pipeline.services)
    # A loaded machine has the model look at a page once more, so that documents are not told by their sizes.
    billed = [call["usage"]["totalTokenCount"] for call in pipeline.gemini.calls() if call["usage"]]
    print(f"\n{dict(answers)}; {len(billed)} billed calls, {sum(billed)} tokens")
    assert answers.total() == processes * pools * calls
    assert set(answers) <= {"ok", "DATABASE_UNAVAILABLE"}
    assert 0 < answers["ok"] <= len(billed)
    booked = [row.TotalTokensUsed for row in pipeline.rows() if row.Attempt]
    assert Counter(booked) == Counter(billed)
    assert pipeline.rows(tables.token_reservations) == []
    (summary,) = pipeline.rows(tables.token_usage_summary)
    assert (summary.TotalUsedTokens, summary.ReservedTokens) == (sum(billed), 0)
    (counter,) = pipeline.rows(tables.quota_counters)
    assert (counter.UsedTokens, counter.ReservedTokens) == (sum(billed), 0)
    assert pipeline.services.outbox.depth() == 0
    return answers


def test_more_pools_than_sessions_are_refused_for_now_and_lose_nothing(counted, environment):
    answers = prove_crowd(
        counted, environment, sessions=8, processes=2, pools=3, calls=8, threads=4, budget_seconds=2.0
    )
    assert answers["DATABASE_UNAVAILABLE"]
