# ruff: noqa: SIM905 - a list of words reads better as text
"""Amounts as they are printed on invoices, read one by one, because one vendor may use both decimal separators.

A text such as ``1.234`` has two readings. This module gives both, likeliest first, and leaves the choice to the
arithmetic of the document; it never decides by a locale. Digits of all scripts are read, after the compatibility
normalisation NFKC of Unicode (Standard Annex 15).
"""

import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from shared_code.invoices.currency_marks import codes_of_mark

_NORMALISED = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,6})?")
_CORE = re.compile(r"[.,]?[0-9]+(?:[.,' ][0-9]+)*[.,]?")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_WORD = re.compile(r"[^\W\d_]+")
#: signs for "no decimals": ``12,-`` and ``12.--`` in Europe, ``1,500/-`` in India
_NO_DECIMALS = re.compile(r"(?<=[0-9])(?:[.,]\s?-{1,2}|\s?/-)(?=\D*$)")
_DASHES = re.compile("[\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d]")
#: group digits and nothing else: apostrophes in all shapes, and the Arabic thousands separator
_APOSTROPHES = re.compile("[\u066c\u2019\u02bc`\u00b4]")
#: the Arabic decimal separator
_DECIMAL_ONLY = "\u066b"
_MAX_INTEGER_DIGITS = 15
_MAX_DECIMALS = 10
_GROUP = 3
#: What must not stand before a number is looked at behind its first digit: a pattern that begins with a digit is looked
#: for at digits alone.
_TOKEN = re.compile(r"[0-9](?<![\w/#.,'].)(?<![\w/]-.)[0-9.,']*(?!\w|/[0-9]|-[0-9])")
_SPACED = re.compile(r"[0-9](?<![0-9.,'].)[0-9]{0,2}(?: [0-9]{3})+(?:[.,][0-9]+)?(?![0-9])")
#: letters that touch an amount: GHS1,180.00, 1,180.00EUR, 118.00A, 11,000円
_GLUED = re.compile(
    r"(?<![\w/#.,'])(?<![\w/]-)(?:[^\W\d_]{1,6}+\.?)?([0-9][0-9.,']*[.,'][0-9]+)(?:[^\W\d_]{1,6})?(?![\w/]|-[0-9])"
)
#: a mark of a currency with its sign or point: CHF-36.50, B/.1,180.00
_MARKED = re.compile(r"(?<![\w/#.,'])([^\W\d_]{1,4}|[BS]/)(?:\.?-|\.)([0-9][0-9.,']*[.,'][0-9]+)(?![\w/]|-[0-9])")
#: one digit to a box, as forms have it: 1 1 8 . 0 0
_COMB = re.compile(r"[0-9](?<![\w.,].)(?: ?[.,])?(?: [0-9](?: ?[.,])?){2,14}(?![\w])")
_LEADER = re.compile(r"[.…]{2,}(?=\s?[0-9])")
#: words behind a number that make it another one
_MULTIPLIERS = frozenset(
    "k,thousand,tsd,million,millions,millionen,mio,mln,mn,m,bn,billion,mrd,crore,crores,lakh,lakhs,lac,lacs".split(",")
)
_LOOKS_LIKE_MONEY = re.compile(r"[0-9][.,' ][0-9]")
#: of a longer text beside a number it is not sure that it belongs to the number
_LONGEST_MARK = 6
_MAX_TOKENS = 200_000
_MAX_LENGTH = 64


class PlacedAmount(NamedTuple):
    """A number in a text: where it stands, and its digits with what groups them."""

    start: int
    end: int
    number: str


def read_normalised(text: str | None) -> Decimal | None:
    """A value in the form that the model is asked for (ASCII digits, ``.``, no grouping), else None."""
    return Decimal(text) if text and _NORMALISED.fullmatch(text) else None


def read_amount(
    text: str, *, decimal_mark: str | None = None, percent: bool = False, with_unit: bool = False
) -> tuple[Decimal, ...]:
    """All readings of a printed amount, likeliest first; empty when it is not one number.

    :param decimal_mark: ``.`` or ``,`` when the rest of the document shows which it uses; it only orders the readings.
    :param percent: whether ``%`` may stand beside the number (rates, not amounts).
    :param with_unit: whether a unit may stand behind the number (``2 hours``, ``1.00 kg``).
    """
    if with_unit:
        text = re.sub(r"(?<=[\d.,])\s*[^\W\d_][^\W\d_.]*\.?\s*$", "", text)
    core, negative = _bare_number(text, percent=percent) if len(text) <= _MAX_LENGTH else ("", False)
    readings = _unsigned_readings(core, decimal_mark) if core else ()
    return tuple(-value if negative and value else value for value in readings)


def decimal_mark_of(texts: Iterable[str]) -> str | None:
    """The decimal separator that all unambiguous amounts in ``texts`` agree on, or None."""
    marks = set()
    for text in texts:
        core = _bare_number(text, percent=False)[0] if len(text) <= _MAX_LENGTH else ""
        if core and len(_unsigned_readings(core, None)) == 1:
            marks |= _mark(core)
    return marks.pop() if len(marks) == 1 else None


def amounts_in(text: str, *, with_decimals: bool = False) -> frozenset[Decimal]:
    """Every value, without sign, that a number in ``text`` can stand for: to look up an amount on a page.

    Parts of dates and codes (``12/01/2019``, ``A-100``) are no amounts. ``with_decimals`` leaves out whole numbers.
    """
    return amounts_and_exact_ones(text)[1 if with_decimals else 0]


def amounts_and_exact_ones(text: str) -> tuple[frozenset[Decimal], frozenset[Decimal]]:
    """All values of :func:`amounts_in`, and those of numbers with decimals."""
    # A page may use the Arabic decimal mark in one line and Latin ones in another.
    parts = text.split("\n") if _DECIMAL_ONLY in text else [text]
    plain = _LEADER.sub(" ", " | ".join([_plain_characters(part) for part in parts]).replace("\n", " | "))
    values: set[Decimal] = set()
    exact: set[Decimal] = set()
    tokens = [token.replace(" ", "") for token in _COMB.findall(plain)[:_MAX_TOKENS]]
    tokens += [token for pattern in (_TOKEN, _SPACED, _GLUED) for token in pattern.findall(plain)[:_MAX_TOKENS]]
    tokens += [token for mark, token in _MARKED.findall(plain)[:_MAX_TOKENS] if codes_of_mark(mark)]
    for token in set(tokens):
        whole, with_decimals = both_readings(token)
        if whole is not None:
            values.add(whole)
        if with_decimals is not None:
            exact.add(with_decimals)
    return frozenset(values | exact), frozenset(exact)


def amount_places(text: str) -> list[PlacedAmount]:
    """Every number in ``text`` that can be an amount, with its place; one may be found twice, as two numbers."""
    plain = _same_length(text)
    found = []
    for pattern, group in ((_COMB, 0), (_TOKEN, 0), (_SPACED, 0), (_GLUED, 1), (_MARKED, 2)):
        for match in pattern.finditer(plain):
            if pattern is not _MARKED or codes_of_mark(match[1]):
                start, number = match.start(group), match[group].rstrip("',. ")
                digits = number.replace(" ", "") if pattern is _COMB else number
                found.append(PlacedAmount(start, start + len(number), digits))
    return found


def _same_length(text: str) -> str:
    """ASCII digits and plain separators, character by character, so that places stay."""
    if not text.isascii():
        for char in set(_NOT_ASCII.findall(text)):
            plain = unicodedata.normalize("NFKC", char)
            if plain != char and len(plain) == 1:
                text = text.replace(char, plain)
        text = _DASHES.sub("-", ascii_digits(_APOSTROPHES.sub("'", text)))
        if _DECIMAL_ONLY in text:
            lines = (
                line.replace(",", "'").replace(".", "'").replace(_DECIMAL_ONLY, ".") if _DECIMAL_ONLY in line else line
                for line in text.split("\n")
            )
            text = "\n".join(lines)
    return _LEADER.sub(lambda match: " " * len(match[0]), text).replace("`", "'")


def ascii_digits(text: str) -> str:
    """``text`` with the decimal digits of every script as ASCII digits; other characters stay."""
    if text.isascii():
        return text
    for char in set(_NOT_ASCII.findall(text)):
        if char.isdecimal():
            text = text.replace(char, str(unicodedata.decimal(char)))
    return text


@lru_cache(maxsize=2048)
def _bare_number(text: str, *, percent: bool) -> tuple[str, bool]:
    """The digits of a number with their separators, and whether it is negative; '' when the text is not one number."""
    if any(char.isnumeric() and not char.isdecimal() for char in text):
        return "", False  # a fraction or a raised digit, which would become another number
    unsigned, negative = _strip_sign(_LEADER.sub("", _plain_characters(text)))
    if _CORE.fullmatch(unsigned):
        return unsigned, negative
    if re.search(r"[0-9][^\W\d_]+[0-9]", unsigned):
        return "", False
    unsigned = re.sub(r"[^\W\d_]{1,3}(?=[$₵¢¥£])", "", unsigned)
    if not all(_may_stand_beside(word, unsigned) for word in _WORD.findall(unsigned)):
        return "", False
    bare = re.sub(r"[^\W\d_]+\.?/?", " ", unsigned)
    bare = "".join(" " if unicodedata.category(char) == "Sc" else char for char in bare)
    allowed = "@%+*:=" if percent else "+*:="
    bare = bare.translate(dict.fromkeys(map(ord, allowed), " ")).strip(" ")
    return (bare, negative) if _CORE.fullmatch(bare) else ("", False)


def _may_stand_beside(word: str, text: str) -> bool:
    """Whether a word beside a number leaves it one amount: a currency, or a mark that is not known beside money."""
    if codes_of_mark(word):
        return True
    money = _LOOKS_LIKE_MONEY.search(text) is not None
    return money and len(word) <= _LONGEST_MARK and word.casefold() not in _MULTIPLIERS


def _plain_characters(text: str) -> str:
    """ASCII digits, plain blanks, hyphens and apostrophes."""
    if text.isascii():
        return re.sub(r"[^\S\n]+", " ", text.replace("`", "'")).strip()
    separated = _APOSTROPHES.sub("'", text)
    if _DECIMAL_ONLY in separated:
        # U+066B is a decimal point and nothing else; beside it a comma or full stop can only group.
        separated = separated.replace(",", "'").replace(".", "'").replace(_DECIMAL_ONLY, ".")
    folded = _DASHES.sub("-", ascii_digits(unicodedata.normalize("NFKC", separated)))
    return re.sub(r"[^\S\n]+", " ", folded).strip()


def _strip_sign(text: str) -> tuple[str, bool]:
    """The text without brackets or the one minus sign, and whether it is negative."""
    text = _NO_DECIMALS.sub("", text)
    bracketed = re.fullmatch(r"(\D*)\((.*[0-9].*)\)(\D*)", text)
    if bracketed:
        text = "".join(bracketed.groups())
    # (-)0.36, as Indian accounting programs print it; 118.00 CR, what stands to somebody's credit
    credited = re.fullmatch(r"(.*[0-9])\s?CR\.?", text) or re.fullmatch(r"([^0-9]*)\(-\)(.*)", text)
    if credited:
        text = "".join(credited.groups())
    signed = re.fullmatch(r"([^0-9-]*)-([^-]*)|([^-]*[0-9][^0-9-]*)-([^0-9-]*)", text)
    if signed:
        text = "".join([part or "" for part in signed.groups()])
    return text.strip(), bool(bracketed or signed or credited)


def _unsigned_readings(core: str, decimal_mark: str | None) -> tuple[Decimal, ...]:
    """Readings of digits with separators; the first is the likeliest."""
    whole, with_decimals = both_readings(core)
    # Before three digits, a mark more often groups than starts decimals, unless the document shows otherwise.
    grouping_first = decimal_mark is None or decimal_mark not in core.removesuffix(".").removesuffix(",")
    ordered = (whole, with_decimals) if grouping_first else (with_decimals, whole)
    return tuple(value for value in ordered if value is not None)


@lru_cache(maxsize=4096)
def both_readings(number: str) -> tuple[Decimal | None, Decimal | None]:
    """A number without sign read without decimals, and with them; None for what it cannot be."""
    core = number.rstrip("'")
    if len(core) > _MAX_LENGTH or not _CORE.fullmatch(core):
        return None, None
    core = core.removesuffix(".").removesuffix(",")
    whole, decimals = _split_decimals(core)
    digits = _grouped(whole) if decimals else None
    as_groups = _grouped(core)
    return (
        None if as_groups is None else Decimal(as_groups),
        Decimal(f"{digits}.{decimals}") if digits else None,
    )


def _split_decimals(core: str) -> tuple[str, str]:
    """Whole part and decimals where the last ``.`` or ``,`` can start decimals; else the number itself and ''."""
    match = re.fullmatch(r"([^.,]*|.*[0-9])([.,])([0-9]+)", core)
    if not match:
        return core, ""
    whole, mark, decimals = match.groups()
    return (core, "") if mark in whole or len(decimals) > _MAX_DECIMALS else (whole or "0", decimals)


def _grouped(text: str) -> str | None:
    """The digits of an integer with at most one kind of grouping, Western (3) or Indian (2 and 3); else None."""
    separators = set(re.findall(r"[.,' ]", text))
    groups = re.split(r"[.,' ]", text)
    digits = "".join(groups)
    if not digits or len(separators) > 1 or len(digits) > _MAX_INTEGER_DIGITS:
        return None
    if len(groups) == 1:
        return digits
    first, *middle, last = groups
    if len(last) != _GROUP or not first or first.startswith("0"):
        return None
    lengths = {len(group) for group in middle}
    western = len(first) <= _GROUP and lengths <= {_GROUP}
    indian = separators == {","} and len(first) <= _GROUP - 1 and lengths <= {_GROUP - 1}
    return digits if western or indian else None


def _mark(core: str) -> set[str]:
    """The decimal separator of an unambiguous number; empty for whole numbers without one."""
    whole, with_decimals = both_readings(core)
    if with_decimals is not None and whole is None and core[-1] not in ".,":
        return {core[max(core.rfind("."), core.rfind(","))]}
    grouping = set(core) & {".", ","}
    return {"," if mark == "." else "." for mark in grouping}
