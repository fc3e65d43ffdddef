"""Amounts as they stand on paper, read one by one: the same vendor uses both decimal separators.

A text such as ``1.234`` has two readings. This module gives both, likeliest first, and leaves the choice to the
arithmetic of the document; it never decides by a locale.
"""

import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache

from shared_code.invoices.currencies import is_currency_word

_NORMALISED = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,6})?")
_CORE = re.compile(r"[.,]?[0-9]+(?:[.,' ][0-9]+)*[.,]?")
_FOREIGN_DIGIT = re.compile(r"(?![0-9])\d")
_WORD = re.compile(r"[^\W\d_]+")
#: ``12,-`` and ``12.--``: no decimals; ``1,500/-`` in India means the same
_NO_DECIMALS = re.compile(r"(?<=[0-9])(?:[.,]\s?-{1,2}|\s?/-)(?=\D*$)")
_DASHES = re.compile("[\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d]")
#: Arabic separators are unambiguous; apostrophes in all shapes group digits
_APOSTROPHES = re.compile("[\u066c\u2019\u02bc`\u00b4]")
_DECIMAL_ONLY = "\u066b"
_MAX_INTEGER_DIGITS = 15
_MAX_DECIMALS = 10
_GROUP = 3
_TOKEN = re.compile(r"(?<![\w/#.,'])(?<![\w/]-)[0-9][0-9.,']*(?!\w|/[0-9]|-[0-9])")
_SPACED = re.compile(r"(?<![0-9.,'])[0-9]{1,3}(?: [0-9]{3})+(?:[.,][0-9]+)?(?![0-9])")
_MAX_TOKENS = 200_000
_MAX_LENGTH = 64


def read_normalised(text: str | None) -> Decimal | None:
    """A value that is already in our own form (ASCII digits, ``.``, no grouping), else None."""
    return Decimal(text) if text and _NORMALISED.fullmatch(text) else None


def read_amount(text: str, *, decimal_mark: str | None = None, percent: bool = False) -> tuple[Decimal, ...]:
    """All readings of a printed amount, likeliest first; empty when it is not one number.

    :param decimal_mark: ``.`` or ``,`` when the rest of the document shows which it uses; it only orders the readings.
    :param percent: whether ``%`` may stand beside the number (rates, not amounts).
    """
    core, negative = _core_of(text, percent=percent)
    readings = _unsigned_readings(core, decimal_mark) if core else ()
    return tuple(-value if negative and value else value for value in readings)


def read_quantity(text: str, *, decimal_mark: str | None = None) -> tuple[Decimal, ...]:
    """As :func:`read_amount`, for a number with its unit behind it (``2 hours``, ``1.00 kg``)."""
    return read_amount(re.sub(r"(?<=[\d.,])\s*[^\W\d_][^\W\d_.]*\.?\s*$", "", text), decimal_mark=decimal_mark)


def decimal_mark_of(texts: Iterable[str]) -> str | None:
    """The decimal separator that all unambiguous amounts in ``texts`` agree on, or None."""
    marks = set()
    for text in texts:
        core, _ = _core_of(text, percent=False)
        if core and len(_unsigned_readings(core, None)) == 1:
            marks |= _mark(core)
    return marks.pop() if len(marks) == 1 else None


def amounts_in(text: str, *, with_decimals: bool = False) -> frozenset[Decimal]:
    """Every unsigned value that some number in ``text`` can stand for, for looking up an amount in a page's text.

    Parts of dates and codes (``12/01/2019``, ``A-100``) are no amounts. ``with_decimals`` leaves out whole numbers.
    """
    # A page may use the Arabic decimal mark in one line and Latin ones in another.
    parts = text.split("\n") if _DECIMAL_ONLY in text else [text]
    plain = " | ".join(_plain_characters(part) for part in parts).replace("\n", " | ")
    values: set[Decimal] = set()
    tokens = [*_TOKEN.findall(plain)[:_MAX_TOKENS], *_SPACED.findall(plain)[:_MAX_TOKENS]]
    for token in set(tokens):
        core = token.rstrip("'")
        if len(core) <= _MAX_LENGTH and _CORE.fullmatch(core):
            values.update(_unsigned_readings(core, None))
    return (
        frozenset(value for value in values if int(value.as_tuple().exponent) < 0)
        if with_decimals
        else frozenset(values)
    )


def ascii_digits(text: str) -> str:
    """``text`` with the decimal digits of every script as ASCII digits; other characters stay."""
    return text if text.isascii() else _FOREIGN_DIGIT.sub(lambda match: str(unicodedata.decimal(match[0])), text)


def _core_of(text: str, *, percent: bool) -> tuple[str, bool]:
    """The bare number with its separators, and whether it is negative; '' when the text is not one number."""
    return _bare_number(text, percent=percent) if len(text) <= _MAX_LENGTH else ("", False)


@lru_cache(maxsize=2048)
def _bare_number(text: str, *, percent: bool) -> tuple[str, bool]:
    if any(char.isnumeric() and not char.isdecimal() for char in text):
        return "", False  # fractions, raised cents and the like: their plain form would be another number
    unsigned, negative = _strip_sign(_plain_characters(text))
    plain = _strip_decoration(unsigned, percent=percent)
    return (plain, negative) if plain and _CORE.fullmatch(plain) else ("", False)


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
    signed = re.fullmatch(r"([^0-9-]*)-([^-]*)|([^-]*[0-9][^0-9-]*)-([^0-9-]*)", text)
    if signed:
        text = "".join(part or "" for part in signed.groups())
    return text.strip(), bool(bracketed or signed)


def _strip_decoration(text: str, *, percent: bool) -> str | None:
    """Only the number, or None when something other than a currency or an allowed sign stands beside it."""
    if _CORE.fullmatch(text):
        return text
    if re.search(r"[0-9][^\W\d_]+[0-9]|[^\W\d_][0-9.,' ]+[^\W\d_]", text):
        return None
    text = re.sub(r"[^\W\d_]{1,3}(?=[$₵¢¥£])", "", text)
    words = _WORD.findall(text)
    if not all(is_currency_word(word) for word in words):
        return None
    bare = re.sub(r"[^\W\d_]+\.?", " ", text)
    bare = "".join(" " if unicodedata.category(char) == "Sc" else char for char in bare)
    allowed = "@%+*:=" if percent else "+*:="
    return bare.translate(dict.fromkeys(map(ord, allowed), " ")).strip(" ")


@lru_cache(maxsize=4096)
def _unsigned_readings(core: str, decimal_mark: str | None) -> tuple[Decimal, ...]:
    """Readings of digits with separators; the first is the likeliest."""
    core = core.removesuffix(".").removesuffix(",")
    texts: list[str] = []
    as_decimal = _with_decimals(core)
    as_groups = _without_decimals(core)
    # A single comma before three digits groups more often than not, a single full stop by the rest of the document.
    grouping_first = decimal_mark is None or decimal_mark not in core
    for candidate in (as_groups, as_decimal) if grouping_first else (as_decimal, as_groups):
        if candidate is not None and candidate not in texts:
            texts.append(candidate)
    return tuple(Decimal(text) for text in texts)


def _with_decimals(core: str) -> str | None:
    """The reading in which the last ``.`` or ``,`` starts the decimals."""
    match = re.fullmatch(r"([^.,]*|.*[0-9])([.,])([0-9]+)", core)
    if not match:
        return None
    whole, mark, decimals = match.groups()
    if mark in whole or len(decimals) > _MAX_DECIMALS:
        return None
    digits = _grouped(whole) if whole else "0"
    return None if digits is None else f"{digits}.{decimals}"


def _without_decimals(core: str) -> str | None:
    """The reading in which every separator groups digits."""
    return _grouped(core) if len(set(re.findall(r"[.,' ]", core))) <= 1 else None


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
    western = len(first) <= _GROUP and all(len(group) == _GROUP for group in middle)
    indian = separators == {","} and len(first) <= _GROUP - 1 and all(len(group) == _GROUP - 1 for group in middle)
    return digits if western or indian else None


def _mark(core: str) -> set[str]:
    """The decimal separator of an unambiguous number; empty for whole numbers without one."""
    if _with_decimals(core) is not None and _without_decimals(core) is None:
        return {core[max(core.rfind("."), core.rfind(","))]}
    grouping = set(core) & {".", ","}
    return {"," if mark == "." else "." for mark in grouping}
