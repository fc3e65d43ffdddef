"""The text under a box of a page: whole words, with the signs that belong to them."""

import pytest

from shared_code.invoices.evidence.text_under import text_under
from shared_code.invoices.page import PlacedText, Source

#: two lines of a page; pieces have neither signs nor blanks
TEXT = "Invoice INV-7, of 2 March\nTotal -1,180.00 EUR (net)"
WORDS = (
    ("Invoice", 0.10, 0.10),
    ("INV-7", 0.20, 0.10),
    ("of", 0.30, 0.10),
    ("2", 0.40, 0.10),
    ("March", 0.50, 0.10),
    ("Total", 0.10, 0.20),
    ("1,180.00", 0.20, 0.20),
    ("EUR", 0.30, 0.20),
    ("net", 0.40, 0.20),
)


def placed():
    pieces, at = [], 0
    for word, x, y in WORDS:
        at = TEXT.index(word, at)
        box = (x, y, x + 0.08, y + 0.02)
        pieces += [at, at + len(word), *(round(side * 100_000) for side in box)]
        at += len(word)
    return PlacedText(TEXT, pieces)


@pytest.mark.parametrize(
    ("box", "text"),
    [
        ((0.19, 0.09, 0.29, 0.13), "INV-7"),
        ((0.19, 0.19, 0.29, 0.23), "-1,180.00"),
        ((0.39, 0.19, 0.49, 0.23), "(net)"),
        ((0.19, 0.19, 0.39, 0.23), "-1,180.00 EUR"),
        ((0.09, 0.09, 0.29, 0.23), "Invoice INV-7\nTotal -1,180.00"),
        # A click, or a small drag, within a word; a drag that touches its neighbours a little.
        ((0.23, 0.21, 0.23, 0.21), "-1,180.00"),
        ((0.17, 0.09, 0.31, 0.13), "INV-7"),
        # The words between are left out.
        ((0.19, 0.0, 0.29, 1.0), "INV-7\n-1,180.00"),
    ],
)
def test_what_stands_in_a_box(box, text):
    found = text_under([placed()], box)
    assert found is not None
    assert (found.text, found.source) == (text, Source.TEXT_LAYER)


def test_the_box_is_around_the_words_that_were_found():
    found = text_under([placed()], (0.15, 0.15, 0.45, 0.25))
    assert found.text == "-1,180.00 EUR (net)"
    assert found.box == (0.2, 0.2, 0.48, 0.22)


def test_nothing_is_found_where_nothing_stands_and_the_better_text_comes_first():
    assert text_under([placed()], (0.8, 0.8, 0.9, 0.9)) is None
    assert text_under([], (0, 0, 1, 1)) is None
    assert text_under([PlacedText("", []), placed()], (0.19, 0.09, 0.29, 0.13)).text == "INV-7"
