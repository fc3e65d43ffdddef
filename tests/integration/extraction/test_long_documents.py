"""Documents with many lines: one call where one answer can hold them, else page ranges, and nothing paid for is lost."""

import json
import re

import pytest

from shared_code import errors
from shared_code.database import tables
from shared_code.extraction.answer.wire_schema import LIST_FIELDS, ROW_FIELDS, SCALAR_FIELDS
from shared_code.records import Provider

from .long_invoices import long_invoice

#: what does not depend on the database
on_one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def numbers(outcome):
    (invoice,) = outcome.data["invoices"]
    return [int(re.search(r"\d{4}", line["description"])[0]) for line in invoice["line_items"]]


def codes(outcome):
    return [warning["code"] for warning in outcome.data["warnings"]]


def pages_sent(call):
    (pages,) = [part["pages"] for part in call["parts"] if "pages" in part]
    return pages


def assert_booked_to_the_token(pipeline, key):
    calls = [call["usage"]["totalTokenCount"] for call in pipeline.gemini.calls() if call["usage"]]
    assert [row.TotalTokensUsed for row in pipeline.rows()] == calls
    assert pipeline.summary(key.token_id).TotalUsedTokens == sum(calls)
    assert pipeline.summary(key.token_id).ReservedTokens == 0
    assert pipeline.rows(tables.token_reservations) == []


def wire(lines, *, number="LX-2026-0042", total="7200.00", net="6000.00", tax="1200.00"):
    """A model's answer with these lines."""
    scalars = dict.fromkeys(SCALAR_FIELDS) | {
        "invoice_number": number,
        "invoice_date": "2026-11-02",
        "invoice_date_printed": "2026-11-02",
        "total": total,
        "total_printed": total,
        "currency": "EUR",
        "currency_printed": "EUR",
        "net_total": net,
        "tax_total": tax,
    }
    rows = {name: [] for name in ROW_FIELDS} | {"line_items": lines}
    invoice = {"document_type": "invoice", **scalars, **{name: [] for name in LIST_FIELDS}, **rows}
    return {"document_status": "invoice", "invoices": [invoice]}


def line(number, *, page="1", text=None):
    values = {
        "line_no": str(number),
        "description": text or f"Article {number:04} stainless fitting",
        "quantity": "2",
        "unit_price": "5.00",
        "net_amount": "10.00",
        "page": page,
    }
    return dict.fromkeys(ROW_FIELDS["line_items"]) | values


@on_one_database
@pytest.mark.parametrize(("lines", "pages"), [(50, 1), (200, 5)])
def test_a_dense_document_takes_one_call(pipeline, lines, pages):
    key = pipeline.add_key()
    outcome = pipeline.extract(long_invoice(lines, pages=pages))
    assert numbers(outcome) == list(range(1, lines + 1))
    assert len(pipeline.gemini.calls()) == 1
    assert_booked_to_the_token(pipeline, key)


def test_600_lines_are_asked_for_in_page_ranges_and_joined(pipeline):
    key = pipeline.add_key()
    outcome = pipeline.extract(long_invoice(600, pages=30))
    invoice = outcome.data["invoices"][0]
    assert numbers(outcome) == list(range(1, 601))
    assert [invoice[name] for name in ("invoice_number", "invoice_date", "total", "net_total")] == [
        "LX-2026-0042",
        "2026-11-02",
        "7200.00",
        "6000.00",
    ]
    assert [line["page"] for line in invoice["line_items"]] == [1 + at // 20 for at in range(600)]
    assert codes(outcome) == ["carried_sums_left_out"]
    calls = pipeline.gemini.calls()
    assert list(map(pages_sent, calls)) == [10, 10, 10]
    assert [row.Outcome for row in pipeline.rows()] == ["part", "part", "ok"]
    assert_booked_to_the_token(pipeline, key)
    one_pass = calls[0]["usage"]["promptTokenCount"] + sum(call["usage"]["candidatesTokenCount"] for call in calls)
    one_pass += 20 * 560
    assert outcome.data["usage"]["total_tokens"] <= 1.3 * one_pass


@on_one_database
def test_a_range_that_fails_leaves_the_others_and_asks_for_review(pipeline):
    key = pipeline.add_key()
    pipeline.gemini.fault("delay")
    pipeline.gemini.fault("bad_mime")
    outcome = pipeline.extract(long_invoice(600, pages=30))
    assert outcome.data["status"] == "needs_review"
    assert numbers(outcome) == list(range(1, 201))
    (warning,) = [warning for warning in outcome.data["warnings"] if warning["code"] == "pages_not_read"]
    assert "pages 11 to 20, pages 21 to 30" in warning["message"]
    assert_booked_to_the_token(pipeline, key)


@on_one_database
def test_after_a_cut_only_the_pages_behind_it_are_asked_for(pipeline):
    """The second page holds twice the lines that were counted, so to say: the answer ends in the middle of it."""
    key = pipeline.add_key()
    answer = json.dumps(wire([line(at, page=str(1 + at // 31)) for at in range(1, 61)]))
    cut = answer[: answer.index("Article 0045")]
    pipeline.gemini.fault("raw", body=cut_answer(cut))
    outcome = pipeline.extract(long_invoice(90, pages=3))
    assert numbers(outcome) == list(range(1, 91))
    assert outcome.data["invoices"][0]["total"] == "1080.00"
    assert [row.Outcome for row in pipeline.rows()] == ["truncated", "ok"]
    assert pages_sent(pipeline.gemini.calls()[1]) == 2
    assert pipeline.summary(key.token_id).ReservedTokens == 0


def cut_answer(text, *, tokens=9_000):
    usage = {"promptTokenCount": 5_000, "candidatesTokenCount": tokens, "totalTokenCount": 5_000 + tokens}
    candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "MAX_TOKENS", "index": 0}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-3.5-flash-lite"}


@on_one_database
@pytest.mark.parametrize("where", ["rows", "text"])
def test_a_loop_is_one_call_and_the_fallback_model_reads_on(pipeline, where):
    key = pipeline.add_key()
    good = [line(at) for at in range(1, 11)]
    if where == "rows":
        looped = json.dumps(wire(good + [line(10) | {"line_no": str(at)} for at in range(11, 200)]))[:-900]
    else:
        looped = json.dumps(wire([*good, line(11, text="A" + " very" * 3_000)]))
        looped = looped[: looped.rindex(" very")]
    pipeline.gemini.fault("raw", body=cut_answer(looped))
    outcome = pipeline.extract(long_invoice(30, pages=1))
    assert numbers(outcome) == list(range(1, 31))
    assert [row.Outcome for row in pipeline.rows()] == ["looped", "ok"]
    assert outcome.data["provenance"]["model"].startswith("gemini-3.8-flash")
    assert pipeline.summary(key.token_id).ReservedTokens == 0


@on_one_database
def test_a_loop_without_another_model_keeps_its_good_rows(pipeline):
    pipeline.add_key()
    good = [line(at) for at in range(1, 11)]
    looped = json.dumps(wire(good + [line(10) | {"line_no": str(at)} for at in range(11, 200)]))[:-900]
    pipeline.gemini.fault("raw", body=cut_answer(looped), times=0)
    outcome = pipeline.extract(long_invoice(30, pages=1), model="gemini-3.5-flash-lite")
    assert len(pipeline.gemini.calls()) == 1
    assert outcome.data["status"] == "needs_review"
    assert numbers(outcome) == list(range(1, 11))
    assert "pages_not_read" in codes(outcome)


@on_one_database
def test_a_loop_from_which_nothing_is_good_is_one_call_and_not_worth_another_upload(pipeline):
    pipeline.add_key()
    pipeline.gemini.fault("raw", body=cut_answer('{"document_status": "' + "in" * 9_000), times=0)
    with pytest.raises(errors.ProviderBadAnswer) as refused:
        pipeline.extract(model="gemini-3.5-flash-lite")
    assert not refused.value.retryable
    assert len(pipeline.gemini.calls()) == 1
    assert [row.Outcome for row in pipeline.rows()] == ["looped"]


@on_one_database
def test_rows_that_are_alike_on_the_page_are_no_loop(pipeline):
    pipeline.add_key()
    rows = [line(at, text="Parking", page=None) | {"line_no": None} for at in range(1, 28)]
    pipeline.gemini.fault("raw", body=cut_answer(json.dumps(wire(rows))[:-600]))
    pipeline.extract(long_invoice(30, pages=1))
    assert [row.Outcome for row in pipeline.rows()] == ["truncated", "ok"]
    assert all("3.5-flash-lite" in row.Model for row in pipeline.rows())


@on_one_database
def test_a_document_with_too_many_lines_is_refused_before_anything_is_paid(pipeline, openai):
    """One page of 80 lines is all that an answer of this model is planned for: 18 calls would be needed."""
    key = pipeline.add_key(provider=Provider.OPENAI)
    with pytest.raises(errors.TooManyPages) as refused:
        pipeline.extract(long_invoice(18 * 80, pages=18), model="gpt-4.1-mini")
    assert refused.value.details["reason"] == "too_many_lines"
    assert openai.calls() == []
    assert pipeline.rows() == []
    assert pipeline.summary(key.token_id).ReservedTokens == 0


def test_near_a_limit_a_dense_document_is_refused_before_it_is_paid_for_in_vain(pipeline):
    """50 lines need about 6,800 tokens of output: with room for 4,000 the answer would be cut."""
    pipeline.add_key(limit=10_000)
    with pytest.raises(errors.QuotaExceeded):
        pipeline.extract(long_invoice(60, pages=1))
    assert pipeline.gemini.calls() == []


@on_one_database
def test_near_a_limit_the_cap_shrinks_to_what_is_left(pipeline):
    key = pipeline.add_key(limit=14_500)
    assert numbers(pipeline.extract(long_invoice(50, pages=1))) == list(range(1, 51))
    assert pipeline.gemini.calls()[0]["max_output_tokens"] < 10_000
    assert_booked_to_the_token(pipeline, key)


@on_one_database
def test_a_scan_with_unknown_lines_is_cut_and_read_once_more_with_more_room(pipeline):
    pipeline.add_key()
    whole = json.dumps(wire([line(at) for at in range(1, 61)], total="720.00", net="600.00", tax="120.00"))
    pipeline.gemini.fault("answer", text=whole)
    pipeline.gemini.fault("answer", text=whole)
    outcome = pipeline.extract(long_invoice(60, pages=1, scanned=True))
    assert numbers(outcome) == list(range(1, 61))
    assert [row.Outcome for row in pipeline.rows()] == ["truncated", "ok"]
