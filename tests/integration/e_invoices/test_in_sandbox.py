"""XML is read in the sandbox like every other untrusted file: its memory, its time and its turn are limited there."""

import base64
import os
import threading
import time

import psutil
import pytest

from shared_code import errors
from shared_code.documents.document import open_document
from shared_code.documents.file_type import Kind
from shared_code.documents.sandbox.pool import Sandbox
from shared_code.documents.sandbox.watch import Limits
from shared_code.e_invoices import detection
from shared_code.e_invoices.reader import answer, read_e_invoice, read_in_sandbox
from tests.unit.documents.files import MEGABYTE, invoice
from tests.unit.documents.test_signed_envelope import in_pieces, signed
from tests.unit.e_invoices.written import cii, fatturapa, fatturapa_body, pdf_with, ubl

LINE = (
    "<cac:InvoiceLine><cbc:ID>1</cbc:ID><cbc:InvoicedQuantity>1</cbc:InvoicedQuantity><cbc:LineExtensionAmount>0.01"
    "</cbc:LineExtensionAmount><cac:Item><cbc:Name>Screw</cbc:Name></cac:Item></cac:InvoiceLine>"
)
READ = f"{answer.__module__}:{answer.__name__}"


@pytest.fixture
def own():
    """A sandbox that this test may break."""
    opened: list[Sandbox] = []

    def make(**options) -> Sandbox:
        opened.append(Sandbox(**options))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.mark.parametrize(
    "data",
    [
        ubl(LINE * 3 + "<cbc:DueDate>2026-02-30</cbc:DueDate>"),
        cii(
            totals="<ram:GrandTotalAmount>about 100</ram:GrandTotalAmount><ram:DuePayableAmount>1</ram:DuePayableAmount>"
        ),
        fatturapa(fatturapa_body(number="F-1"), fatturapa_body(number="F-2")),
    ],
    ids=["UBL", "CII", "FatturaPA"],
)
def test_the_child_gives_what_was_read_unchanged(data, sandbox):
    assert read_in_sandbox(data, sandbox=sandbox) == read_e_invoice(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"<a>", "not_well_formed"),
        (b"<!DOCTYPE a><a/>", "dtd"),
        (b"<a/>", "not_an_e_invoice"),
        (ubl(number=""), "incomplete"),
    ],
)
def test_a_refusal_comes_through_with_its_reason(data, reason, sandbox):
    with pytest.raises(errors.InvalidFile) as caught:
        read_in_sandbox(data, sandbox=sandbox)
    assert caught.value.details["reason"] == reason


def test_attachments_of_a_pdf_are_read_there_too():
    found, (finding, *_) = detection.choose_e_invoice(pdf_with(("factur-x.xml", b"<a>"), ("second.xml", cii())), [""])
    assert found is not None
    assert (found.syntax, finding.code) == ("CII", "embedded_xml_unusable")


def test_a_file_that_takes_too_much_memory_is_refused_and_the_service_does_not_grow(own):
    data = ubl("<a b='' c=''/>" * 280_000)
    before = psutil.Process().memory_info().rss
    with pytest.raises(errors.InvalidFile) as caught:
        read_in_sandbox(data, sandbox=own(memory_mb=160))
    assert caught.value.details["reason"] == "memory"
    assert psutil.Process().memory_info().rss - before < 20 * MEGABYTE


def test_a_file_that_takes_too_much_time_is_refused_and_remembered(own):
    box = own(limits=Limits(cpu=0.3))
    data = ubl(LINE * 9_000)
    for _ in range(2):
        with pytest.raises(errors.InvalidFile) as caught:
            read_in_sandbox(data, sandbox=box)
        assert caught.value.details["reason"] == "time"


def test_an_attachment_of_ten_megabytes_costs_little(own):
    box = own()
    small = box.run("call", [ubl()], function=READ)
    letters = base64.encodebytes(os.urandom(7_500_000)).decode()
    data = ubl(
        f"<cac:Attachment><cbc:EmbeddedDocumentBinaryObject>{letters}</cbc:EmbeddedDocumentBinaryObject></cac:Attachment>"
    )
    (child,) = box._idle
    before, spent = psutil.Process(child.pid).cpu_times(), time.process_time()
    large = box.run("call", [data], function=READ)
    after = psutil.Process(child.pid).cpu_times()
    assert after.user + after.system - before.user - before.system + time.process_time() - spent < 0.5
    assert large.peak_mb - small.peak_mb < 40


def test_xml_takes_its_turn_among_the_files_of_its_company(own):
    box = own(processes=2, wait_seconds=0.2)
    holding = threading.Thread(target=box.run, args=("sleep", []), kwargs={"company": "A", "seconds": 6})
    holding.start()
    while box._seats.taken != 1:
        time.sleep(0.01)
    with pytest.raises(errors.Busy):
        read_in_sandbox(ubl(), company="A", sandbox=box)
    assert read_in_sandbox(ubl(), company="B", sandbox=box).syntax == "UBL"
    assert holding.is_alive()
    holding.join()


FORMS = {"DER": lambda data: data, "base64": base64.encodebytes}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_a_signed_invoice_is_read_and_its_signer_named(form, sandbox):
    data = form(signed(fatturapa(fatturapa_body())))
    document = open_document(data, file_name="IT01.xml.p7m", max_bytes=MEGABYTE, max_pages=1, sandbox=sandbox)
    assert (document.kind, document.mime_type, document.size) == (Kind.XML, "application/xml", len(data))
    assert document.signed_by == "Anna Neri"
    assert [(finding.code, finding.found, finding.review) for finding in document.findings] == [
        ("signature_unverified", "Anna Neri", False)
    ]
    assert detection.read_document(document).invoice.invoice_number == "F-1"


def test_a_signed_picture_is_a_picture(sandbox):
    document = open_document(
        signed(invoice("az-receipt-photo.png")), max_bytes=20 * MEGABYTE, max_pages=1, sandbox=sandbox
    )
    assert (document.kind, document.mime_type, document.media[0].mime_type) == (Kind.IMAGE, "image/jpeg", "image/jpeg")


def test_a_signature_without_a_certificate_names_nobody(sandbox):
    document = open_document(in_pieces(ubl()), max_bytes=MEGABYTE, max_pages=1, sandbox=sandbox)
    assert (document.signed_by, detection.read_document(document).syntax) == ("", "UBL")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (signed(b"PK\x03\x04zip"), errors.UnsupportedFileType),
        (signed(ubl())[:900], errors.InvalidFile),
        (signed(b""), errors.InvalidFile),
    ],
)
def test_an_envelope_without_a_document_is_refused(data, kind, sandbox):
    with pytest.raises(kind):
        open_document(data, max_bytes=MEGABYTE, max_pages=1, sandbox=sandbox)
