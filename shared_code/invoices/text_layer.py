"""Is a value really on the page? Looks values that a model gave up in the document's own text.

Both sides are normalised: amounts are compared as numbers, dates as dates in any printed form, codes by their letters
and digits after NFKC (Unicode Standard Annex 15). A document without a usable text layer (a scan, a photo) can neither
confirm nor refute anything.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cached_property

from shared_code.invoices.currency_marks import CurrencyEvidence, currencies_in
from shared_code.invoices.page import ENOUGH_CHARACTERS, PageText, Source
from shared_code.invoices.picture_text import PictureText
from shared_code.invoices.printed_dates import DateReading, dates_in, without_print_headers
from shared_code.invoices.printed_labels import BesideLabel, amounts_of, beside_labels_in, days_in, texts_by_field
from shared_code.invoices.printed_numbers import amounts_and_exact_ones, ascii_digits

_ENOUGH_DIGITS = re.compile(r"(?:\D*+\d){4}")
#: Codes of at least this many characters are also looked for across blanks (IBANs are printed in groups).
_LEAST_FOR_COMPACT = 6
_MOST_WORDS = 0.6
#: signs for "number" and raised letters, which would become letters of the code behind them
_NUMBER_SIGNS = re.compile("[\u2116\u00ba\u00aa\u00b0]")
#: Hebrew and Arabic letters
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_WORD = re.compile(r"[^\W_]+")
_PARTS = re.compile(r"[a-z]+|[0-9]+")
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")
_OTHER_LETTERS = re.compile("(?![A-Za-z\u00c0-\u024f])[^\\W\\d_]")


class TextLayer:
    """The text of some pages, and lookups in it. Each index is built on first use and kept."""

    def __init__(self, pages: Sequence[str | PageText]) -> None:
        """Look into the text of pages; a plain string is a page without pictures all of whose text is seen."""
        self._pages = [PageText(page) if isinstance(page, str) else page for page in pages]
        self._text = in_reading_order("\n".join(page.text for page in self._pages))
        self._amounts_beside: dict[str, frozenset[Decimal]] = {}
        self._days_beside: dict[str, frozenset[date]] = {}
        self._turned = _RIGHT_TO_LEFT.search(self._text) is not None

    def index(self) -> "TextLayer":
        """This layer, with all that is looked up in it made ready; takes milliseconds for each page."""
        for layer in {self, self.seen, *([self.unseen] if self.unseen.text.strip() else [])}:
            layer.has_amount(Decimal(0))
            layer.has_code("0")
            _ = layer.beside_labels, layer.currencies, layer.days, layer.complete
        return self

    @property
    def pages(self) -> Sequence[PageText]:
        """The text of each page, parted by what it is worth."""
        return self._pages

    @property
    def text(self) -> str:
        """The text as it was read."""
        return self._text

    @cached_property
    def usable(self) -> bool:
        """Whether there is enough text to look values up in."""
        return ENOUGH_CHARACTERS.match(self._text) is not None and _ENOUGH_DIGITS.match(self._text) is not None

    @cached_property
    def read_from_pictures(self) -> bool:
        """Whether some of the text was read from pictures of pages, where characters may be wrong."""
        return any(page.source is Source.OCR for page in self._pages)

    @cached_property
    def _pictures(self) -> PictureText:
        return PictureText([page.text for page in self._pages if page.source is Source.OCR])

    @cached_property
    def complete(self) -> bool:
        """Whether all that a person reads is text, so that a value which is not in it is not on the pages."""
        return self.usable and all(page.is_complete for page in self._pages)

    @property
    def without_pictures(self) -> bool:
        """Whether no picture is on the pages that could show a name, as a logo does, nor a note."""
        return self.complete and not self.annotated and not any(page.pictured for page in self._pages)

    @property
    def annotated(self) -> bool:
        """Whether notes or form fields are on the pages: then a model may word what is typed there in its own way."""
        return any(page.annotated for page in self._pages)

    @cached_property
    def seen(self) -> "TextLayer":
        """Only what a person sees as text; without what was recognised in pictures, which may be wrong."""
        if not any(page.recognised for page in self._pages):
            return self
        return TextLayer([replace(page, recognised="") for page in self._pages])

    @cached_property
    def unseen(self) -> "TextLayer":
        """Only what the file says and its pages do not show: hidden text, and that of fonts that show other text."""
        return TextLayer([part for page in self._pages for part in (page.hidden, page.switched_off, page.miscoded)])

    @cached_property
    def beside_labels(self) -> Mapping[str, tuple[str, ...]]:
        """What stands beside the labels of each field."""
        found: dict[str, tuple[str, ...]] = {}
        for page in self.beside_labels_by_page:
            found |= {field: (*found.get(field, ()), *texts) for field, texts in page.items()}
        return found

    def amounts_beside(self, field: str) -> frozenset[Decimal]:
        """The amounts beside the labels of a field."""
        if field not in self._amounts_beside:
            self._amounts_beside[field] = amounts_of(self.beside_labels.get(field, ()))
        return self._amounts_beside[field]

    def days_beside(self, field: str) -> frozenset[date]:
        """The days beside the labels of a field."""
        if field not in self._days_beside:
            self._days_beside[field] = days_in(self.beside_labels.get(field, ()))
        return self._days_beside[field]

    @cached_property
    def beside_labels_by_page(self) -> Sequence[Mapping[str, tuple[str, ...]]]:
        """The same for each page, of what a person sees there."""
        return [texts_by_field(page) for page in self.labelled_by_page]

    @cached_property
    def labelled_by_page(self) -> Sequence[Sequence[BesideLabel]]:
        """The same with labels and places, in what :func:`in_reading_order` makes of the text."""
        return [beside_labels_in(in_reading_order(page.shown).split("\n")) for page in self._pages]

    @cached_property
    def dates(self) -> list[DateReading]:
        """The dates in the text, with months in the usual languages, without those of a browser's print header."""
        return dates_in(without_print_headers(self._text))

    @cached_property
    def currencies(self) -> CurrencyEvidence:
        """What the text shows of currencies."""
        return currencies_in(self._text)

    @property
    def shows_currencies(self) -> bool:
        """Whether the text says which currencies the page has: readers of pictures leave out many signs."""
        return not self.read_from_pictures or bool(self.currencies.possible)

    def has_amount(self, value: Decimal, *, with_decimals: bool = False) -> bool:
        """Whether a number of this size is printed, in any notation and with any sign.

        :param with_decimals: look only at numbers with decimals: a line number 1 does not show an amount of 1.00.
        """
        exact = abs(value) in (self._exact_amounts if with_decimals else self._amounts)
        return exact or (self.read_from_pictures and self._pictures.has_amount(value, with_decimals=with_decimals))

    def has_amount_but_for_a_digit(self, value: Decimal) -> bool:
        """Whether a number was read from a picture that differs from this one in one digit."""
        return self.read_from_pictures and self._pictures.has_amount_but_for_a_digit(value)

    @property
    def largest_amount(self) -> Decimal | None:
        """The largest of the numbers with decimals, without sign."""
        return max(self._exact_amounts, default=None)

    @property
    def has_dates(self) -> bool:
        """Whether any date is printed, in any language."""
        return bool(self.dates or self._days_in_all_languages)

    def has_date(self, day: date) -> bool:
        """Whether a date is printed that can mean this day."""
        exact = day in self.days or day in self._days_in_all_languages
        return exact or (self.read_from_pictures and self._pictures.has_date(day))

    def has_code(self, code: str) -> bool:
        """Whether a number or code is printed as a whole, not as a part of a longer one, in any case and grouping."""
        exact = _holds(self._words, code) or (self._turned and self._has_parts_of(code))
        return exact or (self.read_from_pictures and self._pictures.has_code(code))

    def _has_parts_of(self, code: str) -> bool:
        """Whether a line from right to left has all parts of a code, which then stand in another order."""
        parts = sorted(parts_of(code))
        lines = (line for line in self._text.split("\n") if is_right_to_left(line))
        return len(parts) > 1 and any(parts == sorted(parts_of(line)) for line in map(latin, lines))

    def shares_script_with(self, name: str) -> bool:
        """Whether the text is written in the letters of a name: else the name may be there in other letters."""
        latin = len(_LATIN.findall(self._text))
        letters = latin + len(_OTHER_LETTERS.findall(self._text))
        return _LATIN.search(name) is None or 2 * latin >= letters

    def has_words_of(self, text: str) -> bool:
        """Whether most words of a longer text are printed, in whatever order the lines of a cell come."""
        words = _words(text).split()
        exact = bool(words) and sum(map(self._word_set.__contains__, words)) >= _MOST_WORDS * len(words)
        return exact or (self.read_from_pictures and self._pictures.has_words_of(text))

    @property
    def _amounts(self) -> frozenset[Decimal]:
        return self._amounts_and_exact_ones[0]

    @property
    def _exact_amounts(self) -> frozenset[Decimal]:
        return self._amounts_and_exact_ones[1]

    @cached_property
    def _amounts_and_exact_ones(self) -> tuple[frozenset[Decimal], frozenset[Decimal]]:
        return amounts_and_exact_ones(self._text)

    @cached_property
    def days(self) -> frozenset[date]:
        """All days that the dates in the text can mean."""
        return frozenset(day for reading in self.dates for day in reading.candidates)

    @cached_property
    def _days_in_all_languages(self) -> frozenset[date]:
        found = dates_in(self._text, all_languages=True)
        return frozenset(day for reading in found for day in reading.candidates)

    @cached_property
    def _words(self) -> str:
        return f" {_words(self._text)} "

    @cached_property
    def _word_set(self) -> frozenset[str]:
        return frozenset(self._words.split())


def code_in(code: str, text: str) -> bool:
    """Whether ``text`` holds the code as whole words; one of six characters or more may be printed in groups."""
    return _holds(f" {_words(text)} ", code)


def _holds(within: str, code: str) -> bool:
    """The same for a text that was brought into words before."""
    words = _words(code)
    if not words:
        return False
    if f" {words} " in within:
        return True
    compact = words.replace(" ", "")
    if len(compact) < _LEAST_FOR_COMPACT:
        return False
    # Each character may be followed by one gap; the code begins and ends where a word does.
    return re.search(rf" {' ?'.join(map(re.escape, compact))} ", within) is not None


def compact_code(text: str) -> str:
    """Letters and digits only, case folded: the form in which codes are compared."""
    return "".join(_WORD.findall(_folded(text)))


def in_reading_order(text: str) -> str:
    """The text, and once more from right to left the lines that may hold it in the order of the screen."""
    if not _RIGHT_TO_LEFT.search(text):
        return text
    mirrored = [line[::-1] for line in text.split("\n") if _RIGHT_TO_LEFT.search(line)]
    return "\n".join([text, *mirrored])


def is_right_to_left(text: str) -> bool:
    """Whether some of a text is written from right to left."""
    return _RIGHT_TO_LEFT.search(text) is not None


def parts_of(code: str) -> list[str]:
    """The runs of letters and of digits in a code."""
    return _PARTS.findall(_words(code))


def latin(line: str) -> str:
    """A line without the letters that are written from right to left."""
    return _RIGHT_TO_LEFT.sub(" ", line)


def _words(text: str) -> str:
    return " ".join(_WORD.findall(_folded(text)))


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    return ascii_digits(unicodedata.normalize("NFKC", _NUMBER_SIGNS.sub(r" \g<0> ", text))).casefold()
