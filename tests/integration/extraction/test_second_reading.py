"""The second reader beside the model call: what it adds to an answer, and what its troubles cost."""

import io
import os
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared_code.bootstrap import build_services
from shared_code.documents.ocr import engine
from shared_code.documents.sandbox.watch import Limits

from .conftest import INVOICES, SAMPLES, unique

pytestmark = pytest.mark.skipif(not engine.is_installed(), reason="requirements-ocr.txt is not installed")

SCAN = SAMPLES / "scan-ghana-vat-invoice.pdf"


def codes(outcome) -> dict[str, str | None]:
    return {warning["code"]: warning["found"] for warning in outcome.data["warnings"]}


def starts(pipeline) -> int:
    return pipeline.services.second_readings.reader.starts


@pytest.fixture
def database_url(request, tmp_path):
    """One kind of database: what is read here is stored like any other reading."""
    path = tmp_path / "test.db"
    shutil.copyfile(request.getfixturevalue("_sqlite_template"), path)
    return f"sqlite:///{path}"


def test_documents_with_text_and_xml_do_not_start_it(with_reader):
    pipeline = with_reader(idle_seconds=60.0)
    pipeline.add_key()
    for path in (SAMPLES / "gst-invoice.pdf", INVOICES / "zf-EN16931_Rabatte.cii.xml", INVOICES / "az-invoice.pdf"):
        pipeline.extract(path.read_bytes())
    assert starts(pipeline) == 0


def test_it_is_off_where_the_setting_says_so(pipeline_settings):
    services = build_services(pipeline_settings(ocr="off"))
    assert services.second_readings is None
    services.close()


def test_values_of_a_scan_are_confirmed_by_a_second_reading(with_reader, scan_answer):
    pipeline = with_reader()
    pipeline.add_key()
    pipeline.gemini.fault("answer", json=scan_answer())
    outcome = pipeline.extract(unique(SCAN))
    assert outcome.data["status"] == "ok"
    assert {outcome.data["confidence"][name] for name in ("invoice_number", "total", "seller.tax_id")} == {"high"}
    assert "second_reading_missing" not in codes(outcome)


@pytest.mark.soak
def test_the_sample_photo_is_answered_with_places_on_it(with_reader, monkeypatch):
    monkeypatch.setenv("OCR", "auto")  # for the model stand-in, which reads the picture too
    pipeline = with_reader()
    pipeline.add_key()
    outcome = pipeline.extract((SAMPLES / "photo-export-invoice-usd.jpg").read_bytes())
    [invoice] = outcome.data["invoices"]
    found = [invoice[name] for name in ("invoice_number", "invoice_date", "total", "currency")]
    assert found == ["SPL/EXP/0031", "2025-10-14", "23990.00", "USD"]
    total = invoice["evidence"]["total"]
    assert (total["source"], total["page"]) == ("ocr", 1)
    assert "23,990.00" in total["text"]
    left, top, right, bottom = total["box"]
    # Where a person sees it: at the right, a third down the picture.
    assert 0.7 < left < right < 0.95
    assert 0.3 < top < bottom < 0.36


@pytest.mark.soak
@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("total", {"total": "74660.00", "total_printed": "74,660.00"}),
        pytest.param(
            "invoice_number",
            {"invoice_number": "ADM-26-00181", "invoice_number_printed": "ADM-26-00181"},
            marks=pytest.mark.long,
        ),
        pytest.param(
            "invoice_date", {"invoice_date": "2026-03-15", "invoice_date_printed": "15/03/2026"}, marks=pytest.mark.long
        ),
    ],
)
def test_a_value_that_the_picture_does_not_show_is_kept_and_goes_to_a_person(with_reader, scan_answer, field, changes):
    pipeline = with_reader()
    pipeline.add_key()
    pipeline.gemini.fault("answer", json=scan_answer(**changes))
    outcome = pipeline.extract(unique(SCAN))
    assert outcome.data["status"] == "needs_review"
    assert outcome.data["invoices"][0][field] == changes[field]
    assert outcome.data["confidence"][field] == "low"
    assert len(pipeline.gemini.calls()) == 1


def test_an_answer_does_not_wait_longer_than_it_may_and_says_so(with_reader, scan_answer):
    pipeline = with_reader(wait_seconds=0.0)
    pipeline.add_key()
    pipeline.gemini.fault("answer", json=scan_answer())
    outcome = pipeline.extract(unique(SCAN))
    assert outcome.data["status"] == "ok"
    assert outcome.data["confidence"]["total"] == "medium"
    assert codes(outcome)["second_reading_missing"] == "late"


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs a system that stops processes")
@pytest.mark.parametrize("signal_name", ["SIGSTOP", "SIGKILL"])
@pytest.mark.long
def test_a_reader_that_hangs_or_is_killed_costs_only_the_evidence(with_reader, scan_answer, signal_name):
    pipeline = with_reader(wait_seconds=60.0, limits=Limits(stalled=8.0, slow=float("inf")))
    pipeline.add_key()
    reader = pipeline.services.second_readings.reader
    reader.look(picture(), company="A", wait_seconds=60)
    pid = reader.pid
    pipeline.gemini.fault("answer", json=scan_answer())
    pipeline.gemini.latency(500)
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(pipeline.extract, unique(SCAN))
        while reader.pid is not None:
            time.sleep(0.002)
        os.kill(pid, getattr(signal, signal_name))
        outcome = job.result(timeout=90)
    assert outcome.data["status"] == "ok"
    assert codes(outcome)["second_reading_missing"] == "gone"
    pipeline.gemini.fault("answer", json=scan_answer())
    assert "second_reading_missing" not in codes(pipeline.extract(unique(SCAN)))


@pytest.mark.long
def test_a_page_on_its_side_is_turned_before_the_model_sees_it(with_reader, scan_answer):
    pipeline = with_reader()
    pipeline.add_key()
    pipeline.gemini.fault("answer", json=scan_answer())
    data = picture(turned=90)
    outcome = pipeline.extract(data)
    assert codes(outcome)["page_turned"] == "90"
    (part,) = [part for part in pipeline.gemini.calls()[0]["parts"] if "mime_type" in part]
    assert part["bytes"] != len(data)
    assert outcome.data["confidence"]["total"] == "high"


@pytest.mark.long
def test_many_scans_at_once_are_compared_or_say_that_they_were_not(with_reader, scan_answer):
    pipeline = with_reader(wait_seconds=3.0)
    pipeline.add_key(limit=None)
    pipeline.gemini.fault("answer", json=scan_answer(), times=0)
    with ThreadPoolExecutor(10) as pool:
        outcomes = list(pool.map(lambda _: pipeline.extract(unique(SCAN)), range(10)))
    for outcome in outcomes:
        compared = outcome.data["confidence"]["total"] == "high"
        assert compared != ("second_reading_missing" in codes(outcome))


def picture(*, turned: int = 0) -> bytes:
    """The scan as a photo, turned counter-clockwise."""
    import pypdfium2

    document = pypdfium2.PdfDocument(SCAN.read_bytes())
    image = document[0].render(scale=150 / 72).to_pil().convert("RGB").rotate(turned, expand=True)
    document.close()
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
