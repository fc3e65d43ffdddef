"""Near a limit: an answer that was cut, and whose second try does not fit, is not paid for at each resubmission."""

import uuid

import pytest
from sqlalchemy import update

from shared_code import errors
from shared_code.bootstrap import build_services
from shared_code.database import tables
from shared_code.database.stores.keys import token_changes

from .conftest import SAMPLES, Pipeline, unique

SAMPLE = SAMPLES / "ghana-vat-invoice.pdf"
#: what does not depend on the database
on_one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def document() -> bytes:
    return unique(SAMPLE)


def calls(pipeline) -> int:
    return len([call for call in pipeline.gemini.calls() if call["method"] == "POST"])


def refused(pipeline, document: bytes, **options) -> errors.QuotaExceeded:
    with pytest.raises(errors.QuotaExceeded) as caught:
        pipeline.extract(document, **options)
    return caught.value


def set_limit(pipeline, token_id: int, limit: int) -> None:
    pipeline.services.database.run(lambda connection: token_changes.set_limit(connection, token_id, limit))


def cut_once(pipeline, document: bytes) -> int:
    """What the document is said to need after an answer that was cut."""
    pipeline.gemini.fault("max_tokens_cut")
    first = refused(pipeline, document)
    assert first.details["needed"] > first.details["available"]
    assert calls(pipeline) == 1
    return first.details["needed"]


def test_a_cut_answer_is_paid_for_once_while_the_limit_leaves_too_little(pipeline, document):
    key = pipeline.add_key(limit=13_000)
    needed = cut_once(pipeline, document)
    used = pipeline.summary(key.token_id).TotalUsedTokens
    for _ in range(3):
        again = refused(pipeline, document)
        assert again.details["needed"] == needed
        assert again.details["available"] == 13_000 - used
        assert str(needed) in again.message
    assert calls(pipeline) == 1
    assert [row.Outcome for row in pipeline.rows()] == ["truncated"]
    assert pipeline.summary(key.token_id).ReservedTokens == 0
    (claim,) = pipeline.rows(tables.claims)
    assert (claim.State, claim.NeededTokens) == ("short", needed)


@on_one_database
def test_another_document_is_read_meanwhile(pipeline, document):
    pipeline.add_key(limit=13_000)
    cut_once(pipeline, document)
    assert pipeline.extract(unique(SAMPLE)).data["status"]


@on_one_database
@pytest.mark.parametrize("scope", ["company", "branch", "user"])
def test_a_quota_is_named_too(pipeline, document, scope):
    pipeline.add_key()
    pipeline.set_quota(scope, {"company": "", "branch": "RUB", "user": "bzumah"}[scope], daily=13_000)
    needed = cut_once(pipeline, document)
    again = refused(pipeline, document)
    assert (again.details["scope"], again.details["needed"]) == (scope, needed)
    assert calls(pipeline) == 1


def test_a_limit_with_room_makes_it_forgotten(pipeline, document):
    key = pipeline.add_key(limit=13_000)
    needed = cut_once(pipeline, document)
    used = pipeline.summary(key.token_id).TotalUsedTokens
    set_limit(pipeline, key.token_id, used + needed - 1)
    refused(pipeline, document)
    set_limit(pipeline, key.token_id, used + needed)
    assert pipeline.extract(document).data["provenance"]["method"] == "model"
    (claim,) = pipeline.rows(tables.claims)
    assert (claim.State, claim.NeededTokens) == ("done", None)
    assert pipeline.extract(document).data["provenance"]["method"] == "cached"


@on_one_database
def test_the_next_call_gets_the_room_that_was_missing(pipeline, document):
    key = pipeline.add_key(limit=13_000)
    needed = cut_once(pipeline, document)
    first_cap = pipeline.gemini.calls()[-1]["max_output_tokens"]
    set_limit(pipeline, key.token_id, 1_000_000)
    pipeline.extract(document)
    assert pipeline.gemini.calls()[-1]["max_output_tokens"] > first_cap
    assert needed > 0


def test_force_reads_it_whatever_is_remembered(pipeline, document):
    key = pipeline.add_key(limit=20_000)
    set_limit(pipeline, key.token_id, 13_000)
    cut_once(pipeline, document)
    assert pipeline.extract(document, force=True).data["status"]
    assert calls(pipeline) == 2


@on_one_database
@pytest.mark.parametrize("limit", [24_000, 1_000_000], ids=["near the limit", "with room enough"])
def test_what_two_cut_answers_hold_is_given_and_not_paid_for_again(pipeline, document, limit):
    pipeline.add_key(limit=limit)
    pipeline.gemini.fault("max_tokens_cut", times=2)
    assert pipeline.extract(document).data["status"] == "needs_review"
    again = pipeline.extract(document).data
    assert (again["status"], again["provenance"]["method"]) == ("needs_review", "cached")
    assert calls(pipeline) == 2
    (claim,) = pipeline.rows(tables.claims)
    assert claim.NeededTokens is None


def test_an_earlier_answer_still_serves_when_a_forced_reading_was_cut(pipeline, document):
    key = pipeline.add_key()
    pipeline.extract(document)
    set_limit(pipeline, key.token_id, pipeline.summary(key.token_id).TotalUsedTokens + 13_000)
    pipeline.gemini.fault("max_tokens_cut")
    refused(pipeline, document, force=True)
    assert pipeline.extract(document).data["provenance"]["method"] == "cached"


@on_one_database
def test_what_is_needed_is_known_to_other_processes_and_stays_with_its_company(pipeline, pipeline_settings, pauses):
    document = unique(SAMPLE)
    pipeline.add_key(limit=13_000)
    pipeline.add_key(company="OTHER", limit=13_000)
    needed = cut_once(pipeline, document)
    services = build_services(pipeline_settings(), monotonic=pauses, sleep=pauses.sleep)
    other = Pipeline(services, pipeline.gemini)
    assert refused(other, document).details["needed"] == needed
    assert other.extract(document, company="OTHER").data["status"]
    services.close()


def test_a_claim_of_an_old_version_that_ran_out_is_taken_over_as_before(pipeline, document):
    pipeline.add_key(limit=13_000)
    cut_once(pipeline, document)
    table = tables.claims
    died = {"State": "running", "NeededTokens": None, "CallID": str(uuid.uuid4())}
    pipeline.services.database.run(lambda connection: connection.execute(update(table).values(**died)))
    assert pipeline.extract(document).data["status"]
