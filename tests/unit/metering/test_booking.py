"""The text of a booking is all that survives an outage: it reads back to the very same booking, also an older one."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from shared_code.database.stores.extractions.readings import Finished, ReadingHead
from shared_code.errors import InternalError
from shared_code.metering.booking import Booking, FullCopy
from shared_code.records import Caller, CallIdentity, Provider, Reservation, Source, Usage, UsageKind

RESERVATION = Reservation(
    identity=CallIdentity(
        call_id="6f1c1a4e-0d0e-4c57-9b3a-8b0f4c7f3f10",
        caller=Caller("NT047", "bzumah", "Zürich ✓", "LIC001"),
        source=Source.BLOB,
        request_id="front-1",
        document_sha256="ab" * 32,
    ),
    attempt=2,
    token_id=7,
    local_day=date(2026, 11, 21),
    provider=Provider.OPENAI,
    model="gpt-5-mini",
    bound_tokens=9_000,
)
USAGE = Usage(
    input_tokens=3_000,
    output_tokens=900,
    total_tokens=3_900,
    thoughts_tokens=None,
    cached_tokens=0,
    modalities={"text_prompt_tokens": 2_440, "image_prompt_tokens": 560},
)
ROW = RESERVATION.usage_row(
    USAGE, outcome="ok", model="gpt-5-mini-2025-08-07", cost_usd=Decimal("0.00012345"), duration_ms=812
)
FINISHED = Finished("ok", '{"status": "ok"}', duplicate_key="d" * 64, similar_key=None, invoice_number="A-1 ✓")

HEAD = ReadingHead("ext_" + "1" * 32, "NT047", "ab" * 32, "6f1c1a4e", branch="Zürich ✓", supersedes="ext_" + "2" * 32)

#: as the version before this one wrote it: one flat level
VERSION_1 = {
    "version": 1,
    "call_id": "6f1c1a4e-0d0e-4c57-9b3a-8b0f4c7f3f10",
    "attempt": 2,
    "token_id": 7,
    "company_id": "NT047",
    "username": "bzumah",
    "branch": "Zürich ✓",
    "licence_id": "LIC001",
    "local_day": "2026-11-21",
    "provider": "OpenAI",
    "model": "gpt-5-mini",
    "source": "blob",
    "bound_tokens": 9000,
    "counter_ids": [3, 11],
    "request_id": "front-1",
    "document_sha256": "ab" * 32,
    "row": {
        "kind": "usage",
        "model": "gpt-5-mini-2025-08-07",
        "outcome": "ok",
        "cost_usd": "0.00012345",
        "duration_ms": 812,
        "usage": {
            "input_tokens": 3000,
            "output_tokens": 900,
            "total_tokens": 3900,
            "thoughts_tokens": None,
            "cached_tokens": 0,
            "modalities": {"text_prompt_tokens": 2440, "image_prompt_tokens": 560},
            "requests": 1,
        },
    },
    "claim_key": "c" * 64,
    "finished": {
        "status": "ok",
        "result": '{"status": "ok"}',
        "duplicate_key": "d" * 64,
        "similar_key": None,
        "invoice_number": "A-1 ✓",
    },
}


@pytest.mark.parametrize(
    "booking",
    [
        Booking(RESERVATION, ROW, "c" * 64, FINISHED),
        Booking(RESERVATION, ROW, "c" * 64, replace(FINISHED, head=HEAD)),
        Booking(RESERVATION, ROW, "c" * 64, replace(FINISHED, evidence="eJyLjgUAARUAuQ==")),
        Booking(RESERVATION, ROW, "c" * 64, full_copy=FullCopy("ab/6f1c1a4e-2.json", "e" * 64), head=HEAD),
        Booking(RESERVATION, ROW),
        Booking(RESERVATION, None, "c" * 64),
        Booking(RESERVATION, RESERVATION.usage_row(Usage(), outcome="timeout", kind=UsageKind.UNMEASURED)),
    ],
)
def test_a_booking_reads_back_as_it_was(booking):
    assert Booking.from_text(booking.to_text()) == booking


def test_a_booking_without_its_result_keeps_everything_else():
    whole = Booking(RESERVATION, ROW, "c" * 64, FINISHED)
    assert Booking.from_text(whole.to_text(with_result=False)) == Booking(RESERVATION, ROW, "c" * 64)


def test_a_booking_without_its_result_knows_which_reading_it_is():
    whole = Booking(RESERVATION, ROW, "c" * 64, replace(FINISHED, head=HEAD))
    assert Booking.from_text(whole.to_text(with_result=False)) == Booking(RESERVATION, ROW, "c" * 64, head=HEAD)


def test_a_message_of_the_version_before_is_still_booked():
    expected = Booking(RESERVATION, ROW, "c" * 64, FINISHED)
    assert Booking.from_text(json.dumps(VERSION_1)) == expected
    given_back = VERSION_1 | {"row": None, "finished": None}
    assert Booking.from_text(json.dumps(given_back)) == Booking(RESERVATION, None, "c" * 64)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "[]",
        "{}",
        '{"version": 3, "booking": {}}',
        '{"version": 2}',
        '{"version": 2, "booking": {"reservation": null, "row": null}}',
        json.dumps(VERSION_1 | {"source": "fax"}),
        json.dumps({name: value for name, value in VERSION_1.items() if name != "attempt"}),
    ],
)
def test_what_is_no_booking_is_refused(text):
    with pytest.raises(InternalError):
        Booking.from_text(text)


def test_what_a_claim_is_to_remember_is_kept():
    booking = Booking(RESERVATION, None, "key", needed_tokens=14_605)
    assert Booking.from_text(booking.to_text()) == booking


def test_half_a_surrogate_pair_in_a_result_costs_only_itself():
    booking = Booking(RESERVATION, ROW, "key", replace(FINISHED, result='{"a": "\ud800"}'))
    read = Booking.from_text(booking.to_text().encode().decode())
    assert (read.row, read.finished) == (ROW, replace(FINISHED, result='{"a": "?"}'))
