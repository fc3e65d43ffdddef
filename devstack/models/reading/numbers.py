"""Amounts as documents print them, and their plain decimal form."""

import re
from dataclasses import dataclass
from decimal import Decimal

SIGNS = {
    "US$": "USD",
    "GH₵": "GHS",
    "GH¢": "GHS",
    "₵": "GHS",
    "C$": "CAD",
    "CA$": "CAD",
    "A$": "AUD",
    "S$": "SGD",
    "HK$": "HKD",
    "€": "EUR",
    "£": "GBP",
    "₹": "INR",
    "Rs.": "INR",
    "Rs": "INR",
    "₦": "NGN",
    "KSh": "KES",
    "¥": "JPY",
    "zł": "PLN",
    "$": "USD",
}
CODES = frozenset(
    [
        "AED",
        "AUD",
        "BRL",
        "CAD",
        "CHF",
        "CNY",
        "CZK",
        "DKK",
        "EGP",
        "EUR",
        "GBP",
        "GHS",
        "HKD",
        "HUF",
        "ILS",
        "INR",
        "JPY",
        "KES",
        "KWD",
        "MAD",
        "MXN",
        "MYR",
        "NGN",
        "NOK",
        "NZD",
        "PHP",
        "PLN",
        "QAR",
        "RON",
        "SAR",
        "SEK",
        "SGD",
        "THB",
        "TRY",
        "UGX",
        "USD",
        "XOF",
        "ZAR",
    ]
)
_CURRENCY = "|".join(re.escape(sign) for sign in sorted(SIGNS, key=len, reverse=True)) + "|" + "|".join(sorted(CODES))
_NUMBER = (
    r"\d{1,3}(?:[.,'’]\d{2,3})*[.,'’]\d{3}(?:[.,]\d{1,4})?|"
    r"\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?:[.,]\d{1,4})?|"
    r"\d+(?:[.,]\d{1,4})?"
)
MONEY = re.compile(
    rf"(?P<cur1>{_CURRENCY})?\s?(?P<neg>[-−(]\s?)?(?P<cur3>{_CURRENCY})?\s?(?<![\w.,/])(?P<number>{_NUMBER})(?![\w/]|[.,]\d|\s?%)"
    rf"(?P<neg2>-|\s?\))?(?:\s?(?P<cur2>{_CURRENCY})(?!\w))?"
)
_CENTS = 2
_GROUP = 3


@dataclass(frozen=True, slots=True)
class Money:
    """An amount on the page. ``currency`` is the sign or code that stands at it, '' when none does."""

    printed: str
    value: Decimal
    currency: str


def money_in(text: str) -> list[Money]:
    """All amounts in a text, from left to right; percentages, dates and codes are none."""
    found = []
    for match in MONEY.finditer(text):
        printed = match["number"]
        value = decimal_of(printed)
        if match["neg"] or match["neg2"] == "-":
            value = -value
        currency = match["cur1"] or match["cur3"] or match["cur2"] or ""
        found.append(Money(match[0].strip(), value, currency))
    return found


def only_money(text: str) -> Money | None:
    """The amount, if the text is nothing else."""
    match = MONEY.fullmatch(text.strip())
    return money_in(text)[0] if match else None


def decimal_of(printed: str) -> Decimal:
    """The value of ``1,75,083.00``, ``1.234,56``, ``42'987,56``, ``1 234,56``; one mark before three digits groups."""
    marks = [char for char in printed if char in ".,"]
    last = max(printed.rfind("."), printed.rfind(","))
    digits = re.sub(r"\D", "", printed)
    if not marks:
        return Decimal(digits)
    decimals = len(re.sub(r"\D", "", printed[last:]))
    several_kinds = len(set(marks)) > 1
    repeated = marks.count(printed[last]) > 1
    groups = not several_kinds and (repeated or (decimals == _GROUP and printed[last] == ","))
    if groups and not (repeated and decimals == _CENTS):
        return Decimal(digits)
    return Decimal(digits).scaleb(-decimals)
