"""How many lines of an invoice's table are printed on a page, counted in its text layer before a model is asked.

The count decides how long an answer may become, so it may be too high but not much too low. What counts is a line of
text that ends with a number, as the rows of tables do in every language. Some PDFs break lines in other places than a
reader sees: a line with many numbers holds several rows, and several lines of nothing but numbers are the cells of one.
"""

import math
import re
from collections.abc import Sequence
from itertools import groupby
from statistics import median

from shared_code.invoices.printed_numbers import ascii_digits

#: a line whose last word is a number, with its currency, sign or tax class: 10.00  1.180,00 EUR  ₹1,180  118.00A
_ENDS_WITH_NUMBER = re.compile(r"[0-9][0-9.,'/-]*\)?(?:\s?%|\s?[^\W\d_]{1,4}\.?|\s?[^\w\s]{1,2})?$")
#: a line without a word: the cells of one row, or of one column
_ONLY_NUMBERS = re.compile(r"[^\w]*[0-9][\d\s.,'%/()₹$€£¥+-]*")
_AMOUNT = re.compile(r"(?<![\w.,/'])[0-9][0-9.,']*[.,][0-9]{1,6}(?![\w/])")
#: a row has at most so many numbers with decimals: price, discount, amount, tax and the like
_MOST_CELLS = 4
#: characters at the end of a line in which its last number stands
_END = 40
#: characters of a page that are looked at; small print all over an A4 page has a fifth of them
_MOST_CHARACTERS = 50_000


def count_rows(pages: Sequence[str]) -> tuple[int | None, ...]:
    """Rows of tables on each page; None for a page without text, of which nothing is known.

    :param pages: the visible text of each page.
    """
    lines = [
        [line for text in ascii_digits(page[:_MOST_CHARACTERS]).split("\n") if (line := text.strip())] for page in pages
    ]
    counts = [len(_AMOUNT.findall(line)) for page in lines for line in page]
    usual = min(max(median([count for count in counts if count] or [1]), 1), _MOST_CELLS)
    return tuple(_rows(page, usual) if page else None for page in lines)


def _rows(lines: Sequence[str], usual: float) -> int:
    """:param usual: amounts in a usual row of the document."""
    rows = 0
    for bare, group in groupby(lines, key=lambda line: _ONLY_NUMBERS.fullmatch(line) is not None):
        ending = [line for line in group if _ENDS_WITH_NUMBER.search(line[-_END:])]
        inside = sum(max(1, math.ceil(len(_AMOUNT.findall(line)) / usual)) for line in ending)
        rows += math.ceil(inside / _MOST_CELLS) if bare and len(ending) > 1 else inside
    return rows
