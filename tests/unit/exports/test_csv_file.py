import csv
import datetime as dt
import io
from decimal import Decimal

import pytest

from shared_code.exports.csv_file import CsvWriter, csv_text


def written(*row, bom=False):
    out = io.StringIO(newline="")
    CsvWriter(out, [f"c{n}" for n in range(len(row))], bom=bom).write([row])
    return out.getvalue()


def read(text):
    return list(csv.reader(io.StringIO(text, newline="")))[1]


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("http://x","y")', "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1+1", "\u00a0=1",
        "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20a", "=cmd|' /C calc'!A0", "- Cement", "-", "=", "+49 30 123",
        "-5.00 EUR", "+1e5",
    ],
)  # fmt: skip
def test_text_that_begins_like_a_formula_gets_an_apostrophe(text):
    assert read(written(text)) == [f"'{text}"]


@pytest.mark.parametrize(
    "text", ["-5.00", "+5", "-0.5", "007", "", "a=b", "Müller & Söhne", 'say "yes", please', "two\nlines"]
)
def test_numbers_and_other_text_stay_as_they_are(text):
    assert read(written(text)) == [text]


def test_values_are_written_as_programs_read_them():
    row = [
        Decimal("-5.00"),
        Decimal("1E+3"),
        Decimal("0E-8"),
        7,
        dt.date(2026, 3, 5),
        dt.datetime(2026, 3, 5, 1, 2),
        True,
        False,
        None,
    ]
    assert read(written(*row)) == [
        "-5.00", "1000", "0.00000000", "7", "2026-03-05", "2026-03-05T01:02:00+00:00", "true", "false", "",
    ]  # fmt: skip


def test_a_byte_order_mark_comes_on_request_only():
    assert written("a", bom=True)[0] == "\ufeff"
    assert written("a")[0] == "c"
    assert csv_text(["a"], [{"a": 1}]) == "a\r\n1\r\n"
