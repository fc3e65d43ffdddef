"""E-invoices in envelopes, signed or of many invoices, from the upload to the answer."""

import pytest

from tests.unit.documents.files import page_pdf
from tests.unit.documents.test_signed_envelope import signed
from tests.unit.e_invoices.written import fatturapa, fatturapa_body, ubl

#: nothing here depends on the database
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_signed_e_invoice_costs_nothing_and_names_its_signer(pipeline):
    pipeline.add_key()
    outcome = pipeline.extract(signed(fatturapa(fatturapa_body())), file_name="IT01.xml.p7m")
    assert pipeline.gemini.calls() == []
    provenance = outcome.data["provenance"]
    assert (provenance["method"], provenance["syntax"]) == ("embedded_xml", "FatturaPA")
    assert (provenance["signed_by"], provenance["signature"]) == ("Anna Neri", "unverified")
    warning = next(each for each in outcome.data["warnings"] if each["code"] == "signature_unverified")
    assert (warning["found"], warning["review"]) == ("Anna Neri", False)


def test_a_signed_pdf_is_read_by_a_model_and_names_its_signer(pipeline):
    pipeline.add_key()
    outcome = pipeline.extract(signed(page_pdf(b"BT /F1 12 Tf 50 700 Td (Invoice A-1) Tj ET")), file_name="a.pdf.p7m")
    (call,) = pipeline.gemini.calls()[:1]
    assert "application/pdf" in [part.get("mime_type") for part in call["parts"]]
    provenance = outcome.data["provenance"]
    assert (provenance["method"], provenance["signed_by"], provenance["signature"]) == (
        "model",
        "Anna Neri",
        "unverified",
    )


def test_an_unsigned_file_says_nothing_of_a_signature(pipeline):
    pipeline.add_key()
    assert pipeline.extract(ubl(), file_name="a.xml").data["provenance"].keys().isdisjoint({"signed_by", "signature"})


def test_an_envelope_of_many_invoices_says_how_many_it_left_out(pipeline):
    pipeline.add_key()
    data = b"<Batch>" + b"".join(ubl(number=f"N-{at}") for at in range(103)) + b"</Batch>"
    outcome = pipeline.extract(data, file_name="batch.xml")
    assert outcome.data["status"] == "multiple_invoices"
    assert [invoice["invoice_number"] for invoice in outcome.data["invoices"]] == [f"N-{at}" for at in range(100)]
    (warning,) = [each for each in outcome.data["warnings"] if each["code"] == "invoices_left_out"]
    assert "103 invoices; the first 100" in warning["message"]


def test_an_invoice_of_six_megabytes_is_read(pipeline):
    pipeline.add_key()
    data = ubl(f"<cac:Attachment>{'QUJD' * 1_600_000}</cac:Attachment>")
    assert pipeline.extract(data, file_name="big.xml").data["invoices"][0]["invoice_number"] == "U-1"
