"""The signed code of an Indian e-invoice is found on pages and in pictures."""

import json
from decimal import Decimal

import pytest

from shared_code.documents.document import find_india_qr, page_texts
from tests.unit.documents.files import FOLDER, invoice

EXPECTED = {
    item["file"]: item["expected"]
    for item in json.loads((FOLDER / "manifest.json").read_text("utf-8"))["files"]
    if item.get("expected")
}


@pytest.mark.parametrize(
    "name",
    [
        "syn-gst-intra-qr.pdf",
        "syn-gst-inter-qr.pdf",
        "syn-gst-intra-scan.jpg",
        "img-photo.heic",
        "img-multipage.tiff",
        "img-exif-rotated.jpg",
    ],
)
def test_the_code_is_read_from_pages_and_pictures(open_file, sandbox, name):
    document = open_file(invoice(name))
    found = find_india_qr(document, page_texts(document, sandbox=sandbox), sandbox=sandbox)
    expected = EXPECTED[name]
    assert found.doc_no == expected["invoice_number"]
    assert found.doc_date.isoformat() == expected["invoice_date"]
    assert found.total == Decimal(expected["total"])
    assert (found.seller_gstin, found.buyer_gstin) == (expected["seller_gstin"], expected["buyer_gstin"])
    assert found.signature == "unverified"


@pytest.mark.parametrize("name", ["syn-ghana-2026.pdf", "gg-google-scan.pdf", "az-india.png"])
def test_documents_without_a_code_have_none(open_file, sandbox, name):
    document = open_file(invoice(name))
    assert find_india_qr(document, page_texts(document, sandbox=sandbox), sandbox=sandbox) is None
