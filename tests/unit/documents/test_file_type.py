import codecs

import pytest

from shared_code import errors
from shared_code.documents import file_type
from tests.unit.documents.files import FOLDER, invoice


def test_content_decides_and_not_the_name():
    assert file_type.detect_file_type(invoice("nasty-png-renamed.pdf")) is file_type.PNG
    assert file_type.detect_file_type(invoice("az-receipt-photo.png")) is file_type.JPEG


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("syn-export-usd.pdf", file_type.PDF),
        ("nasty-pdf-zip-polyglot.pdf", file_type.PDF),
        ("img-photo.heic", file_type.HEIC),
        ("img-multipage.tiff", file_type.TIFF),
        ("img-exif-rotated.jpg", file_type.JPEG),
        ("fpa-FPR01.xml", file_type.XML),
        ("nasty-xxe.xml", file_type.XML),
    ],
)
def test_types_of_the_shared_set(name, expected):
    assert file_type.detect_file_type(invoice(name)) is expected


def test_every_pdf_of_the_set_that_a_model_may_see_is_a_pdf():
    found = {path.name for path in FOLDER.glob("*.pdf") if path.read_bytes()[:5] == b"%PDF-"}
    assert len(found) > 25
    assert all(file_type.detect_file_type(invoice(name)) is file_type.PDF for name in found)


@pytest.mark.parametrize(
    "data",
    [
        b"<Invoice xmlns='x'/>",
        b"\xef\xbb\xbf \r\n<?xml version='1.0'?><a/>",
        codecs.BOM_UTF16_LE + "<?xml version='1.0' encoding='utf-16'?><a/>".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "\n<Invoice/>".encode("utf-16-be"),
        "<?xml version='1.0'?><a/>".encode("utf-16-le"),
        b"<!-- made by hand --><Invoice/>",
    ],
)
def test_xml_is_found_behind_byte_order_marks_and_blanks(data):
    assert file_type.detect_file_type(data) is file_type.XML


def test_pdf_header_counts_within_its_first_kilobyte_only():
    assert file_type.detect_file_type(b"\n" * 1000 + b"%PDF-1.4\n") is file_type.PDF
    with pytest.raises(errors.UnsupportedFileType):
        file_type.detect_file_type(b"\n" * 1024 + b"%PDF-1.4\n")


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1", b"hevc"])
def test_heic_by_brand(brand):
    assert file_type.detect_file_type(b"\x00\x00\x00\x18ftyp" + brand + b"\x00\x00\x00\x00mif1heic") is file_type.HEIC


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (invoice("nasty-exe-header.pdf"), "a Windows program"),
        (invoice("nasty-text-renamed.pdf"), "plain text"),
        (b"PK\x03\x04 whatever", "a ZIP archive or an Office document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document or an Outlook message"),
        (b"GIF89a", "a GIF image"),
        (b"<!DOCTYPE html><html></html>", "a web page"),
        (b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1avif", "an AVIF image"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom", "a video or an unknown media file"),
        (bytes(range(1, 32)) * 9, "of an unknown type"),
    ],
)
def test_other_content_is_refused_with_what_it_is(data, found):
    with pytest.raises(errors.UnsupportedFileType, match=r"^Failed to process invoice: ") as caught:
        file_type.detect_file_type(data)
    assert caught.value.details == {"field": "file", "reason": "unsupported", "found": found}


def test_no_bytes_are_an_empty_file():
    with pytest.raises(errors.InvalidFile) as caught:
        file_type.detect_file_type(b"")
    assert caught.value.details["reason"] == "empty"


@pytest.mark.parametrize(
    ("file_name", "content_type", "expected"),
    [
        ("a.PNG", "application/pdf", "the name says .png"),
        ("a.pdf", "image/png; charset=x", "the content type says image/png"),
        ("a.pdf", "application/octet-stream", None),
        ("a.PDF", "application/x-pdf", None),
        ("a.bin", None, None),
        (None, None, None),
    ],
)
def test_claims_that_differ_from_the_content(file_name, content_type, expected):
    assert file_type.mismatch(file_type.PDF, file_name=file_name, content_type=content_type) == expected


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("../../../../etc/passwd.pdf", "passwd.pdf"),
        ("..\\..\\windows\\win.ini.pdf", "win.ini.pdf"),
        ("invoice\u202egnp.pdf", "invoicegnp.pdf"),
        ("inv\x00oice.pdf", "invoice.pdf"),
        ("facture n°12 ₹.PDF", "facture n°12 ₹.PDF"),
        ("a\r\n\tb\u2003c.pdf", "ab c.pdf"),
        ("", "document"),
        (None, "document"),
        ("...", "document"),
        ("=cmd|calc!A1.pdf", "=cmd|calc!A1.pdf"),
    ],
)
def test_labels_are_clean_names(name, label):
    assert file_type.clean_label(name) == label


def test_long_names_keep_their_ending():
    label = file_type.clean_label("a" * 300 + ".pdf")
    assert len(label) == 100
    assert label.endswith("aa.pdf")
