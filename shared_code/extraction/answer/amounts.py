"""All amounts of one invoice: lines, taxes and totals, read so that as many of its sums as possible come out.

An amount such as ``1.234`` has two readings. First the currency decides (no thousandths of a dollar), then the sum that
the amount is part of, then the decimal mark that the rest of the document shows. An amount that all of this leaves open
is flagged. Where nothing on the page tells a decimal mark from a grouping mark, the invoice is read under each
supposition, and the one with the fewest failing sums is taken.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import islice, product
from math import prod
from typing import Any

from shared_code.extraction.answer.critical_fields import read_total
from shared_code.extraction.answer.wire_schema import AMOUNT_FIELDS, Row, WireInvoice, page_of
from shared_code.invoices.currencies import minor_unit, minor_units
from shared_code.invoices.line_sums import line_adds_up
from shared_code.invoices.printed_numbers import decimal_mark_of, read_amount
from shared_code.invoices.schema import Invoice, LineItem, Tax, Withholding
from shared_code.invoices.sums import check_sums, check_totals, failures_of, with_proven_totals
from shared_code.records import Finding

Readings = tuple[Decimal, ...]
_IN_OTHER_CURRENCY = ("exchange_rate", "tax_total_in_tax_currency")
_TOTALS = tuple(name for name in AMOUNT_FIELDS if name not in _IN_OTHER_CURRENCY)
_MAX_COMBINATIONS = 256
#: In this order: where two combinations of readings fit a line, they differ in price or quantity before an amount.
_LINE_MONEY = ("net_amount", "total_amount", "discount_amount")
_LINE_NUMBERS = (*_LINE_MONEY, "quantity", "unit_price")
_LINE_TEXTS = ("line_no", "description", "product_code", "hsn_sac", "unit", "po_number")
#: amounts of a line that may show which decimal mark the document uses
_LINE_AMOUNTS = ("unit_price", "discount_amount", "net_amount", "tax_amount", "total_amount")


@dataclass(frozen=True, slots=True)
class ReadAmounts:
    """An invoice with its amounts.

    :ivar unchecked_lines: indexes of lines whose discount is printed only as a percentage.
    :ivar total_has_decimals: whether the total is printed with decimals, so that a bare integer elsewhere is not it.
    """

    invoice: Invoice
    unchecked_lines: frozenset[int]
    total_has_decimals: bool
    findings: tuple[Finding, ...]


def read_amounts(invoice: Invoice, wire: WireInvoice, *, line_dates: Sequence[date | None]) -> ReadAmounts:
    """The invoice with its lines, taxes, withholdings and totals.

    :param invoice: with everything but amounts; its currency decides on decimals.
    :param line_dates: one entry for each line.
    """
    rows = wire.rows
    texts = _amount_texts(wire)
    known = decimal_mark_of(texts)
    in_doubt = known is None and any(len(read_amount(text)) > 1 for text in texts)
    percentages = [index for index, row in enumerate(rows["line_items"]) if "%" in (row["discount_amount"] or "")]
    unchecked = frozenset(percentages)
    readings = []
    for mark in (None, ".", ",") if in_doubt else (known,):
        reader = AmountReader(decimal_mark=mark, currency=invoice.currency)
        by_line = reader.line_taxes(rows["line_taxes"])
        lines = [
            reader.line_item(row, index, line_dates[index], by_line.get(row["line_no"] or str(index + 1), ()))
            for index, row in enumerate(rows["line_items"])
        ]
        taxes, withholdings = reader.taxes(rows["taxes"]), reader.withholdings(rows["withholdings"])
        with_rows = replace(invoice, line_items=tuple(lines), taxes=taxes, withholdings=withholdings)
        options, printed, remarks = _totals(wire, reader)
        chosen, still_open = choose_totals(with_rows, options, decided=mark == known and mark is not None)
        has_decimals = any(value == chosen.total and int(value.as_tuple().exponent) < 0 for value in printed)
        findings = (*remarks, *still_open, *reader.findings)
        readings.append(ReadAmounts(with_proven_totals(chosen), unchecked, has_decimals, findings))
    if len(readings) == 1:
        return readings[0]
    failures = [failures_of(check_sums(one.invoice, unchecked_lines=unchecked)) for one in readings]
    return readings[failures.index(min(failures))]


class AmountReader:
    """Reads the printed amounts of one invoice under one supposition about its decimal mark.

    :ivar findings: one for each text so far that is no amount.
    """

    def __init__(self, *, decimal_mark: str | None, currency: str | None) -> None:
        self._mark = decimal_mark
        self._unit = minor_unit(currency)
        self._places = minor_units(currency)
        self.findings: list[Finding] = []

    def money(self, text: str | None, field: str, *, review: bool = True) -> Readings:
        """Readings of an amount in the invoice's currency, likeliest first."""
        readings = self._readings(text, field, review=review)
        fitting = tuple(value for value in readings if -int(value.as_tuple().exponent) <= self._places)
        # A third decimal is refused only while nothing shows that the mark in question is a decimal mark here.
        impossible = self._places == 0 or self._mark is None or self._mark not in (text or "")
        return fitting if fitting and impossible else readings

    def number(self, text: str | None, field: str, *, with_unit: bool = False) -> Readings:
        """Readings of a price, an exchange rate or a quantity: any number of decimals."""
        return self._readings(text, field, with_unit=with_unit)

    def rate(self, text: str | None, field: str) -> Decimal | None:
        """A rate in percent. A single mark before three digits is a decimal mark: no tax is 1000 %."""
        return min(self._readings(text, field, percent=True), key=abs, default=None)

    def line_item(self, row: Row, index: int, day: date | None, taxes: Sequence[Tax]) -> LineItem:
        """One line, with its five numbers in the first reading in which quantity times price gives its amount."""
        field = f"line_items[{index}]"
        options: dict[str, Readings] = {
            "quantity": self.number(row["quantity"], f"{field}.quantity", with_unit=True),
            "unit_price": self.number(row["unit_price"], f"{field}.unit_price"),
        }
        for name in _LINE_MONEY:
            text = row[name]
            percentage = name == "discount_amount" and text is not None and "%" in text
            options[name] = () if percentage else self.money(text, f"{field}.{name}")
        texts: dict[str, Any] = {name: row[name] for name in _LINE_TEXTS}
        return LineItem(
            **texts,
            **_first_that_holds(options, self._unit),
            tax_rate=self.rate(row["tax_rate"], f"{field}.tax_rate"),
            tax_amount=_first(self.money(row["tax_amount"], f"{field}.tax_amount", review=False)),
            taxes=tuple(taxes),
            date=day,
            page=page_of(row["page"]),
        )

    def line_taxes(self, rows: Sequence[Row]) -> dict[str, list[Tax]]:
        """The taxes that are printed line by line, by the number of their line."""
        by_line: dict[str, list[Tax]] = {}
        for row in rows:
            rate = self.rate(row["rate"], "line_items.taxes.rate")
            amount = self.money(row["amount"], "line_items.taxes.amount", review=False)
            by_line.setdefault(row["line_no"] or "", []).append(Tax(name=row["name"], rate=rate, amount=_first(amount)))
        return by_line

    def taxes(self, rows: Sequence[Row]) -> tuple[Tax, ...]:
        """The taxes of the whole invoice."""
        return tuple(
            Tax(
                name=row["name"],
                rate=self.rate(row["rate"], f"taxes[{index}].rate"),
                taxable_amount=_first(self.money(row["taxable_amount"], f"taxes[{index}].taxable_amount")),
                amount=_first(self.money(row["amount"], f"taxes[{index}].amount")),
                category=row["category"] and row["category"].upper(),
            )
            for index, row in enumerate(rows)
        )

    def withholdings(self, rows: Sequence[Row]) -> tuple[Withholding, ...]:
        """What is kept back or collected for the tax authority."""
        return tuple(
            Withholding(
                name=row["name"],
                rate=self.rate(row["rate"], f"withholdings[{index}].rate"),
                amount=_first(self.money(row["amount"], f"withholdings[{index}].amount")),
            )
            for index, row in enumerate(rows)
        )

    def _readings(self, text: str | None, field: str, *, review: bool = False, **form: bool) -> Readings:
        """All readings; none, and a finding, for digits that are no amount. ``form`` is that of :func:`read_amount`.

        Words without a digit stand in place of an amount (free, included, exempt) and are none, but for the total.
        """
        readings = () if text is None else read_amount(text, decimal_mark=self._mark, **form)
        if text is not None and not readings and (field == "total" or any(char.isdecimal() for char in text)):
            message = "What is printed could not be read as one amount."
            self.findings.append(Finding("unreadable_amount", message, field, found=text[:200], review=review))
        return readings


def choose_totals(
    invoice: Invoice, options: Mapping[str, Readings], *, decided: bool
) -> tuple[Invoice, tuple[Finding, ...]]:
    """The invoice with the readings of its totals that make the most sums come out, and a finding for each open one.

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


def _amount_texts(wire: WireInvoice) -> list[str]:
    texts = [wire.scalars["total_printed"], *(wire.scalars[name] for name in _TOTALS)]
    texts += [row[name] for row in wire.rows["line_items"] for name in _LINE_AMOUNTS]
    texts += [row["amount"] for row in wire.rows["taxes"]]
    return [text for text in texts if text]


def _totals(wire: WireInvoice, reader: AmountReader) -> tuple[dict[str, Readings], Readings, list[Finding]]:
    """Readings of all totals that have one, those of the printed total, and findings on the total."""
    findings: list[Finding] = []
    options = {name: reader.money(wire.scalars[name], name) for name in _TOTALS}
    printed = reader.money(wire.scalars["total_printed"], "total")
    options["total"] = read_total(wire, printed, findings)
    for name in _IN_OTHER_CURRENCY:
        options[name] = reader.number(wire.scalars[name], name)[:1]
    return {name: values for name, values in options.items() if values}, printed, findings


def _first_that_holds(options: Mapping[str, Readings], unit: Decimal) -> dict[str, Any]:
    """The numbers of a line in the first combination of readings that fits it, else the likeliest of each."""
    combinations = [
        _named(_LINE_NUMBERS, values) for values in product(*(options[name] or (None,) for name in _LINE_NUMBERS))
    ]
    for numbers in combinations if len(combinations) > 1 else ():
        if line_adds_up(LineItem(**numbers), unit=unit):
            return numbers
    return combinations[0]


def _named(names: Sequence[str], values: Sequence[Decimal | None]) -> dict[str, Any]:
    return dict(zip(names, values, strict=True))


def _open(best: Sequence[Invoice], names: Iterable[str]) -> Iterable[Finding]:
    for name in names:
        values = list(dict.fromkeys(getattr(candidate, name) for candidate in best))
        if len(values) > 1:
            message = "The amount can be read in two ways, and no sum of the document decides."
            expected = " or ".join(f"{value:f}" for value in values)
            yield Finding("ambiguous_amount", message, name, expected=expected, found=f"{values[0]:f}")


def _first(readings: Readings) -> Decimal | None:
    return readings[0] if readings else None
