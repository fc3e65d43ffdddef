"""Which keys serve now, and in which words the others are shown."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared_code.database.stores.keys.tokens import StoredKey
from shared_code.extraction.answer.prompt import SYSTEM, build_prompt, build_structured_prompt
from shared_code.extraction.answer.wire_schema import WIRE_SCHEMA
from shared_code.metering.estimates import SMALLEST_CALLS, SafetyFactors, TokenCounter, expected_output
from shared_code.metering.key_standing import company_standing, key_standing
from shared_code.providers import vendors
from shared_code.providers.base import ModelRequest
from shared_code.records import Provider
from shared_code.settings import Settings

NOW = datetime(2026, 11, 29, 22, 30)
TOMORROW = datetime(2026, 11, 30, 8, 0)
KEY = StoredKey(
    token_id=1,
    company_id="NT047",
    company_name=None,
    provider="Gemini",
    status="Active",
    stored_key="AIza",
    total_token_limit=None,
    created_at=None,
    updated_at=None,
    expires_at=None,
    cooldown_until=None,
    provider_project=None,
    hint=None,
    has_summary=True,
    used_tokens=0,
    remaining_tokens=None,
    reserved_tokens=0,
    threshold=None,
    time_zone=None,
)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Active"),
        ({"status": " below threshold"}, "BelowThreshold"),
        ({"cooldown_until": NOW}, "Active"),
        ({"cooldown_until": TOMORROW}, "Active, rests until 2026-11-30 08:00 UTC"),
        ({"cooldown_until": TOMORROW - timedelta(seconds=30)}, "Active, rests until 2026-11-30 08:00 UTC"),
        ({"expires_at": NOW}, "Active, expired at 2026-11-29 22:30 UTC"),
        ({"status": "Blocked", "cooldown_until": TOMORROW}, "Blocked"),
        ({"status": "Aktiv"}, "status 'Aktiv' is unknown"),
        ({"provider": "Nobody"}, "Active, its provider 'Nobody' is unknown"),
        ({"stored_key": " "}, "Active, there is no key in its row"),
        ({"status": "FullyUtilized", "remaining_tokens": 10}, "FullyUtilized, its limit leaves 10 tokens"),
        (
            {"remaining_tokens": 3_000, "cooldown_until": TOMORROW},
            "Active, stranded: its limit leaves 3000 tokens, and the smallest call needs 6600",
        ),
    ],
)
def test_a_key_is_shown_with_what_keeps_it_from_serving(changes, words):
    found = key_standing(replace(KEY, **changes), NOW)
    assert found.words == words
    assert found.serves is (words in {"Active", "BelowThreshold"})
    assert (found.until is not None) is ("rests" in words)


def test_what_running_requests_hold_strands_no_key():
    assert key_standing(replace(KEY, remaining_tokens=10_000, reserved_tokens=9_000), NOW).serves


def test_a_key_that_does_not_open_here_does_not_serve():
    assert key_standing(KEY, NOW, opens=False).words == "Active, its key does not open here"


def test_a_company_is_down_until_its_first_key_serves_again():
    rests = replace(KEY, cooldown_until=TOMORROW)
    blocked = replace(KEY, token_id=2, status="Blocked")
    down = company_standing([rests, blocked], NOW)
    assert (down.is_down(NOW), down.until) == (True, TOMORROW)
    assert down.cause == "token 1: Active, rests until 2026-11-30 08:00 UTC; token 2: Blocked"
    assert company_standing([blocked], NOW).until is None
    assert company_standing([rests, KEY], NOW).cause is None
    soon = company_standing([replace(KEY, cooldown_until=NOW + timedelta(minutes=1))], NOW)
    assert (soon.is_down(NOW), soon.until is not None) == (False, True), "over before anybody has read of it"
    assert company_standing([], NOW).is_down(NOW)


@pytest.mark.parametrize("provider", list(Provider))
def test_the_smallest_call_is_that_of_the_present_prompt(provider):
    counter, factors = TokenCounter(), SafetyFactors()
    models = [name for name in vendors.models_allowed(Settings()) if vendors.model_info(name).provider is provider]

    def bound(model, prompt):
        asked = ModelRequest(model, prompt, WIRE_SCHEMA, (), max_output_tokens=1, system=SYSTEM)
        return counter.estimate_input(asked, page_count=0, safety_factor=factors.of(model)) + expected_output(1)

    as_text = [bound(model, build_structured_prompt("")) for model in models]
    dot = [vendors.model_info(model).media.image((1, 1)) for model in models]
    as_picture = [bound(model, build_prompt(page_count=1)) + tokens for model, tokens in zip(models, dot, strict=True)]
    assert SMALLEST_CALLS[provider] <= min(as_text + as_picture) < SMALLEST_CALLS[provider] + 200
