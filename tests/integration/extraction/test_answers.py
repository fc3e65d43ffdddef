"""What becomes of answers: the good one, the unusable ones (billed all the same), and the second look."""

import json

import pytest

from shared_code import errors
from shared_code.bootstrap import build_services
from shared_code.database import tables
from shared_code.metering.usage_text import parse_run_usage
from shared_code.records import Caller, Source, UsageKind

from .conftest import INVOICES, SAMPLES


def test_an_invoice_comes_back_checked_and_its_tokens_are_booked(pipeline, caplog):
    caplog.set_level("INFO")
    key = pipeline.add_key(limit=1_000_000)
    outcome = pipeline.extract((SAMPLES / "ghana-vat-invoice.pdf").read_bytes())
    invoice = outcome.data["invoices"][0]
    assert invoice["invoice_number"] == "ADM-26-00118"
    assert invoice["invoice_date"] == "2026-03-05"
    assert invoice["total"] == "76440.00"
    assert len(invoice["line_items"]) == 2
    call = pipeline.gemini.calls()[0]["usage"]
    usage = outcome.data["usage"]
    assert usage["input_tokens"] == call["promptTokenCount"]
    assert usage["output_tokens"] == call["candidatesTokenCount"]
    assert usage["total_tokens"] == call["totalTokenCount"]
    assert float(usage["cost_usd"]) > 0
    row = pipeline.rows()[0]
    assert (row.TokenID, row.TotalTokensUsed, row.Branch, row.RequestedBy) == (
        key.token_id,
        call["totalTokenCount"],
        "RUB",
        "bzumah",
    )
    assert (row.CompanyID, row.Kind, row.Source, row.Outcome) == ("NT047", "usage", "http", "ok")
    summary = pipeline.summary(key.token_id)
    assert summary.TotalUsedTokens == call["totalTokenCount"]
    assert summary.TotalRemainingTokens == 1_000_000 - call["totalTokenCount"]
    assert summary.ReservedTokens == 0
    line = next(record.getMessage() for record in caplog.records if "RunUsage(" in record.getMessage())
    assert parse_run_usage(line)["input_tokens"] == call["promptTokenCount"]
    assert key.secret not in json.dumps(outcome.data)


def test_a_run_without_trouble_leaves_a_line_for_its_call_and_one_for_its_end(pipeline, caplog):
    key = pipeline.add_key()
    caplog.set_level("INFO")
    pipeline.extract((SAMPLES / "ghana-vat-invoice.pdf").read_bytes())
    call, end = (record.getMessage() for record in caplog.records if record.name.startswith("shared_code.extraction"))
    assert "RunUsage(" in call
    assert f"method model by gemini-3.5-flash-lite with token {key.token_id}, tokens" in end


def test_the_same_document_again_costs_nothing(pipeline):
    pipeline.add_key()
    data = (SAMPLES / "ghana-vat-invoice.pdf").read_bytes()
    first = pipeline.extract(data)
    again = pipeline.extract(data)
    assert again.data["invoices"] == first.data["invoices"]
    assert again.data["provenance"]["method"] == "cached"
    assert again.data["usage"]["total_tokens"] == 0
    assert len(pipeline.gemini.calls()) == 1
    assert [(row.Outcome, row.TotalTokensUsed) for row in pipeline.rows()][1] == ("cached", 0)


def test_force_reads_the_same_document_again(pipeline):
    pipeline.add_key()
    data = (SAMPLES / "ghana-vat-invoice.pdf").read_bytes()
    pipeline.extract(data)
    assert pipeline.extract(data, force=True).data["provenance"]["method"] == "model"
    assert len(pipeline.gemini.calls()) == 2


def test_two_companies_share_no_answer_and_no_key(pipeline):
    ours, theirs = pipeline.add_key(), pipeline.add_key(company="ACME")
    data = (SAMPLES / "ghana-vat-invoice.pdf").read_bytes()
    pipeline.extract(data)
    pipeline.extract(data, company="ACME")
    assert len(pipeline.gemini.calls()) == 2
    assert [row.TokenID for row in pipeline.rows()] == [ours.token_id, theirs.token_id]


@pytest.mark.parametrize(
    "fault", ["broken_json", "max_tokens_cut", "max_tokens_empty", "continuation", "no_candidates"]
)
def test_an_unusable_answer_is_booked_and_asked_once_more(pipeline, fault):
    key = pipeline.add_key()
    pipeline.gemini.fault(fault)
    outcome = pipeline.extract()
    assert outcome.data["invoices"][0]["invoice_number"] == "ADM-26-00118"
    calls = pipeline.gemini.calls()
    assert len(calls) == 2
    rows = pipeline.rows()
    assert [row.Kind for row in rows] == ["usage", "usage"]
    assert rows[0].Outcome != "ok"
    assert rows[1].Outcome == "ok"
    assert [row.TotalTokensUsed for row in rows] == [call["usage"]["totalTokenCount"] for call in calls]
    assert pipeline.summary(key.token_id).TotalUsedTokens == sum(row.TotalTokensUsed for row in rows)
    assert outcome.data["usage"]["requests"] == 2


def test_an_answer_that_stays_unusable_is_an_error_and_all_of_it_is_booked(pipeline):
    pipeline.add_key()
    pipeline.gemini.fault("broken_json", times=0)
    with pytest.raises(errors.ProviderBadAnswer):
        pipeline.extract()
    assert len(pipeline.rows()) == 2
    assert pipeline.rows(tables.claims) == []
    assert pipeline.rows(tables.token_reservations) == []


def test_a_fenced_answer_is_read(pipeline):
    pipeline.add_key()
    pipeline.gemini.fault("fenced_json")
    assert pipeline.extract().data["invoices"][0]["invoice_number"] == "ADM-26-00118"
    assert len(pipeline.gemini.calls()) == 1


def test_an_answer_without_usage_is_booked_as_unmeasured(pipeline):
    key = pipeline.add_key()
    pipeline.gemini.fault("no_usage")
    pipeline.extract()
    row = pipeline.rows()[0]
    assert row.Kind == UsageKind.UNMEASURED
    assert row.InputTokens is None
    assert pipeline.summary(key.token_id).TotalUsedTokens == row.TotalTokensUsed > 0


def test_an_ungrounded_answer_is_looked_at_once_more_with_text_and_images(pipeline):
    pipeline.add_key()
    pipeline.gemini.fault("answer", json={"document_status": "unreadable", "invoices": []})
    pipeline.extract()
    assert len(pipeline.gemini.calls()) == 2
    assert [row.Outcome for row in pipeline.rows()] == ["second_look", "ok"]


def test_a_letter_is_no_invoice(pipeline):
    pipeline.add_key()
    outcome = pipeline.extract((INVOICES / "not-an-invoice-letter.pdf").read_bytes())
    assert outcome.data["status"] == "not_an_invoice"
    assert outcome.data["invoices"] == []


@pytest.mark.parametrize("data", [b"", b"plain text that was renamed", b"%PDF-1.7\nbroken"])
def test_a_file_that_cannot_be_read_costs_no_call(pipeline, data):
    pipeline.add_key()
    with pytest.raises((errors.InvalidFile, errors.UnsupportedFileType)) as refused:
        pipeline.extract(data)
    assert refused.value.message.startswith("Failed to process invoice")
    assert pipeline.gemini.calls() == []
    assert pipeline.rows() == []


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("Expired", errors.TokenExpired),
        (" expired ", errors.TokenExpired),
        ("Disabled", errors.TokenUnavailable),
        ("Exceeded", errors.TokenUnavailable),
        ("BLOCKED", errors.TokenUnavailable),
        ("FullyUtilized", errors.QuotaExceeded),
    ],
)
def test_a_company_without_a_usable_key_is_told_why(pipeline, status, error):
    key = pipeline.add_key()
    pipeline.services.database.run(
        lambda connection: connection.execute(
            tables.token_master.update().where(tables.token_master.c.TokenID == key.token_id).values(Status=status)
        )
    )
    with pytest.raises(error):
        pipeline.extract()
    assert pipeline.gemini.calls() == []


def test_a_company_without_any_key_is_told_so(pipeline):
    with pytest.raises(errors.TokenNotFound):
        pipeline.extract(caller=Caller("NOBODY"))


def test_a_row_typed_in_by_sql_works(pipeline):
    """Odd case, no provider, a key with a newline, and no summary row: as people type them."""
    pipeline.services.database.run(
        lambda connection: connection.execute(
            tables.token_master.insert().values(
                CompanyID="nt047",
                ApiKey="  AIzaTypedByHand0123456789\n",
                Provider=None,
                Status="active",
                TotalTokenLimit=100_000,
            )
        )
    )
    assert pipeline.extract().data["usage"]["total_tokens"] > 0
    assert pipeline.gemini.calls()[0]["key_hash"]
    assert pipeline.rows(tables.token_usage_summary)[0].ReservedTokens == 0


def test_the_source_is_kept(pipeline):
    pipeline.add_key()
    pipeline.extract()
    assert pipeline.rows()[0].Source == Source.HTTP


def test_a_call_that_cost_more_than_its_bound_raises_the_factor_also_after_a_restart(pipeline, pipeline_settings):
    pipeline.add_key()
    pipeline.gemini.fault("usage", totalTokenCount=90_000)
    pipeline.extract()
    assert pipeline.rows()[0].TotalTokensUsed == 90_000
    learned = pipeline.services.factors.of("gemini-3.5-flash-lite")
    assert learned > 1.15
    assert [row.Kind for row in pipeline.rows(tables.alerts)] == ["estimate_miss"]
    restarted = build_services(pipeline_settings())
    assert restarted.ready().factors.of("gemini-3.5-flash-lite") == pytest.approx(learned)
    restarted.close()


def test_what_one_process_learns_about_a_model_another_one_knows_within_a_minute(pipeline, pipeline_settings):
    passed = [1_000.0]
    other = build_services(pipeline_settings(), monotonic=lambda: passed[0])
    assert other.ready().factors.of("gemini-3.5-flash-lite") == 1.15
    pipeline.add_key()
    pipeline.gemini.fault("usage", totalTokenCount=90_000)
    pipeline.extract()
    learned = pipeline.services.factors.of("gemini-3.5-flash-lite")
    assert other.ready().factors.of("gemini-3.5-flash-lite") == 1.15
    passed[0] += 60
    assert other.ready().factors.of("gemini-3.5-flash-lite") == pytest.approx(learned)
    other.close()
