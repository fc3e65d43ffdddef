"""A second reading that ends after the answer: what it finds is kept with the reading, and seen by whoever asks next."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import pytest

from shared_code import errors
from shared_code.database import tables
from shared_code.database.stores.extractions import erased_readings
from shared_code.database.stores.extractions.erased_readings import DocumentKey
from shared_code.database.stores.extractions.late_findings import LateFinding, add_late_finding
from shared_code.documents.ocr import engine
from shared_code.extraction.evidence_data import packed
from shared_code.extraction.late_reading import with_values_of
from shared_code.invoices.reading import InvoiceReading
from shared_code.invoices.schema import Invoice
from shared_code.web.readings import ReadingRequest, reading_response

from .conftest import SAMPLES, unique

SCAN = SAMPLES / "scan-ghana-vat-invoice.pdf"
needs_reader = pytest.mark.skipif(not engine.is_installed(), reason="requirements-ocr.txt is not installed")

#: not what the scan shows
WRONG = {"invoice_number": "ADM-26-00181", "invoice_number_printed": "ADM-26-00181"}


def get(pipeline, reading_id: str):
    wanted = ReadingRequest(reading_id, f"http://localhost/api/extractions/{reading_id}")
    response = reading_response(lambda: pipeline.services, wanted, request_id="r")
    return json.loads(response.body)["data"], response.headers["ETag"]


def wait_for_late(pipeline, reading_id: str, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while get(pipeline, reading_id)[0]["evidence_version"] == 1:
        assert time.monotonic() < end, "no late finding was stored"
        time.sleep(0.1)


def verdict(data):
    own = {name: data[name] for name in ("status", "warnings", "confidence", "evidence_version")}
    return own, [{name: one.get(name) for name in ("status", "warnings", "confidence", "evidence")}
                 for one in data["invoices"]]  # fmt: skip


@needs_reader
@pytest.mark.soak
def test_what_a_late_reading_doubts_goes_to_a_person_as_if_it_had_come_in_time(with_reader, scan_answer):
    pipeline = with_reader(wait_seconds=0.0)
    pipeline.add_key()
    pipeline.gemini.fault("answer", json=scan_answer(**WRONG))
    document = unique(SCAN)
    answer, extract = pipeline.services.idempotency.answer, pipeline.services.extraction.extract
    first = answer("key", pipeline.submission(document), extract).data
    assert (first["status"], first["evidence_version"]) == ("ok", 1)
    (before,) = pipeline.rows(tables.extractions)
    _, old_tag = get(pipeline, first["id"])
    wait_for_late(pipeline, first["id"])

    asked, tag = get(pipeline, first["id"])
    assert tag != old_tag
    assert asked["id"] == first["id"]
    assert (asked["status"], asked["evidence_version"]) == ("needs_review", 2)
    assert (asked["confidence"]["invoice_number"], asked["confidence"]["total"]) == ("low", "high")
    codes = {warning["code"]: warning["review"] for warning in asked["warnings"]}
    assert codes["ungrounded"]
    assert "second_reading_missing" not in codes
    (invoice,) = asked["invoices"]
    assert invoice["invoice_number"] == WRONG["invoice_number"]
    assert len(invoice["evidence"]["total"]["box"]) == 4
    # The same verdict as in time, and the same for all who ask.
    pipeline.services.second_readings.wait_seconds = 60.0
    pipeline.gemini.fault("answer", json=scan_answer(**WRONG))
    in_time = pipeline.extract(unique(SCAN)).data
    without_copy = [one for one in in_time["warnings"] if one["code"] != "duplicate_invoice"]
    assert (in_time["status"], without_copy, in_time["confidence"]) == (
        asked["status"], asked["warnings"], asked["confidence"],
    )  # fmt: skip
    assert in_time["invoices"][0]["evidence"] == invoice["evidence"]
    for again in (pipeline.extract(document).data, answer("key", pipeline.submission(document), extract).data):
        assert again["cached"]
        assert verdict(again) == verdict(asked)
    # What was answered first stands as it was; lists show the verdict of now.
    after = pipeline.rows(tables.extractions)[0]
    assert (after.Result, after.PublicID, after.FinishedAt) == (before.Result, before.PublicID, before.FinishedAt)
    assert (before.Status, after.Status) == ("ok", "needs_review")
    assert len(pipeline.gemini.calls()) == 2


def found(status: str = "needs_review") -> LateFinding:
    judged = {"status": status, "warnings": [], "confidence": {"total": "low"}}
    evidence = packed([{"total": {"text": "5.00"}}])
    return LateFinding(status, json.dumps({**judged, "invoices": [judged]}), evidence)


def add(pipeline, reading_id: str, finding: LateFinding) -> bool:
    return pipeline.services.database.run(lambda connection: add_late_finding(connection, reading_id, finding))


def test_a_reading_takes_one_late_finding(pipeline):
    pipeline.add_key()
    data = pipeline.extract().data
    assert add(pipeline, data["id"], found())
    assert not add(pipeline, data["id"], found("ok"))
    asked, _ = get(pipeline, data["id"])
    assert (asked["status"], asked["evidence_version"], asked["confidence"]) == ("needs_review", 2, {"total": "low"})
    assert asked["invoices"][0]["evidence"] == {"total": {"text": "5.00"}}
    assert asked["invoices"][0]["total"] == data["invoices"][0]["total"]


def test_a_reading_that_was_erased_meanwhile_gets_nothing(pipeline):
    pipeline.add_key()
    data = pipeline.extract().data
    document = DocumentKey("NT047", data["provenance"]["sha256"])
    pipeline.services.database.run(lambda c: erased_readings.empty_readings(c, document, data["id"]))
    assert not add(pipeline, data["id"], found())
    (row,) = pipeline.rows(tables.extractions)
    assert (row.Evidence, row.LateVerdict, row.EvidenceVersion) == (None, None, None)
    with pytest.raises(errors.Gone):
        pipeline.services.stored_readings.find(data["id"])


def test_erasing_takes_a_late_finding_along(pipeline):
    pipeline.add_key()
    data = pipeline.extract().data
    add(pipeline, data["id"], found())
    document = DocumentKey("NT047", data["provenance"]["sha256"])
    pipeline.services.database.run(lambda c: erased_readings.empty_readings(c, document, data["id"]))
    (row,) = pipeline.rows(tables.extractions)
    assert (row.Result, row.Evidence, row.LateVerdict) == (None, None, None)


def test_a_reading_that_is_not_stored_yet_gets_nothing(pipeline):
    assert not add(pipeline, "ext_" + "0" * 32, found())


def test_another_value_of_a_late_reading_is_said_and_the_first_is_kept():
    answered = InvoiceReading(Invoice(total=Decimal("5.00"), currency="USD"))
    late = replace(answered, invoice=Invoice(total=Decimal("5.00"), currency="INR"))
    kept = with_values_of(answered, late)
    assert kept.invoice == answered.invoice
    (finding,) = kept.findings
    assert (finding.code, finding.field, finding.found, finding.expected) == (
        "late_reading_differs", "currency", "USD", "INR",
    )  # fmt: skip
    assert finding.review
    assert with_values_of(answered, answered).findings == ()


@needs_reader
@pytest.mark.long
def test_an_answer_is_booked_before_it_waits_for_the_reader(with_reader, scan_answer):
    pipeline = with_reader()
    pipeline.add_key()
    pipeline.gemini.fault("answer", json=scan_answer())
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(pipeline.extract, unique(SCAN))
        while not pipeline.rows():
            assert not job.done(), job.result()
            time.sleep(0.005)
        assert not job.done()
        assert not pipeline.rows(tables.token_reservations)
        assert not pipeline.rows(tables.extractions)
        data = job.result(timeout=60).data
    (row,) = pipeline.rows()
    assert (row.Outcome, row.Kind) == ("ok", "usage")
    assert data["usage"]["total_tokens"] == row.InputTokens + row.OutputTokens
    assert data["confidence"]["total"] == "high"


@needs_reader
@pytest.mark.long
def test_only_few_readings_go_on_after_their_answers(with_reader, scan_answer):
    pipeline = with_reader(wait_seconds=0.0)
    pipeline.add_key(limit=None)
    pipeline.gemini.fault("answer", json=scan_answer(), times=0)
    for _ in range(6):
        pipeline.extract(unique(SCAN))
    readings = pipeline.services.second_readings
    assert readings._late <= 4
    readings.close()
    end = time.monotonic() + 30
    while readings._running:
        assert time.monotonic() < end
        time.sleep(0.05)
