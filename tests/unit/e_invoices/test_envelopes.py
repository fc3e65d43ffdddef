"""Invoices are found in whatever is wrapped around them."""

import base64
from html import escape

import pytest

from shared_code.e_invoices import reader
from shared_code.e_invoices.reader import MAX_INVOICES, read_e_invoice
from tests.unit.documents.test_signed_envelope import signed
from tests.unit.e_invoices.written import cii, fatturapa, fatturapa_body, ubl

_UBL = "urn:oasis:names:specification:ubl:schema:xsd"
INNER = ubl("<cbc:Note>inside</cbc:Note>")
ENCODED = base64.encodebytes(INNER)


def around(start: str, content: bytes = INNER) -> bytes:
    """The content in elements, outermost first."""
    names = start.split()
    opening = "".join(f"<{name}>" for name in names)
    closing = "".join(f"</{name.partition(' ')[0]}>" for name in reversed(names))
    return opening.encode() + content + closing.encode()


ENVELOPES = {
    "SBDH": around("StandardBusinessDocument", b"<StandardBusinessDocumentHeader/>" + INNER),
    "SOAP": b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header/><s:Body>%b</s:Body></s:Envelope>'
    % INNER,
    "SOAP around SBDH": around("Envelope Body send StandardBusinessDocument"),
    "elements of a portal": around("Documents Document Content"),
    "AttachedDocument": b'<AttachedDocument xmlns="%b:AttachedDocument-2"><Attachment><Description><![CDATA[<?xml version="1.0" '
    b'encoding="UTF-8"?>%b]]></Description></Attachment></AttachedDocument>' % (_UBL.encode(), INNER),
    "escaped": around("File", escape(INNER.decode()).encode()),
    "base64": around("File Data", ENCODED),
    "base64 with a byte order mark": around("File", base64.b64encode(b"\xef\xbb\xbf" + INNER)),
    "long base64": around("File", base64.b64encode(b"<?xml version='1.0'?>" + b" " * 40_000 + INNER)),
    "signed, in base64": around("FileSdI File", base64.b64encode(signed(INNER))),
    "SBDH in base64 in SOAP": around("Envelope Body", base64.b64encode(around("StandardBusinessDocument"))),
    "beside another document": around(
        "File",
        b"<a><![CDATA[%b]]></a><b><![CDATA[%b]]></b>"
        % (b"<ApplicationResponse>" + b" " * 200 + b"</ApplicationResponse>", INNER),
    ),
    "beside one that is damaged": around("File", b"<a><![CDATA[<Invoice>%b]]></a><b>%b</b>" % (b" " * 200, ENCODED)),
}


@pytest.mark.parametrize("data", ENVELOPES.values(), ids=ENVELOPES.keys())
def test_an_envelope_is_opened(data):
    found = read_e_invoice(data)
    assert [entry.invoice.notes for entry in found.readings] == ["inside"]
    assert (found.syntax, found.findings) == ("UBL", ())


def test_all_invoices_of_an_envelope_are_read_in_its_order():
    invoices = b"".join(ubl(number=f"N-{number}") for number in range(3)) + cii()
    found = read_e_invoice(around("StandardBusinessDocument", invoices))
    assert [entry.invoice.invoice_number for entry in found.readings] == ["N-0", "N-1", "N-2", "C-1"]
    assert found.findings == ()


MANY = {
    "envelope": around("Batch", b"".join(ubl(number=f"N-{number}") for number in range(150))),
    "texts": around("Batch", b"".join(b"<t><![CDATA[%b]]></t>" % ubl(number=f"N-{number}") for number in range(150))),
    "bodies": fatturapa(*(fatturapa_body(number=f"N-{number}") for number in range(150))),
}


@pytest.mark.parametrize("data", MANY.values(), ids=MANY.keys())
def test_it_is_said_how_many_invoices_were_left_out(data):
    found = read_e_invoice(data)
    assert [entry.invoice.invoice_number for entry in found.readings] == [f"N-{at}" for at in range(MAX_INVOICES)]
    (finding,) = found.findings
    assert (finding.code, finding.expected, finding.found, finding.review) == ("invoices_left_out", "150", "100", True)
    assert "150 invoices; the first 100" in finding.message


def test_invoices_are_left_out_too_when_their_lines_together_are_too_many(monkeypatch):
    monkeypatch.setattr(reader, "MAX_LINES", 20)
    lines = "<cac:InvoiceLine><cbc:ID>1</cbc:ID></cac:InvoiceLine>" * 10
    found = read_e_invoice(around("Batch", ubl(lines) + ubl(lines) + ubl(lines)))
    assert len(found.readings) == 2
    assert [finding.code for finding in found.findings] == ["invoices_left_out"]
