"""XML that is hostile, broken or something else: refused with a reason, quickly, and never with a library's words."""

import time
from datetime import date

import pytest

from shared_code import errors
from shared_code.e_invoices import reader
from shared_code.e_invoices.detection import reading_of
from shared_code.e_invoices.reader import read_e_invoice
from shared_code.e_invoices.xml_parsing import MAX_MARKUP
from shared_code.invoices.result import build_result
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
    "declaration in UTF-32": ("<!DOCTYPE Invoice>" + ubl().decode()).encode("utf-32"),
    "declaration in UTF-8 that says UTF-16": b"<?xml version='1.0' encoding='UTF-16'?><!DOCTYPE Invoice>" + ubl(),
    "declaration beside a bad namespace": b"<!DOCTYPE Invoice>" + ubl().replace(b"<cbc:ID>", b"<cbc:ID xmlns:x='a b'>"),
    "declaration in a document in a text": b"<File><![CDATA[<!DOCTYPE Invoice>" + ubl() + b"]]></File>",
}
BROKEN = {
    "cut": ubl()[:-40],
    "no element": b"<?xml version='1.0'?>",
    "nothing": b"",
    "unknown entity": b"<Invoice>&nbsp;</Invoice>",
    "wrong bytes": b"<?xml version='1.0' encoding='UTF-8'?><Invoice>\xff\xfe\x00</Invoice>",
    "zero bytes within": ubl("\0\0"),
    "half a letter of UTF-16": "<a>\udc00</a>".encode("utf-16-le", "surrogatepass"),
    "two roots": ubl() + ubl(),
}
TOO_COMPLEX = {
    "nested 30,000 deep": b"<a>" * 30_000 + b"</a>" * 30_000,
    "a text of 11 MB": ubl(f"<cbc:Note>{'x, ' * 4 * MEGABYTE}</cbc:Note>"),
}
OTHERS = {
    "order": b'<Order xmlns="urn:oasis:names:specification:ubl:schema:xsd:Order-2"/>',
    "CII order": b'<rsm:SCRDMCCBDACIOMessageStructure xmlns:rsm="urn:un:unece:uncefact:data:SCRDMCCBDACIOMessageStructure:100"/>',
    "invoice of no known namespace": b"<Invoice><ID>1</ID></Invoice>",
    "credit note of a foreign namespace": b'<CreditNote xmlns="urn:example:CreditNote-2"/>',
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "empty envelope": b"<StandardBusinessDocument/>",
    "envelope around an order": b"<StandardBusinessDocument><Order/></StandardBusinessDocument>",
    "order in a text": b"<File><![CDATA[" + b"<Order>" + b" " * 200 + b"</Order>]]></File>",
    "a text that is no document": b"<File>" + b"PDabcdef" * 100 + b"</File>",
}
INCOMPLETE = {
    "empty UBL": b'<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"/>',
    "empty CII": b'<r:CrossIndustryInvoice xmlns:r="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"/>',
    "empty ZUGFeRD 1": b'<r:CrossIndustryDocument xmlns:r="urn:ferd:CrossIndustryDocument:invoice:1p0"/>',
    "FatturaPA without a body": fatturapa(),
    "no number": ubl(number=""),
}


def cases():
    for reason, table in (
        ("dtd", DTDS),
        ("not_well_formed", BROKEN),
        ("too_complex", TOO_COMPLEX),
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


@pytest.mark.parametrize("filling", ["<b/>", "<b a='' c='' d=''/>"])
def test_millions_of_elements_are_refused_before_they_become_a_tree(filling):
    started = time.process_time()
    with pytest.raises(errors.InvalidFile) as caught:
        read_e_invoice(ubl(filling * (8 * MEGABYTE // len(filling))))
    assert caught.value.details["reason"] == "too_complex"
    assert caught.value.details["actual"] > caught.value.details["limit"] == MAX_MARKUP
    assert time.process_time() - started < 1


def test_an_invoice_of_more_lines_than_are_accepted_is_refused_with_the_limit(monkeypatch):
    monkeypatch.setattr(reader, "MAX_LINES", 20)
    line = "<cac:InvoiceLine><cbc:ID>1</cbc:ID></cac:InvoiceLine>"
    assert len(read_e_invoice(ubl(line * 20)).invoice.line_items) == 20
    with pytest.raises(errors.InvalidFile) as caught:
        read_e_invoice(ubl(line * 21))
    assert caught.value.details["reason"] == "too_many_lines"
    assert "(limit 20, this file 21)" in caught.value.message


@pytest.mark.parametrize(
    "data",
    [ubl(totals=""), cii(totals="<ram:GrandTotalAmount>about 100</ram:GrandTotalAmount>")],
    ids=["no amounts", "amounts that are none"],
)
def test_an_invoice_without_amounts_is_read_and_reviewed(data):
    found = read_e_invoice(data)
    result = build_result(reading_of(found), pages=(), today=date(2026, 11, 21))
    assert result.status == "needs_review"
    assert "total" in {finding.field for finding in result.warnings if finding.review}
