import pytest
from google.genai import types

from devstack.gemini import GeminiStandIn
from devstack.models.tokens import count_text
from tests.devstack.stand_ins.conftest import ask, gemini_client, pdf_part

TWO_PAGES = "syn-two-invoices.pdf"


@pytest.fixture
def usage_of(transport):
    def call(stand_in, *parts, **config):
        return ask(gemini_client(stand_in.url, transport), *parts, **config).usage_metadata

    return call


def by_modality(details):
    return {entry.modality.value: entry.token_count for entry in details or ()}


def total_of(usage):
    return sum(
        count or 0 for count in (usage.prompt_token_count, usage.candidates_token_count, usage.thoughts_token_count)
    )


@pytest.mark.parametrize("page_rate", [258, 560, 1120])
@pytest.mark.parametrize("thoughts", [0, 77])
def test_usage_adds_up_at_every_page_rate(usage_of, page_rate, thoughts):
    with GeminiStandIn(page_rate=page_rate, thoughts=thoughts) as gemini:
        usage = usage_of(gemini, pdf_part(TWO_PAGES))

    prompt = by_modality(usage.prompt_tokens_details)
    assert prompt["IMAGE"] == 2 * page_rate
    assert prompt["TEXT"] + prompt["IMAGE"] == usage.prompt_token_count
    assert by_modality(usage.candidates_tokens_details) == {"TEXT": usage.candidates_token_count}
    assert usage.thoughts_token_count == (thoughts or None)
    assert usage.total_token_count == total_of(usage)


def test_the_schema_and_the_prompt_are_charged_as_text(gemini, usage_of):
    with_schema = usage_of(gemini, pdf_part(TWO_PAGES))
    without = usage_of(gemini, pdf_part(TWO_PAGES), response_json_schema=None)
    assert with_schema.prompt_token_count - without.prompt_token_count > 1000


def test_pictures_cost_by_family_and_resolution(gemini, usage_of):
    photo = pdf_part("az-britain.png", "image/png")
    assert by_modality(usage_of(gemini, photo).prompt_tokens_details)["IMAGE"] == 1120
    low = usage_of(gemini, photo, media_resolution=types.MediaResolution.MEDIA_RESOLUTION_LOW)
    assert by_modality(low.prompt_tokens_details)["IMAGE"] == 280
    tiles = usage_of(gemini, photo, model="gemini-2.5-flash-lite")
    assert by_modality(tiles.prompt_tokens_details)["IMAGE"] % 258 == 0


def test_an_older_model_reports_pages_as_documents(gemini, usage_of):
    usage = usage_of(gemini, pdf_part(TWO_PAGES), model="gemini-2.5-flash-lite")
    assert by_modality(usage.prompt_tokens_details)["DOCUMENT"] == 2 * 258


def test_the_answer_stops_at_the_cap_with_thoughts_inside_it(transport):
    with GeminiStandIn(thoughts=40) as gemini:
        response = ask(gemini_client(gemini.url, transport), pdf_part(TWO_PAGES), max_output_tokens=100)

    usage = response.usage_metadata
    assert response.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS
    assert usage.thoughts_token_count == 40
    assert usage.candidates_token_count == count_text(response.text)
    assert 50 <= usage.candidates_token_count <= 60
    assert usage.total_token_count == total_of(usage)


def test_a_cap_below_the_thoughts_leaves_no_text(transport):
    with GeminiStandIn(thoughts=400) as gemini:
        response = ask(gemini_client(gemini.url, transport), pdf_part(TWO_PAGES), max_output_tokens=100)
    assert not response.text
    assert response.usage_metadata.thoughts_token_count == 100
    assert response.usage_metadata.candidates_token_count is None


def test_cached_tokens_are_part_of_the_prompt(gemini, usage_of):
    gemini.fault("cached", tokens=64)
    usage = usage_of(gemini, pdf_part(TWO_PAGES))
    assert usage.cached_content_token_count == 64
    assert by_modality(usage.cache_tokens_details) == {"TEXT": 64}
    assert usage.total_token_count == total_of(usage)


def test_latency_holds_back_billed_answers_only(gemini, usage_of):
    gemini.latency(80)
    usage_of(gemini, pdf_part(TWO_PAGES))
    gemini.fault("html_502")
    with pytest.raises(Exception, match="502"):
        usage_of(gemini, pdf_part(TWO_PAGES))
    billed, refused = gemini.calls()
    assert billed["duration_ms"] >= 80
    assert refused["duration_ms"] < 80


def test_the_count_comes_near_a_real_vocabulary():
    splintr = pytest.importorskip("splintr")
    from shared_code.extraction.answer.prompt import build_prompt

    prompt = build_prompt(page_count=1)
    real = len(splintr.Tokenizer.from_pretrained("o200k_base").encode(prompt))
    assert real * 0.9 < count_text(prompt, digits_per_token=3) < real * 1.2
