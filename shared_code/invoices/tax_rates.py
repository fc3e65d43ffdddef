"""Does each tax fit its rate? The base is what is printed beside it, or else every base that the law knows.

Ghana before 2026: NHIL, GETFund and the COVID levy on the net value, VAT on the net value with the levies. From
January 2026: all on the net value, and the COVID levy is gone.
"""

from datetime import date
from decimal import Decimal

from shared_code.invoices.schema import Invoice, Tax, money_text
from shared_code.records import Finding

_HUNDRED = Decimal(100)
_ZERO = Decimal(0)
_GHANA_NEW_RULES = date(2026, 1, 1)
_LEVIES = ("NHIL", "GETF", "COVID", "CST")


def check_tax_rates(invoice: Invoice, *, unit: Decimal) -> list[Finding]:
    """One finding for each tax whose amount no base explains, and one for a levy that no longer exists."""
    findings = []
    # Rounding happens per line: half a minor unit each.
    tolerance = max(unit, unit * len(invoice.line_items) / 2)
    for index, tax in enumerate(invoice.taxes):
        bases = _bases(invoice, tax)
        if not bases or tax.rate is None or tax.amount is None:
            continue
        expected = [reading for base in bases for reading in _amounts(base, tax.rate)]
        if all(abs(abs(amount) - abs(tax.amount)) > tolerance for amount in expected):
            message = f"{tax.rate.normalize():f} % of the taxable amount is not the printed {tax.name or 'tax'}."
            printed = money_text(tax.amount)
            findings.append(
                Finding(
                    "tax_rate_mismatch",
                    message,
                    f"taxes[{index}].amount",
                    expected=money_text(expected[0]),
                    found=printed,
                )
            )
    return findings + _abolished_levy(invoice)


def is_ghana_levy(name: str | None) -> bool:
    """NHIL, GETFund, COVID levy and the old CST, however they are written."""
    folded = "".join(char for char in (name or "").upper() if char.isalnum())
    return folded.startswith(_LEVIES)


def _amounts(base: Decimal, rate: Decimal) -> tuple[Decimal, Decimal]:
    """The tax on a net base, and the tax held in a gross base."""
    return base * rate / _HUNDRED, base * rate / (_HUNDRED + rate)


def _bases(invoice: Invoice, tax: Tax) -> list[Decimal]:
    if tax.taxable_amount is not None:
        return [tax.taxable_amount]
    from_lines = _line_base(invoice, tax)
    net = invoice.net_total if invoice.net_total is not None else invoice.subtotal
    if sum(other.name == tax.name for other in invoice.taxes) > 1:
        # Several rates of one tax: each has its own part of the net amount, known only by the lines.
        return [] if from_lines is None else [from_lines]
    if net is None:
        return []
    bases = [net] if from_lines is None else [net, from_lines]
    levies = [other.amount or _ZERO for other in invoice.taxes if is_ghana_levy(other.name)]
    if levies and not is_ghana_levy(tax.name):
        bases.append(net + sum(levies, _ZERO))
    if invoice.total is not None and len(invoice.taxes) == 1:
        bases.append(invoice.total)
    return bases


def _line_base(invoice: Invoice, tax: Tax) -> Decimal | None:
    """The net amount of the lines that carry this rate; CGST and SGST are half of the rate that a line shows."""
    if tax.rate is None:
        return None
    half = (tax.name or "").upper() in {"CGST", "SGST", "UTGST"}
    rates = {tax.rate, tax.rate * 2} if half else {tax.rate}
    amounts = [line.net_amount for line in invoice.line_items if line.tax_rate in rates]
    if not amounts or any(amount is None for amount in amounts):
        return None
    return sum((amount for amount in amounts if amount is not None), _ZERO)


def _abolished_levy(invoice: Invoice) -> list[Finding]:
    if invoice.invoice_date is None or invoice.invoice_date < _GHANA_NEW_RULES:
        return []
    charged = [tax for tax in invoice.taxes if "COVID" in (tax.name or "").upper() and tax.amount]
    if not charged:
        return []
    message = "The COVID levy is charged, which Ghana abolished from January 2026."
    return [Finding("abolished_levy", message, "taxes", found=money_text(charged[0].amount or _ZERO), review=False)]
