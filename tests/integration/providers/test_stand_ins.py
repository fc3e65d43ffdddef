"""Both providers against the stand-ins of the local stack, which judge requests and count tokens by their own code."""

import io
from pathlib import Path

import pypdfium2
import pytest
from PIL import Image

from devstack.gemini import GeminiStandIn
from devstack.models.reading import pictures
from devstack.openai import OpenAIStandIn
from shared_code.extraction.answer.prompt import SYSTEM, build_prompt
from shared_code.extraction.answer.wire_schema import WIRE_SCHEMA
from shared_code.metering.estimates import TokenCounter
from shared_code.providers.base import Billing, Finish, KeyEffect, Media, ModelCallFailed, ModelRequest, Next
from shared_code.providers.gemini.client import GeminiProvider
from shared_code.providers.openai.client import OpenAIProvider

ROOT = Path(__file__).resolve().parents[3]
GEMINI_KEY = "AIzaSyTEST-key_000000000000000000000001"
OPENAI_KEY = "sk-proj-TESTTESTTESTTESTTESTTEST0001"
TYPES = {".pdf": "application/pdf", ".png": "image/png", ".jpg": "image/jpeg"}
DOCUMENTS = sorted(
    path
    for folder in ("samples", "tests/data/invoices")
    for path in (ROOT / folder).iterdir()
    if path.suffix in TYPES and not path.name.startswith("nasty-")
)


@pytest.fixture(autouse=True)
def unread_pictures(monkeypatch):
    """What counts here is what pictures cost, not what they say: that would take seconds for each."""
    monkeypatch.setattr(pictures, "can_read", lambda: False)


@pytest.fixture(scope="module")
def gemini_stand_in():
    with GeminiStandIn() as stand_in:
        yield stand_in


@pytest.fixture(scope="module")
def openai_stand_in():
    with OpenAIStandIn(thoughts=200) as stand_in:
        yield stand_in


@pytest.fixture
def gemini(gemini_stand_in):
    gemini_stand_in.reset()
    provider = GeminiProvider(gemini_stand_in.url)
    yield provider
    provider.close()


@pytest.fixture
def openai_provider(openai_stand_in):
    openai_stand_in.reset()
    provider = OpenAIProvider(openai_stand_in.url + "/v1")
    yield provider
    provider.close()


def opened(path):
    """Media, page count, image sizes and page texts of a document."""
    data = path.read_bytes()
    media = Media(TYPES[path.suffix], data)
    if path.suffix != ".pdf":
        return media, 1, [Image.open(io.BytesIO(data)).size], None
    with pypdfium2.PdfDocument(data) as document:
        texts = []
        for page in document:
            text_page = page.get_textpage()
            texts.append(text_page.get_text_range())
            text_page.close()
            page.close()
    return media, len(texts), [], texts


def asked(model, media, pages, *, cap=20_000):
    return ModelRequest(model, build_prompt(page_count=pages), WIRE_SCHEMA, (media,), cap, SYSTEM)


@pytest.mark.parametrize("rate", [258, 560, 1120])
def test_no_bound_is_missed_at_any_page_rate_with_thoughts_on(gemini_stand_in, gemini, rate):
    gemini_stand_in.rates = type(gemini_stand_in.rates)(rate, 300)
    counter, misses = TokenCounter(), []
    for path in DOCUMENTS:
        media, pages, sizes, texts = opened(path)
        for model in ("gemini-3.5-flash-lite", "gemini-2.5-flash-lite"):
            request = asked(model, media, pages)
            bound = counter.estimate_input(request, page_count=pages, image_sizes=sizes, page_texts=texts)
            usage = gemini.generate(request, api_key=GEMINI_KEY, timeout_seconds=60).usage
            if usage.input_tokens > bound or usage.billable_tokens > bound + request.max_output_tokens:
                misses.append((path.name, model, usage.input_tokens, bound))
    gemini_stand_in.rates = type(gemini_stand_in.rates)()
    assert len(DOCUMENTS) > 15
    assert misses == []


@pytest.mark.parametrize("model", ["gpt-5-mini", "gpt-4.1-mini", "gpt-4o"])
@pytest.mark.parametrize("texts_known", [True, False])
def test_no_bound_is_missed_at_openai(openai_provider, model, texts_known):
    counter, misses = TokenCounter(), []
    for path in DOCUMENTS:
        media, pages, sizes, texts = opened(path)
        request = asked(model, media, pages)
        bound = counter.estimate_input(
            request, page_count=pages, image_sizes=sizes, page_texts=texts if texts_known else None
        )
        usage = openai_provider.generate(request, api_key=OPENAI_KEY, timeout_seconds=60).usage
        if usage.input_tokens > bound:
            misses.append((path.name, usage.input_tokens, bound))
    assert misses == []


@pytest.mark.parametrize(
    ("kind", "next_step", "effect", "billing"),
    [
        ("invalid_key", Next.OTHER_KEY, KeyEffect.BLOCKED, Billing.NONE),
        ("expired_key", Next.OTHER_KEY, KeyEffect.EXPIRED, Billing.NONE),
        ("leaked_key", Next.OTHER_KEY, KeyEffect.BLOCKED, Billing.NONE),
        ("restricted_key", Next.OTHER_KEY, KeyEffect.BLOCKED, Billing.NONE),
        ("suspended", Next.OTHER_KEY, KeyEffect.PROJECT_BLOCKED, Billing.NONE),
        ("per_minute_quota", Next.OTHER_KEY, KeyEffect.COOLING, Billing.NONE),
        ("per_day_quota", Next.OTHER_KEY, KeyEffect.COOLING, Billing.NONE),
        ("no_credit", Next.OTHER_KEY, KeyEffect.NO_CREDIT, Billing.NONE),
        ("plain_429", Next.OTHER_KEY, KeyEffect.COOLING, Billing.NONE),
        ("failed_precondition", Next.OTHER_KEY, KeyEffect.BLOCKED, Billing.NONE),
        ("internal_500", Next.SAME_KEY, KeyEffect.NONE, Billing.NONE),
        ("unavailable_503", Next.SAME_KEY, KeyEffect.NONE, Billing.NONE),
        ("overloaded_503", Next.SAME_KEY, KeyEffect.NONE, Billing.NONE),
        ("deadline_504", Next.SAME_KEY, KeyEffect.NONE, Billing.NONE),
        ("html_502", Next.SAME_KEY, KeyEffect.NONE, Billing.NONE),
        ("empty_200", Next.SAME_KEY, KeyEffect.NONE, Billing.UNKNOWN),
        ("not_json_200", Next.SAME_KEY, KeyEffect.NONE, Billing.UNKNOWN),
        ("close", Next.SAME_KEY, KeyEffect.NONE, Billing.UNKNOWN),
        ("close_mid_answer", Next.SAME_KEY, KeyEffect.NONE, Billing.UNKNOWN),
        ("model_not_found", Next.OTHER_MODEL, KeyEffect.NONE, Billing.NONE),
        ("model_gone", Next.OTHER_MODEL, KeyEffect.NONE, Billing.NONE),
        ("bad_mime", Next.FAIL, KeyEffect.NONE, Billing.NONE),
        ("no_pages", Next.FAIL, KeyEffect.NONE, Billing.NONE),
        ("too_many_pages", Next.FAIL, KeyEffect.NONE, Billing.NONE),
        ("schema_too_complex", Next.OTHER_MODEL, KeyEffect.NONE, Billing.NONE),
    ],
)
def test_each_fault_of_the_stand_in_ends_in_its_decision(
    gemini_stand_in, gemini, question, kind, next_step, effect, billing
):
    gemini_stand_in.fault(kind)
    with pytest.raises(ModelCallFailed) as caught:
        gemini.generate(question(media=()), api_key=GEMINI_KEY, timeout_seconds=20)
    failure = caught.value
    assert (failure.next_step, failure.key_effect, failure.billing) == (next_step, effect, billing)
    assert len(gemini_stand_in.calls()) == 1
    told = f"{failure!r} {failure} {failure.details} {failure.__cause__} {failure.__context__}"
    assert GEMINI_KEY not in told


@pytest.mark.parametrize(
    "model",
    [
        "gemini-3.5-flash-lite",
        "gemini-3.8-flash",
        "gemini-3.7-flash",
        "gemini-3.1-flash-lite",
        "gemini-2.5-flash-lite",
        "gemini-4-argon",
    ],
)
def test_no_model_of_the_table_refuses_our_settings(gemini, question, model):
    answer = gemini.generate(question(model, media=()), api_key=GEMINI_KEY, timeout_seconds=20)
    assert answer.finish is Finish.STOP
    assert answer.usage.input_tokens + answer.usage.output_tokens == answer.usage.total_tokens


def test_a_short_deadline_of_ours_is_accepted_by_a_service_that_enforces_its_own(question):
    with GeminiStandIn(enforce_deadline=True) as stand_in:
        provider = GeminiProvider(stand_in.url)
        assert provider.generate(question(media=()), api_key=GEMINI_KEY, timeout_seconds=3).finish is Finish.STOP
        provider.close()


def test_models_of_both_vendors_are_listed(gemini, openai_provider):
    assert "gemini-3.5-flash-lite" in gemini.list_models(api_key=GEMINI_KEY, timeout_seconds=10)
    assert "gpt-5-mini" in openai_provider.list_models(api_key=OPENAI_KEY, timeout_seconds=10)


@pytest.mark.parametrize(
    ("kind", "next_step", "effect", "billing"),
    [
        ("invalid_key", Next.OTHER_KEY, KeyEffect.BLOCKED, Billing.NONE),
        ("expired_key", Next.OTHER_KEY, KeyEffect.EXPIRED, Billing.NONE),
        ("restricted_key", Next.OTHER_KEY, KeyEffect.BLOCKED, Billing.NONE),
        ("suspended", Next.OTHER_KEY, KeyEffect.PROJECT_BLOCKED, Billing.NONE),
        ("per_minute_quota", Next.OTHER_KEY, KeyEffect.COOLING, Billing.NONE),
        ("per_day_quota", Next.OTHER_KEY, KeyEffect.COOLING, Billing.NONE),
        ("no_credit", Next.OTHER_KEY, KeyEffect.NO_CREDIT, Billing.NONE),
        ("plain_429", Next.OTHER_KEY, KeyEffect.COOLING, Billing.NONE),
        ("model_not_found", Next.OTHER_MODEL, KeyEffect.NONE, Billing.NONE),
        ("context_length", Next.FAIL, KeyEffect.NONE, Billing.NONE),
        ("html_502", Next.SAME_KEY, KeyEffect.NONE, Billing.NONE),
        ("empty_200", Next.SAME_KEY, KeyEffect.NONE, Billing.UNKNOWN),
        ("not_json_200", Next.SAME_KEY, KeyEffect.NONE, Billing.UNKNOWN),
        ("close", Next.SAME_KEY, KeyEffect.NONE, Billing.UNKNOWN),
        ("close_mid_answer", Next.SAME_KEY, KeyEffect.NONE, Billing.UNKNOWN),
    ],
)
def test_each_fault_of_the_openai_stand_in_ends_in_its_decision(
    openai_stand_in, openai_provider, question, kind, next_step, effect, billing
):
    openai_stand_in.fault(kind)
    with pytest.raises(ModelCallFailed) as caught:
        openai_provider.generate(question("gpt-5-mini", media=()), api_key=OPENAI_KEY, timeout_seconds=20)
    failure = caught.value
    assert (failure.next_step, failure.key_effect, failure.billing) == (next_step, effect, billing)
    assert len(openai_stand_in.calls()) == 1
    assert OPENAI_KEY not in f"{failure!r} {failure} {failure.details} {failure.__cause__} {failure.__context__}"
