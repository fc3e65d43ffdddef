"""Counting the rows of tables in the text layer, as PDFs give it."""

import time

import pytest

from shared_code.invoices.table_rows import count_rows


@pytest.mark.parametrize(
    ("row", "rows"),
    [
        ("{n} Article {n} stainless 2 5.00 10.00", 50),
        ("Artikel {n} 1.180,00 EUR", 50),
        ("品目{n} 11,000円", 50),
        ("Stück {n} 118.00A", 50),
        ("خدمة {n} ١٢٫٥٠", 50),
        ("Service {n} (12.00)", 50),
        ("Item {n} ₹1,75,083.00", 50),
        ("Call {n} 00:31 0.12 19 %", 50),
    ],
)
def test_a_line_that_ends_with_a_number_is_a_row(row, rows):
    text = "\n".join(row.format(n=at) for at in range(1, rows + 1))
    assert count_rows([text]) == (rows,)


def test_prose_is_no_row():
    assert count_rows(["We thank you for 12 years of trust.\nYours sincerely,\nthe team"]) == (0,)


def test_a_page_without_text_is_unknown():
    assert count_rows(["", " \n ", "Total 10.00"]) == (None, None, 1)


def test_cells_that_stand_in_lines_of_their_own_are_one_row():
    text = "\n".join(f"Article {at}\n2\n5.00\n10.00\n19 %" for at in range(1, 41))
    assert 40 <= count_rows([text])[0] <= 80


def test_columns_that_stand_one_after_another_are_not_few_rows():
    names = "\n".join(f"Article {chr(97 + at % 26)}x" for at in range(40))
    columns = "\n".join("\n".join([amount] * 40) for amount in ("2.00", "5.00", "10.00"))
    assert 30 <= count_rows([f"{names}\n{columns}"])[0] <= 60


def test_rows_without_line_breaks_are_counted_like_those_with():
    broken = "\n".join(f"{at} Article 10.00" for at in range(20))
    joined = " ".join(f"{at} Article 10.00" for at in range(20))
    assert count_rows([f"{broken}\n{joined}"]) == (40,)


@pytest.mark.parametrize("text", ["1", "1,", "1'", "1 ", "1.0\n", "a1", "(1"])
def test_hostile_text_takes_no_time(text):
    started = time.process_time()
    count_rows([text * (1_000_000 // len(text))])
    assert time.process_time() - started < 5
