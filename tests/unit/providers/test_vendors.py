from datetime import date

import pytest
from genai_prices.data import providers as priced_providers

from shared_code.providers.vendors import (
    all_vendors,
    build_providers,
    configured_models,
    end_warning,
    model_info,
    models_allowed,
    models_near_end,
    vendor_of,
)
from shared_code.records import Provider
from shared_code.settings import Settings

TODAY = date(2026, 11, 21)


SETTINGS = Settings.model_construct(
    gemini_model="gemini-3.5-flash-lite",
    gemini_fallback_model="gemini-3.8-flash",
    openai_model="gpt-5-mini",
    openai_fallback_model="gpt-5-mini",
    allowed_models=" gemini-3.1-pro, ,gpt-4o",
)


def test_the_default_models_are_known_and_do_not_end_soon():
    names = [name for models in configured_models(Settings.model_construct()).values() for name in models]
    assert len(names) >= 4
    assert all(model_info(name).known for name in names)
    assert models_near_end(names, TODAY) == []


@pytest.mark.parametrize("provider", Provider)
def test_every_provider_has_its_vendor(provider):
    vendor = vendor_of(provider)
    assert vendor.provider is provider
    assert vendor.price_id in {priced.id for priced in priced_providers}
    client = vendor.build(SETTINGS)
    assert client.provider is provider
    assert configured_models(SETTINGS)[provider]
    for name in configured_models(SETTINGS)[provider]:
        assert model_info(name).provider is provider


@pytest.mark.parametrize("provider", Provider)
def test_the_models_of_a_vendor_are_its_own_and_complete(provider):
    family = vendor_of(provider).models
    names = [info.name for info in family.models]
    assert len(names) == len(set(names))
    for info in (*family.models, family.careful, *(info for _, info in family.patterns)):
        assert info.provider is provider
        assert info.output_limit >= 4096
        assert info.vocabulary
        assert info.successor is None or info.successor in names
        # A bound never falls for an image or a page of which less is known.
        assert info.media.image(None) >= info.media.image((1654, 2339)) > 0
        assert info.media.page(4000) >= info.media.page(0) > 0
    assert all(model_info(name).provider is provider for name in names), "another vendor's pattern takes the name"


def test_models_and_clients_are_those_of_the_settings():
    models = configured_models(SETTINGS)
    assert models[Provider.GEMINI] == ["gemini-3.5-flash-lite", "gemini-3.8-flash"]
    assert models[Provider.OPENAI] == ["gpt-5-mini"]
    assert models_allowed(SETTINGS) >= {"gemini-3.8-flash", "gpt-5-mini", "gemini-3.1-pro", "gpt-4o"}
    assert "" not in models_allowed(SETTINGS)
    assert list(build_providers(SETTINGS)) == list(Provider) == [vendor.provider for vendor in all_vendors()]


def test_all_providers_are_spelled_out():
    assert Provider.spelled_out().replace(" or ", ", ").split(", ") == list(Provider)


def test_models_near_their_end_are_named_with_their_successors():
    near = models_near_end(
        ["gemini-2.5-flash", "models/gemini-2.5-pro", "gemini-3.8-flash", None, "gemini-2.5-flash"], TODAY
    )
    assert [(info.name, info.successor) for info in near] == [
        ("gemini-2.5-flash", "gemini-3.5-flash-lite"),
        ("gemini-2.5-pro", "gemini-3.8-flash"),
    ]
    assert (
        end_warning(near[0], TODAY)
        == "Model gemini-2.5-flash ends on 2026-12-01; its successor is gemini-3.5-flash-lite."
    )
    assert "ended on" in end_warning(near[0], date(2026, 12, 2))


@pytest.mark.parametrize(
    ("today", "warned"), [(date(2027, 3, 7), False), (date(2027, 3, 8), True), (date(2028, 1, 1), True)]
)
def test_the_warning_starts_sixty_days_ahead(today, warned):
    assert bool(models_near_end(["gemini-3.1-flash-lite"], today)) is warned


@pytest.mark.parametrize(
    ("name", "like"),
    [
        ("models/gemini-3.5-flash-lite", "gemini-3.5-flash-lite"),
        (" Gemini-3.5-Flash-Lite ", "gemini-3.5-flash-lite"),
        ("gemini-3.1-pro-preview", "gemini-3.1-pro"),
        ("gemini-2.5-flash-preview-05-20", "gemini-2.5-flash"),
        ("gemini-2.0-flash-001", "gemini-2.0-flash"),
        ("gpt-5-mini-2025-08-07", "gpt-5-mini"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
    ],
)
def test_a_version_of_a_model_is_that_model(name, like):
    info, known = model_info(name), model_info(like)
    assert (info.known, info.thinking, info.media, info.ends_on) == (True, known.thinking, known.media, known.ends_on)


@pytest.mark.parametrize(
    ("name", "provider", "thinking"),
    [
        ("gemini-flash-latest", Provider.GEMINI, "low"),
        ("gemini-4.2-flash", Provider.GEMINI, "low"),
        ("gemini-1.5-pro", Provider.GEMINI, None),
        ("gpt-5.6-mini", Provider.OPENAI, "low"),
        ("gpt-6-luna", Provider.OPENAI, "low"),
        ("gpt-5-chat-latest", Provider.OPENAI, None),
        ("o4-large", Provider.OPENAI, "low"),
        ("chatgpt-next", Provider.OPENAI, "low"),
        ("something-else", Provider.GEMINI, "low"),
    ],
)
def test_an_unknown_name_is_served_by_its_family(name, provider, thinking):
    info = model_info(name)
    assert (info.provider, info.thinking, info.known, info.name) == (provider, thinking, False, name)
