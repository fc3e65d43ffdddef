"""XML and JSON of kinds that no reader knows: read by a model as text, once, or refused without a call."""

import json

import pytest

from devstack.gemini.answer import Rates
from shared_code import errors
from shared_code.database import tables
from shared_code.e_invoices.as_text.outline import MOST_CHARACTERS
from shared_code.records import Provider
from shared_code.web import extract
from shared_code.web.extract import Upload
from tests.unit.e_invoices.structured import ORDER, invoice_json, invoice_xml
from tests.unit.extraction import wire_answers

#: nothing here depends on the database
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

FILES = {"xml": invoice_xml(), "json": invoice_json()}


def answer(**changes) -> dict:
    values = {"invoice_number": "A-4711", "invoice_date": "2026-03-01", "total": "119.00", "currency": "EUR"}
    values |= {f"{name}_printed": value for name, value in values.items()}
    parties = {"seller": {"name": "Werkstatt Beispiel GmbH"}}
    values |= {"net_total": "100.00", "tax_total": "19.00"} | parties | changes
    return json.loads(wire_answers.answer(wire_answers.invoice(**values)))


@pytest.mark.parametrize("provider", [Provider.GEMINI, Provider.OPENAI])
@pytest.mark.parametrize("form", FILES)
def test_an_unknown_kind_is_read_by_one_call_that_sends_text_only(pipeline, openai, provider, form):
    pipeline.add_key(provider=provider)
    vendor = pipeline.gemini if provider is Provider.GEMINI else openai
    outcome = pipeline.extract(FILES[form], file_name=f"a.{form}")
    (call,) = vendor.calls()
    assert all("text_chars" in part for part in call["parts"])
    (invoice,) = outcome.data["invoices"]
    assert (invoice["invoice_number"], invoice["invoice_date"], invoice["total"]) == ("A-4711", "2026-03-01", "119.00")
    assert outcome.data["confidence"]["invoice_number"] == "high"
    assert (outcome.data["provenance"]["method"], outcome.data["provenance"]["pages"]) == ("model", 1)
    (row,) = pipeline.rows()
    assert row.Outcome == "ok"
    assert pipeline.rows(tables.token_reservations) == []


@pytest.mark.parametrize("provider", [Provider.GEMINI, Provider.OPENAI])
def test_what_is_reserved_for_text_covers_what_is_billed(pipeline, openai, monkeypatch, provider):
    from tests.integration.extraction.test_bounds import Ledger

    bounds, book = [], Ledger.book

    def noting(ledger, booking):
        bounds.append((booking.reservation.bound_tokens, booking.row.usage.billable_tokens))
        return book(ledger, booking)

    monkeypatch.setattr(Ledger, "book", noting)
    pipeline.gemini.rates = Rates(1120, 0)
    pipeline.add_key(provider=provider, limit=None)
    for lines in (1, 50, 400):
        pipeline.extract(invoice_xml(lines=lines), file_name="a.xml")
    assert len(bounds) >= 3
    assert all(billed <= bound for bound, billed in bounds), bounds
    assert "estimate_miss" not in {row.Kind for row in pipeline.rows(tables.alerts)}


def test_an_answer_that_the_text_does_not_hold_is_kept_with_low_confidence_and_not_asked_for_again(pipeline):
    pipeline.add_key()
    pipeline.gemini.fault("answer", json=answer(total="999.00", total_printed="999.00"), times=0)
    outcome = pipeline.extract(FILES["xml"], file_name="a.xml")
    assert len(pipeline.gemini.calls()) == 1
    assert (outcome.data["status"], outcome.data["confidence"]["total"]) == ("needs_review", "low")
    assert outcome.data["invoices"][0]["total"] == "999.00"


def test_an_empty_answer_is_asked_for_once_more_without_pictures(pipeline):
    pipeline.add_key()
    pipeline.gemini.fault("max_tokens_empty")
    pipeline.extract(FILES["xml"], file_name="a.xml")
    calls = pipeline.gemini.calls()
    assert len(calls) == 2
    assert all("text_chars" in part for call in calls for part in call["parts"])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (ORDER, "not_an_e_invoice"),
        (b"<project><name>invoice</name><version>1.0</version></project>", "not_an_e_invoice"),
        (b'{"orderNumber": "1", "orderDate": "2026-03-01", "currency": "EUR", "total": 119.0, "tax": 19.0}', "not_an_e_invoice"),
        (b'{"invoice": {"number": "1", ', "not_well_formed"),
        (b"[" * 100_000, "too_complex"),
        (b"<?xml version='1.0'?><!DOCTYPE a>" + invoice_xml(), "dtd"),
        (invoice_xml(lines=2_000), "too_long"),
    ],
)  # fmt: skip
def test_what_is_no_invoice_or_too_long_is_refused_without_a_call(pipeline, data, reason):
    pipeline.add_key()
    with pytest.raises(errors.InvalidFile) as caught:
        pipeline.extract(data, file_name="a.xml")
    assert caught.value.details["reason"] == reason
    assert (pipeline.gemini.calls(), pipeline.rows(), pipeline.rows(tables.token_reservations)) == ([], [], [])
    if reason == "too_long":
        assert caught.value.details["limit"] == MOST_CHARACTERS
        assert f"{MOST_CHARACTERS:,}" in caught.value.message


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "text/json", "application/vnd.a+json"]
)
def test_a_json_body_that_looks_like_an_invoice_is_a_document(pipeline, content_type):
    pipeline.add_key()
    status, envelope = post(pipeline, FILES["json"], content_type)
    assert (status, envelope["data"]["invoices"][0]["invoice_number"]) == (200, "A-4711")
    assert "type_mismatch" not in {warning["code"] for warning in envelope["data"]["warnings"]} or "vnd" in content_type


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"null", b'"text"', b'{"companyID": "NT047", "file": "JVBERi0x"}', b'{"a": ', b"\xff\xfe{"]
)
def test_any_other_json_body_is_told_how_to_send_a_file(pipeline, body):
    pipeline.add_key()
    for fields in ({"companyID": "NT047"}, {}):
        status, envelope = post(pipeline, body, "application/json", fields)
        assert (status, envelope["error"]["code"]) == (400, "INVALID_REQUEST")
        assert "multipart/form-data" in envelope["message"]
        assert "application/json" in envelope["message"]
    assert pipeline.gemini.calls() == []


def post(pipeline, body: bytes, content_type: str, fields=None) -> tuple[int, dict]:
    upload = Upload(body, content_type, {"companyID": "NT047"} if fields is None else fields, file_name=None)
    response = extract.extract_response(lambda: pipeline.services, lambda: upload, request_id=None)
    return response.status_code, json.loads(response.body)
