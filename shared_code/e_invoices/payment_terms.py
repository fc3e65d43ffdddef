"""When an invoice is due and what an earlier payment saves, from the terms that an XML gives.

The due date (BT-9) is that of the net payment, and of the first one when the invoice is paid in parts (usage note of
EN 16931-1). Syntaxes give the last day of a cash discount in the same element: it is told apart here, because who
pays the full amount by the day of the discount pays too early.
"""

import calendar
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from shared_code.e_invoices.xml import XmlValues
from shared_code.invoices.schema import CashDiscount, unless_empty

#: what a payment term in words calls a discount for early payment
_DISCOUNT = re.compile(r"(?i)(?<![^\W_])(?:skonto|rabatt|discount|escompte|sconto|korting|descuento|desconto|skonta)")
#: and a payment of the full amount
_NET = re.compile(r"(?i)(?<![^\W_])(?:netto|net|ohne|rein|sans|without|no discount|senza|zonder|sin|sem|bez)(?![^\W_])")
_PERCENT = re.compile(r"(?<![0-9.,])([0-9]{1,2}(?:[.,][0-9]{1,4})?)\s?%")
#: A discount as XRechnung writes it into BT-20, on a line of its own: ``#SKONTO#TAGE=14#PROZENT=2.25#``, with
#: ``BASISBETRAG=...#`` behind it when not the whole amount is meant (rules BR-DE-18 and the explanation of BT-20).
_SKONTO = re.compile(
    r"#SKONTO#TAGE=([0-9]{1,3})#PROZENT=([0-9]{1,3}(?:\.[0-9]+)?)#(?:BASISBETRAG=(-?[0-9]+(?:\.[0-9]+)?)#)?"
)
_HUNDRED = Decimal(100)
_STEP = Decimal("0.0001")
_MONTHS_A_YEAR, _LAST_YEAR = 12, 9999
#: UN/ECE Recommendation 20 -> days, or months as a negative number
_UNITS = {"DAY": 1, "D": 1, "WEE": 7, "WEEK": 7, "MON": -1, "MONTH": -1, "ANN": -12}


@dataclass(frozen=True, slots=True)
class PaymentTerm:
    """One way or part of the payment.

    :ivar due: the day that the term names.
    :ivar discount: what a payment by then, or by the discount's own day, saves.
    :ivar is_part: whether only a part of the amount is paid by these terms.
    """

    due: date | None
    discount: CashDiscount | None = None
    is_part: bool = False

    @property
    def net_due(self) -> date | None:
        """The day, if the whole amount is due then; None when it is the last day of the discount."""
        if self.discount is None or self.due is None:
            return self.due
        ends = self.discount.until
        return None if ends is None or ends >= self.due else self.due


def due_date_of(terms: Sequence[PaymentTerm]) -> date | None:
    """The day by which all is due: the latest without a discount, the first one of instalments."""
    net = [day for term in terms if (day := term.net_due) is not None]
    if not net:
        # the only day that is named, whatever it is for
        return max((term.due for term in terms if term.due is not None), default=None)
    in_parts = any(term.is_part for term in terms) or not any(term.discount for term in terms)
    return min(net) if in_parts else max(net)


def discounts_of(terms: Iterable[PaymentTerm]) -> tuple[CashDiscount, ...]:
    """Each discount once."""
    return tuple(dict.fromkeys(term.discount for term in terms if term.discount is not None))


def discount_in_words(words: str | None, until: date | None) -> CashDiscount | None:
    """The discount that a term in words promises for a payment by its day (``2 % Skonto bis``), or None.

    :param words: a term of several: a single one may name both days in one sentence.
    """
    if words is None or "#SKONTO#" in words or _NET.search(words) or not _DISCOUNT.search(words):
        return None
    percents = [Decimal(text.replace(",", ".")) for text in _PERCENT.findall(words)]
    return unless_empty(CashDiscount(percent=percents[0] if len(percents) == 1 else None, until=until))


def skonto_lines(words: str | None, issued: date | None) -> tuple[CashDiscount, ...]:
    """The discounts of the form that XRechnung prescribes; their days count from the invoice date."""
    return tuple(
        CashDiscount(
            percent=Decimal(percent),
            until=day_after(issued, Decimal(days), "DAY"),
            base=Decimal(base) if base else None,
        )
        for days, percent, base in _SKONTO.findall(words or "")
    )


def discount_terms(
    *,
    percent: str | None,
    amount: str | None,
    base: str | None,
    until: date | None,
    values: XmlValues,
    field: str = "payment.discounts",
) -> CashDiscount | None:
    """A discount by its percentage or amount; None when it is nothing, as in a term that only says so."""
    share = values.amount(percent, f"{field}.percent")
    of = values.amount(base, f"{field}.base")
    saved = values.amount(amount, f"{field}.amount")
    if share is None and saved and of and abs(saved) <= abs(of):
        share = (saved / of * _HUNDRED).quantize(_STEP).normalize()
    if not share and not saved:
        return None
    return unless_empty(CashDiscount(percent=share, until=until, base=of))


def day_after(start: date | None, count: Decimal | None, unit: str | None) -> date | None:
    """The day so many days, weeks or months after another; None for units that are not known, and beyond 9999."""
    size = _UNITS.get((unit or "DAY").upper())
    if start is None or count is None or size is None or count != int(count) or abs(count) > _LAST_YEAR:
        return None
    try:
        if size > 0:
            return start + timedelta(days=int(count) * size)
        years, month = divmod(start.month - 1 - int(count) * size, _MONTHS_A_YEAR)
        last = calendar.monthrange(start.year + years, month + 1)[1]
        return date(start.year + years, month + 1, min(start.day, last))
    except (OverflowError, ValueError):
        return None
