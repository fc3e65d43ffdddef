"""Which reading of an ambiguous amount is meant: the arithmetic of the invoice chooses, value by value.

First what the currency allows (no thousandths of a dollar), then the equation that the amount stands in, then the
decimal mark that the rest of the document shows. An amount that all of this leaves open is flagged.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import islice, product
from math import prod
from typing import Any

from shared_code.invoices.currencies import minor_unit, minor_units
from shared_code.invoices.printed_numbers import read_amount, read_quantity
from shared_code.invoices.schema import Invoice, LineItem
from shared_code.invoices.sums import check_totals, failures_of, line_holds
from shared_code.records import Finding

Readings = tuple[Decimal, ...]
_MAX_COMBINATIONS = 256
#: the amounts first: where two readings hold, a price or a quantity gives way before an amount does
_LINE_MONEY = ("net_amount", "total_amount", "discount_amount")
_LINE_NUMBERS = (*_LINE_MONEY, "quantity", "unit_price")


class AmountReader:
    """Reads the printed amounts of one invoice; collects a finding for each that is no amount.

    :ivar findings: what could not be read so far.
    """

    def __init__(self, *, decimal_mark: str | None, currency: str | None) -> None:
        self._mark = decimal_mark
        self._currency = currency
        self._places = minor_units(currency)
        self.findings: list[Finding] = []

    @property
    def decimal_mark(self) -> str | None:
        """The decimal mark that is known or supposed, or None."""
        return self._mark

    def money(self, text: str | None, field: str, *, review: bool = True) -> Readings:
        """Readings of an amount in the invoice's currency, likeliest first."""
        if text is None:
            return ()
        readings = read_amount(text, decimal_mark=self._mark)
        if not readings:
            self._unreadable(text, field, review=review)
        fitting = tuple(value for value in readings if -int(value.as_tuple().exponent) <= self._places)
        # A third decimal is refused only while nothing shows that the mark in question is a decimal mark here.
        impossible = self._places == 0 or self._mark is None or self._mark not in text
        return fitting if fitting and impossible else readings

    def number(self, text: str | None, field: str, *, quantity: bool = False) -> Readings:
        """Readings of a price, an exchange rate or a quantity: any number of decimals."""
        if text is None:
            return ()
        readings = (read_quantity if quantity else read_amount)(text, decimal_mark=self._mark)
        if not readings:
            self._unreadable(text, field, review=False)
        return readings

    def rate(self, text: str | None, field: str) -> Decimal | None:
        """A rate in percent. A single mark before three digits is a decimal mark: no tax is 1000 %."""
        if text is None:
            return None
        readings = read_amount(text, decimal_mark=self._mark, percent=True)
        if not readings:
            self._unreadable(text, field, review=False)
        return min(readings, key=abs, default=None)

    def line(self, row: Mapping[str, str | None], index: int) -> dict[str, Any]:
        """The five numbers of a line, in the first reading in which quantity times price gives its amount."""
        field = f"line_items[{index}]"
        options: dict[str, Readings] = {
            "quantity": self.number(row["quantity"], f"{field}.quantity", quantity=True),
            "unit_price": self.number(row["unit_price"], f"{field}.unit_price"),
        }
        for name in _LINE_MONEY:
            text = row[name]
            percentage = name == "discount_amount" and text is not None and "%" in text
            options[name] = () if percentage else self.money(text, f"{field}.{name}")
        combinations = list(product(*(options[name] or (None,) for name in _LINE_NUMBERS)))
        unit = minor_unit(self._currency)
        chosen = combinations[0]
        if len(combinations) > 1:
            lines = (LineItem(**_named(_LINE_NUMBERS, values)) for values in combinations)
            holding = (at for at, line in enumerate(lines) if line_holds(line, unit=unit))
            chosen = combinations[next(holding, 0)]
        return _named(_LINE_NUMBERS, chosen)

    def _unreadable(self, text: str, field: str, *, review: bool) -> None:
        message = "What is printed could not be read as one amount."
        self.findings.append(Finding("unreadable_amount", message, field, found=text[:200], review=review))


def choose_totals(
    invoice: Invoice, options: Mapping[str, Readings], *, decided: bool
) -> tuple[Invoice, tuple[Finding, ...]]:
    """The invoice with the reading of each total that makes the most sums come out, and the ones that stay open.

    :param options: readings by field name, likeliest first; fields without a reading are left out.
    :param decided: the document shows its decimal mark: order decides between equals, and nothing is flagged.
    """
    names = list(options)
    size = prod(len(options[name]) for name in names)
    if size == 1:
        return replace(invoice, **_named(names, [options[name][0] for name in names])), ()
    candidates = [
        replace(invoice, **_named(names, values))
        for values in islice(product(*(options[name] for name in names)), _MAX_COMBINATIONS)
    ]
    scores = [failures_of(check_totals(candidate)) for candidate in candidates]
    best = [candidate for candidate, score in zip(candidates, scores, strict=True) if score == min(scores)]
    return best[0], () if decided else tuple(_open(best, names))


def _named(names: Sequence[str], values: Sequence[Decimal | None]) -> dict[str, Any]:
    return dict(zip(names, values, strict=True))


def _open(best: Sequence[Invoice], names: Iterable[str]) -> Iterable[Finding]:
    for name in names:
        values = list(dict.fromkeys(getattr(candidate, name) for candidate in best))
        if len(values) > 1:
            message = "The amount can be read in two ways, and no sum of the document decides."
            expected = " or ".join(f"{value:f}" for value in values)
            yield Finding("ambiguous_amount", message, name, expected=expected, found=f"{values[0]:f}")
