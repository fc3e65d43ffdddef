"""All amounts of one invoice, read so that as many of its sums as possible come out.

Where nothing on the page tells a decimal mark from a grouping mark, the invoice is read under each supposition, and
the one with the fewest failing sums is taken; within each, single values may still go against it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from shared_code.extraction.answer.amount_choice import AmountReader, choose_totals
from shared_code.extraction.answer.critical_fields import read_total
from shared_code.extraction.answer.wire_rows import lines_of, taxes_of, withholdings_of
from shared_code.extraction.answer.wire_schema import AMOUNT_FIELDS, WireInvoice
from shared_code.extraction.answer.wire_values import value_of
from shared_code.invoices.printed_numbers import decimal_mark_of, read_amount
from shared_code.invoices.schema import Invoice
from shared_code.invoices.sums import check_sums, failures_of, with_proven_totals
from shared_code.records import Finding

_IN_OTHER_CURRENCY = ("exchange_rate", "tax_total_in_tax_currency")
_TOTALS = tuple(name for name in AMOUNT_FIELDS if name not in _IN_OTHER_CURRENCY)
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
    """Fill in the lines, taxes, withholdings and totals. ``line_dates`` has one entry for each line."""
    texts = _amount_texts(wire)
    known = decimal_mark_of(texts)
    in_doubt = known is None and any(len(read_amount(text)) > 1 for text in texts)
    suppositions = (None, ".", ",") if in_doubt else (known,)
    readings = [
        _read(invoice, wire, line_dates, AmountReader(decimal_mark=mark, currency=invoice.currency), sure=mark == known)
        for mark in suppositions
    ]
    failures = [failures_of(check_sums(one.invoice, unchecked_lines=one.unchecked_lines)) for one in readings]
    return readings[failures.index(min(failures))]


def _read(
    invoice: Invoice, wire: WireInvoice, line_dates: Sequence[date | None], amounts: AmountReader, *, sure: bool
) -> ReadAmounts:
    findings: list[Finding] = []
    lines, unchecked = lines_of(wire, amounts, line_dates)
    invoice = replace(
        invoice,
        line_items=lines,
        taxes=taxes_of(wire.rows["taxes"], amounts),
        withholdings=withholdings_of(wire.rows["withholdings"], amounts),
    )
    options = {name: amounts.money(value_of(wire.scalars[name]), name) for name in _TOTALS}
    printed = amounts.money(value_of(wire.scalars["total_printed"]), "total")
    options["total"] = read_total(wire, printed, findings)
    for name in _IN_OTHER_CURRENCY:
        options[name] = amounts.number(value_of(wire.scalars[name]), name)[:1]
    given = {name: values for name, values in options.items() if values}
    chosen, still_open = choose_totals(invoice, given, decided=sure and amounts.decimal_mark is not None)
    has_decimals = any(value == chosen.total and int(value.as_tuple().exponent) < 0 for value in printed)
    return ReadAmounts(with_proven_totals(chosen), unchecked, has_decimals, (*findings, *still_open, *amounts.findings))


def _amount_texts(wire: WireInvoice) -> list[str]:
    texts = [wire.scalars["total_printed"], *(wire.scalars[name] for name in _TOTALS)]
    texts += [row[name] for row in wire.rows["line_items"] for name in _LINE_AMOUNTS]
    texts += [row["amount"] for row in wire.rows["taxes"]]
    return [text for text in texts if text]
