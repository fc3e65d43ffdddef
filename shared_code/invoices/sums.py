"""Do the printed sums add up? Each rule is computed in Decimal, in every way in which honest documents mean it.

The rules are those that EN 16931-1 gives for its totals (business rules BR-CO-10 to BR-CO-16): lines to subtotal,
subtotal to net total, taxes to total tax, net and tax to total, total to amount due. Printed invoices bend them: prices
with tax, discounts already in the lines, charges after tax, tax withheld, cash rounding.

A rule whose terms are not all there is not checked. A passing rule proves that the amounts fit each other, not that
they are true; a failing one is reported with both figures, and nothing is changed.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product

from shared_code.invoices.currencies import minor_unit, minor_units
from shared_code.invoices.printed_numbers import amounts_in
from shared_code.invoices.schema import Invoice, LineItem, money_text
from shared_code.invoices.taxes import check_tax_rates
from shared_code.records import Finding

ZERO = Decimal(0)
#: Swiss and other cash totals are rounded to this
_CASH_ROUNDING = Decimal("0.05")
_MAX_LINE_FINDINGS = 10
#: pieces that a price can be for, besides one; a hundred also stands for cents
_PRICE_UNITS = (Decimal(100), Decimal(1000))


@dataclass(frozen=True, slots=True)
class SumCheck:
    """One rule that could be checked: the fields it covers, and a finding when it failed."""

    fields: tuple[str, ...]
    finding: Finding | None = None

    @property
    def passed(self) -> bool:
        """Whether the rule holds."""
        return self.finding is None


def check_sums(
    invoice: Invoice, *, unchecked_lines: Collection[int] = (), lines_of_order: bool = False
) -> list[SumCheck]:
    """All rules that can be checked.

    :param unchecked_lines: indexes of lines whose discount is only a percentage.
    :param lines_of_order: the lines are those of a whole order and do not add up to this invoice.
    """
    billed = replace(invoice, line_items=()) if lines_of_order else invoice
    return [*check_lines(invoice, unchecked_lines=unchecked_lines), *check_totals(billed)]


def check_lines(invoice: Invoice, *, unchecked_lines: Collection[int] = ()) -> list[SumCheck]:
    """Quantity times price for each line; the first ten failures are reported one by one, the rest as a count."""
    unit = minor_unit(invoice.currency)
    checks, failures = [], 0
    for index, line in enumerate(invoice.line_items):
        if index in unchecked_lines:
            continue
        holds = line_holds(line, unit=unit)
        if holds is None:
            continue
        failures += not holds
        if holds or failures <= _MAX_LINE_FINDINGS:
            checks.append(SumCheck((f"line_items[{index}].net_amount",), None if holds else _line_finding(index, line)))
    if failures > _MAX_LINE_FINDINGS:
        more = failures - _MAX_LINE_FINDINGS
        message = f"Quantity times price does not give the amount on {more} more lines."
        checks.append(SumCheck(("line_items",), Finding("line_mismatch", message, "line_items")))
    return checks


def check_totals(invoice: Invoice) -> list[SumCheck]:
    """The rules over the whole invoice: sums, and each tax against its rate."""
    unit = minor_unit(invoice.currency)
    rules = (_lines_sum, _net_total, _tax_total, _gross_total, _amount_due)
    checks = [check for rule in rules if (check := rule(invoice, unit)) is not None]
    checks += [SumCheck(("tax_total",), finding) for finding in check_tax_rates(invoice, unit=unit)]
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


def line_holds(line: LineItem, *, unit: Decimal) -> bool | None:
    """Whether the line's amount follows from its numbers in a way that documents mean; None when it cannot be checked.

    Besides quantity x price - discount: prices for a hundred or a thousand pieces or in cents, a further factor or a
    least charge that the description names.
    """
    plain = line_adds_up(line, unit=unit)
    return _explained(line, unit=unit) if plain is False else plain


def line_adds_up(line: LineItem, *, unit: Decimal) -> bool | None:
    """Whether quantity x price - discount is the line's net or gross amount; None when it cannot be checked."""
    amounts = [amount for amount in (line.net_amount, line.total_amount) if amount is not None]
    if line.quantity is None or line.unit_price is None or not amounts:
        return None
    exact = line.quantity * line.unit_price
    # The printed price is rounded, so half of its last digit times the quantity can be missing. A price in whole units
    # is more likely exact than rounded: its last digit counts as a minor unit at most.
    step = min(unit, Decimal(1).scaleb(int(line.unit_price.as_tuple().exponent)))
    tolerance = max(unit, abs(line.quantity) * step / 2)
    discount = abs(line.discount_amount or ZERO)
    # On a line that is taken back the discount is, too.
    discounts = {ZERO, discount} if exact >= 0 else {ZERO, discount, -discount}
    return any(abs(exact - less - amount) <= tolerance for less, amount in product(discounts, amounts))


def _explained(line: LineItem, *, unit: Decimal) -> bool:
    """Whether a line whose quantity times price is not its amount means its numbers otherwise."""
    assert line.quantity is not None and line.unit_price is not None  # noqa: PT018 - line_adds_up has looked
    exact = line.quantity * line.unit_price
    amounts = [amount for amount in (line.net_amount, line.total_amount) if amount is not None]
    if not exact:
        return False
    named = {number for number in amounts_in(f"{line.description or ''} {line.unit or ''}") if number > 1}
    meant = [exact / per for per in _PRICE_UNITS] + [exact * factor for factor in named]
    least = {number for number in named if number > abs(exact)}
    return any(abs(amount) in least or any(abs(one - amount) <= unit for one in meant) for amount in amounts)


def _line_finding(index: int, line: LineItem) -> Finding:
    assert line.quantity is not None and line.unit_price is not None  # noqa: PT018 - line_holds has looked
    expected = line.quantity * line.unit_price - abs(line.discount_amount or ZERO)
    amount = line.net_amount if line.net_amount is not None else line.total_amount
    return Finding(
        "line_mismatch",
        f"Quantity times price, less discount, is not the amount of line {index + 1}.",
        f"line_items[{index}].net_amount",
        expected=money_text(expected),
        found=None if amount is None else money_text(amount),
    )


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
    if any(abs(total - target) <= tolerance for total, target in product((net, gross), targets)):
        return SumCheck(fields)
    message = "The lines do not add up to the subtotal: lines may be missing, or the document is wrong."
    finding = Finding("lines_incomplete", message, "line_items", expected=money_text(targets[0]), found=money_text(net))
    return SumCheck(fields, finding)


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
    return _sum_check(
        readings, invoice.net_total, unit * 3, code="net_mismatch", fields=("net_total", "subtotal"), what="net total"
    )


def _tax_total(invoice: Invoice, unit: Decimal) -> SumCheck | None:
    amounts = [tax.amount for tax in invoice.taxes if tax.amount is not None]
    if invoice.tax_total is None or not amounts or len(amounts) < len(invoice.taxes):
        return None
    fields = ("tax_total", "taxes")
    tolerance = unit * len(amounts)
    return _sum_check(
        [sum(amounts, ZERO)], invoice.tax_total, tolerance, code="tax_mismatch", fields=fields, what="total tax"
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
    fields = ("total", "net_total", "tax_total")
    return _sum_check(readings, invoice.total, unit * 3, code="total_mismatch", fields=fields, what="total")


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
    return _sum_check(
        readings, invoice.amount_due, tolerance, code="due_mismatch", fields=("amount_due", "total"), what="amount due"
    )


def _sum_check(
    readings: Sequence[Decimal],
    printed: Decimal,
    tolerance: Decimal,
    *,
    code: str,
    fields: tuple[str, ...],
    what: str,
) -> SumCheck:
    if any(abs(reading - printed) <= tolerance for reading in readings):
        return SumCheck(fields)
    message = f"The printed {what} is not what the other amounts give."
    return SumCheck(
        fields, Finding(code, message, fields[0], expected=money_text(readings[0]), found=money_text(printed))
    )


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
