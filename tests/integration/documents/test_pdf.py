import base64
import io
import zlib

import pytest

from shared_code import errors
from shared_code.documents.document import Document, page_images, page_texts
from shared_code.documents.file_type import Kind
from tests.unit.documents.files import MEGABYTE, build_pdf, endless_lengths, flate, invoice, page_pdf, spaces, stream


def reason(caught: pytest.ExceptionInfo[errors.ServiceError]) -> str:
    assert caught.value.details["field"] == "file"
    assert caught.value.message.startswith("Failed to process invoice: ")
    return caught.value.details["reason"]


def codes(document: Document) -> list[str]:
    return [finding.code for finding in document.findings]


def test_a_plain_invoice_is_passed_on_as_it_is(open_file):
    data = invoice("syn-export-usd.pdf")
    document = open_file(data, file_name="../My invoice.pdf", content_type="application/pdf")
    assert (document.kind, document.mime_type, document.page_count, document.label) == (
        Kind.PDF,
        "application/pdf",
        1,
        "My invoice.pdf",
    )
    assert document.media[0].data is data
    assert document.findings == ()
    assert document.size == len(data)
    assert len(document.sha256) == 64


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nasty-encrypted-aes256.pdf", "encrypted"),
        ("nasty-no-pages.pdf", "no_pages"),
        ("nasty-truncated-60.pdf", "corrupt"),
        ("nasty-flate-bomb-300MB.pdf", "bomb"),
    ],
)
def test_files_that_cannot_be_read(open_file, name, expected):
    with pytest.raises(errors.InvalidFile) as caught:
        open_file(invoice(name))
    assert reason(caught) == expected


def test_an_owner_password_does_not_lock_the_reader_out(open_file, sandbox):
    document = open_file(invoice("nasty-owner-password-only.pdf"))
    assert codes(document) == ["decrypted"]
    assert b"/Encrypt" not in document.media[0].data
    assert "Invoice" in page_texts(document, sandbox=sandbox).pages[0]


def test_page_limit_names_limit_and_count(open_file):
    with pytest.raises(errors.TooManyPages) as caught:
        open_file(invoice("nasty-300-pages.pdf"))
    assert caught.value.details == {"field": "file", "reason": "too_many_pages", "limit": 30, "actual": 300}
    assert "300 pages; at most 30" in caught.value.message
    assert open_file(invoice("nasty-300-pages.pdf"), max_pages=300).page_count == 300


def many_kids(kids: list[int]) -> bytes:
    return build_pdf(
        {
            1: b"<</Type/Catalog/Pages 2 0 R>>",
            2: b"<</Type/Pages/Count 1/Kids[" + b"".join(b"%d 0 R " % kid for kid in kids) + b"]>>",
            **dict.fromkeys(sorted(set(kids)), b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"),
        }
    )


def test_counting_stops_somewhere(open_file):
    with pytest.raises(errors.TooManyPages) as caught:
        open_file(many_kids(list(range(3, 8000))))
    assert caught.value.details["actual"] == 5000
    assert "at least 5000" in caught.value.message


def test_one_page_listed_300000_times_is_refused(open_file):
    """Two megabytes; a parser that makes a page of every entry takes 700 MB."""
    with pytest.raises(errors.InvalidFile):
        open_file(many_kids([3] * 300_000))


@pytest.mark.parametrize("kids", [b"2 0 R", b"3 0 R 2 0 R", b"6 0 R"])
def test_page_trees_that_loop_are_refused(open_file, kids):
    data = build_pdf(
        {
            1: b"<</Type/Catalog/Pages 2 0 R>>",
            2: b"<</Type/Pages/Count 9999999/Kids[" + kids + b"]>>",
            3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
            4: b"null",
            5: b"null",
            6: b"<</Type/Pages/Count 1/Kids[2 0 R]/Parent 2 0 R>>",
        }
    )
    with pytest.raises(errors.InvalidFile) as caught:
        open_file(data)
    assert reason(caught) == "corrupt"


def test_a_lost_cross_reference_table_is_repaired(open_file, sandbox):
    data = invoice("syn-export-usd.pdf")
    document = open_file(data[:-40])
    assert codes(document) == ["repaired"]
    assert document.media[0].data != data[:-40]
    assert page_texts(document, sandbox=sandbox).pages[0]


def test_scripts_are_taken_out_and_named(open_file):
    document = open_file(invoice("nasty-javascript.pdf"))
    assert codes(document) == ["active_content"]
    assert not document.findings[0].review
    assert b"JavaScript" not in document.media[0].data
    assert b"alert" not in document.media[0].data


@pytest.mark.parametrize(
    "entries",
    [
        b"/AA<</O<</S/JavaScript/JS(app.alert\\(1\\))>>>>",
        b"/Annots[<</Type/Annot/Subtype/Link/Rect[0 0 9 9]/A<</S/Launch/F(calc.exe)>>>>]",
        b"/Annots[<</Type/Annot/Subtype/Link/Rect[0 0 9 9]/A<</S/URI/URI(http://x)/Next<</S/J#61vaScript/J#53(x)>>>>>>]",
        b"/Annots[<</Type/Annot/Subtype/RichMedia/Rect[0 0 9 9]/RichMediaContent<</Assets 5 0 R>>>>]",
    ],
)
def test_actions_anywhere_are_found_and_taken_out(open_file, entries):
    document = open_file(page_pdf(b"q Q", page=b"/MediaBox[0 0 99 99]" + entries))
    assert codes(document) == ["active_content"]
    again = open_file(document.media[0].data)
    assert again.findings == ()


def test_actions_in_object_streams_are_found(open_file):
    import pikepdf

    with pikepdf.open(io.BytesIO(invoice("nasty-javascript.pdf"))) as pdf:
        buffer = io.BytesIO()
        pdf.save(buffer, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    assert b"JavaScript" not in buffer.getvalue()
    assert codes(open_file(buffer.getvalue())) == ["active_content"]


def test_a_link_or_a_start_page_is_nothing_to_warn_of(open_file):
    link = b"/Annots[<</Type/Annot/Subtype/Link/Rect[0 0 9 9]/A<</S/URI/URI(https://example.com)>>>>]"
    assert open_file(page_pdf(b"q Q", page=b"/MediaBox[0 0 99 99]" + link)).findings == ()


@pytest.mark.parametrize("name", ["fx-OK-001.pdf", "zf-EN16931_Einfach.pdf", "zf1-BASIC_Einfach.pdf"])
def test_embedded_invoices_are_handed_out(open_file, name):
    document = open_file(invoice(name))
    assert document.findings == ()
    assert len(document.xml_attachments) == 1
    file_name, content = document.xml_attachments[0]
    assert file_name.endswith(".xml")
    assert b"<?xml" in content[:100]


def with_attachment(name: str, content: bytes) -> bytes:
    import pikepdf

    with pikepdf.open(io.BytesIO(invoice("syn-export-usd.pdf"))) as pdf:
        pdf.attachments[name] = content
        buffer = io.BytesIO()
        pdf.save(buffer)
    return buffer.getvalue()


def test_other_embedded_files_are_named_and_not_passed_on(open_file):
    document = open_file(with_attachment("../../payload.bin", b"payload" * 99))
    assert codes(document) == ["embedded_files"]
    assert document.xml_attachments == ()
    assert b"EmbeddedFile" not in document.media[0].data or b"/EF" not in document.media[0].data


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param(b"/AcroForm<</XFA 6 0 R/Fields[]>>/NeedsRendering true", "xfa", id="XFA that draws its own pages"),
        pytest.param(b"/AcroForm<</XFA 6 0 R>>", "xfa", id="XFA without fields"),
        pytest.param(b"/Collection<</View/D>>", "portfolio", id="portfolio"),
    ],
)
def test_pages_that_only_point_to_the_invoice_are_refused_with_the_place(open_file, entries, expected):
    with pytest.raises(errors.InvalidFile) as caught:
        open_file(shell(entries))
    assert reason(caught) == expected
    assert "invoice is" in caught.value.message


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param(b"/AcroForm<</XFA 6 0 R/Fields[7 0 R]>>", id="XFA with fields on the page"),
        pytest.param(b"/Collection<</View/H>>", id="collection whose list is not shown"),
    ],
)
def test_pages_that_show_the_invoice_themselves_are_read(open_file, entries):
    assert open_file(shell(entries)).page_count == 1


def shell(entries: bytes) -> bytes:
    """A page in a file whose catalogue has these entries, and an attached PDF."""
    return build_pdf(
        {
            1: b"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(a) 4 0 R]>>>> " + entries + b">>",
            2: b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
            3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
            4: b"<</Type/Filespec/F(invoice.pdf)/UF(invoice.pdf)/EF<</F 5 0 R>>>>",
            5: stream(b"%PDF-1.7", b"/Type/EmbeddedFile"),
            6: stream(b"<xdp/>"),
            7: b"<</FT/Tx/T(total)/V(118.00)>>",
        }
    )


def test_names_of_attachments_are_cleaned(open_file):
    document = open_file(with_attachment("../../factur-x.xml", b"<a/>"))
    assert document.xml_attachments == (("factur-x.xml", b"<a/>"),)


def test_huge_attachments_are_left_out_and_named(open_file):
    document = open_file(with_attachment("big.xml", b"<a>" + b" " * 21_000_000))
    assert document.xml_attachments == ()
    assert codes(document) == ["attachment_skipped"]


XML = b"<?xml version='1.0'?><invoice/>"
SPECIFICATION = b"<</Type/Filespec/F(%s)/UF(%s)/AFRelationship/%s/EF<</F %d 0 R>>>>"


def embedding(
    *, catalog: bytes = b"", page: bytes = b"", extra: dict[int, bytes] | None = None, embedded: bytes | None = None
) -> bytes:
    """A page in a file with an XML file at 5, and the file specification ``invoice.xml`` for it at 4."""
    return build_pdf(
        {
            1: b"<</Type/Catalog/Pages 2 0 R" + catalog + b">>",
            2: b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
            3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<<>>" + page + b">>",
            4: SPECIFICATION % (b"invoice.xml", b"invoice.xml", b"Data", 5),
            5: embedded or stream(XML, b"/Type/EmbeddedFile"),
            **(extra or {}),
        }
    )


NAME_TREE = b"/Names<</EmbeddedFiles<</Names[(a) 4 0 R]>>>>"
NOTE = b"/Annots[<</Type/Annot/Subtype/FileAttachment/Rect[0 0 9 9]/FS 4 0 R>>]"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(embedding(catalog=NAME_TREE), id="name tree"),
        pytest.param(
            embedding(
                catalog=b"/Names<</EmbeddedFiles<</Kids[6 0 R]>>>>",
                extra={6: b"<</Limits[(a)(b)]/Names[(a) 4 0 R]/Kids[6 0 R]>>"},
            ),
            id="name tree that loops",
        ),
        pytest.param(embedding(catalog=b"/AF[4 0 R]"), id="associated file"),
        pytest.param(embedding(page=b"/AF[4 0 R]"), id="associated file of a page"),
        pytest.param(embedding(page=NOTE), id="note on a page"),
        pytest.param(embedding(catalog=NAME_TREE + b"/AF[4 0 R]", page=NOTE), id="in all of these places"),
    ],
)
def test_an_embedded_invoice_is_found_once_wherever_the_file_names_it(open_file, data):
    assert open_file(data).xml_attachments == (("invoice.xml", XML),)


@pytest.mark.parametrize(
    "packed",
    [
        pytest.param(stream(XML.hex().encode() + b">", b"/Filter/ASCIIHexDecode"), id="hex"),
        pytest.param(stream(base64.a85encode(XML) + b"~>", b"/Filter/A85"), id="ASCII85"),
        pytest.param(
            stream(base64.a85encode(zlib.compress(XML), wrapcol=40) + b"\n~>", b"/Filter[/ASCII85Decode/FlateDecode]"),
            id="Flate in ASCII85",
        ),
        pytest.param(
            stream(zlib.compress(XML.hex().encode()), b"/Filter[/FlateDecode/ASCIIHexDecode]"), id="hex in Flate"
        ),
        pytest.param(stream(bytes([len(XML) - 1]) + XML + b"\x80", b"/Filter/RunLengthDecode"), id="run lengths"),
        pytest.param(flate(b"\0" + XML, b"/DecodeParms<</Predictor 12/Columns %d>>" % len(XML)), id="with a predictor"),
    ],
)
def test_an_embedded_invoice_is_unpacked_however_it_is_packed(open_file, packed):
    assert open_file(embedding(catalog=NAME_TREE, embedded=packed)).xml_attachments == (("invoice.xml", XML),)


@pytest.mark.parametrize(
    ("content", "is_taken"),
    [
        (XML, True),
        (b"\xef\xbb\xbf\n" + XML, True),
        (b"<rsm:CrossIndustryInvoice xmlns:rsm='urn:x'/>", True),
        (XML.decode().encode("utf-16"), True),
        (b"<html><body>Invoice</body></html>", False),
        (b"<!DOCTYPE html><html/>", False),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", False),
        (b"%PDF-1.7", False),
        (b"a < b", False),
    ],
)
@pytest.mark.parametrize("name", ["ZUGFeRD-invoice", "invoice.xml.dat", "invoice.txt"])
def test_xml_is_known_by_its_content_and_not_by_its_name(open_file, name, content, is_taken):
    document = open_file(with_attachment(name, content))
    assert document.xml_attachments == (((name, content),) if is_taken else ())
    assert codes(document) == ([] if is_taken else ["embedded_files"])


def test_a_file_that_grows_without_end_is_left_out(open_file):
    packed = stream(zlib.compress(zlib.compress(b"<a>" + b" " * 60_000_000)), b"/Filter[/FlateDecode/FlateDecode]")
    document = open_file(embedding(catalog=NAME_TREE, embedded=packed))
    assert document.xml_attachments == ()
    assert codes(document) == ["attachment_skipped"]


def test_invoices_of_the_document_come_before_its_supplements(open_file):
    names = [
        (b"factur-x.xml", b"Supplement"),
        (b"b.xml", b"Unspecified"),
        (b"a.xml", b"Data"),
        (b"xrechnung.xml", b"X"),
    ]
    extra = {
        number: SPECIFICATION % (name, name, relation, number + 4)
        for number, (name, relation) in enumerate(names, start=6)
    } | {number: stream(XML) for number in range(10, 14)}
    found = open_file(embedding(catalog=b"/AF[6 0 R 7 0 R 8 0 R 9 0 R]", extra=extra)).xml_attachments
    assert [name for name, _ in found] == ["xrechnung.xml", "a.xml", "b.xml", "factur-x.xml"]


def test_pages_of_720_dots_per_inch_leave_the_xml_readable_and_nothing_else(open_file, sandbox):
    picture = stream(
        spaces(150 * MEGABYTE),
        b"/Type/XObject/Subtype/Image/Width 5950/Height 8420/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/FlateDecode",
    )
    pictures = {6: picture, 7: picture}
    document = open_file(embedding(catalog=NAME_TREE, extra=pictures))
    assert document.only_structured
    assert document.xml_attachments == (("invoice.xml", XML),)
    assert page_texts(document, sandbox=sandbox).pages == ("",)
    with pytest.raises(errors.InvalidFile) as caught:
        open_file(embedding(extra=pictures))
    assert reason(caught) == "bomb"


def test_what_lies_behind_the_end_is_not_passed_on(open_file):
    document = open_file(invoice("nasty-pdf-zip-polyglot.pdf"))
    assert document.findings == ()
    assert b"PK\x03\x04" not in document.media[0].data
    junk_before = open_file(b"\n\n#!/bin/sh\n" + invoice("syn-export-usd.pdf"))
    assert junk_before.media[0].data.startswith(b"%PDF-")


def test_a_page_as_wide_as_a_town_renders_within_the_budget(open_file, sandbox):
    document = open_file(
        page_pdf(b"BT /F1 500 Tf 100 100 Td (Total 12) Tj ET", page=b"/MediaBox[0 0 14400 14400]/UserUnit 75")
    )
    (image,) = page_images(document, longest_side=1000, sandbox=sandbox)
    assert image.mime_type == "image/jpeg"
    from PIL import Image

    with Image.open(io.BytesIO(image.data)) as opened:
        assert opened.size == (1000, 1000)


def test_a_file_that_ends_its_parser_is_refused_and_the_next_one_is_read(open_file):
    with pytest.raises(errors.InvalidFile) as caught:
        open_file(endless_lengths(20_000))
    assert reason(caught) == "too_complex"
    assert open_file(invoice("syn-export-usd.pdf")).page_count == 1


def test_an_object_stream_that_unpacks_to_gigabytes_is_refused(open_file):
    data = page_pdf(flate(b" " * 70_000_000, b"/Type/ObjStm/N 1/First 4"))
    with pytest.raises(errors.InvalidFile) as caught:
        open_file(data)
    assert reason(caught) == "bomb"


def test_streams_without_filters_are_no_problem(open_file, sandbox):
    document = open_file(page_pdf(stream(b"BT /F1 12 Tf 72 700 Td (Total 12.00) Tj ET")))
    assert page_texts(document, sandbox=sandbox).pages == ("Total 12.00",)


def test_odd_objects_do_not_stop_the_look_through(open_file, caplog):
    """A null object, a filter whose name is no UTF-8, a script beside a null: each ended the walk once."""
    data = page_pdf(
        b"q Q",
        page=b"/MediaBox[0 0 99 99]/AA<</O<</S/JavaScript/JS(x)/Next null>>>>/Annots[null 7 0 R]",
        extra={6: b"null", 7: stream(b"x", b"/Filter/Fl#ffte"), 8: b"12"},
    )
    assert codes(open_file(data)) == ["active_content"]
    assert caplog.text == ""


def test_a_number_that_no_computer_holds_is_foreseen(open_file, caplog):
    with pytest.raises(errors.InvalidFile) as caught:
        open_file(page_pdf(b"q Q").replace(b"startxref\n", b"startxref\n" + b"9" * 20))
    assert reason(caught) == "corrupt"
    assert caplog.text == ""


def test_flate_behind_ascii_is_measured_too(open_file):
    packed = base64.a85encode(spaces(80 * MEGABYTE)) + b"~>"
    with pytest.raises(errors.InvalidFile) as caught:
        open_file(page_pdf(stream(packed, b"/Filter[/ASCII85Decode/FlateDecode]")))
    assert caught.value.details == {"field": "file", "reason": "bomb", "limit": 64}
    harmless = base64.a85encode(zlib.compress(b"q Q")) + b"~>"
    assert open_file(page_pdf(stream(harmless, b"/Filter[/ASCII85Decode/FlateDecode]"))).page_count == 1
    assert open_file(page_pdf(flate(b"q Q"))).page_count == 1


@pytest.mark.parametrize(
    ("content", "blank"),
    [
        (b"", True),
        (b"q 1 0 0 1 0 0 cm 0.5 g Q", True),
        (b"0 0 10 10 re f", False),
        (b"BT /F1 12 Tf (x) Tj ET", False),
        (b"q /Im0 Do Q", False),
        (b"BI /W 1 /H 1 /CS /G /BPC 8 ID x EI", False),
    ],
)
def test_a_page_that_paints_nothing_is_blank(open_file, content, blank):
    assert open_file(page_pdf(content)).blank is blank


def test_a_page_with_a_note_on_it_is_not_blank(open_file):
    note = {9: b"<</Type/Annot/Subtype/FreeText/Rect[0 0 9 9]/Contents(42)>>"}
    page = b"/MediaBox[0 0 595 842]/Annots[9 0 R]"
    assert not open_file(page_pdf(b"", page=page, extra={6: b"null", 7: b"null", 8: b"null", **note})).blank
