# ruff: noqa: SIM905 - two hundred codes read better as text than as two hundred quoted strings
"""ISO 4217 as data: which codes there are, their minor units, and what on a page is evidence of which code."""

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
_DOLLARS = frozenset(
    "USD AUD BBD BMD BND BSD BZD CAD FJD GYD HKD JMD KYD LRD NAD NZD SBD SGD SRD TTD TWD XCD MXN ARS CLP COP".split()
)
_RUPEES = frozenset("INR PKR LKR NPR MUR SCR".split())
_KRONER = frozenset("SEK NOK DKK ISK".split())
_POUNDS = frozenset("GBP GIP FKP SHP EGP LBP".split())
_SHILLINGS = frozenset("KES UGX TZS SOS".split())
#: what is printed -> the codes that it can stand for; words are compared without regard to case
_MARKS: dict[str, frozenset[str]] = {
    "$": _DOLLARS,
    "€": frozenset({"EUR"}),
    "£": frozenset({"GBP"}),
    "¥": frozenset({"JPY", "CNY"}),
    "円": frozenset({"JPY"}),
    "元": frozenset({"CNY"}),
    "₹": frozenset({"INR"}),
    "₨": _RUPEES,
    "₵": frozenset({"GHS"}),
    "₦": frozenset({"NGN"}),
    "₺": frozenset({"TRY"}),
    "₩": frozenset({"KRW"}),
    "฿": frozenset({"THB"}),
    "₫": frozenset({"VND"}),
    "₱": frozenset({"PHP"}),
    "₪": frozenset({"ILS"}),
    "₴": frozenset({"UAH"}),
    "₽": frozenset({"RUB"}),
    "₸": frozenset({"KZT"}),
    "₾": frozenset({"GEL"}),
    "₼": frozenset({"AZN"}),
    "₡": frozenset({"CRC"}),
    "₲": frozenset({"PYG"}),
    "৳": frozenset({"BDT"}),
    "zł": frozenset({"PLN"}),
    "kč": frozenset({"CZK"}),
    "ft": frozenset({"HUF"}),
    "lei": frozenset({"RON", "MDL"}),
    "лв": frozenset({"BGN"}),
    "руб": frozenset({"RUB"}),
    "tl": frozenset({"TRY"}),
    "kr": _KRONER,
    "rs": _RUPEES,
    "rm": frozenset({"MYR"}),
    "rp": frozenset({"IDR"}),
    "fr": frozenset({"CHF"}),
    "sfr": frozenset({"CHF"}),
    "ksh": frozenset({"KES"}),
    "kshs": frozenset({"KES"}),
    "ush": frozenset({"UGX"}),
    "ugs": frozenset({"UGX"}),
    "tsh": frozenset({"TZS"}),
    "cfa": frozenset({"XOF", "XAF"}),
    "fcfa": frozenset({"XOF", "XAF"}),
    "dhs": frozenset({"AED", "MAD"}),
    "rmb": frozenset({"CNY"}),
    "euro": frozenset({"EUR"}),
    "euros": frozenset({"EUR"}),
    "dollar": _DOLLARS,
    "dollars": _DOLLARS,
    "pound": _POUNDS,
    "pounds": _POUNDS,
    "sterling": frozenset({"GBP"}),
    "rupee": _RUPEES,
    "rupees": _RUPEES,
    "रुपये": _RUPEES,
    "रु": _RUPEES,
    "cedi": frozenset({"GHS"}),
    "cedis": frozenset({"GHS"}),
    "naira": frozenset({"NGN"}),
    "rand": frozenset({"ZAR"}),
    "yen": frozenset({"JPY"}),
    "yuan": frozenset({"CNY"}),
    "shilling": _SHILLINGS,
    "shillings": _SHILLINGS,
    "franken": frozenset({"CHF"}),
    "złotych": frozenset({"PLN"}),
    "kronor": frozenset({"SEK"}),
    "kroner": frozenset({"NOK", "DKK"}),
}
#: letters before a sign that name the country: ``US$``, ``GH₵``
_PREFIXED = {
    "US$": "USD",
    "U$": "USD",
    "A$": "AUD",
    "AU$": "AUD",
    "C$": "CAD",
    "CA$": "CAD",
    "CAN$": "CAD",
    "HK$": "HKD",
    "NZ$": "NZD",
    "NT$": "TWD",
    "S$": "SGD",
    "SG$": "SGD",
    "R$": "BRL",
    "MX$": "MXN",
    "J$": "JMD",
    "TT$": "TTD",
    "GH₵": "GHS",
    "GH¢": "GHS",
    "GHC": "GHS",
    "CN¥": "CNY",
    "JP¥": "JPY",
    "E£": "EGP",
}
_COUNTRY_CURRENCY = {
    "AU": "AUD",
    "CA": "CAD",
    "DK": "DKK",
    "HK": "HKD",
    "IN": "INR",
    "IS": "ISK",
    "JP": "JPY",
    "CN": "CNY",
    "KE": "KES",
    "LK": "LKR",
    "MU": "MUR",
    "MX": "MXN",
    "NO": "NOK",
    "NP": "NPR",
    "NZ": "NZD",
    "PK": "PKR",
    "SE": "SEK",
    "SG": "SGD",
    "TW": "TWD",
    "TZ": "TZS",
    "UG": "UGX",
    "US": "USD",
}
_PIECE = re.compile(r"[^\W\d_]*[$₵¢¥£]|[^\W\d_]+|[^\w\s]")


def is_currency(code: str | None) -> bool:
    """Whether ``code`` is an ISO 4217 code, also one that has gone out of use (old invoices are still invoices)."""
    return code in _CODES


def minor_units(code: str | None) -> int:
    """Decimal places of amounts in the currency; 2 when it is not known."""
    return _MINOR_UNITS.get(code or "", 2)


def minor_unit(code: str | None) -> Decimal:
    """The smallest amount in the currency: 0.01, 1 or 0.001."""
    return Decimal(1).scaleb(-minor_units(code))


def is_currency_word(word: str) -> bool:
    """Whether a word beside an amount names a currency (``Rs``, ``EUR``, the rand's ``R``)."""
    return word.upper() in _CODES or word.casefold() in _MARKS or word == "R"


def currencies_in(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """What ``text`` says about currencies: codes that it names for certain, and codes that a mark in it allows."""
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
    return _COUNTRY_CURRENCY.get(country or "") == code
