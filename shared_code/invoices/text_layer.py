"""Is a value really on the page? Looks values that a model gave up in the document's own text.

Both sides are normalised: amounts are compared as numbers, dates as dates in any printed form, codes by their letters
and digits after NFKC (Unicode Standard Annex 15). A document without a usable text layer (a scan, a photo) can neither
confirm nor refute anything.
"""

import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import cached_property

from shared_code.invoices.currencies import currencies_in
from shared_code.invoices.printed_dates import DateReading, dates_in
from shared_code.invoices.printed_numbers import amounts_in, ascii_digits

#: A scan with nothing but the stamp of a scanning app has less text than this.
_ENOUGH_CHARACTERS = re.compile(r"(?:[\W_]*+[^\W_]){60}")
_ENOUGH_DIGITS = re.compile(r"(?:\D*+\d){4}")
#: Codes of at least this many characters are also looked for across blanks (IBANs are printed in groups).
_LEAST_FOR_COMPACT = 6


class TextLayer:
    """The text of some pages, and lookups in it. Each index is built on first use and kept."""

    def __init__(self, pages: Sequence[str]) -> None:
        self._text = "\n".join(pages)

    @property
    def text(self) -> str:
        """The text as it was read."""
        return self._text

    @cached_property
    def usable(self) -> bool:
        """Whether there is enough text to look values up in."""
        return _ENOUGH_CHARACTERS.match(self._text) is not None and _ENOUGH_DIGITS.match(self._text) is not None

    @cached_property
    def dates(self) -> list[DateReading]:
        """All dates in the text."""
        return dates_in(self._text)

    @cached_property
    def currencies(self) -> tuple[frozenset[str], frozenset[str]]:
        """Currency codes that the text names beyond doubt, and all codes that something in it can stand for."""
        return currencies_in(self._text)

    def has_amount(self, value: Decimal, *, with_decimals: bool = False) -> bool:
        """Whether a number of this size is printed, in any notation and with any sign.

        :param with_decimals: look only at numbers with decimals: a line number 1 does not show an amount of 1.00.
        """
        return abs(value) in (self._exact_amounts if with_decimals else self._amounts)

    def has_date(self, day: date) -> bool:
        """Whether a date is printed that can mean this day."""
        return day in self._days

    def has_code(self, code: str) -> bool:
        """Whether a number or code is printed; separators, blanks and case do not count."""
        words = _words(code)
        if not words:
            return False
        compact = words.replace(" ", "")
        return f" {words} " in self._words or (len(compact) >= _LEAST_FOR_COMPACT and compact in self._compact)

    @cached_property
    def _amounts(self) -> frozenset[Decimal]:
        return amounts_in(self._text)

    @cached_property
    def _exact_amounts(self) -> frozenset[Decimal]:
        return amounts_in(self._text, with_decimals=True)

    @cached_property
    def _days(self) -> frozenset[date]:
        return frozenset(day for reading in self.dates for day in reading.candidates)

    @cached_property
    def _words(self) -> str:
        return f" {_words(self._text)} "

    @cached_property
    def _compact(self) -> str:
        return self._words.replace(" ", "")


def compact_code(text: str) -> str:
    """Letters and digits only, case folded: the form in which codes are compared."""
    return _words(text).replace(" ", "")


def _words(text: str) -> str:
    folded = ascii_digits(unicodedata.normalize("NFKC", text)).casefold()
    return re.sub(r"[\W_]+", " ", folded).strip()
