"""Text that was read from a picture, looked up with the mistakes allowed that such readers make.

They take 0 for O, 1 for l and I, 5 for S, 8 for B, a comma for a point, and lose blanks. What is found only with such a
mistake allowed is on the page, but its reading confirms nothing exactly.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from functools import cached_property, lru_cache

from shared_code.invoices.printed_dates import dates_in

_ALIKE = ("0Oo", "1lIi|", "5Ss", "8B")
_CLASS_OF = {char: f"[{re.escape(group)}]" for group in _ALIKE for char in group}
_DIGIT_OF = str.maketrans({char: group[0] for group in _ALIKE for char in group})
#: Shorter codes are found anywhere once mistakes are allowed.
_LEAST_CODE = 6
_LEAST_WORD = 3
_MOST_WORDS = 0.6
#: what may stand between two characters of a code, whatever stands between them in the value
_GAP = r"[ .,:/\\_-]{0,2}"
#: a number with its separators; at least one of its characters is a digit
_NUMBER = re.compile(r"[0-9OoIlSB|.,' ]*[0-9][0-9OoIlSB|.,' ]*")
#: the same without blanks
_PRINTED_NUMBER = re.compile(r"[0-9OoIlSB|](?:[0-9OoIlSB|.,']*[0-9OoIlSB|])?")
_SEPARATORS = re.compile(r"[.,' ]+")
_LETTER_BESIDE_DIGIT = re.compile(r"(?<=[0-9])(?=[^\W\d_])|(?<=[^\W\d_])(?=[0-9])")
#: between digits, or at the end of some, a letter is a digit that was taken for it
_LETTER_IN_NUMBER = re.compile(r"(?<=[0-9.,/-])[OoIlSB|](?=[0-9.,/\s-]|$)|(?<![^\W\d_])[OoIlSB|](?=[0-9]{1,3}[.,/-])")
_DAY_FORMS = ("%d%m%Y", "%m%d%Y", "%Y%m%d")
_LONGEST_CODE = 120


class PictureText:
    """The text of pages that were read from their pictures; each index is built on first use and kept."""

    def __init__(self, pages: Sequence[str]) -> None:
        self._text = "\n".join(pages)

    def has_amount(self, value: Decimal, *, with_decimals: bool) -> bool:
        """Whether digits are printed that may be this amount."""
        return not _digits_of(value, with_decimals=with_decimals).isdisjoint(self._numbers)

    def has_amount_but_for_a_digit(self, value: Decimal) -> bool:
        """Whether digits are printed that differ from those of this amount in one place."""
        wanted = f"{abs(value):.2f}".replace(".", "")
        alike = (number for number in self._numbers if len(number) == len(wanted))
        return any(sum(a != b for a, b in zip(wanted, number, strict=True)) == 1 for number in alike)

    def has_code(self, code: str) -> bool:
        """Whether a code of six characters or more is printed, with any signs between its characters."""
        return resembles(code, self._text)

    def has_date(self, day: date) -> bool:
        """Whether a date is printed that may be this day."""
        return day in self._days or any(day.strftime(form) in self._numbers for form in _DAY_FORMS)

    def has_words_of(self, text: str) -> bool:
        """Whether most words of a longer text are printed, with or without blanks between them."""
        words = [word for word in map(_plain, re.split(r"[\W_]+", text)) if len(word) >= _LEAST_WORD]
        return bool(words) and sum(word in self._plain for word in words) >= _MOST_WORDS * len(words)

    @cached_property
    def _plain(self) -> str:
        return _plain(self._text)

    @cached_property
    def _numbers(self) -> frozenset[str]:
        return frozenset(numbers_in(self._text))

    @cached_property
    def _days(self) -> frozenset[date]:
        digits = _LETTER_IN_NUMBER.sub(lambda one: one[0].translate(_DIGIT_OF), self._text)
        parted = _LETTER_BESIDE_DIGIT.sub(" ", digits)
        return frozenset(day for reading in dates_in(parted, all_languages=True) for day in reading.candidates)


def resembles(code: str, text: str) -> bool:
    """Whether a text holds a code as a whole, with the mistakes of a reader of pictures; six characters or more."""
    pattern = _pattern_of(code)
    return pattern is not None and pattern.search(unicodedata.normalize("NFKC", text)) is not None


def amount_resembles(value: Decimal, texts: Iterable[str]) -> bool:
    """Whether one of the texts holds the digits of an amount, whatever separates them."""
    wanted = _digits_of(value, with_decimals=False)
    return any(not wanted.isdisjoint(numbers_in(text)) for text in texts)


def code_places(code: str, text: str) -> list[tuple[int, int]]:
    """Where :func:`resembles` finds the code; nothing where characters of the text count as several."""
    pattern, plain = _pattern_of(code), unicodedata.normalize("NFKC", text)
    return [] if pattern is None or len(plain) != len(text) else [match.span() for match in pattern.finditer(plain)]


def amount_places_like(value: Decimal, text: str) -> list[tuple[int, int]]:
    """Where digits stand that may be this amount, each number without the blanks around it."""
    wanted, found = _digits_of(value, with_decimals=False), list[tuple[int, int]]()
    for match in _PRINTED_NUMBER.finditer(text):
        if _SEPARATORS.sub("", match[0].translate(_DIGIT_OF)) in wanted:
            found.append(match.span())
    return found


def numbers_in(text: str) -> set[str]:
    """The digits of each number, with letters that look like digits taken for them, and without separators."""
    found = set()
    for part in re.split(r"\s{2,}|\n", text):
        for number in _NUMBER.findall(part):
            pieces = number.split(" ")
            found |= {_SEPARATORS.sub("", one.translate(_DIGIT_OF)) for one in (*pieces, number)}
    return found


@lru_cache(maxsize=256)
def _pattern_of(code: str) -> re.Pattern[str] | None:
    characters = [char for char in unicodedata.normalize("NFKC", code) if char.isalnum()]
    if not _LEAST_CODE <= len(characters) <= _LONGEST_CODE:
        return None
    body = _GAP.join(_CLASS_OF.get(char, re.escape(char)) for char in characters)
    first, last = characters[0], characters[-1]
    before = "(?<![0-9])" if first.isdigit() else r"(?<![^\W\d_])"
    behind = "(?![0-9])" if last.isdigit() else r"(?![^\W\d_])"
    return re.compile(before + body + behind, re.IGNORECASE)


def _digits_of(value: Decimal, *, with_decimals: bool) -> set[str]:
    size = abs(value)
    forms = {f"{size:.2f}", f"{size:f}"}
    if size == size.to_integral_value():
        forms = {f"{size:.2f}"} if with_decimals else {f"{size:.2f}", f"{size:.0f}"}
    return {form.replace(".", "") for form in forms}


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).translate(_DIGIT_OF)).casefold()
