"""What a checked sum is, and the sum of each line: quantity times price.

Documents mean it in several ways: prices for a hundred pieces, discounts within the price, a least charge.
"""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from itertools import product

from shared_code.invoices.currencies import minor_unit
from shared_code.invoices.printed_numbers import amounts_in
from shared_code.invoices.schema import Invoice, LineItem, money_text
from shared_code.records import Finding

ZERO = Decimal(0)
_MAX_LINE_FINDINGS = 10
#: pieces that a price can be for, besides one; a hundred also stands for cents
_PRICE_UNITS = (Decimal(100), Decimal(1000))


@dataclass(frozen=True, slots=True)
class Equation:
    """The figures of a rule, in the way in which it holds, or else in the likeliest one.

    :ivar left: what other amounts give; ``right`` is what is printed.
    :ivar left_fields: paths of the amounts that the left side is computed from; ``right_fields`` those of the other.
    """

    name: str
    left: Decimal
    right: Decimal
    left_fields: tuple[str, ...]
    right_fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SumCheck:
    """One rule that could be checked: the fields it covers, a finding when it failed, and its figures."""

    fields: tuple[str, ...]
    finding: Finding | None = None
    equation: Equation | None = None

    @property
    def passed(self) -> bool:
        """Whether the rule holds."""
        return self.finding is None


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
            finding = None if holds else _line_finding(index, line)
            checks.append(
                SumCheck((f"line_items[{index}].net_amount",), finding, _line_equation(index, line, holds=holds))
            )
    if failures > _MAX_LINE_FINDINGS:
        more = failures - _MAX_LINE_FINDINGS
        message = f"Quantity times price does not give the amount on {more} more lines."
        checks.append(SumCheck(("line_items",), Finding("line_mismatch", message, "line_items")))
    return checks


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


def _line_equation(index: int, line: LineItem, *, holds: bool) -> Equation:
    """The way of reading the line that is nearest to its amount; one that holds otherwise is shown as it is printed."""
    assert line.quantity is not None and line.unit_price is not None  # noqa: PT018 - line_holds has looked
    exact, discount = line.quantity * line.unit_price, abs(line.discount_amount or ZERO)
    amounts = {"net_amount": line.net_amount, "total_amount": line.total_amount}
    ways = [
        (exact - less, amount, name)
        for less, (name, amount) in product((discount, ZERO), amounts.items())
        if amount is not None
    ]
    left, right, name = min(ways, key=lambda way: abs(way[0] - way[1])) if holds else ways[0]
    if holds and abs(left - right) > abs(right) / 2:
        left = right
    here = f"line_items[{index}]"
    terms = (
        ("quantity", "unit_price") if line.discount_amount is None else ("quantity", "unit_price", "discount_amount")
    )
    return Equation("line", left, right, tuple(f"{here}.{term}" for term in terms), (f"{here}.{name}",))
