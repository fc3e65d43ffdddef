from datetime import date
from decimal import Decimal

import pytest

from shared_code.invoices.page import PageText, Source
from shared_code.invoices.picture_text import PictureText, amount_resembles, resembles
from shared_code.invoices.text_layer import TextLayer


@pytest.mark.parametrize(
    ("code", "printed"),
    [
        ("BX-2026-0417", "Invoice No. BX-2026-O4l7"),
        ("27AAACS1234F1Z5", "GSTIN:27AAACS1234F1ZS"),
        ("DE89370400440532013000", "IBAN DE8937O400440532013OOO"),
        ("SPL/25-26/0417", "No.SPL/25-26/0417Date"),
        ("BX-2026-0417", "BX 2026 0417"),
    ],
)
def test_a_code_is_found_with_the_mistakes_of_a_reader(code, printed):
    assert resembles(code, printed)


@pytest.mark.parametrize(
    ("code", "printed"),
    [
        ("BX-2026-04", "BX-2026-0417"),
        ("BX-2026-0471", "BX-2026-0417"),
        ("DE4899000001000000", "DE48990000010000004701"),
        ("2026-04", "2026-0417"),
        ("30", "30"),
    ],
)
def test_another_code_or_a_part_of_one_is_not(code, printed):
    assert not resembles(code, printed)


@pytest.mark.parametrize(
    ("amount", "printed"),
    [
        ("1180.00", "Total 1,180,00"),
        ("1180.00", "1l80.OO"),
        ("1180.00", "118000"),
        ("238.00", "Total:23B.OO EUR"),
        ("12500", "1 2500"),
    ],
)
def test_an_amount_is_found_whatever_separates_its_digits(amount, printed):
    assert PictureText([printed]).has_amount(Decimal(amount), with_decimals=False)
    assert amount_resembles(Decimal(amount), [printed])


@pytest.mark.parametrize(("amount", "printed"), [("283.00", "238.00"), ("118.00", "1180.00"), ("60.00", "600.00")])
def test_another_amount_is_not(amount, printed):
    assert not PictureText([printed]).has_amount(Decimal(amount), with_decimals=True)


def test_a_number_that_differs_in_one_digit_is_told():
    text = PictureText(["Total 233.00"])
    assert text.has_amount_but_for_a_digit(Decimal("238.00"))
    assert not text.has_amount_but_for_a_digit(Decimal("247.00"))


@pytest.mark.parametrize("printed", ["2November2026", "O2.11.2026", "02112026", "2026-11-O2"])
def test_a_date_is_found_with_lost_blanks_and_points(printed):
    assert PictureText([printed]).has_date(date(2026, 11, 2))
    assert not PictureText([printed]).has_date(date(2026, 11, 3))


def test_words_are_found_without_their_blanks():
    assert PictureText(["HarbourLaneSupplies"]).has_words_of("Harbour Lane Supplies")
    assert not PictureText(["Harbour"]).has_words_of("Northgate Trading GmbH")


def test_only_pages_that_were_read_from_pictures_are_read_with_mistakes():
    text = TextLayer([PageText("No. BX-2026-O417")])
    picture = TextLayer([PageText("No. BX-2026-O417", pictured=1.0, source=Source.OCR)])
    assert (text.has_code("BX-2026-0417"), picture.has_code("BX-2026-0417")) == (False, True)
    assert (text.read_from_pictures, picture.read_from_pictures) == (False, True)
