"""What is reserved covers what is billed: the stand-in counts by its own code, at each rate that vendors publish."""

from contextlib import suppress

import pytest

from devstack.gemini.answer import Rates
from shared_code import errors
from shared_code.database import tables
from shared_code.metering.booking import Booking
from shared_code.metering.ledger import Ledger
from shared_code.records import Provider

from .conftest import INVOICES, SAMPLES

#: bounds are the same on every database
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

DOCUMENTS = sorted(
    path for folder in (SAMPLES, INVOICES) for path in folder.iterdir() if path.suffix not in {".md", ".json", ""}
)
#: page rate and thoughts of every answer
RATES = [(258, 0), (1120, 3_000), *(pytest.param(rate, 0, marks=pytest.mark.long) for rate in (560, 1120))]


@pytest.fixture
def bookings(monkeypatch) -> list[Booking]:
    """Every booking that the ledger takes, beside what the database keeps of it."""
    seen, book = [], Ledger.book

    def noting(ledger, booking):
        seen.append(booking)
        return book(ledger, booking)

    monkeypatch.setattr(Ledger, "book", noting)
    return seen


def read_all(pipeline, **options) -> None:
    for path in DOCUMENTS:
        with suppress(errors.RequestError, errors.ProviderError):
            pipeline.extract(path.read_bytes(), file_name=path.name, **options)


def check(pipeline, bookings: list[Booking], calls: list[dict]) -> None:
    assert len(bookings) == len([call for call in calls if call["usage"]]) > 25
    shares = []
    for booking in bookings:
        bound, billed = booking.reservation.bound_tokens, booking.row.usage.billable_tokens
        assert billed <= bound, f"{booking.reservation.identity.document_sha256}: {billed} billed, {bound} reserved"
        shares.append(billed / bound)
    assert "estimate_miss" not in {row.Kind for row in pipeline.rows(tables.alerts)}
    print(f"\n{len(bookings)} calls, billed {min(shares):.0%} to {max(shares):.0%} of their bounds, no miss")


@pytest.mark.parametrize(("page_rate", "thoughts"), RATES)
def test_no_call_of_gemini_costs_more_than_was_reserved(pipeline, bookings, page_rate, thoughts):
    pipeline.gemini.rates = Rates(page_rate, thoughts)
    pipeline.add_key(limit=None)
    read_all(pipeline)
    check(pipeline, bookings, pipeline.gemini.calls())


def test_no_call_of_a_thinking_model_costs_more_than_was_reserved(pipeline, bookings):
    pipeline.gemini.rates = Rates(1120, 20_000)
    pipeline.add_key(limit=None)
    read_all(pipeline, model="gemini-3.8-flash")
    check(pipeline, bookings, pipeline.gemini.calls())


def test_no_call_of_openai_costs_more_than_was_reserved(pipeline, bookings, openai):
    pipeline.add_key(provider=Provider.OPENAI, limit=None)
    read_all(pipeline)
    check(pipeline, bookings, openai.calls())


def test_a_call_that_costs_more_is_booked_as_it_is_alerted_and_makes_the_next_bound_larger(pipeline, bookings):
    key = pipeline.add_key(limit=1_000_000)
    pipeline.gemini.fault("usage", totalTokenCount=60_000)
    pipeline.extract()
    assert pipeline.rows()[0].TotalTokensUsed == 60_000
    assert pipeline.summary(key.token_id).TotalUsedTokens == 60_000
    assert pipeline.summary(key.token_id).ReservedTokens == 0
    (alert,) = pipeline.rows(tables.alerts)
    assert (alert.Kind, alert.Subject) == ("estimate_miss", "gemini-3.5-flash-lite")
    assert "60000 tokens" in alert.Message
    pipeline.extract()
    first, second = (booking.reservation.bound_tokens for booking in bookings)
    assert second > first * 1.5
