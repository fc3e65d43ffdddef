"""XML that is hostile, broken or something else: refused with a reason, quickly, and never with a library's words."""

import time

import pytest

from shared_code import errors
from shared_code.e_invoices.detection import read_e_invoice
from tests.unit.documents.files import MEGABYTE
from tests.unit.e_invoices.written import cii, fatturapa, ubl

BOMB = "".join(f'<!ENTITY {chr(98 + step)} "{("&" + chr(97 + step) + ";") * 10}">' for step in range(12))
XXE = '<!DOCTYPE Invoice [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
DTDS = {
    "external entity": f'<?xml version="1.0"?>{XXE}<Invoice>&x;</Invoice>'.encode(),
    "external entity in UTF-16": f'<?xml version="1.0" encoding="UTF-16"?>{XXE}<Invoice>&x;</Invoice>'.encode("utf-16"),
    "external entity in UTF-16 without a mark": f'<?xml version="1.0" encoding="UTF-16LE"?>{XXE}<Invoice>&x;</Invoice>'.encode(
        "utf-16-le"
    ),
    "parameter entity": b'<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;]><a/>',
    "external subset": b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><a/>',
    "entities multiplied": f'<!DOCTYPE l [<!ENTITY a "lol">{BOMB}]><l>&m;</l>'.encode(),
    "entities multiplied in an attribute": f'<!DOCTYPE l [<!ENTITY a "lol">{BOMB}]><l a="&m;"/>'.encode(),
    "long entity repeated": b'<!DOCTYPE l [<!ENTITY a "' + b"x" * 100_000 + b'">]><l>' + b"&a;" * 100_000 + b"</l>",
    "empty declaration before a sound invoice": b"<!DOCTYPE Invoice>" + ubl(),
    "declaration behind a comment": b"<!-- quiet --><!DOCTYPE Invoice>" + ubl(),
}
BROKEN = {
    "cut": ubl()[:-40],
    "no element": b"<?xml version='1.0'?>",
    "nothing": b"",
    "nested 30,000 deep": b"<a>" * 30_000 + b"</a>" * 30_000,
    "unknown entity": b"<Invoice>&nbsp;</Invoice>",
    "wrong bytes": b"<?xml version='1.0' encoding='UTF-8'?><Invoice>\xff\xfe\x00</Invoice>",
    "unknown encoding": b"<?xml version='1.0' encoding='x-none'?><Invoice/>",
    "two roots": ubl() + ubl(),
}
OTHERS = {
    "order": b'<Order xmlns="urn:oasis:names:specification:ubl:schema:xsd:Order-2"/>',
    "CII order": b'<rsm:SCRDMCCBDACIOMessageStructure xmlns:rsm="urn:un:unece:uncefact:data:SCRDMCCBDACIOMessageStructure:100"/>',
    "invoice of no known namespace": b"<Invoice><ID>1</ID></Invoice>",
    "credit note of a foreign namespace": b'<CreditNote xmlns="urn:example:CreditNote-2"/>',
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "empty envelope": b"<StandardBusinessDocument/>",
}
INCOMPLETE = {
    "empty UBL": b'<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"/>',
    "empty CII": b'<r:CrossIndustryInvoice xmlns:r="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"/>',
    "empty ZUGFeRD 1": b'<r:CrossIndustryDocument xmlns:r="urn:ferd:CrossIndustryDocument:invoice:1p0"/>',
    "FatturaPA without a body": fatturapa(),
    "no number": ubl(number=""),
    "no amounts": ubl(totals=""),
    "amounts that are none": cii(totals="<ram:GrandTotalAmount>about 100</ram:GrandTotalAmount>"),
}


def cases():
    for reason, table in (
        ("dtd", DTDS),
        ("not_well_formed", BROKEN),
        ("not_an_e_invoice", OTHERS),
        ("incomplete", INCOMPLETE),
    ):
        for name, data in table.items():
            yield pytest.param(data, reason, id=f"{reason}: {name}")


@pytest.mark.parametrize(("data", "reason"), list(cases()))
def test_it_is_refused_with_its_reason(data, reason):
    started = time.perf_counter()
    with pytest.raises(errors.InvalidFile) as caught:
        read_e_invoice(data)
    assert time.perf_counter() - started < 2
    assert caught.value.details["reason"] == reason
    assert caught.value.message.startswith("Failed to process invoice: ")
    for library_word in ("line ", "column", "StartTag", "XML_PARSE", "lxml", "etree"):
        assert library_word not in caught.value.message


def test_more_than_five_megabytes_are_refused_before_they_are_parsed():
    data = ubl(f"<cbc:Note>{'x' * 5 * MEGABYTE}</cbc:Note>")
    with pytest.raises(errors.FileTooLarge) as caught:
        read_e_invoice(data)
    assert caught.value.details["limit_mb"] == 5


@pytest.mark.parametrize("filling", ["<b/>", "<b a='' c='' d=''/>"])
def test_a_million_elements_are_refused_before_they_become_a_tree(filling):
    with pytest.raises(errors.InvalidFile) as caught:
        read_e_invoice(ubl(filling * (4 * MEGABYTE // len(filling))))
    assert caught.value.details["reason"] == "too_complex"


def test_a_large_attachment_within_an_invoice_is_no_reason_to_refuse_it():
    attachment = "QUJD" * MEGABYTE
    found = read_e_invoice(
        ubl(f"<cac:AdditionalDocumentReference><cbc:ID>1</cbc:ID>{attachment}</cac:AdditionalDocumentReference>")
    )
    assert found.invoice.invoice_number == "U-1"


@pytest.mark.parametrize("start", [b"\xef\xbb\xbf", b"\n  ", b"\xef\xbb\xbf\r\n"])
def test_a_mark_or_blanks_before_the_declaration_do_no_harm(start):
    assert read_e_invoice(start + b"<?xml version='1.0' encoding='UTF-8'?>" + ubl()).invoice.invoice_number == "U-1"


def test_other_encodings_are_read():
    text = ubl("<cbc:Note>Größe: 5 €</cbc:Note>").decode()
    for encoding in ("utf-16", "iso-8859-15"):
        data = f"<?xml version='1.0' encoding='{encoding}'?>{text}".encode(encoding)
        assert read_e_invoice(data).invoice.notes == "Größe: 5 €"
