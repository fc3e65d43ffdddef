"""The reader against documents whose values are known, and against texts in each language."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from devstack.models.documents import MOST_PAGES, open_image, open_pdf, read_attachments
from devstack.models.reading.fill import fill
from devstack.models.reading.invoice import read_document
from devstack.models.reading.layout import pages_from_text
from devstack.models.reading.numbers import decimal_of, only_money
from devstack.models.reading.pdf_text import PdfReader
from shared_code.documents.ocr import engine
from shared_code.extraction.answer.prompt import build_prompt
from shared_code.extraction.answer.wire_schema import WIRE_SCHEMA
from tests.devstack.stand_ins.conftest import ask, first_invoice, invoice_bytes, manifest, pdf_part

READER = PdfReader()
SAMPLES = Path(__file__).parents[3] / "samples"
TEXT_PDFS = [
    name
    for name, entry in manifest().items()
    if name.endswith(".pdf") and entry["kind"].startswith(("text PDF", "e-invoice PDF")) and "expected" in entry
]


def reading_of(name):
    return read_document(READER.pages(invoice_bytes(name)))


def read_text(text):
    reading = read_document(pages_from_text(text))
    assert reading.status == "invoice", text
    return reading.invoices[0]


@pytest.mark.parametrize("name", TEXT_PDFS)
def test_number_date_and_total_of_every_text_pdf(name):
    expected = manifest()[name]["expected"]
    if name == "fx-CALC-001.pdf":
        # Its XML says something else than its page; the page is what is read here.
        expected = expected | {"total": "3042.00"}
    [invoice] = reading_of(name).invoices
    assert invoice["invoice_number"] == expected["invoice_number"]
    assert invoice["invoice_date"] == expected["invoice_date"]
    assert Decimal(invoice["total"]) == Decimal(expected["total"])
    assert invoice["parties"][0]["name"] == expected["issuer"]
    assert invoice.get("currency") in {expected["currency"], None}


@pytest.mark.parametrize(
    "name", ["syn-gst-intra-qr.pdf", "syn-gst-inter-qr.pdf", "syn-ghana-2026.pdf", "syn-export-usd.pdf"]
)
def test_lines_and_taxes_of_the_samples(name):
    expected = manifest()[name]["expected"]
    [invoice] = reading_of(name).invoices
    assert len(invoice["line_items"]) == expected["lines"]
    for item in invoice["line_items"]:
        amount = decimal_of(item["quantity"]) * decimal_of(item["unit_price"])
        assert abs(amount - decimal_of(item["net_amount"])) <= Decimal("0.01")
        assert item["description"]
        assert item["unit"]
        assert item["hsn_sac"].isdigit()
    assert [(tax["name"], tax["rate"], str(decimal_of(tax["amount"]))) for tax in invoice["taxes"]] == [
        (tax["name"], tax["rate"], tax["amount"]) for tax in expected["taxes"]
    ]


def test_indian_fields():
    [invoice] = reading_of("syn-gst-inter-qr.pdf").invoices
    seller, buyer = invoice["parties"][:2]
    assert (seller["role"], seller["tax_id"], seller["tax_id_type"]) == ("seller", "24AABCT5678K1ZX", "GSTIN")
    assert (buyer["role"], buyer["name"], buyer["tax_id"]) == ("buyer", "Noida Garments Pvt Ltd", "09AAFCN1357P1ZX")
    assert invoice["seller_tax_id"] == "24AABCT5678K1ZX"
    assert invoice["irn"].startswith("148df05b")
    assert (invoice["ack_number"], invoice["ack_date"]) == ("152699394138381", "2025-12-03")
    assert (invoice["place_of_supply"], invoice["place_of_supply_code"]) == ("Uttar Pradesh", "09")
    assert (invoice["reverse_charge"], invoice["charges_total"]) == ("no", "2,500.00")
    assert invoice["bank_account"] == "0412201007788"
    assert invoice["bank_accounts"][0]["ifsc"] == "CNRB0000412"
    assert invoice["due_date"] == "17-01-2026"


def test_two_invoices_in_one_file_keep_their_pages():
    reading = reading_of("syn-two-invoices.pdf")
    assert [(i["invoice_number"], i["first_page"], i["last_page"], i["total"]) for i in reading.invoices] == [
        ("ADM-26-00201", "1", "1", "9000.00"),
        ("ADM-26-00202", "2", "2", "1320.00"),
    ]
    assert reading.invoices[1]["total_page"] == "2"


def test_a_letter_is_no_invoice():
    assert reading_of("not-an-invoice-letter.pdf").status == "not_an_invoice"


@pytest.mark.soak
@pytest.mark.skipif(not engine.is_installed(), reason="requirements-ocr.txt is not installed")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("photo-export-invoice-usd.jpg", ("SPL/EXP/0031", "2025-10-14", "23990.00", "USD", 1)),
        ("scan-ghana-vat-invoice.pdf", ("ADM-26-00118", "2026-03-05", "76440.00", "GHS", 2)),
    ],
)
def test_samples_that_are_pictures_are_read(name, expected, monkeypatch):
    monkeypatch.setenv("OCR", "auto")
    data = (SAMPLES / name).read_bytes()
    attachment = open_pdf(data) if name.endswith(".pdf") else open_image("image/jpeg", data)
    [invoice] = read_attachments((attachment,), ("Read this.",)).invoices
    found = tuple(invoice[name] for name in ("invoice_number", "invoice_date", "total", "currency"))
    assert (*found, len(invoice["line_items"])) == expected


def test_without_the_second_reader_a_picture_cannot_be_read(monkeypatch):
    monkeypatch.setenv("OCR", "off")
    picture = open_image("image/png", invoice_bytes("az-britain.png"))
    reading = read_attachments((picture,), ("Read what nobody can.",))
    assert reading.status == "unreadable"
    assert "cannot read pictures" in reading.invoices[0]["notes"]


def test_text_too_small_to_see_is_not_read():
    [invoice] = reading_of("nasty-prompt-injection-hidden.pdf").invoices
    assert "HACKED" not in json.dumps(invoice)
    assert invoice["total"] == "93456.00"


def test_pages_as_pictures_with_the_text_in_the_prompt_are_read_from_the_text(sdk):
    from google.genai import types

    text = READER.pages(invoice_bytes("syn-ghana-2026.pdf"))[0].text
    prompt = build_prompt(page_count=1, document_text=text, second_look=True)
    response = sdk.models.generate_content(
        model="gemini-3.5-flash-lite",
        contents=[pdf_part("az-britain.png", "image/png"), prompt],
        config=types.GenerateContentConfig(
            response_mime_type="application/json",
            response_json_schema=dict(WIRE_SCHEMA),
            automatic_continuation=False,
        ),
    )
    assert first_invoice(response.text).scalars["invoice_number"] == "ADM-26-00118"


def test_instructions_alone_are_no_document():
    assert read_attachments((), (build_prompt(page_count=1),)).status != "invoice"


def test_xml_parts_are_read_as_plain_text(sdk):
    xml = b"<doc><title>Invoice</title>\n<a>Invoice No: X-77</a>\n<b>Total: EUR 12.00</b></doc>"
    from google.genai import types

    response = ask(sdk, types.Part.from_bytes(data=xml, mime_type="text/xml"))
    invoice = first_invoice(response.text)
    assert (invoice.scalars["invoice_number"], invoice.scalars["total"]) == ("X-77", "12.00")
    assert {entry.modality.value for entry in response.usage_metadata.prompt_tokens_details} == {"TEXT"}


@pytest.mark.parametrize(
    ("text", "number", "date", "total", "currency"),
    [
        (
            ("Muster GmbH\nRechnung\nRechnungsnummer: R-2026/17\nRechnungsdatum: 3. März 2026\n"
            "Nettobetrag  1.000,00 €\nMwSt 19 %  190,00 €\nGesamtbetrag  1.190,00 €"),
            "R-2026/17", "2026-03-03", "1190.00", "EUR",
        ),
        (
            ("Dupont SARL\nFacture n° F26-0042\nDate de facture : 05/04/2026\nDate d'échéance : 20/04/2026\n"
            "Total HT  1 250,00 €\nTVA 20 %  250,00 €\nTotal TTC  1 500,00 €"),
            "F26-0042", "2026-04-05", "1500.00", "EUR",
        ),
        (
            ("Janssen B.V.\nFactuur\nFactuurnummer: 2026-118\nFactuurdatum: 12 mei 2026\n"
            "Subtotaal  € 100,00\nBTW 21%  € 21,00\nTotaal te betalen  € 121,00"),
            "2026-118", "2026-05-12", "121.00", "EUR",
        ),
        (
            ("Hermanos S.L.\nFactura nº A/2026/33\nFecha de factura: 15 de junio de 2026\n"
            "Base imponible  200,00 €\nIVA 21%  42,00 €\nTotal factura  242,00 €"),
            "A/2026/33", "2026-06-15", "242.00", "EUR",
        ),
        (
            ("Rossi S.r.l.\nFattura n. 88/A\nData fattura: 01.07.2026\nImponibile  300,00 €\nIVA 22%  66,00 €\n"
            "Totale fattura  366,00 €"),
            "88/A", "2026-07-01", "366.00", "EUR",
        ),
        (
            ("Acme Ltd\nTax Invoice\nInvoice #: INV 0091\nDate: August 9, 2026\nSubtotal  £10.00\nVAT @ 20%  £2.00\n"
            "Amount due  £12.00"),
            "INV 0091", "2026-08-09", "12.00", "GBP",
        ),
        (
            "Meier AG\nRechnung Nr. 5512\nDatum 09.09.2026\nTotal CHF 42'987.55",
            "5512", "2026-09-09", "42987.55", "CHF",
        ),
        (
            "Shop Inc\nCredit Note\nCredit Note No. CN-4\nDate 31/10/2026\nTotal  (12.00) USD",
            "CN-4", "2026-10-31", "-12.00", "USD",
        ),
    ],
)  # fmt: skip
def test_labels_of_each_language(text, number, date, total, currency):
    invoice = read_text(text)
    assert invoice["invoice_number"] == number
    assert invoice["invoice_date"] == date
    assert invoice["total"] == total
    assert invoice["currency"] == currency


def test_a_date_that_nothing_settles_stays_open():
    invoice = read_text("Acme\nInvoice No: 7-B\nInvoice Date: 03/04/2026\nTotal  12.00")
    assert invoice["invoice_date_printed"] == "03/04/2026"
    assert invoice["invoice_date"] is None
    settled = read_text("Acme\nInvoice No: 7-B\nInvoice Date: 03/04/2026\nDue Date: 25/04/2026\nTotal  12.00")
    assert settled["invoice_date"] == "2026-04-03"


def test_contradicting_totals_are_left_out_unless_the_sums_decide():
    assert "total" not in read_text("Invoice No: 1-A\nTotal  12.00\nTotal  15.00")
    assert read_text("Invoice No: 1-A\nSubtotal  10.00\nVAT 20%  2.00\nTotal  10.00\nTotal  12.00")["total"] == "12.00"


def test_an_earlier_balance_is_no_total():
    invoice = read_text("Invoice: 9-C\nTotal  $110.00\nPrevious balance  $500.00\nAmount due  $610.00")
    assert (invoice["total"], invoice["amount_due"], invoice["previous_balance"]) == ("110.00", "$610.00", "$500.00")


@pytest.mark.parametrize(
    ("printed", "value"),
    [("1,75,083.00", "175083.00"), ("1.234,56", "1234.56"), ("42'987,56", "42987.56"), ("1 234,56", "1234.56"),
     ("3,000", "3000"), ("2,550", "2550"), ("0.50", "0.50"), ("1.234.567", "1234567"), ("98", "98")],
)  # fmt: skip
def test_amounts_of_all_groupings(printed, value):
    assert decimal_of(printed) == Decimal(value)


@pytest.mark.parametrize("text", ["19 %", "05.03.2018", "INV-7", "12/2019", "9%", "A1.50"])
def test_what_is_no_amount(text):
    assert only_money(text) is None


def test_any_schema_is_filled_by_its_own_names():
    reading = reading_of("syn-export-usd.pdf")
    schema = {
        "type": "object",
        "properties": {
            "issuer": {"type": "string"},
            "total": {"type": "number"},
            "colour": {"type": ["string", "null"]},
            "is_invoice": {"type": "boolean"},
            "document_type": {"type": "string", "enum": ["invoice", "other"]},
            "buyer": {"type": "OBJECT", "properties": {"name": {"type": "STRING"}, "fax": {"type": "STRING", "nullable": True}}},
            "lines": {"type": "array", "items": {"type": "object", "properties": {"description": {"type": "string"}}}},
        },
    }  # fmt: skip
    assert fill(schema, reading) == {
        "issuer": "Sagar Polymers Pvt Ltd",
        "total": 23990.0,
        "colour": None,
        "is_invoice": True,
        "document_type": "invoice",
        "buyer": {"name": "Adom Trading Company Ltd", "fax": None},
        "lines": [{"description": "HDPE Granules Grade A"}],
    }


def test_the_page_limit_is_the_vendors():
    assert MOST_PAGES == 1000
