"""What a document's own evidence does to a model's answer: its text, its signed code, its embedded data, its twins."""

import io
import json
import logging
import re
from types import SimpleNamespace

import pytest

from shared_code import errors
from shared_code.database import tables
from shared_code.web import extract
from shared_code.web.extract import Upload
from tests.integration.documents import fuzz
from tests.unit.documents import files
from tests.unit.extraction import wire_answers

from .conftest import INVOICES

#: nothing here depends on the database
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

EXPECTED = {
    entry["file"]: entry.get("expected")
    for entry in json.loads((INVOICES / "manifest.json").read_text(encoding="utf-8"))["files"]
}


def answer_of(name: str, **changes) -> dict:
    """The wire answer of a model that reads a file well, but for ``changes``."""
    expected = EXPECTED[name]
    critical = {field: expected[field] for field in ("invoice_number", "invoice_date", "total", "currency")}
    values = {
        **critical,
        **{f"{field}_printed": value for field, value in critical.items()},
        "net_total": expected["net_total"],
        "tax_total": expected["tax_total"],
        "round_off": expected.get("round_off"),
        "seller": {"name": expected["issuer"], "tax_id": expected.get("seller_gstin")},
        "irn": expected.get("irn"),
    }
    return json.loads(wire_answers.answer(wire_answers.invoice(**values | changes)))


def codes(outcome) -> set[tuple[str, str | None]]:
    return {(warning["code"], warning["field"]) for warning in outcome.data["warnings"]}


def read(pipeline, name: str, **options):
    return pipeline.extract((INVOICES / name).read_bytes(), file_name=name, **options)


def test_a_model_that_sees_an_empty_page_is_shown_the_text_and_the_picture(pipeline):
    key = pipeline.add_key()
    pipeline.gemini.fault("blind")
    outcome = read(pipeline, "font-no-tounicode.pdf")
    assert outcome.data["invoices"][0]["invoice_number"] == "NG-4471"
    assert outcome.data["invoices"][0]["total"] == "252.00"
    first, second = pipeline.gemini.calls()
    assert [part["mime_type"] for part in first["parts"] if "mime_type" in part] == ["application/pdf"]
    assert [part["mime_type"] for part in second["parts"] if "mime_type" in part] == ["image/jpeg"]
    text_of = [next(part["text_chars"] for part in call["parts"] if "text_chars" in part) for call in (first, second)]
    assert text_of[1] > text_of[0] + 100
    assert [row.Outcome for row in pipeline.rows()] == ["second_look", "ok"]
    billed = [call["usage"]["totalTokenCount"] for call in (first, second)]
    assert [row.TotalTokensUsed for row in pipeline.rows()] == billed
    assert pipeline.summary(key.token_id).TotalUsedTokens == sum(billed) == outcome.data["usage"]["total_tokens"]


def test_a_model_that_stays_blind_is_not_asked_a_third_time(pipeline):
    pipeline.add_key()
    pipeline.gemini.fault("blind", times=0)
    outcome = read(pipeline, "font-no-tounicode.pdf")
    assert (outcome.data["status"], outcome.data["invoices"]) == ("needs_review", [])
    assert ("unreadable", None) in codes(outcome)
    assert [row.Outcome for row in pipeline.rows()] == ["second_look", "ok"]
    assert pipeline.rows(tables.token_reservations) == []


def test_a_total_that_is_nowhere_on_the_page_is_looked_at_again(pipeline):
    pipeline.add_key()
    wrong = answer_of("syn-ghana-2026.pdf", total="77440.00", total_printed="77,440.00")
    pipeline.gemini.fault("answer", json=wrong)
    outcome = read(pipeline, "syn-ghana-2026.pdf")
    assert outcome.data["invoices"][0]["total"] == "76440.00"
    assert len(pipeline.gemini.calls()) == 2


def test_a_total_that_stays_off_the_page_is_kept_with_a_warning(pipeline):
    pipeline.add_key()
    wrong = answer_of("syn-ghana-2026.pdf", total="77440.00", total_printed="77,440.00")
    pipeline.gemini.fault("answer", json=wrong, times=0)
    outcome = read(pipeline, "syn-ghana-2026.pdf")
    assert outcome.data["status"] == "needs_review"
    assert outcome.data["invoices"][0]["total"] == "77440.00"
    assert outcome.data["confidence"]["total"] == "low"
    assert ("ungrounded", "total") in codes(outcome)
    assert len(pipeline.gemini.calls()) == 2


def test_an_answer_that_was_cut_gets_more_room_once_and_what_was_paid_for_is_kept(pipeline):
    pipeline.add_key()
    pipeline.gemini.fault("max_tokens_cut", times=0)
    outcome = read(pipeline, "syn-ghana-2026.pdf")
    assert outcome.data["status"] == "needs_review"
    assert "pages_not_read" in [warning["code"] for warning in outcome.data["warnings"]]
    assert outcome.data["invoices"][0]["invoice_number"]
    first, second = pipeline.gemini.calls()
    assert second["max_output_tokens"] > first["max_output_tokens"]
    assert [row.Outcome for row in pipeline.rows()] == ["truncated", "truncated"]


def test_no_invoice_in_a_document_that_has_the_marks_of_one_is_doubted(pipeline):
    pipeline.add_key()
    pipeline.gemini.fault("answer", json={"document_status": "not_an_invoice", "invoices": []}, times=0)
    outcome = read(pipeline, "syn-ghana-2026.pdf")
    assert outcome.data["status"] == "needs_review"
    assert ("no_invoice_found", None) in codes(outcome)
    assert len(pipeline.gemini.calls()) == 2


def test_a_scan_is_grounded_by_its_signed_code(pipeline):
    pipeline.add_key()
    pipeline.gemini.fault("answer", json=answer_of("syn-gst-intra-scan.jpg"))
    data = read(pipeline, "syn-gst-intra-scan.jpg").data
    assert data["provenance"]["method"] == "qr+model"
    assert data["invoices"][0]["india"]["qr"]["signature"] == "unverified"
    proved = ("invoice_number", "invoice_date", "total", "seller.tax_id")
    assert {data["confidence"][field] for field in proved} == {"high"}
    assert data["confidence"]["currency"] == "medium"
    assert len(pipeline.gemini.calls()) == 1


def test_a_scan_that_contradicts_its_signed_code_is_reviewed_and_keeps_what_was_read(pipeline):
    pipeline.add_key()
    wrong = answer_of("syn-gst-intra-scan.jpg", total="175038.00", total_printed="1,75,038.00")
    pipeline.gemini.fault("answer", json=wrong)
    outcome = read(pipeline, "syn-gst-intra-scan.jpg")
    assert outcome.data["status"] == "needs_review"
    assert ("qr_mismatch", "total") in codes(outcome)
    assert outcome.data["invoices"][0]["total"] == "175038.00"
    assert outcome.data["confidence"]["total"] == "low"


def test_the_scan_of_an_invoice_that_came_as_a_pdf_is_its_duplicate(pipeline):
    pipeline.add_key()
    read(pipeline, "syn-gst-intra-qr.pdf")
    pipeline.gemini.fault("answer", json=answer_of("syn-gst-intra-scan.jpg"))
    outcome = read(pipeline, "syn-gst-intra-scan.jpg")
    first = pipeline.rows(tables.extractions)[0]
    assert outcome.data["duplicate_of"] == first.DocumentSha256
    assert ("duplicate_invoice", "invoice_number") in codes(outcome)


def test_two_totals_and_bad_numbers_of_an_indian_invoice_are_flagged(pipeline):
    """What a model that can read pictures says of the set's worst scan."""
    pipeline.add_key()
    expected = EXPECTED["az-india.png"]
    answer = answer_of(
        "az-india.png",
        amount_due="6,54,321.00",
        seller={"name": "Contoso LTD", "tax_id": expected["seller_gstin"], "tax_id_type": "GSTIN"},
        buyer={"name": "Microsoft", "tax_id": expected["buyer_gstin"], "tax_id_type": "GSTIN"},
        bank_accounts=[{"account_number": expected["bank_account"], "ifsc": expected["ifsc"]}],
    )
    pipeline.gemini.fault("answer", json=answer)
    outcome = read(pipeline, "az-india.png")
    assert outcome.data["status"] == "needs_review"
    assert codes(outcome) >= {
        ("due_mismatch", "amount_due"),
        ("bad_gstin", "seller.tax_id"),
        ("bad_gstin", "buyer.tax_id"),
    }
    assert outcome.data["invoices"][0]["total"] == "708000.00"


def with_xml(page: str, xml: bytes) -> bytes:
    """The pages of one document of the set with this XML embedded."""
    import pikepdf

    out = io.BytesIO()
    with pikepdf.open(INVOICES / page) as pdf:
        for name in list(pdf.attachments):
            del pdf.attachments[name]
        pdf.attachments["factur-x.xml"] = pikepdf.AttachedFileSpec(pdf, xml, filename="factur-x.xml")
        pdf.save(out)
    return out.getvalue()


def minimum_profile() -> bytes:
    """The XML of the sound e-invoice without its lines, as the smallest profiles have it."""
    xml = (INVOICES / "fx-DATA-002.xml").read_bytes().replace(b"20260230", b"20260815")
    return re.sub(
        rb"<ram:IncludedSupplyChainTradeLineItem>.*</ram:IncludedSupplyChainTradeLineItem>", b"", xml, flags=re.DOTALL
    )


def test_an_e_invoice_without_lines_costs_a_call_only_when_lines_are_needed(pipeline):
    pipeline.add_key()
    data = with_xml("fx-OK-001.pdf", minimum_profile())
    outcome = pipeline.extract(data)
    assert outcome.data["provenance"]["method"] == "embedded_xml"
    assert outcome.data["invoices"][0]["line_items"] == []
    assert pipeline.gemini.calls() == []
    outcome = pipeline.extract(data, lines_required=True)
    assert outcome.data["provenance"]["method"] == "model"
    assert ("no_lines_in_xml", "line_items") in codes(outcome)
    assert outcome.data["invoices"][0]["invoice_number"] == "FA-2026-0001"
    assert len(pipeline.gemini.calls()) == 1


def test_the_xml_of_another_invoice_does_not_speak_for_the_page(pipeline):
    pipeline.add_key()
    xml = (INVOICES / "zf-EN16931_Rabatte.cii.xml").read_bytes()
    outcome = pipeline.extract(with_xml("fx-OK-001.pdf", xml))
    assert outcome.data["provenance"]["method"] == "model"
    assert outcome.data["invoices"][0]["invoice_number"] == "FA-2026-0001"
    assert outcome.data["status"] == "needs_review"
    assert ("xml_page_mismatch", "total") in codes(outcome)


def test_pages_of_too_many_pixels_are_answered_from_xml_or_not_at_all(pipeline):
    import pikepdf

    def with_pictures(xml: bytes) -> bytes:
        out = io.BytesIO()
        with pikepdf.open(io.BytesIO(with_xml("fx-OK-001.pdf", xml))) as pdf:
            for _ in range(2):
                picture = pdf.make_stream(files.spaces(150 * files.MEGABYTE), Width=5950, Height=8420)
                picture.Subtype, picture.Filter = pikepdf.Name.Image, pikepdf.Name.FlateDecode
                pdf.Root[f"/Picture{picture.objgen[0]}"] = picture
            pdf.save(out, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)
        return out.getvalue()

    pipeline.add_key()
    outcome = pipeline.extract(with_pictures(minimum_profile()), lines_required=True)
    assert outcome.data["provenance"]["method"] == "embedded_xml"
    with pytest.raises(errors.InvalidFile) as caught:
        pipeline.extract(with_pictures((INVOICES / "zf-EN16931_Rabatte.cii.xml").read_bytes()))
    assert caught.value.details["reason"] == "bomb"
    assert pipeline.gemini.calls() == []


def test_several_invoices_in_one_xml_stay_several(pipeline):
    pipeline.add_key()
    xml = (INVOICES / "fpa-FPR01.xml").read_text(encoding="utf-8")
    start = xml.index("<FatturaElettronicaBody>")
    end = xml.index("</FatturaElettronicaBody>") + len("</FatturaElettronicaBody>")
    body = xml[start:end]
    second = body.replace("<Numero>123</Numero>", "<Numero>124</Numero>")
    outcome = pipeline.extract((xml[:end] + second + xml[end:]).encode())
    assert outcome.data["status"] == "multiple_invoices"
    assert [invoice["invoice_number"] for invoice in outcome.data["invoices"]] == ["123", "124"]
    assert pipeline.gemini.calls() == []


def test_an_embedded_file_with_a_dtd_is_left_alone_and_reviewed(pipeline):
    pipeline.add_key()
    outcome = pipeline.extract(with_xml("syn-ghana-2026.pdf", (INVOICES / "nasty-xxe.xml").read_bytes()))
    assert outcome.data["invoices"][0]["total"] == "76440.00"
    assert outcome.data["status"] == "needs_review"
    assert ("embedded_xml_unusable", "file") in codes(outcome)


def test_no_mutated_document_is_an_internal_error(pipeline, caplog):
    """Through the border of HTTP, model call included; the long form is in ``soak``."""
    caplog.set_level(logging.ERROR)
    pipeline.add_key()
    corpus = fuzz.corpus()
    seen = set()
    for number in range(80):
        name, data = fuzz.mutation(corpus, number, seed=7)
        upload = Upload(data=data, content_type="", fields={"companyID": "NT047"}, file_name=name, multipart=True)
        response = extract.extract_response(lambda: pipeline.services, lambda upload=upload: upload, request_id=None)
        envelope = json.loads(response.body)
        seen.add(response.status_code)
        assert response.status_code in {200, 413, 415, 422}, (number, name, envelope)
    assert {200, 422} <= seen
    assert [record for record in caplog.records if record.name.startswith("shared_code")] == []
    assert pipeline.rows(tables.token_reservations) == []


def test_files_on_disk_are_read_from_the_command_line(pipeline_settings, gemini, database_url, monkeypatch, capsys):
    """A table with the outcome of each, JSON lines, and an exit code that says whether all were read."""
    from shared_code.cli.main import main

    settings = pipeline_settings()
    environment = {
        "DATABASE_URL": database_url,
        "AZURE_SQL_CONNECTION_STRING": "",
        "GEMINI_BASE_URL": gemini.url,
        "TOKEN_ENCRYPTION_KEYS": settings.token_encryption_keys.get_secret_value(),
        "COLUMNS": "200",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    asked = SimpleNamespace(good=str(INVOICES / "syn-ghana-2026.pdf"), bad=str(INVOICES / "nasty-xxe.xml"))

    assert main(["extract", asked.good]) == 1
    assert "No company has a key" in capsys.readouterr().err
    assert main(["tokens", "add", "nt047", "--api-key", "AIzaCommandLine"]) == 0
    capsys.readouterr()

    assert main(["extract", asked.good, asked.bad]) == 1
    table = capsys.readouterr().out
    assert all(text in table for text in ("ADM-26-00118", "76440.00 GHS", "INVALID_FILE", "document type (DTD)"))

    assert main(["extract", asked.good, "--json", "--company", "nt047", "--provider", "gemini"]) == 0
    line = json.loads(capsys.readouterr().out)
    assert (line["file"], line["status"]) == (asked.good, "success")
    assert line["data"]["provenance"]["method"] == "cached"

    e_invoice = str(INVOICES / "xr-01.01a_ubl.xml")
    before = len(gemini.calls())
    assert main(["extract", e_invoice, "--explain", "--json"]) == 0
    explained = json.loads(capsys.readouterr().out)
    number = next(entry for entry in explained["explanation"] if entry["field"] == "invoice_number")
    assert number == {
        "field": "invoice_number",
        "value": explained["data"]["invoices"][0]["invoice_number"],
        "term": "BT-1",
        "path": "/Invoice/ID",
        "text": explained["data"]["invoices"][0]["invoice_number"],
    }
    assert main(["extract", e_invoice, "--explain"]) == 0
    assert "/Invoice/LegalMonetaryTotal/PayableAmount" in capsys.readouterr().out
    assert main(["extract", asked.good, "--explain"]) == 0
    assert "No element to name" in capsys.readouterr().out
    assert len(gemini.calls()) == before

    assert main(["extract", asked.good, "--force"]) == 0
    assert "Portland" in capsys.readouterr().out
    assert len(gemini.calls()) == 2

    assert main(["extract", asked.good, "--provider", "openai"]) == 1
    assert "TOKEN_UNAVAILABLE" in capsys.readouterr().out
    assert main(["extract", str(files.FOLDER / "nothing.pdf")]) == 2
    assert main(["extract", asked.good, "--provider", "abacus"]) == 1


def blank_picture() -> bytes:
    return files.picture("RGB", (1_000, 1_400), "PNG", (255, 255, 255))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (blank_picture(), "blank"),
        (files.page_pdf(b""), "blank"),
        (files.picture("L", (40_000_000, 1), "PNG"), "too_narrow"),
    ],
)
def test_pages_that_show_nothing_cost_no_model_call(pipeline, data, reason):
    pipeline.add_key()
    with pytest.raises(errors.InvalidFile) as refused:
        pipeline.extract(data, file_name="blank")
    assert refused.value.details["reason"] == reason
    assert pipeline.gemini.calls() == []
    assert pipeline.rows() == []
