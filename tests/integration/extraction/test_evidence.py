"""Evidence on its way into the database and into every answer, over each database."""

import json
import zlib

import pytest
from sqlalchemy import update

from shared_code import errors
from shared_code.database import tables
from shared_code.database.stores.extractions import erased_readings
from shared_code.database.stores.extractions.erased_readings import DocumentKey
from shared_code.extraction import submission
from shared_code.extraction.evidence_data import EvidenceWanted, packed, shown, unpacked

from .conftest import INVOICES, SAMPLES, unique

SAMPLE = SAMPLES / "ghana-vat-invoice.pdf"
E_INVOICE = INVOICES / "xr-01.01a_ubl.xml"
on_one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def evidence_of(data) -> dict:
    return data["invoices"][0]["evidence"]


def test_every_way_to_a_reading_gives_its_evidence(pipeline):
    pipeline.add_key()
    document = unique(SAMPLE)
    first = pipeline.extract(document).data
    total = evidence_of(first)["total"]
    assert (total["source"], total["page"], total["text"]) == ("text_layer", 1, "76,440.00")
    assert total["reason"].startswith("beside the label 'Total Payable'")
    assert len(total["box"]) == 4
    assert all(0 <= part <= 1 for part in total["box"])
    # What is given again is what was found, number by number.
    again = pipeline.extract(document).data
    assert again["cached"]
    assert evidence_of(again) == evidence_of(first)
    asked = pipeline.services.stored_readings.find(first["id"]).data
    assert evidence_of(asked) == evidence_of(first)
    # The result itself is stored without it.
    (row,) = pipeline.rows(tables.extractions)
    assert "evidence" not in json.loads(row.Result)["invoices"][0]
    assert json.loads(zlib.decompress(bytes(row.Evidence))) == [evidence_of(first)]


def test_how_much_is_shown_is_no_part_of_the_reading(pipeline):
    pipeline.add_key()
    document = unique(SAMPLE)
    bare = pipeline.extract(document, evidence=EvidenceWanted.NONE).data
    assert "evidence" not in bare["invoices"][0]
    shown = pipeline.extract(document).data
    assert (shown["cached"], shown["id"]) == (True, bare["id"])
    assert "total" in evidence_of(shown)
    find = pipeline.services.stored_readings.find
    assert "evidence" not in find(bare["id"], evidence=EvidenceWanted.NONE).data["invoices"][0]
    assert len(pipeline.gemini.calls()) == 1


def test_an_upload_under_the_same_key_may_ask_for_another_part(pipeline):
    pipeline.add_key()
    document = unique(SAMPLE)
    answer, extract = pipeline.services.idempotency.answer, pipeline.services.extraction.extract
    first = answer("key", pipeline.submission(document), extract).data
    again = answer("key", pipeline.submission(document, evidence=EvidenceWanted.NONE), extract).data
    assert again["id"] == first["id"]
    assert "evidence" not in again["invoices"][0]


def test_erasing_a_document_takes_its_evidence_along(pipeline):
    pipeline.add_key()
    data = pipeline.extract(unique(SAMPLE)).data
    document = DocumentKey("NT047", data["provenance"]["sha256"])
    pipeline.services.database.run(lambda c: erased_readings.empty_readings(c, document, data["id"]))
    (row,) = pipeline.rows(tables.extractions)
    assert (row.Result, row.Evidence) == (None, None)
    with pytest.raises(errors.Gone):
        pipeline.services.stored_readings.find(data["id"])


def test_a_reading_of_an_earlier_version_is_answered_without(pipeline):
    pipeline.add_key()
    document = unique(SAMPLE)
    data = pipeline.extract(document).data
    pipeline.services.database.run(lambda c: c.execute(update(tables.extractions).values(Evidence=None)))
    assert "evidence" not in pipeline.services.stored_readings.find(data["id"]).data["invoices"][0]
    assert "evidence" not in pipeline.extract(document).data["invoices"][0]


def test_values_of_an_e_invoice_name_their_element_and_business_term(pipeline):
    pipeline.add_key()
    first = pipeline.extract(E_INVOICE.read_bytes()).data
    number = evidence_of(first)["invoice_number"]
    assert number == {
        "source": "xml", "page": None, "box": None, "text": first["invoices"][0]["invoice_number"],
        "reason": number["reason"], "path": "/Invoice/ID", "term": "BT-1",
    }  # fmt: skip
    assert number["reason"].startswith("the XML says so")
    line = evidence_of(first)["line_items[0].net_amount"]
    assert (line["path"], line["term"]) == ("/Invoice/InvoiceLine[1]/LineExtensionAmount", "BT-131")
    again = pipeline.extract(E_INVOICE.read_bytes()).data
    assert again["cached"]
    assert evidence_of(again) == evidence_of(first)


@on_one_database
def test_several_invoices_each_have_their_own_on_their_own_pages(pipeline):
    pipeline.add_key()
    data = pipeline.extract(unique(INVOICES / "syn-two-invoices.pdf")).data
    assert [one["evidence"]["invoice_number"]["page"] for one in data["invoices"]] == [1, 2]
    for one in data["invoices"]:
        assert one["evidence"]["invoice_number"]["text"] == one["invoice_number"]


def line(number: int) -> dict:
    return {
        "source": "text_layer",
        "page": 1,
        "box": [0.1, 0.2, 0.3, 0.4],
        "text": f"{number}.00",
        "reason": "in its row",
    }


def invoice(lines: int) -> dict:
    cells = {f"line_items[{number}].net_amount": line(number) for number in range(lines)}
    return {"total": "1.00", "line_items": [{"net_amount": "1.00"}] * lines, "evidence": {"total": line(0), **cells}}


@pytest.mark.parametrize(
    ("lines", "wanted", "cells"), [(100, "default", 100), (101, "default", 0), (101, "lines", 101), (5, "none", None)]
)
def test_cells_of_many_lines_are_shown_when_they_are_asked_for(lines, wanted, cells):
    (answer,) = shown([invoice(lines)], EvidenceWanted(wanted))
    if cells is None:
        assert "evidence" not in answer
    else:
        assert sum(path.startswith("line_items") for path in answer["evidence"]) == cells
        assert "total" in answer["evidence"]
    assert len(answer["line_items"]) == lines


def test_an_answer_stays_under_two_megabytes():
    many = invoice(3_000)
    for number in range(3_000):
        for name in ("quantity", "unit_price", "description", "tax_rate"):
            many["evidence"][f"line_items[{number}].{name}"] = line(number)
    (answer,) = shown([many], EvidenceWanted.LINES)
    assert len(json.dumps(answer)) < 2_000_000
    assert "line_items[0].net_amount" in answer["evidence"]
    assert "total" in answer["evidence"]


def test_evidence_of_600_lines_takes_little_room():
    evidence = [invoice(600)["evidence"]]
    assert len(packed(evidence)) < 40_000
    assert unpacked(zlib.compress(json.dumps(evidence).encode())) == evidence


@pytest.mark.parametrize("word", ["all", "NONE ", ""])
def test_the_field_takes_three_words(word):
    if word == "all":
        with pytest.raises(errors.InvalidRequest, match="must be one of default, none, lines"):
            submission.read_evidence({"evidence": word})
    else:
        assert submission.read_evidence({"evidence": word}).value == (word.strip().lower() or "default")
