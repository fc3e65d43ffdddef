import datetime as dt
import io

import openpyxl
import pytest

from shared_code.errors import InvalidRequest
from shared_code.exports import workbook
from shared_code.exports.workbook import Workbook

from .answers import reading


def opened(*readings):
    out = io.BytesIO()
    with Workbook(out) as book:
        for each in readings:
            book.add(each)
    return openpyxl.load_workbook(io.BytesIO(out.getvalue()))


def row_of(sheet, number=2):
    names = [cell.value for cell in sheet[1]]
    return dict(zip(names, sheet[number], strict=True))


def test_sheets_have_a_frozen_head_widths_and_filters():
    book = opened(reading())
    assert book.sheetnames == ["invoices", "lines", "taxes", "warnings"]
    for sheet in book:
        assert sheet.freeze_panes == "A2"
        assert sheet.auto_filter.ref
        assert all(cell.font.bold for cell in sheet[1])
    widths = book["invoices"].column_dimensions
    assert widths["A"].width > 8
    seller = row_of(book["invoices"])["seller_name"].column_letter
    assert widths[seller].width >= len("Adom Trading Company Ltd")


def test_numbers_dates_and_text_are_real_ones():
    sheet = opened(reading(india={"reverse_charge": True}))["invoices"]
    row = row_of(sheet)
    assert (row["total"].value, row["total"].data_type, row["total"].number_format) == (76440, "n", "#,##0.00########")
    assert (row["invoice_date"].value, row["invoice_date"].is_date) == (dt.datetime(2026, 3, 5), True)
    assert row["invoice_date"].number_format == "yyyy-mm-dd"
    assert row["read_at_utc"].value == dt.datetime(2026, 11, 29, 8, 30)
    assert (row["invoice_number"].value, row["invoice_number"].data_type) == ("ADM-26-00118", "s")
    assert row["india_reverse_charge"].value is True


@pytest.mark.parametrize("text", ["=1+1", "http://evil.example", "007", "-5.00", "{=A1}", "mailto:a@b"])
def test_text_stays_text_whatever_it_looks_like(text):
    cell = row_of(opened(reading(invoice_number=text))["invoices"])["invoice_number"]
    assert (cell.value, cell.data_type, cell.hyperlink) == (text, "s", None)


@pytest.mark.parametrize(
    ("name", "given", "shown"),
    [
        ("total", "123456789012345.67", "123456789012345.67"),
        ("total", "1234567890123.45", 1234567890123.45),
        ("total", "-0.01", -0.01),
        ("invoice_date", "1899-12-31", "1899-12-31"),
        ("invoice_date", "2026-02-30", "2026-02-30"),
        ("invoice_number", "line\x01\x0b", "line\x01\x0b"),
    ],
)
def test_what_a_cell_cannot_hold_as_a_value_stands_there_as_text(name, given, shown):
    value = row_of(opened(reading(**{name: given}))["invoices"])[name].value
    assert value == shown or (shown == "line\x01\x0b" and value.startswith("line"))


def test_too_long_a_text_ends_with_an_ellipsis():
    value = row_of(opened(reading(notes="x" * 40_000))["invoices"])["notes"].value
    assert (len(value), value[-1]) == (32_767, "…")


def test_columns_that_no_reading_fills_are_out_of_sight():
    sheet = opened(reading())["invoices"]
    row = row_of(sheet)
    assert sheet.column_dimensions[row["tip"].column_letter].hidden
    assert not sheet.column_dimensions[row["total"].column_letter].hidden
    empty = opened()["invoices"]
    assert not empty.column_dimensions["A"].hidden


def test_a_full_sheet_is_refused(monkeypatch):
    monkeypatch.setattr(workbook, "_MOST_ROWS", 2)
    with pytest.raises(InvalidRequest, match="sheet lines would have more than 2 rows"):
        opened(reading())
