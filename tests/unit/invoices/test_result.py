"""Status, warnings, confidence and keys for whole documents, most of them of the invoice set."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal as D  # noqa: N817 - a table of amounts

import pytest

from shared_code.extraction.answer.interpret import read_invoices
from shared_code.extraction.answer.wire_schema import parse_answer
from shared_code.extraction.answer_review import needs_second_look
from shared_code.invoices.reading import InvoiceReading, Reading
from shared_code.invoices.result import build_result
from shared_code.invoices.schema import IndiaQr, Invoice, Party
from shared_code.invoices.text_layer import TextLayer
from shared_code.records import Finding
from tests.unit.extraction.wire_answers import answer, invoice

TODAY = date(2026, 11, 21)
GST_PAGE = """TAX INVOICE
Sagar Polymers Pvt Ltd
14 Fort Chambers, Mumbai 400001, Maharashtra
GSTIN: 27AAACS1234F1ZS PAN: AAACS1234F
State Code: 27
Invoice No. SPL/25-26/0417
Invoice Date 07-11-2025
Bill To Malhar Traders LLP GSTIN: 27AADCM2468R1ZS
Place of Supply: Maharashtra (27)
1 HDPE Granules Grade A 39012000 1250 KGS 104.50 1,30,625.00
2 Masterbatch Black 32061110 75 KGS 212.00 15,900.00
3 Loading charges 996719 1 NOS 1,850.00 1,850.00
Taxable Value 1,48,375.00
CGST @ 9% 13,353.75
SGST @ 9% 13,353.75
Round Off 0.50
Grand Total ₹ 1,75,083.00"""
GST = {
    "seller": {"name": "Sagar Polymers Pvt Ltd", "tax_id": "27AAACS1234F1ZS", "tax_id_type": "GSTIN", "pan": "AAACS1234F", "state": "Maharashtra", "state_code": "27"},
    "buyer": {"name": "Malhar Traders LLP", "tax_id": "27AADCM2468R1ZS"},
    "seller_tax_id": "27AAACS1234F1ZS", "invoice_number": "SPL/25-26/0417", "invoice_number_printed": "Invoice No. SPL/25-26/0417",
    "invoice_date": "2025-11-07", "invoice_date_printed": "07-11-2025", "total": "175083.00", "total_printed": "₹ 1,75,083.00", "currency": "INR", "currency_printed": "₹",
    "subtotal": "1,48,375.00", "net_total": "1,48,375.00", "round_off": "0.50", "place_of_supply": "Maharashtra (27)", "reverse_charge": "No",
    "taxes": [{"name": "CGST", "rate": "9%", "amount": "13,353.75"}, {"name": "SGST", "rate": "9%", "amount": "13,353.75"}],
    "line_items": [
        {"description": "HDPE Granules Grade A", "hsn_sac": "39012000", "quantity": "1250 KGS", "unit_price": "104.50", "net_amount": "1,30,625.00"},
        {"description": "Masterbatch Black", "hsn_sac": "32061110", "quantity": "75", "unit_price": "212.00", "net_amount": "15,900.00"},
        {"description": "Loading charges", "hsn_sac": "996719", "quantity": "1", "unit_price": "1,850.00", "net_amount": "1,850.00"},
    ],
}  # fmt: skip
QR = IndiaQr(
    seller_gstin="27AAACS1234F1ZS", buyer_gstin="27AADCM2468R1ZS", doc_no="SPL/25-26/0417", doc_date=date(2025, 11, 7),
    total=D("175083.00"), item_count=3, main_hsn="39012000", irn="ff" * 32, signature="unverified",
)  # fmt: skip


def result_of(*invoices, pages=(), status="invoice", **options):
    reading = read_invoices(parse_answer(answer(*invoices, status=status)), TextLayer(pages))
    return build_result(reading, pages=pages, today=TODAY, **options)


def codes(result):
    return [finding.code for finding in result.warnings]


def test_a_gst_invoice_within_a_state_is_read_without_remarks():
    result = result_of(invoice(**GST), pages=[GST_PAGE])
    assert (result.status, result.warnings) == ("ok", ())
    found = result.invoices[0]
    assert (found.tax_total, found.total, found.round_off) == (D("26707.50"), D("175083.00"), D("0.50"))
    assert found.india.place_of_supply_code == "27"
    assert found.line_items[0].quantity == 1250
    assert set(result.confidence.values()) == {"high"}


def test_the_result_is_json():
    data = json.loads(json.dumps(result_of(invoice(**GST), pages=[GST_PAGE]).result_dict()))
    assert set(data) == {"status", "invoices", "warnings", "confidence"}
    assert data["invoices"][0]["total"] == "175083.00"
    assert data["invoices"][0]["seller"]["pan"] == "AAACS1234F"


def test_a_scan_is_read_with_less_confidence_and_the_signed_code_restores_it():
    scan = result_of(invoice(**GST), pages=[""])
    assert scan.status == "ok"
    assert scan.confidence["total"] == "medium"
    coded = result_of(invoice(**GST), pages=[""], qr=QR)
    assert coded.status == "ok"
    assert (coded.confidence["total"], coded.confidence["invoice_number"], coded.confidence["seller.name"]) == (
        "high",
        "high",
        "medium",
    )
    assert coded.invoices[0].india.qr == QR


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"total": D(1)}, "total"),
        ({"doc_no": "X-1"}, "invoice_number"),
        ({"doc_date": date(2025, 7, 11)}, "invoice_date"),
        ({"buyer_gstin": "09AAFCN1357P1ZX"}, "buyer.tax_id"),
    ],
)
def test_a_signed_code_that_says_something_else_asks_for_review(change, field):
    result = result_of(invoice(**GST), pages=[GST_PAGE], qr=replace(QR, **change))
    assert result.status == "needs_review"
    assert [(finding.code, finding.field) for finding in result.warnings] == [("qr_mismatch", field)]


def test_a_signed_code_counts_the_lines():
    assert codes(result_of(invoice(**GST), qr=replace(QR, item_count=17))) == ["lines_incomplete"]


def test_an_invoice_with_two_totals_and_two_bad_gstins_is_flagged_for_all_of_it():
    result = result_of(invoice(
        seller={"name": "Contoso LTD", "tax_id": "12ABCDE0123A1A2", "tax_id_type": "GSTIN", "state": "Maharashtra", "state_code": "5"},
        buyer={"name": "Fabrikam", "tax_id": "98AAAAA7654Z3Z2", "tax_id_type": "GSTIN"},
        invoice_number="MSFT0011223344", invoice_date="2022-12-31", invoice_date_printed="31/12/2022", due_date="31/03/2023",
        total="708000.00", total_printed="₹ 7,08,000.00", currency="INR", net_total="6,00,000.00", tax_total="1,08,000.00", amount_due="6,54,321.00",
        bank_accounts=[{"account_number": "998877665544332", "ifsc": "CTS0011223", "bic": "MSFTINB123"}],
    ))  # fmt: skip
    assert result.status == "needs_review"
    assert {"due_mismatch", "bad_gstin", "state_code_mismatch", "bad_ifsc", "bad_bic"} <= set(codes(result))
    assert codes(result).count("bad_gstin") == 2
    assert (result.invoices[0].total, result.invoices[0].amount_due) == (D("708000.00"), D("654321.00"))
    assert result.confidence["amount_due"] == result.confidence["seller.tax_id"] == "low"


@pytest.mark.parametrize(
    ("day", "taxes", "tax_total", "total", "found"),
    [
        (
            "2026-03-05",
            [("NHIL", "2.5%", "1,592.50"), ("GETFund", "2.5%", "1,592.50"), ("VAT", "15%", "9,555.00")],
            "12,740.00",
            "76,440.00",
            [],
        ),
        (
            "2025-03-05",
            [
                ("NHIL", "2.5%", "1,592.50"),
                ("GETFund", "2.5%", "1,592.50"),
                ("COVID-19", "1%", "637.00"),
                ("VAT", "15%", "10,128.30"),
            ],
            "13,950.30",
            "77,650.30",
            [],
        ),
        (
            "2026-03-05",
            [("NHIL", "2.5%", "1,592.50"), ("GETFund", "2.5%", "1,592.50"), ("VAT", "15%", "9,999.00")],
            None,
            "76,884.00",
            ["tax_rate_mismatch"],
        ),
    ],
)
def test_ghana_s_taxes_by_the_rules_before_and_after_2026(day, taxes, tax_total, total, found):
    result = result_of(invoice(
        seller={"name": "Adom Trading Company Ltd", "tax_id": "C0003456789", "tax_id_type": "TIN", "address": "12 Ring Road Central, Accra, Ghana"},
        invoice_number="ADM-26-00118", invoice_date=day, total=total.replace(",", ""), total_printed=f"GH₵ {total}", currency="GHS",
        net_total="63,700.00", tax_total=tax_total, taxes=[dict(zip(("name", "rate", "amount"), row, strict=True)) for row in taxes],
    ))  # fmt: skip
    assert codes(result) == found
    assert result.status == ("needs_review" if found else "ok")


def test_day_and_month_are_settled_by_the_due_date():
    result = result_of(invoice(
        seller={"name": "East Repair Inc.", "address": "1912 Harvest Lane\nNew York, NY 12210"}, invoice_number="US-001", invoice_date="2019-02-11", invoice_date_printed="11/02/2019",
        due_date="26/02/2019", total="154.06", total_printed="$154.06", currency="USD", net_total="145.00", tax_total="9.06",
    ))  # fmt: skip
    assert (result.status, result.invoices[0].invoice_date) == ("ok", date(2019, 2, 11))


EMBEDDED = Invoice(
    document_type="invoice", invoice_number="FA-2026-0001", invoice_date=date(2026, 8, 15), due_date=date(2026, 9, 14), currency="EUR",
    seller=Party(name="Atelier Berthier SARL"), net_total=D("2535.00"), tax_total=D("507.00"), total=D("3042.00"), amount_due=D("3042.00"),
)  # fmt: skip


def embedded(*, findings=(), source_findings=(), **changes):
    entry = InvoiceReading(replace(EMBEDDED, **changes), tuple(findings))
    reading = Reading("invoice", (entry,), trusted=True)
    return build_result(reading, pages=[], today=TODAY, source_findings=source_findings)


def test_embedded_data_with_right_sums_is_taken_with_high_confidence():
    result = embedded()
    assert result.status == "ok"
    assert set(result.confidence.values()) == {"high"}


def test_embedded_data_with_a_wrong_total_is_given_as_it_is_and_flagged():
    result = embedded(total=D("3000.00"))
    assert result.status == "needs_review"
    assert set(codes(result)) == {"total_mismatch", "due_mismatch"}
    assert result.result_dict()["invoices"][0]["total"] == "3000.00"


def test_embedded_30_february_is_given_as_it_is_and_flagged():
    finding = Finding(
        "impossible_date", "The calendar has no such date; it is given as printed.", "invoice_date", found="20260230"
    )
    result = embedded(invoice_date=None, impossible_dates=(("invoice_date", "2026-02-30"),), findings=(finding,))
    assert (result.status, codes(result)) == ("needs_review", ["impossible_date"])
    assert result.result_dict()["invoices"][0]["invoice_date"] == "2026-02-30"


def test_remarks_on_the_file_come_along():
    assert embedded(source_findings=(Finding("active_content", "x", review=False),)).status == "ok"
    assert embedded(source_findings=(Finding("hidden_text", "x"),)).status == "needs_review"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"invoice_number": None}, "missing_field"),
        ({"currency": None}, "missing_field"),
        ({"seller": Party()}, "missing_field"),
        ({"invoice_date": date(2026, 11, 23), "due_date": None}, "future_date"),
        ({"invoice_date": date(1999, 12, 31)}, "old_date"),
        ({"due_date": date(2026, 8, 14)}, "due_before_issue"),
        ({"net_total": None, "tax_total": None, "total": D(-5), "amount_due": None}, "negative_total"),
    ],
)
def test_what_a_person_must_look_at(changes, code):
    result = embedded(**changes)
    assert (result.status, codes(result)) == ("needs_review", [code])


def test_tomorrow_is_today_somewhere():
    assert embedded(invoice_date=date(2026, 11, 22), due_date=None).status == "ok"


def test_a_positive_credit_note_is_normal_in_embedded_data_and_on_paper():
    assert embedded(document_type="credit_note").status == "ok"
    assert codes(embedded(document_type="credit_note")) == ["credit_note_positive"]
    paper = result_of(invoice(**GST) | {"document_type": "credit_note"}, pages=[GST_PAGE])
    assert (paper.status, codes(paper)) == ("ok", ["credit_note_positive"])


def test_several_invoices_are_given_each_on_its_own():
    other = GST | {
        "invoice_number": "SPL/25-26/0418",
        "invoice_number_printed": None,
        "total": "9.00",
        "total_printed": "₹ 9.00",
        "first_page": "2",
        "last_page": "2",
    }
    pages = [GST_PAGE, GST_PAGE.replace("0417", "0418")]
    result = result_of(invoice(**GST | {"first_page": "1", "last_page": "1"}), invoice(**other), pages=pages)
    assert result.status == "multiple_invoices"
    assert [found.invoice_number for found in result.invoices] == ["SPL/25-26/0417", "SPL/25-26/0418"]
    assert ("ungrounded", "invoices[1].total") in [(finding.code, finding.field) for finding in result.warnings]
    assert result.confidence["invoices[0].total"] == "high"
    assert result.invoice_number == "SPL/25-26/0417"


def test_what_is_no_invoice_is_said_to_be_none():
    letter = "Dear Ama,\nthank you for lunch last Tuesday. The total joy was ours.\nPlease send the recipe, number 42 in your book.\nRegards, Kofi 2026"
    result = result_of(status="not_an_invoice", pages=[letter])
    assert (result.status, result.invoices, result.warnings) == ("not_an_invoice", (), ())
    empty = result_of(invoice(), status="not_an_invoice", pages=[letter])
    assert (empty.status, empty.invoices) == ("not_an_invoice", ())


INVOICE_PAGE = "Harbour Lane Supplies Ltd\nInvoice No BX-1\nDate 2 November 2026\nNet 100.00\nVAT 18.00\nTotal USD 118.00\nThank you for your business"


@pytest.mark.parametrize(
    ("page", "doubted"),
    [
        pytest.param(INVOICE_PAGE, True, id="an invoice"),
        pytest.param(INVOICE_PAGE.replace("Invoice No BX-1", "RECEIPT\nNo 4711"), True, id="a receipt"),
        pytest.param(
            "請求番号 BX-1\n2026年11月2日\n小計 ¥10,000\n合計 ¥11,000\n毎度ありがとうございます。今後ともよろしくお願い申し上げます。お振込みにてお願いいたします。何卒よろしくお願い申し上げます",
            True,
            id="in Japanese, without decimals",
        ),
        pytest.param(INVOICE_PAGE.replace("Invoice No BX-1", "Purchase order no 4500012"), False, id="an order"),
        pytest.param(INVOICE_PAGE.replace("Invoice No BX-1", "Quotation no Q-12"), False, id="an offer"),
        pytest.param(INVOICE_PAGE + "\nStatement date 30 November 2026", False, id="a statement"),
        pytest.param(INVOICE_PAGE + "\nOrder no 4500012", True, id="an invoice that names its order"),
        pytest.param(
            "Dear Ama, I paid USD 100.00 and 18.00 on 2 November 2026 for our lunch at the harbour. Kofi 42",
            False,
            id="a letter",
        ),
    ],
)
def test_no_invoice_is_doubted_by_what_the_page_holds(page, doubted):
    result = result_of(status="not_an_invoice", pages=[page])
    assert result.status == ("needs_review" if doubted else "not_an_invoice")


def test_an_empty_or_unreadable_answer_is_never_ok():
    assert codes(result_of(status="unreadable", pages=[""])) == ["unreadable"]
    assert codes(result_of(status="invoice", pages=[""])) == ["no_invoice_found"]
    assert result_of(status="not_an_invoice", pages=[GST_PAGE]).status == "needs_review"


def look(*invoices, pages, status="invoice"):
    layer = TextLayer(pages)
    return needs_second_look(read_invoices(parse_answer(answer(*invoices, status=status)), layer), layer)


def test_a_second_look_is_taken_only_when_the_text_contradicts_the_answer():
    assert look(invoice(**GST), pages=[GST_PAGE]) is None
    assert look(pages=[GST_PAGE]) == "empty"
    assert look(invoice(notes="nothing to see"), pages=[GST_PAGE]) == "empty"
    assert look(pages=[GST_PAGE], status="unreadable") == "unreadable"
    assert look(pages=[GST_PAGE], status="not_an_invoice") == "not_an_invoice"
    assert look(invoice(**GST | {"total": "1.00", "total_printed": "1.00"}), pages=[GST_PAGE]) == "ungrounded"


def test_a_document_without_text_is_never_looked_at_twice():
    assert look(pages=[""]) is None
    assert look(pages=["Scanned by an app"], status="unreadable") is None
    assert (
        look(
            pages=["A long letter without anything that looks like a bill, written on 5 May 2026 in Accra."],
            status="not_an_invoice",
        )
        is None
    )


def test_a_number_longer_than_its_column_is_cut_for_the_key_only():
    result = embedded(invoice_number="9" * 300)
    assert len(result.invoice_number) == 100
    assert len(result.invoices[0].invoice_number) == 300
    emoji = embedded(invoice_number="7" + "\N{RECEIPT}" * 80)
    assert emoji.invoice_number == "7" + "\N{RECEIPT}" * 49
