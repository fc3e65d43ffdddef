"""What a provider's answer does to the key, and what is tried next: the decision table, over real sockets."""

from datetime import UTC, datetime, timedelta

import pytest

from shared_code import errors
from shared_code.database import tables
from shared_code.records import Provider

pytestmark = pytest.mark.usefixtures("openai")

#: fault of the stand-in -> status that the key ends with
KEY_FAULTS = [
    ("invalid_key", "Blocked"),
    ("leaked_key", "Blocked"),
    ("restricted_key", "Blocked"),
    ("suspended", "Blocked"),
    ("failed_precondition", "Blocked"),
    ("expired_key", "Expired"),
    ("no_credit", "Exceeded"),
]


@pytest.mark.parametrize(("fault", "status"), KEY_FAULTS)
def test_a_refused_key_changes_its_status_and_the_next_key_serves_at_once(pipeline, pauses, fault, status):
    bad, good = pipeline.add_key(), pipeline.add_key()
    pipeline.gemini.key(bad.secret, state=fault)
    for _ in range(40):  # the choice is random: until the bad key was tried
        outcome = pipeline.extract()
        assert outcome.data["status"] in {"ok", "needs_review"}
        if pipeline.status(bad.token_id).Status == status:
            break
    assert pipeline.status(bad.token_id).Status == status
    assert pipeline.status(good.token_id).Status == "Active"
    assert pauses.slept == []
    attempts = pipeline.rows(tables.retry_attempts)
    assert [(row.TokenID, row.Attempt) for row in attempts] == [(bad.token_id, 1)]
    assert bad.secret not in attempts[0].ErrorMessage
    alerts = pipeline.rows(tables.alerts)
    assert [(row.Kind, row.Subject) for row in alerts] == [("key_refused", str(bad.token_id))]
    assert {row.TokenID for row in pipeline.rows()} == {good.token_id}


def test_the_only_key_refused_tells_the_company_and_leaves_nothing_reserved(pipeline):
    key = pipeline.add_key()
    pipeline.gemini.key(key.secret, state="expired_key")
    with pytest.raises(errors.TokenExpired):
        pipeline.extract()
    assert pipeline.status(key.token_id).Status == "Expired"
    assert pipeline.summary(key.token_id).ReservedTokens == 0
    assert pipeline.rows(tables.token_reservations) == []
    assert pipeline.rows(tables.claims) == []
    assert pipeline.rows() == []


def test_a_suspended_project_takes_all_its_keys_with_it(pipeline):
    keys = [pipeline.add_key(provider_project="alpha") for _ in range(2)]
    other = pipeline.add_key(provider_project="beta")
    for key in keys:
        pipeline.gemini.key(key.secret, state="suspended")
    for _ in range(40):
        pipeline.extract()
        if pipeline.status(keys[0].token_id).Status == "Blocked":
            break
    assert [pipeline.status(key.token_id).Status for key in keys] == ["Blocked", "Blocked"]
    assert pipeline.status(other.token_id).Status == "Active"


def test_a_minute_limit_cools_the_key_and_another_serves(pipeline, pauses):
    pipeline.add_key()
    pipeline.add_key()
    pipeline.gemini.fault("per_minute_quota", retry_delay=33)
    pipeline.extract()
    cooled = [row for row in pipeline.rows(tables.token_master) if row.CooldownUntil]
    assert len(cooled) == 1
    assert cooled[0].Status == "Active"
    rest = cooled[0].CooldownUntil - datetime.now(UTC).replace(tzinfo=None)
    assert timedelta(seconds=25) < rest < timedelta(seconds=36)
    assert pauses.slept == []


def test_a_minute_limit_of_the_only_key_is_waited_out(pipeline, pauses):
    key = pipeline.add_key()
    pipeline.gemini.fault("per_minute_quota", retry_delay=33)
    with pytest.raises(errors.ProviderRateLimited) as refused:
        pipeline.extract(deadline_seconds=20.0)
    assert refused.value.retry_after > 20
    assert pauses.slept == []
    assert pipeline.summary(key.token_id).ReservedTokens == 0


def test_a_day_limit_cools_the_key_until_midnight_pacific(pipeline):
    pipeline.add_key()
    pipeline.gemini.fault("per_day_quota")
    with pytest.raises(errors.ProviderRateLimited) as refused:
        pipeline.extract()
    until = pipeline.rows(tables.token_master)[0].CooldownUntil
    assert until.minute == 0
    assert until.hour in {7, 8}
    assert refused.value.retry_after > 0


@pytest.mark.parametrize("fault", ["internal_500", "unavailable_503", "overloaded_503", "html_502"])
def test_a_passing_server_error_is_retried_with_the_same_key_and_costs_nothing(pipeline, pauses, fault):
    key = pipeline.add_key()
    pipeline.gemini.fault(fault, times=2)
    pipeline.extract()
    assert len(pauses.slept) == 2
    assert 0.5 <= pauses.slept[0] <= 1.0
    assert 1.0 <= pauses.slept[1] <= 2.0
    assert [row.Outcome for row in pipeline.rows()] == ["ok"]
    assert len(pipeline.rows(tables.retry_attempts)) == 2
    assert pipeline.status(key.token_id).Status == "Active"


def test_a_server_error_that_stays_goes_to_the_fallback_model(pipeline):
    pipeline.add_key()
    pipeline.gemini.fault("unavailable_503", model="gemini-3.5-flash-lite", times=0)
    outcome = pipeline.extract()
    assert outcome.data["provenance"]["model"].startswith("gemini-3.8-flash")
    assert pipeline.rows()[0].Model.startswith("gemini-3.8-flash")


@pytest.mark.parametrize("fault", ["model_not_found", "model_gone"])
def test_a_model_that_is_gone_is_replaced_at_once(pipeline, pauses, fault):
    pipeline.add_key()
    pipeline.gemini.fault(fault, model="gemini-3.5-flash-lite", times=0)
    assert pipeline.extract().data["provenance"]["model"].startswith("gemini-3.8-flash")
    assert pauses.slept == []


def test_an_outage_of_all_models_ends_in_an_error_that_says_so(pipeline):
    key = pipeline.add_key()
    pipeline.gemini.fault("unavailable_503", times=0)
    with pytest.raises(errors.ProviderUnavailable):
        pipeline.extract()
    assert len(pipeline.gemini.calls()) <= 6
    assert pipeline.rows() == []
    assert pipeline.summary(key.token_id).ReservedTokens == 0


@pytest.mark.parametrize("fault", ["close", "close_mid_answer", "empty_200", "not_json_200"])
def test_a_call_that_may_have_been_billed_is_booked_as_unmeasured_and_tried_once_more(pipeline, fault):
    key = pipeline.add_key()
    pipeline.gemini.fault(fault)
    pipeline.extract()
    kinds = [(row.Kind, row.InputTokens is None) for row in pipeline.rows()]
    assert kinds == [("unmeasured", True), ("usage", False)]
    booked = sum(row.TotalTokensUsed for row in pipeline.rows())
    assert pipeline.summary(key.token_id).TotalUsedTokens == booked
    assert pipeline.summary(key.token_id).ReservedTokens == 0
    assert "unmeasured_call" in [row.Kind for row in pipeline.rows(tables.alerts)]


@pytest.mark.parametrize("fault", ["bad_mime", "no_pages", "too_many_pages"])
def test_a_document_that_the_provider_refuses_is_not_tried_again(pipeline, fault):
    pipeline.add_key()
    pipeline.gemini.fault(fault)
    with pytest.raises((errors.InvalidFile, errors.TooManyPages)):
        pipeline.extract()
    assert len(pipeline.gemini.calls()) == 1
    assert pipeline.rows(tables.claims) == []


def test_three_keys_two_of_them_failing_in_different_ways(pipeline, pauses):
    first, second, third = (pipeline.add_key() for _ in range(3))
    pipeline.gemini.key(first.secret, state="leaked_key")
    pipeline.gemini.key(second.secret, state="no_credit")
    for _ in range(30):
        pipeline.extract()
    assert pipeline.status(first.token_id).Status == "Blocked"
    assert pipeline.status(second.token_id).Status == "Exceeded"
    assert {row.TokenID for row in pipeline.rows()} == {third.token_id}
    assert len(pipeline.rows()) == 30
    assert pauses.slept == []


def test_a_key_of_the_other_vendor_serves_when_the_first_has_none_left(pipeline):
    gemini = pipeline.add_key()
    openai = pipeline.add_key(provider=Provider.OPENAI)
    pipeline.gemini.key(gemini.secret, state="no_credit")
    outcome = pipeline.extract()
    assert outcome.data["provenance"]["provider"] == "OpenAI"
    assert [row.TokenID for row in pipeline.rows()] == [openai.token_id]
