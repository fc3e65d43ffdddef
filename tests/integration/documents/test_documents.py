import codecs
import hashlib
import json
import logging

import pytest

from shared_code import errors
from shared_code.documents.document import open_document, page_images, page_texts
from shared_code.documents.file_type import Kind
from tests.unit.documents.files import FOLDER, MEGABYTE, invoice, page_pdf

FILES = json.loads((FOLDER / "manifest.json").read_text("utf-8"))["files"]
NAMES = json.loads((FOLDER / "manifest.json").read_text("utf-8"))["upload_names_to_try"]
REFUSED = {
    "nasty-300-pages.pdf": (errors.TooManyPages, "too_many_pages"),
    "nasty-bomb-20000x20000.png": (errors.InvalidFile, "image_too_large"),
    "nasty-encrypted-aes256.pdf": (errors.InvalidFile, "encrypted"),
    "nasty-exe-header.pdf": (errors.UnsupportedFileType, "unsupported"),
    "nasty-flate-bomb-300MB.pdf": (errors.InvalidFile, "bomb"),
    "nasty-no-pages.pdf": (errors.InvalidFile, "no_pages"),
    "nasty-text-renamed.pdf": (errors.UnsupportedFileType, "unsupported"),
    "nasty-truncated-60.pdf": (errors.InvalidFile, "corrupt"),
    "nasty-zero-byte.pdf": (errors.InvalidFile, "empty"),
}


@pytest.mark.parametrize("item", FILES, ids=lambda item: item["file"])
def test_every_file_of_the_set_is_read_or_refused_as_it_should(open_file, sandbox, item):
    data = invoice(item["file"])
    if item["file"] in REFUSED:
        kind, reason = REFUSED[item["file"]]
        with pytest.raises(kind) as caught:
            open_file(data, file_name=item["file"])
        assert caught.value.details["reason"] == reason
        return
    assert not item["outcome"].startswith("reject") or item["file"] == "nasty-xxe.xml"
    document = open_file(data, file_name=item["file"])
    assert document.sha256 == hashlib.sha256(data).hexdigest()
    assert document.label == item["file"]
    assert len(document.media) >= 1
    assert len(page_texts(document, sandbox=sandbox).pages) == document.page_count
    pictures = page_images(document, longest_side=600, sandbox=sandbox)
    assert len(pictures) == (0 if document.kind is Kind.XML else document.page_count)


@pytest.mark.parametrize("name", NAMES)
def test_names_are_labels_and_nothing_else(open_file, name):
    document = open_file(invoice("syn-export-usd.pdf"), file_name=name)
    assert document.findings == ()
    assert not set(document.label) & set("/\\\x00\u202e")
    assert 0 < len(document.label) <= 100


def test_size_is_checked_before_anything_else(open_file):
    with pytest.raises(errors.FileTooLarge) as caught:
        open_file(b"x" * (MEGABYTE + 1), max_bytes=MEGABYTE)
    assert caught.value.details == {
        "field": "file",
        "reason": "too_large",
        "limit_mb": 1.0,
        "actual_bytes": MEGABYTE + 1,
    }
    with pytest.raises(errors.FileTooLarge, match=r"The file is 1\.51 MB; the limit is 1\.5 MB"):
        open_file(b"%PDF-" + b"x" * 1_580_000, max_bytes=1_572_864)
    with pytest.raises(errors.FileTooLarge, match=r"The file is 1,572,865 bytes; the limit is 1\.5 MB \(1,572,864 byt"):
        open_file(b"%PDF-" + b"x" * 1_572_860, max_bytes=1_572_864)
    with pytest.raises(errors.FileTooLarge, match=r"The file is 3\.0 MB; the limit is 1\.5 MB"):
        open_file(b"x" * 3 * MEGABYTE, max_bytes=MEGABYTE * 3 // 2)


def test_xml_may_be_as_large_as_any_upload(open_file):
    data = b"<a>" + b" " * 5 * MEGABYTE + b"</a>"
    assert open_file(data, max_bytes=len(data)).size == len(data)
    with pytest.raises(errors.FileTooLarge):
        open_file(data, max_bytes=len(data) - 1)


def test_xml_is_handed_on_as_it_is(open_file):
    data = codecs.BOM_UTF16_LE + "<Invoice/>".encode("utf-16-le")
    document = open_file(data, file_name="a.xml", content_type="text/xml")
    assert (document.kind, document.page_count, document.findings) == (Kind.XML, 1, ())
    assert document.media[0].data is data
    assert page_texts(document).pages == ("",)
    assert page_images(document) == ()


def test_every_page_of_a_pdf_is_drawn(open_file, sandbox):
    document = open_file(invoice("syn-two-invoices.pdf"))
    assert len(page_images(document, sandbox=sandbox)) == 2


def test_nothing_of_a_library_reaches_the_caller(open_file):
    for name, (kind, _) in REFUSED.items():
        with pytest.raises(kind) as caught:
            open_file(invoice(name))
        words = caught.value.message.lower()
        assert not any(word in words for word in ("pikepdf", "qpdf", "pillow", "pdfium", "trailer", "object at", "0x"))


def test_bytes_and_texts_do_not_show_in_a_print(open_file, sandbox):
    document = open_file(page_pdf(b"BT /F1 12 Tf 72 700 Td (Secret words) Tj ET"))
    texts = page_texts(document, sandbox=sandbox)
    assert texts.pages == ("Secret words",)
    assert "Secret" not in repr(texts)
    assert "%PDF" not in repr(document)


def test_a_default_sandbox_serves_who_brings_none():
    data = invoice("syn-export-usd.pdf")
    document = open_document(data, max_bytes=MEGABYTE, max_pages=1)
    assert page_texts(document).pages[0]


def test_refusals_are_no_noise_in_the_log(open_file, caplog):
    caplog.set_level(logging.INFO)
    for name, (kind, _) in REFUSED.items():
        with pytest.raises(kind):
            open_file(invoice(name))
    assert caplog.text == ""
