"""What pages ask at a glance: the overview, the run of a reading, use by source, an action's row of the audit."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import insert

from shared_code.database import tables
from shared_code.database.stores.operations import retries
from shared_code.database.stores.usage import usage_rows
from shared_code.database.stores.usage.fold import fold_range
from shared_code.records import Caller, CallIdentity, RetryAttempt, Source, Usage, UsageKind, UsageRow

MODEL = "gemini-3.5-flash-lite"


def reading(number, company="NT047", **values):
    return {
        "PublicID": f"ext_{number:032x}",
        "ClaimKey": f"{number:064x}",
        "CompanyID": company,
        "DocumentSha256": f"{number:064x}",
        "PromptVersion": "1",
        "Provider": "Gemini",
        "Model": MODEL,
        "CallID": f"{number:036x}",
        "State": "done",
        "Status": "ok",
        "Result": json.dumps({"status": "ok", "invoices": []}),
        **values,
    }


def used(number, company="NT047", **values):
    return UsageRow(
        **{
            "identity": CallIdentity(f"{number:036x}", Caller(company), values.pop("source", Source.HTTP)),
            "attempt": 1,
            "kind": UsageKind.USAGE,
            "token_id": None,
            "usage": Usage(input_tokens=100, output_tokens=20, total_tokens=120),
            "local_day": datetime.now(UTC).date(),
            "model": MODEL,
            "outcome": "ok",
            **values,
        }
    )


@pytest.fixture
def add(api):
    def insert_all(*, readings=(), rows=()):
        def work(connection):
            for values in readings:
                connection.execute(insert(tables.extractions).values(values))
            for row in rows:
                usage_rows.insert_usage(connection, row)

        api.services.database.run(work)

    return insert_all


def test_the_overview_counts_the_newest_calls_and_readings(api, add):
    add(
        readings=[
            reading(1),
            reading(2, Status="needs_review"),
            reading(3, State="failed", Status=None),
            reading(4, "OTHER"),
        ],
        rows=[used(number, duration_ms=number * 100) for number in range(1, 101)] + [used(200, "OTHER", duration_ms=9)],
    )
    api.add(total_token_limit=0)
    api.add(total_token_limit=1_000_000)
    found = api.get("overview?company_id=nt047").data
    assert found["times"] == [{"model": MODEL, "calls": 100, "p50": 5000, "p95": 9500}]
    assert (found["readings"], found["verdicts"]) == (3, {"failed": 1, "needs_review": 1, "ok": 1})
    assert [key["total_token_limit"] for key in found["low_keys"]] == [0]
    assert api.get("overview").data["readings"] == 4


def test_the_overview_of_nothing_is_empty(api):
    assert api.get("overview").data == {"times": [], "readings": 0, "verdicts": {}, "for_review": 0, "low_keys": []}


def test_a_bound_login_sees_its_own_company_s_overview(api, add):
    add(readings=[reading(1), reading(2, "OTHER")], rows=[used(1, "OTHER", duration_ms=5)])
    found = api.get("overview", key=api.new_key("viewer", "NT047")).data
    assert (found["readings"], found["times"]) == (1, [])


def test_the_charts_are_all_use_and_that_of_the_largest(api, add):
    """What was folded and what was not, day by day; each once."""
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=1), today]
    many = [used(n, f"C{n % 9}", local_day=days[n % 2], cost_usd=Decimal("0.00000003")) for n in range(90)]
    add(rows=[*many, *(used(100 + n, "C8", local_day=days[0]) for n in range(5))])
    folded = {"first": 1, "last": 60, "stamp": datetime.now(UTC).replace(tzinfo=None), "default_zone": "UTC"}
    api.services.database.run(lambda connection: fold_range(connection, **folded))
    add(rows=[used(300, "C8", local_day=days[1], outcome="timeout", source=Source.BLOB)])
    asked = f"from={days[0]}&to={days[1]}"
    whole, first, *others = api.get(f"overview/charts?{asked}").data["charts"]
    assert [(day["day"], day["requests"], day["errors"]) for day in whole["days"]] == [
        (str(days[0]), 50, 0),
        (str(days[1]), 46, 1),
    ]
    assert (whole["name"], whole["days"][1]["cost_usd"], whole["days"][0]["unpriced"]) == (None, "0.00000135", 5)
    assert (first["name"], sum(day["requests"] for day in first["days"])) == ("C8", 16)
    assert [one["name"] for one in others] == ["C0", "C1", "C2", "C3", "C4", "C5"]
    sources = api.get(f"overview/charts?{asked}&by=source").data["charts"]
    assert {one["name"]: sum(day["requests"] for day in one["days"]) for one in sources} == {
        None: 96,
        "http": 95,
        "blob": 1,
    }
    own = api.get(f"overview/charts?{asked}", key=api.new_key("viewer", "C1")).data["charts"]
    assert [one["name"] for one in own] == [None, "C1"]
    assert api.get(f"overview/charts?{asked}&company_id=NOBODY").data == {"charts": [{"name": None, "days": []}]}
    assert api.get("overview/charts?by=user").status == 400


def test_the_run_of_a_reading_is_what_was_booked_and_what_failed(api, add):
    call = f"{1:036x}"
    add(readings=[reading(1)], rows=[used(1, duration_ms=2100)])
    failed = [
        RetryAttempt(n, f"503 overloaded {n}", retryable=True, token_id=None, company_id="NT047", call_id=call)
        for n in (1, 2)
    ]
    api.services.database.run(lambda connection: retries.insert_retries(connection, failed))
    run = api.get(f"extractions/ext_{1:032x}/run").data
    (booked,) = run["booked"]
    assert (booked["total_tokens"], booked["duration_ms"], booked["model"], booked["cost_usd"]) == (
        120,
        2100,
        MODEL,
        None,
    )
    assert [attempt["attempt"] for attempt in run["attempts"]] == [1, 2]
    assert run["call_id"] == call


def test_a_document_that_is_not_kept_is_not_read_again(api, add):
    add(readings=[reading(1), reading(2, ErasedAt=datetime(2026, 11, 29))])
    answer = api.post(f"extractions/ext_{1:032x}/reread")
    assert (answer.status, answer.json["error"]["details"]) == (409, {"reason": "not_kept"})
    assert api.post(f"extractions/ext_{2:032x}/reread").status == 410
    assert api.post(f"extractions/ext_{3:032x}/reread").status == 404
    assert api.rows() == []


def test_use_is_reported_by_source(api, add):
    add(rows=[used(1), used(2, source=Source.BLOB), used(3, source=Source.BLOB)])
    lines = api.get("usage?group_by=source").data["items"]
    assert [(line["source"], line["requests"]) for line in lines] == [("blob", 2), ("http", 1)]
    (line,) = api.get("usage?group_by=day&source=blob").data["items"]
    assert (line["requests"], line["source"]) == (2, None)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("file=nvoi", 1),
        ("file=100%25", 0),
        ("requested_by=ama", 1),
        ("invoice_number=A-1", 1),
        ("invoice_number=a", 0),
        ("request_id=front-1", 1),
        ("since=2100-01-01", 0),
        ("until=2100-01-01", 2),
    ],
)
def test_readings_are_found_by_what_is_known_of_them(api, add, query, found):
    named = reading(1, FileLabel="invoice.pdf", RequestedBy="ama", InvoiceNumber="A-1")
    row = used(1)
    identity = CallIdentity(row.identity.call_id, row.identity.caller, row.identity.source, "front-1")
    add(readings=[named, reading(2)], rows=[used(1, identity=identity)])
    assert len(api.get(f"extractions?{query}").data["items"]) == found


def test_who_may_not_see_invoices_cannot_ask_for_their_numbers(api, add):
    add(readings=[reading(1, InvoiceNumber="A-1")])
    assert api.get("extractions?invoice_number=A-1", key=api.new_key("viewer")).status == 403


def test_an_action_s_row_of_the_audit_is_found_by_its_request(api):
    key = api.add()
    answer = api.post(f"tokens/{key.id}/block")
    (row,) = api.get(f"audit?request_id={answer.headers['x-request-id']}").data["items"]
    assert (row["action"], row["after"]["status"]) == ("token.block", "Blocked")
