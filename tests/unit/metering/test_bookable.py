"""What is changed of a usage row so that every database takes it, and what is not."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_code.database.tables import token_usage_logs
from shared_code.labels import units
from shared_code.metering.bookable import bookable
from shared_code.records import Caller, CallIdentity, Source, Usage, UsageKind, UsageRow

MOST = 2**31 - 1
ROW = UsageRow(
    identity=CallIdentity("call", Caller("NT047", "bzumah", "RUB"), Source.HTTP, "request", "a" * 64),
    attempt=1,
    kind=UsageKind.USAGE,
    token_id=7,
    usage=Usage(4_000, 309, 4_309),
    local_day=date(2026, 11, 21),
    model="gemini-3.5-flash-lite",
    outcome="ok",
    cost_usd=Decimal("0.00197250"),
)


def test_a_row_that_is_fit_stays_as_it_is():
    made = bookable(ROW)
    assert (made.row, made.corrections) == (ROW, ())


@pytest.mark.parametrize(
    ("usage", "booked"),
    [
        (Usage(4_000, 309, 0), Usage(4_000, 309, 4_309)),
        (Usage(4_000, 309, 10), Usage(4_000, 309, 4_309)),
        (Usage(4_000, None, 10), Usage(4_000, None, 4_000)),
        (Usage(4_000, 309, -1), Usage(4_000, 309, None)),
        (Usage(-4_000, 309, 400), Usage(None, 309, 400)),
        (Usage(-1, -1, -1, -1, -1), Usage()),
        (Usage(4_000, 309, 2**31), Usage(4_000, 309, MOST)),
        (Usage(2**40, 309, None), Usage(MOST, 309, MOST)),
        (Usage(MOST, MOST, None), Usage(MOST, MOST, MOST)),
        (Usage(MOST, MOST, MOST), Usage(MOST, MOST, MOST)),
        (Usage(1, 1, 2, 2**31, -5), Usage(1, 1, 2, MOST, None)),
        (
            Usage(1, 1, 2, modalities={"text_prompt_tokens": 2**33, "image_prompt_tokens": -1}),
            Usage(1, 1, 2, modalities={"text_prompt_tokens": MOST}),
        ),
        (Usage(1, 1, 2, requests=2**31), Usage(1, 1, 2, requests=MOST)),
    ],
)
def test_counts_are_booked_as_they_can_be(usage, booked):
    made = bookable(replace(ROW, usage=usage))
    assert made.row.usage == booked
    assert bool(made.corrections) == (usage != booked)
    assert made.row.outcome == ("ok_corrected" if made.corrections else "ok")


def test_a_correction_may_be_negative_and_below_its_parts():
    row = replace(ROW, kind=UsageKind.CORRECTION, usage=Usage(4_000, 309, -900))
    assert bookable(row).row == row
    row = replace(row, usage=Usage(4_000, 309, -(2**40)))
    assert bookable(row).row.usage.total_tokens == -MOST


@pytest.mark.parametrize("cost", ["-1", "NaN", "Infinity", "10000000000"])
def test_a_cost_that_no_column_holds_is_unknown(cost):
    made = bookable(replace(ROW, cost_usd=Decimal(cost)))
    assert made.row.cost_usd is None
    assert made.corrections


def test_texts_lose_what_no_database_takes_and_what_is_too_long():
    caller = Caller("NT047", "b\0zumah", "\ud800RUB")
    identity = replace(ROW.identity, caller=caller, request_id="r" * 100, document_sha256="a\0")
    made = bookable(replace(ROW, identity=identity, model="m" * 300, outcome="o" * 50))
    row = made.row
    assert (row.identity.caller.username, row.identity.caller.branch) == ("bzumah", "?RUB")
    assert (row.identity.request_id, row.identity.document_sha256) == ("r" * 64, "a")
    assert (len(row.model or ""), len(row.outcome)) == (100, 40)


texts = st.one_of(st.none(), st.text(st.characters(), max_size=150))
counts = st.one_of(st.none(), st.integers(-(2**70), 2**70), st.sampled_from([0, 1, MOST, MOST + 1, -1]))


@given(
    counts=st.tuples(counts, counts, counts, counts, counts),
    model=texts,
    username=texts,
    cost=st.one_of(st.none(), st.decimals()),
    kind=st.sampled_from(UsageKind),
)
def test_any_row_fits_its_columns_and_fits_for_good(counts, model, username, cost, kind):
    identity = replace(ROW.identity, caller=Caller("NT047", username))
    made = bookable(replace(ROW, usage=Usage(*counts), model=model, identity=identity, cost_usd=cost, kind=kind))
    row, usage = made.row, made.row.usage
    assert bookable(row).row == row
    named = (usage.input_tokens, usage.output_tokens, usage.billable_tokens, usage.thoughts_tokens)
    assert all(count is None or abs(count) <= MOST for count in named)
    for text, column in ((row.model, "Model"), (row.identity.caller.username, "RequestedBy")):
        assert text is None or units(text) <= token_usage_logs.c[column].type.length
        assert "\0" not in (text or "")
        (text or "").encode()
    if kind is not UsageKind.CORRECTION and usage.total_tokens is not None:
        assert usage.total_tokens >= min((usage.input_tokens or 0) + (usage.output_tokens or 0), MOST)
