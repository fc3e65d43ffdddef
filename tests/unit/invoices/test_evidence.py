"""Where values stand on a page: the place that is meant, its box, and the reason in words."""

import time
from datetime import date
from decimal import Decimal

import pytest

from shared_code.invoices.evidence.find import Judged, find_evidence
from shared_code.invoices.evidence.places import Places
from shared_code.invoices.page import PAGE_SIDE, PageText, PlacedText, Source
from shared_code.invoices.reading import Grounding
from shared_code.invoices.schema import BankAccount, Invoice, LineItem, Party, Payment, Tax
from shared_code.invoices.text_layer import TextLayer
from shared_code.records import Finding

#: a character is so wide and a line so high, in the unit of places
WIDE, HIGH = 1_000, 2_000


def placed(text: str, source: Source = Source.TEXT_LAYER) -> PlacedText:
    """Text whose characters stand in a grid: one piece for each word."""
    pieces, start = [], 0
    for row, line in enumerate(text.split("\n")):
        column = 0
        for word in line.split(" "):
            if word:
                left, top = column * WIDE, row * HIGH
                pieces += [start + column, start + column + len(word), left, top, left + len(word) * WIDE, top + HIGH]
            column += len(word) + 1
        start += len(line) + 1
    return PlacedText(text, pieces, source)


def page(text: str) -> PageText:
    return PageText(text, placed=(placed(text),))


def evidence(*texts: str | PageText, judged: Judged | None = None, first_page: int = 1, **values):
    layer = TextLayer([page(text) if isinstance(text, str) else text for text in texts])
    known = judged or Judged({}, [name for name in values if name != "line_items"], (), (), ())
    return find_evidence(Invoice(**values), known, Places(layer, first_page=first_page))


def cell(row: int, column: int, length: int) -> list[float]:
    box = (column * WIDE, row * HIGH, (column + length) * WIDE, (row + 1) * HIGH)
    return [number / PAGE_SIDE for number in box]


PAGE = """Harbour Lane Supplies Ltd
Invoice No: BX-2026-0417
Date: 2 November 2026 Due date: 02.12.2026
Subtotal 1.000,00
Total EUR 1.190,00
Payable to DE48 9900 0001 0000 0041 70
This form replaces form 1120 of 2019."""


def test_each_kind_of_value_is_found_in_its_place():
    found = evidence(
        PAGE,
        seller=Party(name="Harbour Lane Supplies Ltd"),
        invoice_number="BX-2026-0417",
        invoice_date=date(2026, 11, 2),
        due_date=date(2026, 12, 2),
        currency="EUR",
        subtotal=Decimal("1000.00"),
        total=Decimal("1190.00"),
        payment=Payment(bank_accounts=(BankAccount(iban="DE48990000010000004170"),)),
    )
    shown = {path: (entry["page"], entry["box"], entry["text"]) for path, entry in found.items()}
    assert shown == {
        "seller.name": (1, cell(0, 0, 25), "Harbour Lane Supplies Ltd"),
        "invoice_number": (1, cell(1, 12, 12), "BX-2026-0417"),
        "invoice_date": (1, cell(2, 6, 15), "2 November 2026"),
        "due_date": (1, cell(2, 32, 10), "02.12.2026"),
        "currency": (1, cell(4, 6, 3), "EUR"),
        "subtotal": (1, cell(3, 9, 8), "1.000,00"),
        "total": (1, cell(4, 10, 8), "1.190,00"),
        "payment.bank_accounts[0].iban": (1, cell(5, 11, 27), "DE48 9900 0001 0000 0041 70"),
    }
    assert {entry["source"] for entry in found.values()} == {"text_layer"}
    assert found["invoice_number"]["reason"] == "beside the label 'Invoice No'"
    assert found["seller.name"]["reason"] == "in the letterhead"


def test_of_several_places_the_one_beside_the_label_is_meant_and_the_others_are_candidates():
    text = "Deposit 118.00\nShipping 118.00\nHandling 118.00\nTotal 118.00\nRound 118.00\nMore 118.00"
    total = evidence(text, total=Decimal("118.00"))["total"]
    assert total["box"] == cell(3, 6, 6)
    assert [other["box"] for other in total["candidates"]] == [cell(0, 8, 6), cell(1, 9, 6), cell(2, 9, 6)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Sum 118.00", "once on the pages"),
        ("Sum 118.00\nagain 118.00", "twice on the pages"),
        ("Sum 118.00 118.00 118.00", "3 times on the pages"),
    ],
)
def test_a_value_without_its_label_says_how_often_it_is_there(text, reason):
    assert evidence(text, total=Decimal("118.00"))["total"]["reason"] == reason


def test_the_total_without_a_label_is_the_last_place_and_a_number_the_first():
    text = "A-1 118.00\nA-1 118.00"
    found = evidence(text, total=Decimal("118.00"), invoice_number="A-1")
    assert (found["total"]["box"], found["invoice_number"]["box"]) == (cell(1, 4, 6), cell(0, 0, 3))


@pytest.mark.parametrize(
    ("pages", "where"), [(1, "page 1"), (2, "page 1 or 2"), (3, "pages 1 to 3")], ids=["one", "two", "three"]
)
def test_a_value_that_is_not_there_says_where_it_was_looked_for(pages, where):
    missing = Finding("ungrounded", "The value is not in the document's text.", "total", found="999.00")
    judged = Judged({"total": Grounding.MISSING}, ["total"], (), (), [missing])
    total = evidence(*[PAGE] * pages, judged=judged, total=Decimal("999.00"))["total"]
    assert (total["source"], total["page"], total["box"], total["text"]) == (None, None, None, None)
    assert total["reason"] == f"not found on {where}; all that the pages show is text, and it is not there"


def test_pages_without_text_say_so():
    scan = PageText("", pictured=1.0)
    assert "no text" in evidence(scan, total=Decimal("1.00"))["total"]["reason"]


def test_another_value_beside_the_label_is_a_candidate():
    differs = Finding("label_differs", "The page calls another one so.", "invoice_number", "BX-2026-0417", "1120")
    judged = Judged({"invoice_number": Grounding.FOUND}, ["invoice_number"], (), (), [differs])
    number = evidence(PAGE, judged=judged, invoice_number="1120")["invoice_number"]
    assert number["text"] == "1120"
    assert number["candidates"] == [{"page": 1, "box": cell(1, 12, 12), "text": "BX-2026-0417"}]
    assert number["reason"] == "once on the pages; the page calls another one so (BX-2026-0417)"


def test_a_signed_code_is_evidence_where_the_page_shows_nothing():
    judged = Judged({}, ["total"], (), ["total"], ())
    total = evidence(PAGE, judged=judged, total=Decimal("77.00"))["total"]
    assert (total["source"], total["text"], total["box"]) == ("qr", "77.00", None)
    assert "the signed QR code says the same" in total["reason"]
    beside = evidence(PAGE, judged=judged, total=Decimal("1190.00"))["total"]
    assert (beside["source"], beside["box"]) == ("text_layer", cell(4, 10, 8))


def test_a_value_that_wraps_has_a_box_for_each_line():
    text = "Harbour Lane\nSupplies Ltd\nTotal 1.00 and 2.00 for you and all others who read this line of text here"
    name = evidence(text, seller=Party(name="Harbour Lane Supplies Ltd"))["seller.name"]
    assert name["boxes"] == [cell(0, 0, 12), cell(1, 0, 12)]
    assert name["box"] == [0.0, 0.0, 12 * WIDE / PAGE_SIDE, 2 * HIGH / PAGE_SIDE]


def test_an_address_beside_other_text_is_found_line_by_line():
    text = (
        "12 Ring Road Central    Invoice No: A-1\nAccra, Ghana             Date: 2026-11-02\nTotal 118.00 and more text"
    )
    address = evidence(text, seller=Party(address="12 Ring Road Central, Accra, Ghana"))["seller.address"]
    assert address["boxes"] == [cell(0, 0, 20), cell(1, 0, 6), cell(1, 7, 5)] or len(address["boxes"]) >= 2
    assert address["text"] == "12 Ring Road Central, Accra, Ghana"


def test_a_part_of_a_piece_has_its_part_of_the_box():
    text = "GHS1180.00 is the sum of all that you have to pay us for what we have sent in 2026"
    total = evidence(text, total=Decimal("1180.00"))["total"]
    assert total["box"] == cell(0, 3, 7)


def test_pages_of_one_invoice_among_several_keep_their_numbers():
    found = evidence(PAGE, first_page=4, total=Decimal("1190.00"))
    assert found["total"]["page"] == 4


LINES = """Item Qty Price Amount
1 Steel brackets 4 25.00 100.00
2 Steel brackets 4 25.00 100.00
3 Copper pipe 1 100.00 100.00
VAT 18 % 54.00
Total 354.00"""


def test_cells_stand_in_their_rows_and_none_is_taken_twice():
    brackets = {"description": "Steel brackets", "quantity": Decimal(4), "unit_price": Decimal("25.00")}
    pipe = {"description": "Copper pipe", "quantity": Decimal(1), "unit_price": Decimal("100.00")}
    lines = [
        LineItem(line_no=str(number), net_amount=Decimal("100.00"), **cells)
        for number, cells in enumerate((brackets, brackets, pipe), start=1)
    ]
    found = evidence(
        LINES, line_items=tuple(lines), taxes=(Tax(name="VAT", rate=Decimal(18), amount=Decimal("54.00")),)
    )
    boxes = {path: entry["box"] for path, entry in found.items()}
    assert boxes == {
        "line_items[0].line_no": cell(1, 0, 1),
        "line_items[0].description": cell(1, 2, 14),
        "line_items[0].quantity": cell(1, 17, 1),
        "line_items[0].unit_price": cell(1, 19, 5),
        "line_items[0].net_amount": cell(1, 25, 6),
        "line_items[1].line_no": cell(2, 0, 1),
        "line_items[1].description": cell(2, 2, 14),
        "line_items[1].quantity": cell(2, 17, 1),
        "line_items[1].unit_price": cell(2, 19, 5),
        "line_items[1].net_amount": cell(2, 25, 6),
        "line_items[2].line_no": cell(3, 0, 1),
        "line_items[2].description": cell(3, 2, 11),
        "line_items[2].quantity": cell(3, 14, 1),
        "line_items[2].unit_price": cell(3, 16, 6),
        "line_items[2].net_amount": cell(3, 23, 6),
        "taxes[0].name": cell(4, 0, 3),
        "taxes[0].rate": cell(4, 4, 2),
        "taxes[0].amount": cell(4, 9, 5),
    }


def test_a_rate_is_not_taken_for_the_amount_of_the_tax():
    found = evidence("VAT 18 percent 18.00 is the tax of the whole", tax_total=Decimal("18.00"))
    assert found["tax_total"]["text"] == "18.00"


def test_text_that_was_recognised_says_so_and_seen_text_comes_first():
    recognised = PageText("", recognised=PAGE, pictured=1.0, placed=(placed(PAGE, Source.OCR),))
    judged = Judged({"total": Grounding.RECOGNISED}, ["total"], (), (), ())
    total = evidence(recognised, judged=judged, total=Decimal("1190.00"))["total"]
    assert (total["source"], total["reason"]) == ("ocr", "recognised in a picture of the page")
    both = PageText("Total 1.190,00", recognised=PAGE, placed=(placed("Total 1.190,00"), placed(PAGE, Source.OCR)))
    assert evidence(both, total=Decimal("1190.00"))["total"]["source"] == "text_layer"


def test_a_form_field_is_its_source():
    text = "Total of all that is to be paid to us, in words and numbers of this year, 2026: 118.00"
    at = text.index("118.00")
    box = [at * WIDE - 10, 0, (at + 6) * WIDE + 10, HIGH]
    filled = PageText(text, placed=(PlacedText(text, placed(text).pieces, fields=box),))
    assert evidence(filled, total=Decimal("118.00"))["total"]["source"] == "form_field"


def test_lines_from_right_to_left_are_found_in_the_order_of_the_screen():
    # As some files hold them: the order of the screen, letter by letter.
    text = '7140-6202-XB :הינובשח \'סמ\nללוכ ח"שב 00.811 כ"הס\nסופיות של שורה רגילה שאין בה כלום חוץ ממילים'
    found = evidence(text, invoice_number="BX-2026-0417", total=Decimal("118.00"))
    assert found["invoice_number"]["text"] == "BX-2026-0417"
    assert found["invoice_number"]["box"] == cell(0, 0, 12)
    assert found["total"]["text"] == "118.00"


def test_text_without_places_gives_page_and_text():
    total = evidence(PageText(PAGE), total=Decimal("1190.00"))["total"]
    assert (total["page"], total["box"], total["text"]) == (1, None, "1.190,00")


def test_a_reader_of_pictures_may_confuse_characters_that_look_alike():
    read = "Invoice No BX-2O26-O4I7\nTotal EUR I.190,OO\nDate 2026-11-02 and more words that a page of this kind has"
    page_read = PageText(read, pictured=1.0, source=Source.OCR, placed=(placed(read, Source.OCR),))
    found = evidence(page_read, invoice_number="BX-2026-0417", total=Decimal("1190.00"))
    number, total = found["invoice_number"], found["total"]
    assert (number["source"], number["text"], number["box"]) == ("ocr", "BX-2O26-O4I7", cell(0, 11, 12))
    assert (total["source"], total["text"], total["box"]) == ("ocr", "I.190,OO", cell(1, 10, 8))
    assert number["reason"] == "beside the label 'Invoice No'"
    seen = page("Invoice No BX-2O26-O4I7 and more words that a page of this kind has in the year of 2026")
    assert evidence(seen, invoice_number="BX-2026-0417")["invoice_number"]["box"] is None


@pytest.mark.parametrize(
    "text",
    ["a" * 50_000, "a " * 25_000, "1 " * 25_000, "1.1." * 12_000, "א1 b\n" * 10_000, "Total 1 " * 5_000],
    ids=["one word", "words", "numbers", "dots", "right to left", "labels"],
)
def test_pages_that_are_made_to_be_slow_take_their_time_in_seconds(text):
    lines = tuple(LineItem(description="a" * size, net_amount=Decimal(size)) for size in range(1, 40))
    started = time.process_time()
    values = {"invoice_number": "a", "total": Decimal(1), "invoice_date": date(2026, 11, 2), "notes": "a1, b " * 200}
    evidence(PageText(text, placed=(PlacedText(text),)), line_items=lines, **values)
    assert time.process_time() - started < 5
