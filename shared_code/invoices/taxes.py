"""The rules of tax law on one invoice: whether each tax fits its rate, and whether the kinds of GST fit the places.

Rates: the base of a tax is the one that is printed beside it, or else any that the law knows. Ghana until the end of
2025: NHIL, GETFund levy and COVID-19 levy on the net value, VAT on the net value with the levies (Value Added Tax Act,
2013 (Act 870)). From January 2026: all on the net value, and no COVID-19 levy any more (COVID-19 Health Recovery Levy
Repeal Act, 2025).

India: within a state CGST and SGST (or UTGST), between states IGST, never both (CGST Act, 2017, section 9; IGST Act,
2017, sections 5, 7 and 8). An invoice number has at most 16 characters (CGST Rules, 2017, Rule 46).
"""

import re
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import combinations

from shared_code.invoices.countries import GSTIN_FORM, INDIAN_STATES, state_codes
from shared_code.invoices.line_sums import Equation, SumCheck
from shared_code.invoices.schema import Invoice, Tax, money_text
from shared_code.records import Finding

_HUNDRED = Decimal(100)
_ZERO = Decimal(0)
_GHANA_NEW_RULES = date(2026, 1, 1)
_LEVIES = ("NHIL", "GETF", "COVID", "CST")
_MAX_NUMBER_LENGTH = 16
#: of more lines some sum or other fits nearly any tax
_MOST_LINES = 6
#: Categories of UNTDID 5305 for which EN 16931 lets the seller charge no tax (BR-AE-9, BR-E-9, BR-G-9, BR-IC-9, BR-O-9,
#: BR-Z-9); N is the margin scheme of PINT for the United Arab Emirates.
_NOT_CHARGED = frozenset({"AE", "E", "G", "K", "O", "Z", "N"})
#: what the reader of INV-01 adds to the kind of supply when IGST is charged within a state on purpose (IgstOnIntra)
_WITHIN = "WITHIN THE STATE"
#: Kinds of supply that count as between states wherever the buyer is: exports, special economic zones.
_ALWAYS_BETWEEN = ("SEZ", "EXP", "EXPORT", "DEEMED")


def check_tax_rates(invoice: Invoice, *, unit: Decimal) -> list[SumCheck]:
    """Each tax whose base is known, with a finding when no base explains its amount, and a levy that no longer exists.

    :param unit: the smallest amount in the invoice's currency.
    """
    checks = []
    # Some vendors round the tax of each line: up to half a unit is lost or won in each.
    tolerance = max(unit, unit * len(invoice.line_items) / 2)
    for index, tax in enumerate(invoice.taxes):
        bases = _bases(invoice, tax)
        if not bases or tax.rate is None or tax.amount is None or _is_not_charged(invoice, tax):
            continue
        expected = [reading for base in bases for reading in _amounts(base, tax.rate)]
        fits = [amount for amount in expected if abs(abs(amount) - abs(tax.amount)) <= tolerance]
        field = f"taxes[{index}].amount"
        base = f"taxes[{index}].taxable_amount" if tax.taxable_amount is not None else _net_field(invoice)
        left = (fits or expected)[0]
        terms = (f"taxes[{index}].rate", *((base,) if base else ()))
        equation = Equation("tax_rate", left, tax.amount, terms, (field,))
        if fits:
            # A rate that fits confirms nothing.
            checks.append(SumCheck((), equation=equation))
            continue
        message = f"{tax.rate.normalize():f} % of the taxable amount is not the printed {tax.name or 'tax'}."
        finding = Finding("tax_rate_mismatch", message, field, money_text(left), money_text(tax.amount))
        checks.append(SumCheck(("tax_total",), finding, equation))
    return checks + [SumCheck(("tax_total",), finding) for finding in _abolished_levy(invoice)]


def _net_field(invoice: Invoice) -> str | None:
    return next((name for name in ("net_total", "subtotal") if getattr(invoice, name) is not None), None)


def _is_not_charged(invoice: Invoice, tax: Tax) -> bool:
    """Whether a rate is only named: the buyer owes the tax of a reverse charge, and other categories have none."""
    by_buyer = invoice.india is not None and bool(invoice.india.reverse_charge)
    return tax.amount == 0 and (by_buyer or tax.category in _NOT_CHARGED)


@lru_cache(maxsize=1_024)
def is_ghana_levy(name: str | None) -> bool:
    """NHIL, GETFund, COVID levy and the old CST, however they are written."""
    folded = re.sub(r"[\W_]", "", (name or "").upper())
    return folded.startswith(_LEVIES)


def _amounts(base: Decimal, rate: Decimal) -> tuple[Decimal, ...]:
    """The tax on a net base, and the tax held in a gross base, which a rate of minus 100 percent cannot be."""
    tax = base * rate
    return (tax / _HUNDRED,) if rate == -_HUNDRED else (tax / _HUNDRED, tax / (_HUNDRED + rate))


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
    # A tax on the net value with another tax (Sri Lanka: VAT on the value with the social security levy).
    bases += [net + other.amount for other in invoice.taxes if other is not tax and other.amount]
    bases += _parts(invoice)
    if invoice.total is not None and len(invoice.taxes) == 1:
        bases.append(invoice.total)
    return bases


def _parts(invoice: Invoice) -> list[Decimal]:
    """Sums of some of the lines, likeliest first: a part of an invoice may be free of a tax (deposits, city tax)."""
    amounts = [line.net_amount for line in invoice.line_items if line.net_amount is not None]
    if len(amounts) != len(invoice.line_items) or not 1 < len(amounts) <= _MOST_LINES:
        return []
    chosen = (some for size in range(len(amounts) - 1, 0, -1) for some in combinations(amounts, size))
    return [sum(some, _ZERO) for some in chosen]


def _line_base(invoice: Invoice, tax: Tax) -> Decimal | None:
    """The net amount of the lines that carry this rate; a line may show the rate of CGST and SGST together."""
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


def check_gst(invoice: Invoice) -> list[Finding]:
    """Findings on the kind of GST, its two halves, the place of supply, and the length of the invoice number."""
    seller_state = _seller_state(invoice)
    names = {(tax.name or "").upper() for tax in invoice.taxes}
    if seller_state is None and not names & {"CGST", "SGST", "UTGST", "IGST"}:
        return []
    return [
        *_kind_of_tax(invoice, seller_state),
        *_halves(invoice),
        *_place_codes(invoice),
        *_number_length(invoice, seller_state),
    ]


def _seller_state(invoice: Invoice) -> str | None:
    tax_id = (invoice.seller.tax_id or "").upper()
    return tax_id[:2] if GSTIN_FORM.fullmatch(tax_id) else None


def _sum_of(invoice: Invoice, *names: str) -> Decimal:
    return sum((abs(tax.amount or _ZERO) for tax in invoice.taxes if (tax.name or "").upper() in names), _ZERO)


def _kind_of_tax(invoice: Invoice, seller_state: str | None) -> list[Finding]:
    inside, between = _sum_of(invoice, "CGST", "SGST", "UTGST"), _sum_of(invoice, "IGST")
    if inside and between:
        message = "CGST/SGST and IGST are charged together; an invoice has one or the other."
        return [Finding("gst_mixed", message, "taxes", found=f"{money_text(inside)} and {money_text(between)}")]
    india = invoice.india
    places = state_codes(india.place_of_supply_code or india.place_of_supply) if india else frozenset()
    supply = (india.supply_type or "").upper() if india else ""
    within = between and _WITHIN in supply
    if not places or seller_state is None or supply.startswith(_ALWAYS_BETWEEN) or within:
        return []
    same_state = seller_state in places
    if (same_state and between) or (not same_state and inside):
        expected = "CGST and SGST" if same_state else "IGST"
        message = "The kind of GST does not fit the seller's state and the place of supply."
        return [Finding("gst_place_mismatch", message, "taxes", expected, "IGST" if between else "CGST and SGST")]
    return []


def _halves(invoice: Invoice) -> list[Finding]:
    central, state = _sum_of(invoice, "CGST"), _sum_of(invoice, "SGST", "UTGST")
    if abs(central - state) <= Decimal("0.01") * max(1, len(invoice.line_items)):
        return []
    message = "CGST and SGST are halves of one tax and must be equal."
    return [Finding("gst_halves_differ", message, "taxes", money_text(central), money_text(state))]


def _place_codes(invoice: Invoice) -> list[Finding]:
    india = invoice.india
    if india is None or not india.place_of_supply_code or not india.place_of_supply:
        return []
    by_code, by_name = state_codes(india.place_of_supply_code), state_codes(india.place_of_supply)
    if by_code and by_name and not by_code & by_name:
        message = "The code and the name of the place of supply are different states."
        expected = "/".join(sorted(INDIAN_STATES[code] for code in by_code))
        return [Finding("state_code_mismatch", message, "india.place_of_supply", expected, india.place_of_supply)]
    return []


def _number_length(invoice: Invoice, seller_state: str | None) -> list[Finding]:
    number = invoice.invoice_number or ""
    if seller_state is None or len(number.replace(" ", "")) <= _MAX_NUMBER_LENGTH:
        return []
    message = "A GST invoice number has at most 16 characters."
    return [Finding("number_too_long", message, "invoice_number", found=number, review=False)]
