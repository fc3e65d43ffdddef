import logging
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from shared_code.metering import call_costs
from shared_code.metering.call_costs import cost_usd
from shared_code.records import Provider, Usage

NOW = datetime(2026, 11, 21, 12)


@pytest.fixture(autouse=True)
def _forget_warnings():
    call_costs._warn_once.cache_clear()


@pytest.mark.parametrize(
    ("model", "provider", "usage", "when", "dollars"),
    [
        # 0.30 per million in, 2.50 out
        ("gemini-3.5-flash-lite", Provider.GEMINI, Usage(1460, 700, 2160), NOW, "0.00218800"),
        ("models/gemini-3.5-flash-lite", Provider.GEMINI, Usage(1460, 700, 2160), NOW, "0.00218800"),
        # cached input is inside the input and costs a tenth
        ("gemini-3.5-flash-lite", Provider.GEMINI, Usage(1000, 0, 1000, None, 400), NOW, "0.00019200"),
        # the price changes with the year
        ("gemini-3.8-flash", Provider.GEMINI, Usage(1_000_000, 100_000, 1_100_000), NOW, "1.12500000"),
        ("gemini-3.8-flash", Provider.GEMINI, Usage(1_000_000, 100_000, 1_100_000), datetime(2027, 1, 2), "2.25000000"),
        (
            "gemini-3.8-flash",
            Provider.GEMINI,
            Usage(1_000_000, 100_000, 1_100_000),
            datetime(2027, 1, 2, tzinfo=UTC),
            "2.25000000",
        ),
        ("gpt-5-mini-2025-08-07", Provider.OPENAI, Usage(900, 300, 1200, 64, 128), NOW, "0.00079620"),
        ("gemini-3.5-flash-lite", Provider.GEMINI, Usage(0, 0, 0), NOW, "0.00000000"),
    ],
)
def test_calls_are_priced_to_eight_decimals(model, provider, usage, when, dollars):
    cost = cost_usd(usage, provider=provider, model=model, when=when)
    assert cost == Decimal(dollars)
    assert cost.as_tuple().exponent == -8


def test_an_unknown_model_costs_none_and_warns_once(caplog):
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert cost_usd(Usage(1, 1, 2), provider=Provider.GEMINI, model="gemini-99", when=NOW) is None
    assert caplog.messages == ["No price is known for model gemini-99 of Gemini; its calls are booked without a cost."]


@pytest.mark.parametrize(
    ("usage", "model"),
    [
        (Usage(), "gemini-3.5-flash-lite"),
        (Usage(5), "gemini-3.5-flash-lite"),
        (Usage(1, 1, 2), None),
        (Usage(1, 1, 2), ""),
    ],
)
def test_what_is_unknown_has_no_price(usage, model):
    assert cost_usd(usage, provider=Provider.GEMINI, model=model, when=NOW) is None


def test_more_cached_than_read_is_priced_as_all_cached():
    usage = Usage(1000, 0, 1000, None, 5000)
    assert cost_usd(usage, provider=Provider.GEMINI, model="gemini-3.5-flash-lite", when=NOW) == Decimal("0.00003000")
