"""What text of different worth says about a model's values: seen, recognised in a picture, hidden, miscoded."""

import pytest

from shared_code.extraction.answer.interpret import read_invoices
from shared_code.extraction.answer.wire_schema import parse_answer
from shared_code.extraction.answer_review import needs_second_look
from shared_code.invoices.page import PageText
from shared_code.invoices.reading import Grounding, InvoiceReading
from shared_code.invoices.text_layer import TextLayer
from tests.unit.extraction.wire_answers import answer, invoice

PAGE = """Harbour Lane Supplies Ltd
Invoice No: BX-2026-0417
Date: 2 November 2026
Steel brackets 4 25.00 100.00
VAT 18% 18.00
Total USD 118.00"""
VALUES = {
    "seller": {"name": "Harbour Lane Supplies Ltd"},
    "invoice_number": "BX-2026-0417",
    "invoice_date": "2026-11-02",
    "currency": "USD",
    "total": "118.00",
    "total_printed": "USD 118.00",
}
LIE = VALUES | {"total": "999.00", "total_printed": "USD 999.00"}
TERMS = "Terms of delivery: the goods stay ours until they are paid for, as of 1 January 2020. " * 2


def read(*pages: PageText, **values: object) -> InvoiceReading:
    return read_invoices(parse_answer(answer(invoice(**values))), TextLayer(pages)).invoices[0]


def codes(reading: InvoiceReading) -> set[tuple[str, str | None]]:
    return {(finding.code, finding.field) for finding in reading.findings if finding.review}


def test_a_value_beside_its_label_in_what_is_seen_is_anchored():
    reading = read(PageText(PAGE), **VALUES)
    assert codes(reading) == set()
    assert reading.grounded["total"] is Grounding.ANCHORED


@pytest.mark.parametrize("pictured", [0.16, 0.9], ids=["a photo on the page", "a scanned page"])
def test_recognised_text_supports_values_and_anchors_and_contradicts_none(pictured):
    page = PageText("", recognised=PAGE, pictured=pictured)
    right, wrong = read(page, **VALUES), read(page, **LIE)
    assert codes(right) == codes(wrong) == set()
    assert {right.grounded[name] for name in ("invoice_number", "invoice_date", "total")} == {Grounding.RECOGNISED}
    assert "total" not in wrong.grounded


def test_a_stamp_of_text_on_a_scan_does_not_contradict_the_picture():
    stamp = "Received 3 November 2026 by the post room, envelope 5F2E-77AB-4410-9921, for account 4410022 of the buyer"
    assert codes(read(PageText(stamp, recognised=PAGE, pictured=1.0), **LIE)) == set()


def test_a_page_of_terms_does_not_contradict_the_scan_before_it():
    assert codes(read(PageText("", pictured=1.0), PageText(TERMS), **VALUES)) == set()


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(PageText(PAGE, hidden="Total USD 999.00"), id="hidden on a page of text"),
        pytest.param(PageText(PAGE, miscoded=PAGE.replace("118", "999")), id="in a font that shows something else"),
        pytest.param(PageText(PAGE, switched_off="Total USD 999.00"), id="on a layer that is switched off"),
        pytest.param(PageText("", hidden="Total USD 999.00", pictured=1.0), id="hidden on a scan"),
        pytest.param(
            PageText(PAGE, recognised="Terms", hidden="Total USD 999.00", pictured=0.6), id="beside a picture"
        ),
    ],
)
def test_a_value_that_only_unseen_text_holds_is_doubted_and_looked_at_again(page):
    reading = read(page, **LIE)
    assert ("unseen_value", "total") in codes(reading)
    assert reading.grounded["total"] is Grounding.MISSING
    whole = read_invoices(parse_answer(answer(invoice(**LIE))), TextLayer([page]))
    assert needs_second_look(whole, TextLayer([page])) == "ungrounded"


def test_unseen_text_that_says_the_same_as_the_page_harms_nothing():
    reading = read(PageText(PAGE, hidden=PAGE), **VALUES)
    assert codes(reading) == set()
    assert reading.grounded["total"] is Grounding.ANCHORED


def test_a_font_without_right_characters_contradicts_nothing():
    page = PageText(
        "Harbour Lane Supplies Ltd, 14 Canal Street, Springmere, registered under 4410022", miscoded="Jowpjdf"
    )
    assert codes(read(page, **VALUES)) == set()


def test_names_are_not_looked_for_on_a_page_that_somebody_filled_in_but_amounts_are():
    page = PageText(PAGE, annotated=True)
    buyer = {"buyer": {"name": "Quiet Meadow Foods Ltd"}}
    assert codes(read(page, **VALUES | buyer)) == set()
    assert ("ungrounded", "total") in codes(read(page, **LIE | buyer))
