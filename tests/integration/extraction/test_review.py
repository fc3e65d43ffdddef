"""Corners of a run: what happens between keys, providers, limits and claims when several things go wrong at once."""

import itertools
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from shared_code import errors
from shared_code.bootstrap import build_services
from shared_code.database import tables
from shared_code.database.stores.keys import token_keys, tokens
from shared_code.extraction import answer_review, late_reading
from shared_code.records import KeyStatus, Provider

from .conftest import SAMPLES, Pipeline
from .recovery import end_leases
from .worker import numbered

SAMPLE = SAMPLES / "ghana-vat-invoice.pdf"


class Wall:
    """A wall clock that moves with the sleeps."""

    def __init__(self, pauses) -> None:
        self._pauses, self._offset = pauses, pauses.now
        self._start = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self._start + timedelta(seconds=self._pauses.now - self._offset)


@pytest.fixture
def timed(pipeline_settings, gemini, pauses):
    services = build_services(pipeline_settings(), clock=Wall(pauses), monotonic=pauses, sleep=pauses.sleep)
    yield Pipeline(services, gemini)
    services.close()


def cool(pipeline, key, *, seconds: float) -> None:
    until = pipeline.services.clock() + timedelta(seconds=seconds)
    pipeline.services.database.run(lambda connection: tokens.set_cooldown(connection, key.token_id, until))


# --- billed answers


def test_an_answer_that_nobody_could_judge_is_booked_all_the_same(pipeline, monkeypatch):
    key = pipeline.add_key()

    def broken(*_args, **_kwargs):
        raise RuntimeError("a bug behind the answer")

    monkeypatch.setattr(late_reading, "read_invoices", broken)
    with pytest.raises(RuntimeError):
        pipeline.extract(numbered(SAMPLE, 1))
    billed = pipeline.gemini.calls()[0]["usage"]["totalTokenCount"]
    assert [(row.Kind, row.TotalTokensUsed) for row in pipeline.rows()] == [("usage", billed)]
    assert pipeline.summary(key.token_id).TotalUsedTokens == billed
    assert pipeline.summary(key.token_id).ReservedTokens == 0
    assert pipeline.rows(tables.token_reservations) == []
    assert pipeline.rows(tables.claims) == []


def test_an_answer_whose_result_cannot_be_made_is_booked_all_the_same(pipeline, monkeypatch):
    key = pipeline.add_key()

    def broken(*_args, **_kwargs):
        raise RuntimeError("a bug in the result")

    monkeypatch.setattr(answer_review, "stored_data", broken)
    with pytest.raises(RuntimeError):
        pipeline.extract(numbered(SAMPLE, 1))
    billed = pipeline.gemini.calls()[0]["usage"]["totalTokenCount"]
    assert [(row.Kind, row.TotalTokensUsed) for row in pipeline.rows()] == [("usage", billed)]
    assert pipeline.summary(key.token_id).ReservedTokens == 0
    assert pipeline.rows(tables.token_reservations) == []
    assert pipeline.rows(tables.claims) == []


def test_keys_of_an_answer_that_cannot_be_stored_do_not_cost_the_answer(pipeline):
    pipeline.add_key()
    answer = '{"document_status": "not_an_invoice", "invoices": [], "\\ud800\\u0000x": 1}'
    pipeline.gemini.fault("answer", text=answer, times=0)
    data = pipeline.extract(numbered(SAMPLE, 1)).data
    assert "unknown_keys" in [warning["code"] for warning in data["warnings"]]
    assert pipeline.extract(numbered(SAMPLE, 1)).data["provenance"]["method"] == "cached"


# --- several keys and providers


def test_a_company_whose_first_provider_rests_is_served_by_the_other_one(pipeline):
    cool(pipeline, pipeline.add_key(), seconds=3600)
    other = pipeline.add_key(provider=Provider.OPENAI)
    assert pipeline.extract().data["provenance"]["provider"] == "OpenAI"
    assert [row.TokenID for row in pipeline.rows()] == [other.token_id]


def test_a_company_whose_first_provider_has_no_room_is_served_by_the_other_one(pipeline):
    pipeline.add_key(limit=10)
    pipeline.add_key(provider=Provider.OPENAI)
    assert pipeline.extract().data["provenance"]["provider"] == "OpenAI"


def test_when_no_provider_can_serve_the_first_moment_of_any_key_is_told(pipeline):
    cool(pipeline, pipeline.add_key(), seconds=3600)
    cool(pipeline, pipeline.add_key(provider=Provider.OPENAI), seconds=60)
    with pytest.raises(errors.ProviderRateLimited) as refused:
        pipeline.extract()
    assert 50 < refused.value.retry_after <= 60
    assert pipeline.rows(tables.claims) == []


def test_any_number_of_keys_that_rest_is_waited_for(timed, pauses):
    keys = [timed.add_key() for _ in range(5)]
    for key in keys:
        timed.gemini.fault("per_minute_quota", key=key.secret, retry_delay=5)
    assert timed.extract().data["status"]
    assert len(pauses.slept) == 1
    assert 4 < pauses.slept[0] < 8


def test_refused_keys_use_up_no_retries(timed, pauses):
    bad = [timed.add_key() for _ in range(4)]
    for key in bad:
        timed.gemini.key(key.secret, state="invalid_key")
    good = timed.add_key()
    timed.services.database.run(
        lambda connection: tokens.set_status(connection, good.token_id, KeyStatus.BELOW_THRESHOLD)
    )
    timed.gemini.fault("overloaded_503", key=good.secret)
    assert timed.extract().data["provenance"]["model"].startswith("gemini-3.5-flash-lite")
    assert len(pauses.slept) == 1


def test_a_refused_key_beside_a_resting_one_is_a_matter_of_time(pipeline):
    cool(pipeline, pipeline.add_key(), seconds=3600)
    bad = pipeline.add_key()
    pipeline.gemini.key(bad.secret, state="invalid_key")
    with pytest.raises(errors.ProviderRateLimited) as refused:
        pipeline.extract()
    assert 3500 < refused.value.retry_after <= 3600


def test_a_refused_key_beside_one_without_room_is_a_matter_of_limits(pipeline):
    pipeline.add_key(limit=10)
    bad = pipeline.add_key()
    pipeline.gemini.key(bad.secret, state="invalid_key")
    with pytest.raises(errors.QuotaExceeded):
        pipeline.extract()


def test_a_rest_of_yesterday_is_not_waited_for(timed, pauses):
    full = timed.add_key(limit=10)
    cool(timed, full, seconds=-86_400)
    key = timed.add_key()
    timed.gemini.fault("per_minute_quota", key=key.secret, retry_delay=5)
    assert timed.extract().data["status"]
    assert [round(pause) for pause in pauses.slept] == [6]


@pytest.mark.parametrize("fault", ["per_minute_quota", "model_gone"])
def test_a_key_with_room_for_one_call_makes_its_next_try_with_what_it_holds(timed, fault):
    timed.add_key(limit=14_000)
    timed.gemini.fault(fault, retry_delay=5) if fault.startswith("per") else timed.gemini.fault(fault)
    assert timed.extract().data["status"]
    assert [row.Kind for row in timed.rows()] == ["usage"]


def test_a_key_that_was_replaced_during_a_call_is_not_blocked_for_its_predecessor(pipeline):
    key = pipeline.add_key()
    pipeline.gemini.key(key.secret, state="invalid_key")
    database, cipher = pipeline.services.database, pipeline.services.cipher
    provider = pipeline.services.providers[Provider.GEMINI]
    real, once = provider.generate, itertools.count()

    def rotated_meanwhile(*args, **kwargs):
        if next(once) == 0:
            database.run(
                lambda connection: token_keys.replace_key(connection, cipher, key.token_id, "AIzaTestTheNewKey00000001")
            )
        return real(*args, **kwargs)

    provider.generate = rotated_meanwhile
    assert pipeline.extract().data["status"]
    assert pipeline.status(key.token_id).Status == "Active"


def test_a_key_that_was_disabled_during_a_call_stays_disabled(pipeline):
    key = pipeline.add_key()
    pipeline.gemini.key(key.secret, state="invalid_key")
    provider = pipeline.services.providers[Provider.GEMINI]
    real = provider.generate

    def disabled_meanwhile(*args, **kwargs):
        pipeline.services.database.run(
            lambda connection: connection.execute(update(tables.token_master).values(Status="Disabled"))
        )
        return real(*args, **kwargs)

    provider.generate = disabled_meanwhile
    with pytest.raises(errors.TokenUnavailable):
        pipeline.extract()
    assert pipeline.status(key.token_id).Status == "Disabled"


# --- claims


def test_a_forced_reading_that_fails_keeps_the_earlier_answer(pipeline):
    pipeline.add_key()
    document = numbered(SAMPLE, 1)
    first = pipeline.extract(document)
    pipeline.gemini.fault("safety", times=0)
    with pytest.raises(errors.ProviderRejected):
        pipeline.extract(document, force=True)
    again = pipeline.extract(document)
    assert again.data["provenance"]["method"] == "cached"
    assert again.data["invoices"] == first.data["invoices"]
    assert len(pipeline.gemini.calls()) == 3


def test_the_answer_before_a_forced_reading_that_died_still_serves(pipeline):
    pipeline.add_key()
    document = numbered(SAMPLE, 1)
    pipeline.extract(document)
    table = tables.claims
    died = {"State": "running", "CallID": "00000000-0000-0000-0000-000000000000"}
    pipeline.services.database.run(lambda connection: connection.execute(update(table).values(**died)))
    end_leases(pipeline.services)
    assert pipeline.extract(document).data["provenance"]["method"] == "cached"
    assert pipeline.extract(document, force=True).data["provenance"]["method"] == "model"
    assert len(pipeline.gemini.calls()) == 2


def test_a_text_layer_that_is_late_is_waited_for_once(pipeline, monkeypatch):
    pipeline.add_key()
    waited = []

    class Late:
        def result(self, timeout):
            waited.append(timeout)
            raise TimeoutError

    monkeypatch.setattr(pipeline.services.background, "submit", lambda *_args: Late())
    data = pipeline.extract(numbered(SAMPLE, 1)).data
    for_the_plan, for_the_evidence = waited
    assert for_the_plan < for_the_evidence
    assert data["status"] == "needs_review"
    assert "text_not_read" in {warning["code"] for warning in data["warnings"]}


def test_a_text_layer_that_found_no_free_process_is_read_once_more(pipeline, monkeypatch):
    pipeline.add_key()
    busy = Future()
    busy.set_exception(errors.Busy())
    monkeypatch.setattr(pipeline.services.background, "submit", lambda *_work: busy)
    data = pipeline.extract(numbered(SAMPLE, 1)).data
    assert data["status"] == "ok"
    assert "text_not_read" not in {warning["code"] for warning in data["warnings"]}


def test_a_service_that_closes_during_a_call_keeps_its_answer(pipeline, monkeypatch):
    pipeline.add_key()
    cancelled = Future()
    cancelled.cancel()
    monkeypatch.setattr(pipeline.services.background, "submit", lambda *_args: cancelled)
    assert pipeline.extract(numbered(SAMPLE, 1)).data["status"]
    assert [row.Outcome for row in pipeline.rows()] == ["ok"]


def test_a_key_that_does_not_open_is_left_out_beside_one_that_does(pipeline, caplog):
    broken, good = pipeline.add_key(), pipeline.add_key()
    table = tables.token_master
    change = update(table).where(table.c.TokenID == broken.token_id)
    stolen = pipeline.status(good.token_id).ApiKey
    pipeline.services.database.run(lambda connection: connection.execute(change.values(ApiKey=stolen)))
    assert pipeline.extract().data["status"]
    assert [row.TokenID for row in pipeline.rows()] == [good.token_id]
    assert f"token {broken.token_id} does not open" in caplog.text
    pipeline.services.database.run(lambda connection: tokens.set_status(connection, good.token_id, KeyStatus.DISABLED))
    with pytest.raises(errors.ConfigurationError):
        pipeline.extract()
