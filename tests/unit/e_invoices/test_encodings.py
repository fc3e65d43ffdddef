"""The bytes of an XML file decide what it says, not what it says of itself; attachments cost next to nothing."""

import base64
import tracemalloc

import pytest

from shared_code.e_invoices.reader import read_e_invoice
from shared_code.e_invoices.xml_text import plain_utf8
from tests.unit.documents.files import MEGABYTE
from tests.unit.e_invoices.written import fatturapa, fatturapa_body, ubl

NOTE = "Größe: 5 €"


def invoice_that_declares(encoding: str) -> str:
    return f"<?xml version='1.0' encoding='{encoding}'?>" + ubl(f"<cbc:Note>{NOTE}</cbc:Note>").decode()


@pytest.mark.parametrize(
    ("declared", "written"),
    [
        ("utf-16", "utf-16"),
        ("utf-16", "utf-16-le"),
        ("utf-16", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("iso-8859-15", "iso-8859-15"),
        ("windows-1252", "windows-1252"),
        ("UTF-16", "utf-8"),
        ("UTF-16", "utf-8-sig"),
        ("utf-8", "utf-16"),
        ("utf-8", "windows-1252"),
        ("UTF8", "utf-8"),
        ("x-none", "utf-8"),
        ("us-ascii", "utf-8"),
        ("iso-8859-1", "utf-8"),
    ],
)
def test_the_bytes_win_over_the_declaration(declared, written):
    assert read_e_invoice(invoice_that_declares(declared).encode(written)).invoice.notes == NOTE


@pytest.mark.parametrize(
    ("encoding", "text"), [("gbk", "联通"), ("shift_jis", "請求書"), ("euc-kr", "세금"), ("iso-2022-jp", "請求書")]
)
def test_an_east_asian_encoding_that_is_declared_is_taken(encoding, text):
    data = f"<?xml version='1.0' encoding='{encoding}'?>" + ubl(f"<cbc:Note>{text}</cbc:Note>").decode()
    assert read_e_invoice(data.encode(encoding)).invoice.notes == text


def test_much_text_in_utf_8_is_read_as_such_whatever_is_declared():
    data = "<?xml version='1.0' encoding='shift_jis'?>" + ubl(f"<cbc:Note>{NOTE * 10}</cbc:Note>").decode()
    assert read_e_invoice(data.encode()).invoice.notes == NOTE * 10


def test_one_letter_in_another_encoding_spoils_no_other():
    data = ubl("<cbc:Note>Größe 1, Größe 2</cbc:Note>").replace("ö".encode(), b"\xf6", 1)
    assert read_e_invoice(data).invoice.notes == "Größe 1, Größe 2"


@pytest.mark.parametrize("start", [b"\xef\xbb\xbf", b"\n  ", b"\xef\xbb\xbf\r\n", b"\xef\xbb\xbf\xef\xbb\xbf"])
def test_marks_or_blanks_before_the_declaration_do_no_harm(start):
    assert read_e_invoice(start + b"<?xml version='1.0' encoding='UTF-8'?>" + ubl()).invoice.invoice_number == "U-1"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("end", ["\0", "\0" * 5_000, "\x1a", "\n\0\n\x1a"])
def test_what_a_buffer_leaves_behind_the_end_does_no_harm(end, encoding):
    assert read_e_invoice((ubl().decode() + end).encode(encoding)).invoice.invoice_number == "U-1"


def test_half_a_letter_behind_the_end_of_utf_16_does_no_harm():
    assert read_e_invoice(ubl().decode().encode("utf-16") + b"\0").invoice.invoice_number == "U-1"


def test_a_namespace_that_is_no_uri_does_no_harm():
    data = fatturapa(fatturapa_body()).replace(b"gov.it/docs", b"gov.it/ docs")
    assert read_e_invoice(data).invoice.invoice_number == "F-1"
    data = ubl().replace(b"xmlns:cac", b"xmlns:own='a b' xmlns:cac", 1)
    assert read_e_invoice(data).invoice.invoice_number == "U-1"


def test_a_prefix_that_nobody_declared_does_no_harm():
    location = b"xsi:schemaLocation='urn:x x.xsd' xmlns:cac"
    assert read_e_invoice(ubl().replace(b"xmlns:cac", location, 1)).invoice.invoice_number == "U-1"
    data = ubl("<own:Extra>1</own:Extra><own:Note>kept</own:Note>")
    assert read_e_invoice(data).invoice.invoice_number == "U-1"


LINE_ENDS = {"none": "", "line feeds": "\n", "CRLF": "\r\n", "escaped": "&#xD;\n"}


@pytest.mark.parametrize("end", LINE_ENDS.values(), ids=LINE_ENDS.keys())
@pytest.mark.parametrize("frame", ["{}", "<![CDATA[{}]]>"])
def test_an_attachment_is_left_out_before_parsing(end, frame):
    letters = base64.b64encode(bytes(range(256)) * 400).decode()
    text = end.join(letters[at : at + 76] for at in range(0, len(letters), 76))
    data = ubl(f"<cbc:Attachment>{frame.format(text)}</cbc:Attachment><cbc:Note>{NOTE}</cbc:Note>")
    assert len(plain_utf8(data)) < 2_000 < len(data)
    assert read_e_invoice(data).invoice.notes == NOTE


def test_a_long_text_of_people_is_kept():
    text = "A long note, as lawyers write them. " * 2_000
    assert read_e_invoice(ubl(f"<cbc:Note>{text}</cbc:Note>")).invoice.notes == text.strip()


def test_an_attachment_takes_less_memory_than_the_file():
    data = ubl(f"<cbc:Attachment>{'QUJD' * 4 * MEGABYTE}</cbc:Attachment>")
    tracemalloc.start()
    try:
        read_e_invoice(data)
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()
