"""A limit is told as the cause for as long as it is one, also when the timer has taken its key out of use."""

import re

import pytest
from sqlalchemy import update

from shared_code import errors
from shared_code.database import tables
from shared_code.database.stores.keys import token_changes
from shared_code.records import Provider
from shared_code.rollup.statuses import set_statuses
from shared_code.token_manager import TokenManager

#: below the smallest bound of a call
USED_UP = 1_000


@pytest.fixture
def database_url(tmp_path, _sqlite_template):
    """What is said of the keys is decided after they were read."""
    path = tmp_path / "used-up.db"
    path.write_bytes(_sqlite_template.read_bytes())
    return f"sqlite:///{path}"


def tick(pipeline):
    set_statuses(pipeline.services.rollup)


def refused(pipeline, **options):
    with pytest.raises(errors.ServiceError) as caught:
        pipeline.extract(**options)
    assert pipeline.gemini.calls() == []
    assert pipeline.rows(tables.token_reservations) == []
    return caught.value


def assert_used_up(error):
    assert (error.http_status, error.code, error.retryable, error.retry_after) == (429, "QUOTA_EXCEEDED", False, None)
    assert (error.details["scope"], error.details["limit"], error.details["available"]) == ("key", USED_UP, USED_UP)
    assert error.details["needed"] > USED_UP


def test_the_answer_is_the_same_before_and_after_the_timer_has_run(pipeline):
    key = pipeline.add_key(limit=USED_UP)
    before = refused(pipeline)
    tick(pipeline)
    assert pipeline.status(key.token_id).Status == "FullyUtilized"
    after = refused(pipeline)
    for error in (before, after):
        assert_used_up(error)
        assert error.message.endswith("It does not reset by itself: please ask for a higher limit.")


@pytest.mark.parametrize("other", ["Disabled", "Blocked", "Exceeded", "Expired"])
def test_a_key_that_is_out_for_another_reason_does_not_hide_the_limit(pipeline, other):
    pipeline.add_key(limit=USED_UP)
    pipeline.add_key(status=other)
    assert_used_up(refused(pipeline))
    tick(pipeline)
    assert_used_up(refused(pipeline))


def test_a_used_up_key_that_could_not_serve_anyway_is_no_limit(pipeline):
    key = pipeline.add_key(limit=USED_UP)
    tick(pipeline)
    table = tables.token_master
    for values in ({"ApiKey": " "}, {"ApiKey": "AIzaTyped", "Provider": "Nobody"}):
        change = update(table).where(table.c.TokenID == key.token_id).values(**values)
        pipeline.services.database.run(lambda connection, change=change: connection.execute(change))
        assert refused(pipeline).code == "TOKEN_UNAVAILABLE"


def test_a_model_is_refused_for_the_limit_of_its_own_providers_keys(pipeline, openai):
    pipeline.add_key(limit=USED_UP)
    pipeline.add_key(provider=Provider.OPENAI)
    for _ in range(2):
        assert_used_up(refused(pipeline, model="gemini-3.5-flash-lite"))
        tick(pipeline)
    assert pipeline.extract().data["provenance"]["provider"] == "OpenAI"


@pytest.mark.parametrize("ticked", [False, True])
def test_a_key_that_is_refused_during_a_call_leaves_the_limit_of_the_other_one(pipeline, ticked):
    pipeline.add_key(limit=USED_UP)
    bad = pipeline.add_key()
    if ticked:
        tick(pipeline)
    pipeline.gemini.key(bad.secret, state="invalid_key")
    with pytest.raises(errors.QuotaExceeded) as caught:
        pipeline.extract()
    assert_used_up(caught.value)


def test_a_raised_limit_is_a_matter_of_time_until_the_timer_has_seen_it(pipeline):
    key = pipeline.add_key(limit=USED_UP)
    tick(pipeline)
    pipeline.services.database.run(lambda connection: token_changes.set_limit(connection, key.token_id, 10_000_000))
    waiting = refused(pipeline)
    assert (waiting.code, waiting.retryable, waiting.retry_after) == ("QUOTA_EXCEEDED", True, 60)
    tick(pipeline)
    assert pipeline.extract().data["status"]


def test_the_seeds_calls_name_the_limit_too(pipeline):
    pipeline.add_key(limit=USED_UP)
    tick(pipeline)
    services = pipeline.services
    manager = TokenManager(services.database, services.cipher, models={Provider.GEMINI: "m"})
    told = manager.get_active_token("nt047")
    assert told["success"] is False
    assert told["message"] == manager.check_token_status("nt047")["message"]
    assert "does not reset by itself" in told["message"]


def test_a_limit_of_a_day_is_told_with_its_end_from_the_first_refusal_on(pipeline):
    pipeline.add_key()
    pipeline.gemini.fault("per_day_quota", times=0)
    with pytest.raises(errors.ProviderRateLimited) as first:
        pipeline.extract()
    second = refused_again(pipeline)
    for error in (first.value, second):
        assert re.search(r"they rest until \d{4}-\d\d-\d\d 0[78]:00 UTC\.", error.message), error.message
        assert "at the moment" not in error.message
        assert error.retry_after > 0


def refused_again(pipeline):
    with pytest.raises(errors.ProviderRateLimited) as caught:
        pipeline.extract()
    return caught.value
