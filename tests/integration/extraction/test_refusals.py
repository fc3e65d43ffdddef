"""A document, or our schema, that one model refuses: another model is asked once, before the refusal is final."""

import pytest

from shared_code import errors
from shared_code.database import tables
from shared_code.records import Provider


def assert_books_are_even(pipeline):
    used = {}
    for row in pipeline.rows():
        used[row.TokenID] = used.get(row.TokenID, 0) + row.TotalTokensUsed
    for row in pipeline.rows(tables.token_usage_summary):
        assert (row.TotalUsedTokens, row.ReservedTokens) == (used.get(row.TokenID, 0), 0)
    assert pipeline.rows(tables.token_reservations) == []


@pytest.mark.parametrize("fault", ["safety", "recitation", "prompt_blocked"])
def test_a_refusal_goes_to_the_fallback_model_once(pipeline, pauses, fault):
    pipeline.add_key()
    pipeline.gemini.fault(fault, model="gemini-3.5-flash-lite", times=0)
    outcome = pipeline.extract()
    assert outcome.data["invoices"][0]["invoice_number"] == "ADM-26-00118"
    assert outcome.data["provenance"]["model"].startswith("gemini-3.8-flash")
    assert [row.Outcome for row in pipeline.rows()] == ["refused", "ok"]
    assert outcome.data["usage"]["requests"] == 2
    assert pauses.slept == []
    assert_books_are_even(pipeline)


def test_a_refusal_of_the_fallback_model_is_final_and_both_are_booked(pipeline):
    pipeline.add_key()
    pipeline.gemini.fault("safety", times=0)
    with pytest.raises(errors.ProviderRejected) as refused:
        pipeline.extract()
    assert refused.value.details == {"reason": "SAFETY"}
    assert [(row.Kind, row.Outcome) for row in pipeline.rows()] == [("usage", "refused")] * 2
    assert pipeline.rows(tables.claims) == []
    assert_books_are_even(pipeline)


def test_a_refusal_goes_to_another_provider_where_no_other_model_has_room(pipeline, openai):
    """The fallback model is asked with the same key, which has room for one call only."""
    pipeline.add_key(limit=9_000)
    other = pipeline.add_key(provider=Provider.OPENAI)
    pipeline.gemini.fault("recitation", model="gemini-3.5-flash-lite", times=0)
    outcome = pipeline.extract()
    assert outcome.data["provenance"]["provider"] == "OpenAI"
    assert len(openai.calls()) == 1
    assert pipeline.rows()[1].TokenID == other.token_id
    assert_books_are_even(pipeline)


def test_a_refusal_of_the_model_that_the_caller_asked_for_is_final(pipeline):
    pipeline.add_key()
    pipeline.gemini.fault("safety")
    with pytest.raises(errors.ProviderRejected):
        pipeline.extract(model="gemini-3.5-flash-lite")
    assert len(pipeline.gemini.calls()) == 1
    assert_books_are_even(pipeline)


@pytest.mark.parametrize("fault", ["refusal", "content_filter"])
def test_a_refusal_of_openai_goes_to_its_fallback_model(pipeline, openai, fault):
    pipeline.add_key(provider=Provider.OPENAI)
    openai.fault(fault, model="gpt-5-mini", times=0)
    outcome = pipeline.extract()
    assert outcome.data["provenance"]["model"].startswith("gpt-4.1-mini")
    assert [row.Outcome for row in pipeline.rows()] == ["refused", "ok"]
    assert_books_are_even(pipeline)


def test_a_schema_that_gemini_refuses_costs_nothing_and_goes_to_the_other_provider(pipeline, openai):
    gemini, other = pipeline.add_key(), pipeline.add_key(provider=Provider.OPENAI)
    pipeline.gemini.fault("schema_too_complex", times=0)
    assert pipeline.extract().data["provenance"]["provider"] == "OpenAI"
    assert len(pipeline.gemini.calls()) == 2
    assert len(openai.calls()) == 1
    assert [row.TokenID for row in pipeline.rows()] == [other.token_id]
    assert pipeline.status(gemini.token_id).Status == "Active"
    assert_books_are_even(pipeline)


def test_a_schema_that_every_model_refuses_is_an_error_after_one_call_of_each(pipeline, openai):
    pipeline.add_key()
    pipeline.add_key(provider=Provider.OPENAI)
    pipeline.gemini.fault("schema_too_complex", times=0)
    openai.fault("bad_schema", times=0)
    with pytest.raises(errors.InternalError):
        pipeline.extract()
    assert len(pipeline.gemini.calls()) == len(openai.calls()) == 2
    assert pipeline.rows() == []
    assert_books_are_even(pipeline)
