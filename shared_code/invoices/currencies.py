# ruff: noqa: SIM905 - two hundred codes read better as text than as two hundred quoted strings
"""Currencies: the codes of ISO 4217, their decimals, and what on a page is evidence of which code.

Codes and minor units are those of ISO 4217 list one (current currencies); the last row of ``_CODES`` holds codes of
list three (withdrawn currencies), because old invoices come in too.
"""

import re
from decimal import Decimal

_CODES = frozenset(
    """AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF
    CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ
    GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD
    MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG
    QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS
    UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
    HRK LTL LVL EEK SKK DEM FRF ITL ESP NLG ATS BEF CUC SLL VEF ZMK ZWL GHC""".split()
)
_MINOR_UNITS = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}
_DOLLARS = "USD AUD BBD BMD BND BSD BZD CAD FJD GYD HKD JMD KYD LRD NAD NZD SBD SGD SRD TTD TWD XCD MXN ARS CLP COP"
#: codes -> what is printed for them and can stand for any of them; case does not count
_MARKS_OF_CODES = {
    _DOLLARS: "$ dollar dollars",
    "INR PKR LKR NPR MUR SCR": "₨ rs rupee rupees रुपये रु",
    "GBP GIP FKP SHP EGP LBP": "pound pounds",
    "KES UGX TZS SOS": "shilling shillings",
    "SEK NOK DKK ISK": "kr",
    "NOK DKK": "kroner",
    "JPY CNY": "¥",
    "XOF XAF": "cfa fcfa",
    "AED MAD": "dhs",
    "RON MDL": "lei",
    "AZN": "₼",
    "BDT": "৳",
    "BGN": "лв",
    "CHF": "fr sfr franken",
    "CNY": "元 rmb yuan",
    "CRC": "₡",
    "CZK": "kč",
    "EUR": "€ euro euros",
    "GBP": "£ sterling",
    "GEL": "₾",
    "GHS": "₵ cedi cedis",
    "HUF": "ft",
    "IDR": "rp",
    "ILS": "₪",
    "INR": "₹",
    "JPY": "円 yen",
    "KES": "ksh kshs",
    "KRW": "₩",
    "KZT": "₸",
    "MYR": "rm",
    "NGN": "₦ naira",
    "PHP": "₱",
    "PLN": "zł złotych",
    "PYG": "₲",
    "RUB": "₽ руб",
    "SEK": "kronor",
    "THB": "฿",
    "TRY": "₺ tl",
    "TZS": "tsh",
    "UAH": "₴",
    "UGX": "ush ugs",
    "VND": "₫",
    "ZAR": "rand",
}
_MARKS = {mark: frozenset(codes.split()) for codes, marks in _MARKS_OF_CODES.items() for mark in marks.split()}
#: code -> letters and a sign that together name its country
_PREFIXED_OF_CODE = {
    "AUD": "A$ AU$",
    "BRL": "R$",
    "CAD": "C$ CA$ CAN$",
    "CNY": "CN¥",
    "EGP": "E£",
    "GHS": "GH₵ GH¢ GHC",
    "HKD": "HK$",
    "JMD": "J$",
    "JPY": "JP¥",
    "MXN": "MX$",
    "NZD": "NZ$",
    "SGD": "S$ SG$",
    "TTD": "TT$",
    "TWD": "NT$",
    "USD": "US$ U$",
}
_PREFIXED = {mark: code for code, marks in _PREFIXED_OF_CODE.items() for mark in marks.split()}
#: currencies that a mark shared by several means in their own country, whose code (ISO 3166-1) they begin with
_MEANT_AT_HOME = frozenset(
    "AUD CAD CNY DKK HKD INR ISK JPY KES LKR MUR MXN NOK NPR NZD PKR SEK SGD TWD TZS UGX USD".split()
)
#: letters with a sign behind them (``US$``), a word, or a single sign
_PIECE = re.compile(r"[^\W\d_]*[$₵¢¥£]|[^\W\d_]+|[^\w\s]")


def is_currency(code: str | None) -> bool:
    """Whether ``code`` is an ISO 4217 code, current or withdrawn."""
    return code in _CODES


def minor_units(code: str | None) -> int:
    """Decimal places of amounts in the currency (the minor unit of ISO 4217); 2 when the currency is not known."""
    return _MINOR_UNITS.get(code or "", 2)


def minor_unit(code: str | None) -> Decimal:
    """The smallest amount in the currency: 0.01, 1 or 0.001."""
    return Decimal(1).scaleb(-minor_units(code))


def is_currency_word(word: str) -> bool:
    """Whether a word beside an amount names a currency (``Rs``, ``EUR``, the rand's ``R``)."""
    return word.upper() in _CODES or word.casefold() in _MARKS or word == "R"


def currencies_in(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """Codes that ``text`` names beyond doubt, and all codes that something in it can stand for."""
    certain: set[str] = set()
    possible: set[str] = set()
    for piece in set(_PIECE.findall(text)):
        if piece in _PREFIXED:
            certain.add(_PREFIXED[piece])
        elif piece in _CODES and piece not in {"ALL", "TOP", "TRY", "BAM", "CUP", "LAK", "MOP", "PEN", "COP", "SOS"}:
            certain.add(piece)
        else:
            meant = _MARKS.get(piece.casefold()) or _MARKS.get(piece[-1], frozenset())
            (certain if len(meant) == 1 else possible).update(meant)
    return frozenset(certain), frozenset(certain | possible)


def is_currency_of(code: str, country: str | None) -> bool:
    """Whether a mark that several currencies share (``$``, ``Rs``, ``kr``) means ``code`` in ``country``."""
    return code in _MEANT_AT_HOME and code[:2] == country
