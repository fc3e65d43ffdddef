# ruff: noqa: SIM905 - codes read better as text than as quoted strings
"""What on a page is evidence of a currency: a code or a mark beside an amount or a label, a sign, a name in words.

Three letters that are also a code prove nothing in a sentence ("CAD drawings"). What stands beside an amount is money,
but not in the line that says at which rate something was exchanged. A mark that several currencies share (``$``,
``kr``) is settled by the seller's country, elsewhere.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache

from shared_code.invoices.alternatives import by_first_character
from shared_code.invoices.currencies import is_currency
from shared_code.invoices.currency_symbols import ABBREVIATIONS_OF_CODES, PREFIXED_OF_CODE, SIGNS_OF_CODES

_LONGEST_UNIT = 2
#: codes that are words of some language when they stand in capitals
_WORDS = frozenset("ALL ARS BAM BOB CAD COP CUP GEL LAK LEK MAD MOP MUR PEN RON SOS TOP TRY".split())
#: what people print for a currency although it is the code of an older one
_BEFORE_CODES = {"ghc": frozenset({"GHS"})}
_SHARED_PREFIXED = {"C$": frozenset({"CAD", "NIO"})}
_PREFIXED = {mark: code for code, marks in PREFIXED_OF_CODE.items() for mark in marks.split()}


def _by_mark(table: dict[str, str]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for codes, marks in table.items():
        for mark in marks.split():
            found[mark] = found.get(mark, frozenset()) | frozenset(codes.split())
    return found


_SIGNS = _by_mark(SIGNS_OF_CODES)
_ABBREVIATIONS = _by_mark(ABBREVIATIONS_OF_CODES)
#: a letter with the vowel signs of Devanagari, Bengali, Sinhala, Thai and Thaana, which regular expressions count apart
_VOWEL_SIGNS = (
    r"\u0900-\u0903\u093a-\u094f\u0981-\u0983\u09bc-\u09cd\u0d81-\u0d83\u0dca-\u0ddf\u0e31-\u0e4e\u07a6-\u07b0"
)
_LETTER = rf"[^\W\d_][{_VOWEL_SIGNS}]*"
_SIGN = r"[^\w\s.,;:()\[\]'\"+*=#@!?%&|<>~^\-/]"
_MARK = rf"(?:(?:{_LETTER}){{1,10}}[$¢£¥₵]?|{_SIGN}|[SB]/)"
_BEFORE = re.compile(rf"(?<![^\W_])({_MARK})[.]{{0,6}}\s?[$€£¥₹]?\s?[-(]{{0,3}}\s?(?=[.,]?[0-9])")
_AFTER = re.compile(rf"(?<=[0-9])\)?(?:[.,]?-{{1,2}}|/-)?\s?({_MARK})(?![^\W_])")
_LABEL = (
    r"currency|währung|waehrung|devise|moneda|moeda|valuta|waluta|měna|mena|pénznem|para birimi|döviz|валюта|"
    r"νόμισμα|العملة|عملة|通貨|币种|幣別|통화|สกุลเงิน|mata uang|mata wang|loại tiền|"
    r"total|amounts?|prices?|betrag|beträge|preis|summe|montants?|prix|importe|precio|importo|prezzo|bedrag|prijs|"
    r"kwota|cena|tutar|fiyat|belopp|beløb|pris|value|valor|in|en|em"
)
_LABELLED = re.compile(
    rf"(?<![^\W_])(?:{by_first_character(_LABEL.split('|'))})[\s:.\-(\[]{{1,6}}(?=({_MARK})(?![^\W_]))", re.IGNORECASE
)
_ALONE = re.compile(rf"(?m)^\s*({_MARK})\s*$|[(\[]\s?({_MARK})\s?[)\]]")
_DIGIT = re.compile("[0-9]")
_VOWEL = re.compile(f"[{_VOWEL_SIGNS}]")
_CODE = re.compile(r"[A-Z](?<![^\W_].)[A-Z]{2}(?![^\W_])")
_LETTERS = rf"[^\W\d_]+(?:[{_VOWEL_SIGNS}]+[^\W\d_]*)*"
_PIECE = re.compile(rf"{_LETTERS}(?:\.{_LETTERS})*[$¢£¥₵]?|{_SIGN}")
_WITH_SLASH = ("S/", "B/", "s/", "b/")
_EXCHANGE = re.compile(
    r"(?i)exchange|(?<![^\W_])(?:rate|kurs|wechselkurs|cours|taux|cambio|câmbio|kur|koers)(?![^\W_])|"
    r"[0-9]\s?(?:[A-Z]{3}|[$€£¥])\s?=|=\s?[0-9.,]+\s?[A-Z]{3}"
)
#: L.E., U.S. $
_INITIALS = re.compile(r"(?<![^\W_])((?:[^\W\d_]\.\s?){1,3}[^\W\d_])\.?(?=[\s$0-9])")
_PARTED = re.compile(r"(?<![^\W_])(US|HK|NT|NZ|AU|CA|SG)\s\$")


@dataclass(frozen=True, slots=True)
class CurrencyEvidence:
    """Codes by what a text shows of them.

    :ivar certain: a code or a mark of this currency alone, beside an amount or a label, or as a sign or name.
    :ivar possible: those, and all that a shared mark can stand for.
    :ivar mentioned: codes that only stand in a sentence or in an exchange rate.
    """

    certain: frozenset[str] = frozenset()
    possible: frozenset[str] = frozenset()
    mentioned: frozenset[str] = frozenset()


def currencies_in(text: str) -> CurrencyEvidence:
    """The currencies that a text shows."""
    strong: set[frozenset[str]] = set()
    weak: set[frozenset[str]] = set()
    mentioned: set[str] = set()
    plain = _plain(text)
    known = [piece for piece in set(_PIECE.findall(plain)) if _may_be_money(piece)]
    known += [mark for mark in _WITH_SLASH if mark in plain]
    for line in plain.split("\n") if known else ():
        if not any(piece in line for piece in known):
            continue
        mentioned.update(code for code in _CODE.findall(line) if is_currency(code))
        signs = {meaning for piece in set(_PIECE.findall(line)) if (meaning := _of_sign(piece))}
        patterns = (_BEFORE, _AFTER, _LABELLED) if _DIGIT.search(line) else (_LABELLED,)
        beside = {piece for pattern in patterns for piece in pattern.findall(line)}
        beside.update(first or second for first, second in _ALONE.findall(line))
        meant = {piece: meaning for piece in beside if (meaning := codes_of_mark(piece))}
        if (signs or meant) and _EXCHANGE.search(line) is not None:
            mentioned.update(*signs, *meant.values())
            continue
        strong |= signs
        for piece, meaning in meant.items():
            (weak if _is_unit_too(piece) else strong).add(meaning)
    # 5 L and 20 MT are quantities, unless nothing else on the page is money.
    found = strong or weak
    possible = frozenset(code for meaning in found for code in meaning)
    certain = frozenset(code for meaning in found if len(meaning) == 1 for code in meaning)
    seldom = frozenset(code for meaning in weak for code in meaning)
    return CurrencyEvidence(certain, possible, possible | seldom | mentioned)


def _is_unit_too(mark: str) -> bool:
    """Whether a mark may be a unit of quantities: KGS, and abbreviations of one or two letters."""
    return mark.upper() == "KGS" or (mark.isalpha() and len(mark) <= _LONGEST_UNIT)


@lru_cache(maxsize=4_096)
def _may_be_money(piece: str) -> bool:
    """Whether some mark or code in a piece of a text can mean a currency; vowel signs are looked at elsewhere."""
    *words, last = piece.split(".")
    marks = {*words, last, last.rstrip("$¢£¥₵")} - {""}
    return bool(_of_sign(piece)) or any(codes_of_mark(mark) or _VOWEL.search(mark) for mark in marks)


@lru_cache(maxsize=4_096)
def codes_of_mark(mark: str) -> frozenset[str]:
    """Codes that a mark beside an amount can stand for; none when it is no currency."""
    if mark.casefold() in _BEFORE_CODES:
        return _BEFORE_CODES[mark.casefold()]
    if is_currency(mark.upper()) and (mark.isupper() or mark.upper() not in _WORDS):
        return frozenset({mark.upper()})
    return _of_sign(mark) or _ABBREVIATIONS.get(mark.casefold(), frozenset())


def share_a_mark(code: str, other: str) -> bool:
    """Whether some mark can stand for both."""
    return any({code, other} <= codes for codes in _shared())


@cache
def _shared() -> tuple[frozenset[str], ...]:
    return tuple(codes for table in (_SIGNS, _ABBREVIATIONS) for codes in table.values() if len(codes) > 1)


@lru_cache(maxsize=4_096)
def _of_sign(piece: str) -> frozenset[str]:
    """What a sign or a full name means wherever it stands."""
    if piece in _PREFIXED:
        return frozenset({_PREFIXED[piece]})
    if piece in _SHARED_PREFIXED:
        return _SHARED_PREFIXED[piece]
    if piece.casefold() in _SIGNS:
        return _SIGNS[piece.casefold()]
    return _SIGNS.get(piece[-1], frozenset()) if not piece[-1].isalpha() else frozenset()


def _plain(text: str) -> str:
    """Full-width signs as usual ones, initials without their dots."""
    folded = unicodedata.normalize("NFKC", text.replace("\u20a8", "Rs "))
    joined = _INITIALS.sub(lambda match: re.sub(r"[.\s]", "", match[1]), folded)
    return _PARTED.sub(r"\1$", joined) if "$" in joined else joined
