"""Do the printed sums add up? Each rule is computed in Decimal, in every way in which honest documents mean it.

The rules are those that EN 16931-1 gives for its totals (business rules BR-CO-10 to BR-CO-16): lines to subtotal,
subtotal to net total, taxes to total tax, net and tax to total, total to amount due. Printed invoices bend them: prices
with tax, discounts already in the lines, charges after tax, tax withheld, cash rounding.

A rule whose terms are not all there is not checked. A passing rule proves that the amounts fit each other, not that
they are true; a failing one is reported with both figures, and nothing is changed.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import product

from shared_code.invoices.currencies import minor_unit, minor_units
from shared_code.invoices.line_sums import ZERO, Equation, SumCheck, check_lines
from shared_code.invoices.schema import Invoice, money_text
from shared_code.invoices.taxes import check_tax_rates
from shared_code.records import Finding

#: Swiss and other cash totals are rounded to this
_CASH_ROUNDING = Decimal("0.05")


def check_sums(
    invoice: Invoice, *, unchecked_lines: Collection[int] = (), lines_of_order: bool = False
) -> list[SumCheck]:
    """All rules that can be checked.

    :param unchecked_lines: indexes of lines whose discount is only a percentage.
    :param lines_of_order: the lines are those of a whole order and do not add up to this invoice.
    """
    billed = replace(invoice, line_items=()) if lines_of_order else invoice
    return [*check_lines(invoice, unchecked_lines=unchecked_lines), *check_totals(billed)]


def check_totals(invoice: Invoice) -> list[SumCheck]:
    """The rules over the whole invoice: sums, and each tax against its rate."""
    unit = minor_unit(invoice.currency)
    rules = (_lines_sum, _net_total, _tax_total, _gross_total, _amount_due)
    checks = [check for rule in rules if (check := rule(invoice, unit)) is not None]
    checks += check_tax_rates(invoice, unit=unit)
    if invoice.round_off is not None and abs(invoice.round_off) > 1 and minor_units(invoice.currency):
        message = "The rounding is larger than one unit of the currency."
        found = money_text(invoice.round_off)
        checks.append(SumCheck(("round_off",), Finding("round_off_large", message, "round_off", found=found)))
    return checks


def with_proven_totals(invoice: Invoice) -> Invoice:
    """The invoice with a net total and a total tax that are not printed, where the printed total proves them.

    Many invoices print each tax but not their sum. The sum is given only when net + tax really is the printed total.
    """
    net, tax = _net_of(invoice), _tax_of(invoice)
    if net is None or tax is None or (invoice.net_total is not None and invoice.tax_total is not None):
        return invoice
    check = _gross_total(invoice, minor_unit(invoice.currency))
    return replace(invoice, net_total=net, tax_total=tax) if check is not None and check.passed else invoice


def _lines_sum(invoice: Invoice, unit: Decimal) -> SumCheck | None:
    """All lines together are the subtotal, in net prices or in gross prices."""
    lines = invoice.line_items
    if not lines or all(line.net_amount is None and line.total_amount is None for line in lines):
        return None
    net = sum([_first(line.net_amount, line.total_amount, ZERO) for line in lines], ZERO)
    gross = sum([_first(line.total_amount, line.net_amount, ZERO) for line in lines], ZERO)
    before = abs(invoice.discount_total or ZERO) - (invoice.charges_total or ZERO)
    targets = [invoice.subtotal] if invoice.subtotal is not None else []
    if invoice.subtotal is None and invoice.net_total is not None:
        targets += [invoice.net_total, invoice.net_total + before]
    if invoice.total is not None:
        printed = invoice.total - (invoice.round_off or ZERO) - (invoice.tip or ZERO)
        inclusive = [printed, printed + before]
        if not targets:
            inclusive += [printed - (_tax_of(invoice) or ZERO), printed - (_tax_of(invoice) or ZERO) + before]
        # Against the grand total only when prices may hold the tax: else it would excuse a missing line.
        if not targets or _tax_of(invoice):
            targets += inclusive
    if not targets:
        return None
    tolerance = unit * len(lines)
    fields = ("line_items", "subtotal" if invoice.subtotal is not None else "net_total")
    amounts = "net_amount" if any(line.net_amount is not None for line in lines) else "total_amount"
    terms = tuple(f"line_items[{index}].{amounts}" for index in range(len(lines)))
    for total, target in product((net, gross), targets):
        if abs(total - target) <= tolerance:
            # What is printed may hold more than the lines do: both sides are shown without it.
            return SumCheck(fields, equation=Equation("lines_sum", total, target, terms, fields[1:]))
    message = "The lines do not add up to the subtotal: lines may be missing, or the document is wrong."
    finding = Finding("lines_incomplete", message, "line_items", expected=money_text(targets[0]), found=money_text(net))
    return SumCheck(fields, finding, Equation("lines_sum", net, targets[0], terms, fields[1:]))


def _net_total(invoice: Invoice, unit: Decimal) -> SumCheck | None:
    if invoice.subtotal is None or invoice.net_total is None:
        return None
    discount, charges = abs(invoice.discount_total or ZERO), invoice.charges_total or ZERO
    if invoice.subtotal < 0:
        discount = -discount  # a discount brings the sum of a credit nearer to zero
    expected = invoice.subtotal - discount + charges
    # Shipping may be added after tax; a discount may already be in the lines; the subtotal may be in gross prices.
    readings = [expected, invoice.subtotal - discount]
    if abs(discount) == sum((abs(line.discount_amount or ZERO) for line in invoice.line_items), ZERO):
        readings += [invoice.subtotal, invoice.subtotal + charges]
    tax = _tax_of(invoice)
    if tax is not None and invoice.total is not None and abs(expected - invoice.total) <= unit:
        readings += [expected - tax]
    terms = _present(invoice, "subtotal", "discount_total", "charges_total")
    return _sum_check(
        readings,
        invoice.net_total,
        unit * 3,
        terms,
        code="net_mismatch",
        covers=("net_total", "subtotal"),
        what="net total",
    )


def _tax_total(invoice: Invoice, unit: Decimal) -> SumCheck | None:
    amounts = [tax.amount for tax in invoice.taxes if tax.amount is not None]
    if invoice.tax_total is None or not amounts or len(amounts) < len(invoice.taxes):
        return None
    terms = tuple(f"taxes[{index}].amount" for index in range(len(amounts)))
    return _sum_check(
        [sum(amounts, ZERO)],
        invoice.tax_total,
        unit * len(amounts),
        terms,
        code="tax_mismatch",
        covers=("tax_total", "taxes"),
        what="total tax",
    )


def _gross_total(invoice: Invoice, unit: Decimal) -> SumCheck | None:
    net, tax = _net_of(invoice), _tax_of(invoice)
    if net is None or invoice.total is None:
        return None
    if tax is None:
        if invoice.taxes:
            return None
        tax = ZERO
    charges = invoice.charges_total or ZERO
    withheld = sum((abs(entry.amount or ZERO) for entry in invoice.withholdings), ZERO)
    after_tax = {ZERO} if invoice.subtotal is None or charges == ZERO else {ZERO, charges}
    taxes = {tax, ZERO} if _reverse_charge(invoice) else {tax}
    readings = [
        net + added + (invoice.tip or ZERO) + rounding + extra + kept
        for added, rounding, extra, kept in product(
            sorted(taxes, reverse=True),
            dict.fromkeys((invoice.round_off or ZERO, ZERO)),
            sorted(after_tax),
            dict.fromkeys((ZERO, withheld, -withheld)),
        )
    ]
    net_terms = ("net_total",) if invoice.net_total is not None else ("subtotal", "discount_total", "charges_total")
    taxed = ("tax_total",) if invoice.tax_total is not None else ()
    terms = _present(invoice, *net_terms, *taxed, "tip", "round_off")
    if not taxed:
        terms += tuple(f"taxes[{index}].amount" for index in range(len(invoice.taxes)))
    return _sum_check(
        readings,
        invoice.total,
        unit * 3,
        terms,
        code="total_mismatch",
        covers=("total", "net_total", "tax_total"),
        what="total",
    )


def _amount_due(invoice: Invoice, unit: Decimal) -> SumCheck | None:
    if invoice.total is None or invoice.amount_due is None:
        return None
    if invoice.amount_paid is None and invoice.amount_due == 0:
        return None  # paid in full; the payment itself is not printed
    withheld = sum((abs(entry.amount or ZERO) for entry in invoice.withholdings), ZERO)
    # Printed with a minus or without; what a correction takes back is negative like its total.
    paid = (invoice.amount_paid or ZERO) if invoice.total < 0 else abs(invoice.amount_paid or ZERO)
    base = invoice.total - paid + (invoice.previous_balance or ZERO)
    readings = [
        base + rounding - kept
        for rounding, kept in product(dict.fromkeys((ZERO, invoice.round_off or ZERO)), dict.fromkeys((ZERO, withheld)))
    ]
    tolerance = max(unit * 3, _CASH_ROUNDING if minor_units(invoice.currency) else unit)
    terms = _present(invoice, "total", "amount_paid", "previous_balance", "round_off")
    return _sum_check(
        readings,
        invoice.amount_due,
        tolerance,
        terms,
        code="due_mismatch",
        covers=("amount_due", "total"),
        what="amount due",
    )


def _sum_check(
    readings: Sequence[Decimal],
    printed: Decimal,
    tolerance: Decimal,
    terms: tuple[str, ...],
    *,
    code: str,
    covers: tuple[str, ...],
    what: str,
) -> SumCheck:
    """The check of a sum that may be meant in several ways.

    :param terms: paths of the amounts that it is computed from.
    :param covers: the fields that it is about, the sum itself first.
    """
    name, right = covers[0], covers[:1]
    for reading in readings:
        if abs(reading - printed) <= tolerance:
            return SumCheck(covers, equation=Equation(name, reading, printed, terms, right))
    message = f"The printed {what} is not what the other amounts give."
    finding = Finding(code, message, name, expected=money_text(readings[0]), found=money_text(printed))
    return SumCheck(covers, finding, Equation(name, readings[0], printed, terms, right))


def _present(invoice: Invoice, *names: str) -> tuple[str, ...]:
    return tuple(name for name in names if getattr(invoice, name) is not None)


def _net_of(invoice: Invoice) -> Decimal | None:
    if invoice.net_total is not None:
        return invoice.net_total
    if invoice.subtotal is None:
        return None
    discount = abs(invoice.discount_total or ZERO)
    return invoice.subtotal - (discount if invoice.subtotal >= 0 else -discount) + (invoice.charges_total or ZERO)


def _tax_of(invoice: Invoice) -> Decimal | None:
    if invoice.tax_total is not None:
        return invoice.tax_total
    amounts = [tax.amount for tax in invoice.taxes if tax.amount is not None]
    return sum(amounts, ZERO) if amounts and len(amounts) == len(invoice.taxes) else None


def _reverse_charge(invoice: Invoice) -> bool:
    by_field = invoice.india is not None and bool(invoice.india.reverse_charge)
    return by_field or any(tax.category == "AE" for tax in invoice.taxes)


def _first(*values: Decimal | None) -> Decimal:
    return next(value for value in values if value is not None)


def failures_of(checks: Iterable[SumCheck]) -> int:
    """How many of the rules fail."""
    return sum(not check.passed for check in checks)
