from datetime import date

import pytest

from shared_code.providers.catalog import end_warning, known_models, model_info, models_near_end
from shared_code.records import Provider
from shared_code.settings import Settings

TODAY = date(2026, 11, 21)


def test_the_configured_models_are_known_and_do_not_end_soon():
    settings = Settings.model_construct()
    names = [
        settings.gemini_model,
        settings.gemini_fallback_model,
        settings.openai_model,
        settings.openai_fallback_model,
    ]
    assert all(model_info(name).known for name in names)
    assert models_near_end(names, TODAY) == []


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
    assert (info.known, info.thinking, info.image_rate, info.ends_on) == (
        True,
        known.thinking,
        known.image_rate,
        known.ends_on,
    )


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
        ("something-else", Provider.GEMINI, "low"),
    ],
)
def test_an_unknown_name_is_served_by_its_family(name, provider, thinking):
    info = model_info(name)
    assert (info.provider, info.thinking, info.known, info.name) == (provider, thinking, False, name)


def test_every_row_is_complete_and_successors_exist():
    names = [info.name for info in known_models()]
    assert len(names) == len(set(names))
    for info in known_models():
        assert info.output_limit >= 4096
        assert info.successor is None or info.successor in names
        assert info.vocabulary
