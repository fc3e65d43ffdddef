"""Usage that vendors report wrongly, and keys that are gone when the answer comes: booked, and told, all the same."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import delete

from shared_code.database import tables
from shared_code.records import Provider

#: what does not depend on the database
on_one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def model_calls(pipeline) -> list[dict]:
    return [call for call in pipeline.gemini.calls() if call["method"] == "POST"]


@pytest.mark.parametrize("total", [0, 10, -3])
def test_a_total_below_its_parts_moves_the_limit_by_the_parts(pipeline, caplog, total):
    key = pipeline.add_key(limit=1_000_000)
    pipeline.set_quota("company", daily=1_000_000)
    pipeline.gemini.fault("usage", totalTokenCount=total)
    usage = pipeline.extract().data["usage"]
    (row,) = pipeline.rows()
    parts = row.InputTokens + row.OutputTokens
    assert parts > 1_000
    assert (row.TotalTokensUsed, row.Outcome) == (parts, "ok_corrected")
    assert usage["total_tokens"] == parts
    assert pipeline.summary(key.token_id).TotalUsedTokens == parts
    assert pipeline.rows(tables.quota_counters)[0].UsedTokens == parts
    (alert,) = pipeline.rows(tables.alerts)
    assert (alert.Kind, alert.Subject) == ("usage_corrected", row.Model)
    details = json.loads(alert.Details)
    assert (details["reported"]["total_tokens"], details["booked_tokens"]) == (total, parts)
    assert f'"total_tokens": {total}' in caplog.text


@on_one_database
def test_a_second_odd_report_opens_no_second_alert(pipeline):
    pipeline.add_key()
    pipeline.gemini.fault("usage", times=2, totalTokenCount=0)
    pipeline.extract()
    pipeline.extract()
    (alert,) = pipeline.rows(tables.alerts)
    assert alert.Occurrences == 2


@on_one_database
@pytest.mark.parametrize(
    "counts",
    [
        {"promptTokenCount": 0, "candidatesTokenCount": 0, "thoughtsTokenCount": 0, "totalTokenCount": 0},
        {"promptTokenCount": -5, "candidatesTokenCount": -5, "totalTokenCount": -5},
        {"promptTokenCount": 10**30, "candidatesTokenCount": None, "totalTokenCount": 10**30},
    ],
)
def test_a_report_that_says_nothing_books_the_bound(pipeline, counts):
    key = pipeline.add_key(limit=1_000_000)
    pipeline.gemini.fault("usage", **counts)
    assert pipeline.extract().data["status"]
    (row,) = pipeline.rows()
    assert row.Kind == "unmeasured"
    assert row.TotalTokensUsed > 5_000
    assert pipeline.summary(key.token_id).TotalUsedTokens == row.TotalTokensUsed


@on_one_database
def test_a_count_beyond_its_column_is_booked_as_the_most_that_it_holds(pipeline):
    key = pipeline.add_key(limit=10_000_000_000)
    pipeline.gemini.fault("usage", promptTokenCount=3_000_000_000, totalTokenCount=3_000_000_700)
    assert pipeline.extract().data["status"]
    (row,) = pipeline.rows()
    assert (row.InputTokens, row.TotalTokensUsed) == (2**31 - 1, 2**31 - 1)
    assert pipeline.summary(key.token_id).TotalUsedTokens == 2**31 - 1
    # No estimate is made wider for it.
    assert {alert.Kind for alert in pipeline.rows(tables.alerts)} == {"usage_corrected"}


@on_one_database
@pytest.mark.parametrize("model", ["gemini-" + "9" * 500, "gemini\0-3.5", "\ud83d gemini"])
def test_a_model_name_that_no_column_takes_costs_neither_answer_nor_booking(pipeline, caplog, model):
    caplog.set_level("INFO")
    pipeline.add_key()
    answer = {"document_status": "not_an_invoice", "invoices": []}
    body = {
        "candidates": [{"content": {"parts": [{"text": json.dumps(answer)}], "role": "model"}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 2_000, "candidatesTokenCount": 50, "totalTokenCount": 2_050},
        "modelVersion": model,
    }
    pipeline.gemini.fault("raw", times=0, status=200, body=body)
    assert pipeline.extract().data["status"]
    assert {row.TotalTokensUsed for row in pipeline.rows()} == {2_050}
    assert all(row.Model and len(row.Model) <= 100 and "\0" not in row.Model for row in pipeline.rows())
    lines = [record.getMessage() for record in caplog.records if "method model" in record.getMessage()]
    assert lines
    assert all("gemini" in line and "\0" not in line and len(line.encode()) < 300 for line in lines)


@on_one_database
def test_an_odd_report_of_openai_is_corrected_too(pipeline, openai):
    key = pipeline.add_key(provider=Provider.OPENAI)
    openai.fault("usage", total_tokens=0)
    assert pipeline.extract().data["status"]
    (row,) = pipeline.rows()
    assert row.TotalTokensUsed == row.InputTokens + row.OutputTokens > 0
    assert pipeline.summary(key.token_id).TotalUsedTokens == row.TotalTokensUsed


def test_a_key_that_is_deleted_while_its_call_runs_costs_neither_answer_nor_booking(pipeline):
    key = pipeline.add_key()
    pipeline.set_quota("company", daily=1_000_000)
    pipeline.gemini.latency(1_000)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(pipeline.extract)
        while not model_calls(pipeline):
            threading.Event().wait(0.02)

        def work(connection):
            for table in (tables.token_usage_summary, tables.token_master):
                connection.execute(delete(table).where(table.c.TokenID == key.token_id))

        pipeline.services.database.run(work)
        assert running.result().data["status"]
    (row,) = pipeline.rows()
    assert (row.TokenID, row.CompanyID, row.Kind) == (None, "NT047", "usage")
    (counter,) = pipeline.rows(tables.quota_counters)
    assert (counter.UsedTokens, counter.ReservedTokens) == (row.TotalTokensUsed, 0)
    assert pipeline.rows(tables.token_reservations) == []
