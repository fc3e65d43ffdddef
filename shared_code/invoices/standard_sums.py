"""The sums of an e-invoice by EN 16931-1's own rules, in which the signs of the amounts count.

The checks of printed invoices do without the signs of discounts and payments, because documents print them with a
minus or without. XML follows the standard: in a correction discounts, charges and earlier payments are negative like
the rest. What fails as a printed sum is therefore looked at once more by the rule of the standard, and passes when that
rule holds: BR-CO-10 and BR-CO-13 to BR-CO-17, with the claims of third parties that XRechnung Extension adds to the
amount due (BR-DEX-09).

Rounding: taxes are rounded to two places (BR-CO-17) in any currency, and to whole units where a currency has no smaller
money in use (forint). The places that an amount has say to which it was rounded.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from shared_code.invoices.currencies import minor_unit
from shared_code.invoices.line_sums import SumCheck
from shared_code.invoices.reading import InvoiceReading
from shared_code.invoices.schema import Invoice, Tax
from shared_code.records import Finding

_ZERO = Decimal(0)
_HUNDRED = Decimal(100)
_CENT = Decimal("0.01")
_RATE = "tax_rate_mismatch"
_TAX = re.compile(r"taxes\[([0-9]+)\]\.amount")


def by_the_standard(checks: Iterable[SumCheck], reading: InvoiceReading) -> list[SumCheck]:
    """The checks of an invoice that came as XML, where those pass in which a rule of the standard holds."""
    kept = []
    for check in checks:
        if check.finding is None or not _holds(check.finding, reading):
            kept.append(check)
        else:
            # By the standard both sides are what is printed. A rate that fits confirms nothing.
            fields = () if check.finding.code == _RATE else check.fields
            shown = check.equation and replace(check.equation, left=check.equation.right)
            kept.append(SumCheck(fields, equation=shown))
    return kept


def _holds(finding: Finding, reading: InvoiceReading) -> bool:
    if finding.code == _RATE:
        place = _TAX.fullmatch(finding.field or "")
        return place is not None and _tax_fits(reading.invoice.taxes[int(place[1])], reading)
    rule = _RULES.get(finding.code)
    difference = rule(reading) if rule else None
    return difference is not None and abs(difference) <= max(_CENT, minor_unit(reading.invoice.currency))


def _lines(reading: InvoiceReading) -> Decimal | None:
    """BR-CO-10: the lines are the sum of the lines."""
    amounts = [line.net_amount for line in reading.invoice.line_items]
    return _difference(reading.invoice.subtotal, *amounts)


def _net(reading: InvoiceReading) -> Decimal | None:
    """BR-CO-13: lines less discounts and with charges are the net total."""
    invoice = reading.invoice
    if _changed_after_tax(invoice):
        return _ZERO
    return _difference(invoice.net_total, invoice.subtotal, _charges_less_discounts(invoice))


def _tax(reading: InvoiceReading) -> Decimal | None:
    """BR-CO-14: the taxes are the total tax."""
    return _difference(reading.invoice.tax_total, *(tax.amount for tax in reading.invoice.taxes))


def _gross(reading: InvoiceReading) -> Decimal | None:
    """BR-CO-15: net total and total tax are the total."""
    invoice = reading.invoice
    if _changed_after_tax(invoice):
        added = _charges_less_discounts(invoice) + (invoice.round_off or _ZERO)
        taxes = (invoice.tax_total, _ZERO) if invoice.india and invoice.india.reverse_charge else (invoice.tax_total,)
        differences = (_difference(invoice.total, invoice.net_total, tax, added) for tax in taxes)
        return min((each for each in differences if each is not None), key=abs, default=None)
    return _difference(invoice.total, invoice.net_total, invoice.tax_total)


def _changed_after_tax(invoice: Invoice) -> bool:
    """Whether this is an Indian invoice whose discounts and charges do not touch the taxable amount."""
    return invoice.india is not None and invoice.subtotal is not None and invoice.subtotal == invoice.net_total


def _charges_less_discounts(invoice: Invoice) -> Decimal:
    return (invoice.charges_total or _ZERO) - (invoice.discount_total or _ZERO)


def _due(reading: InvoiceReading) -> Decimal | None:
    """BR-CO-16: the total less what is paid, with the rounding, is due; BR-DEX-09 adds claims of others."""
    invoice = reading.invoice
    due, total = invoice.amount_due, invoice.total
    if (
        reading.paid_left_out
        and due is not None
        and total is not None
        and min(total, _ZERO) <= due <= max(total, _ZERO)
    ):
        return _ZERO
    paid, rounding = invoice.amount_paid or _ZERO, invoice.round_off or _ZERO
    return _difference(invoice.amount_due, invoice.total, -paid, rounding, reading.for_others)


_RULES: Mapping[str, Callable[[InvoiceReading], Decimal | None]] = {
    "lines_incomplete": _lines,
    "net_mismatch": _net,
    "tax_mismatch": _tax,
    "total_mismatch": _gross,
    "due_mismatch": _due,
}


def _difference(stated: Decimal | None, *terms: Decimal | None) -> Decimal | None:
    """What a stated sum differs by; None when a term is missing."""
    known = [term for term in terms if term is not None]
    return None if stated is None or len(known) < len(terms) else stated - sum(known, _ZERO)


def _tax_fits(tax: Tax, reading: InvoiceReading) -> bool:
    """BR-CO-17, with the rounding that the amount shows; or a document out of the scope of the tax."""
    if tax.amount is None or tax.rate is None or tax.taxable_amount is None:
        return False
    if reading.out_of_scope and not tax.amount:
        return True
    places = max(-int(tax.amount.normalize().as_tuple().exponent), 0)
    step = Decimal(1).scaleb(-places)
    return abs(tax.taxable_amount * tax.rate / _HUNDRED - tax.amount) <= step / 2
