# ruff: noqa: SIM905 - fifty codes read better as text than as fifty quoted strings
"""What CII and UBL share: kinds of document, means of payment, tax numbers, accounts, discounts.

Numbers of lists are those of the UN/EDIFACT directory (UNTDID), which EN 16931-1 prescribes for its business terms.
"""

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal

from shared_code.e_invoices.xml import Node, XmlValues, sum_of
from shared_code.invoices.countries import GSTIN_FORM
from shared_code.invoices.currencies import is_currency
from shared_code.invoices.identity_numbers import IBAN_FORM
from shared_code.invoices.schema import BankAccount, CashDiscount, Payment, unless_empty
from shared_code.records import Finding

_CREDIT_NOTES = "81 83 261 262 296 308 381 396 420 458 473 502 503 532".split()
_DEBIT_NOTES = "80 84 383 456 527".split()
_INVOICES = (
    "82 130 202 203 204 211 218 219 295 326 331 380 382 384 385 386 387 388 389 390 393 394 395 457 471 472 480 500 "
    "501 553 575 623 633 751 780 817 870 875 876 877 935"
).split()
#: UNTDID 1001, document name (BT-3). A self-billed invoice (389, in German "Gutschrift") is an invoice: its amount is
#: owed to the seller.
_DOCUMENT_TYPES = {
    **dict.fromkeys(_CREDIT_NOTES, "credit_note"),
    **dict.fromkeys(_DEBIT_NOTES, "debit_note"),
    **dict.fromkeys(_INVOICES, "invoice"),
    "325": "proforma",
}
_SELF_BILLED = frozenset({"261", "389", "471", "473", "500", "501", "502", "527"})
#: UNTDID 4461, payment means (BT-81)
_PAYMENT_MEANS = {
    "10": "cash",
    "20": "cheque",
    "30": "credit transfer",
    "31": "debit transfer",
    "42": "payment to bank account",
    "48": "bank card",
    "49": "direct debit",
    "54": "credit card",
    "55": "debit card",
    "57": "standing agreement",
    "58": "SEPA credit transfer",
    "59": "SEPA direct debit",
    "68": "online payment service",
    "97": "clearing between partners",
}
_CENT = Decimal("0.01")
#: how far rounding may lead away from the amount of a line, as a part of it; two readings of a price are further apart
_NEAR = Decimal("0.005")
#: the form of ISO 9362
_BIC_FORM = re.compile(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")


def document_type_of(code: str | None, *, default: str | None = None) -> str | None:
    """The document type of the public schema for a code of UNTDID 1001; ``other`` for all other codes."""
    return default if code is None else _DOCUMENT_TYPES.get(code.lstrip("0"), "other")


def self_billed(code: str | None) -> Finding | None:
    """A finding for a document that the buyer has issued in the seller's name, else None."""
    if code not in _SELF_BILLED:
        return None
    message = "The document is self-billed: the buyer issued it in the seller's name."
    return Finding("self_billed", message, "document_type", found=code, review=False)


def payment_method(code: str | None) -> str | None:
    """A means of payment in words; the code itself for a rare one, None for "not defined"."""
    return None if code is None or code in {"1", "ZZZ"} else _PAYMENT_MEANS.get(code, code)


def currency_of(code: str | None, findings: list[Finding], *, field: str = "currency") -> str | None:
    """The ISO 4217 code in upper case. Anything else gives None and adds a finding."""
    if code is None:
        return None
    if is_currency(code.upper()):
        return code.upper()
    findings.append(
        Finding("unknown_currency", "The XML names a currency that does not exist.", field, found=code[:20])
    )
    return None


def tax_totals_of(
    nodes: Sequence[Node],
    currency: str | None,
    tax_currency: str | None,
    values: XmlValues,
    *,
    detailed: Sequence[bool] = (),
) -> tuple[Decimal | None, Decimal | None]:
    """The total tax in the invoice's currency (BT-110), and in the currency of the tax report (BT-111).

    A total with a breakdown (BG-23) is a tax of its own; one without repeats it in the currency of the tax report. That
    may be the invoice's own: ZATCA wants BT-111 in riyals in every invoice (rule BR-KSA-EN16931-02). Without any
    breakdown equal totals are one total, and different ones are taxes of their own.

    :param nodes: the amounts, each with its currency.
    :param detailed: for each of them, whether a breakdown stands beside it; empty for a syntax that has it elsewhere.
    """
    own: list[tuple[Decimal | None, bool]] = []
    reported: Decimal | None = None
    for node, has_breakdown in zip(nodes, detailed or [False] * len(nodes), strict=True):
        unit = node.attribute("currencyID")
        if currency is None or unit is None or unit.upper() == currency:
            own.append((values.amount(node.value, "tax_total"), has_breakdown))
        elif unit.upper() == tax_currency:
            reported = values.amount(node.value, "tax_total_in_tax_currency")
    repeated = [amount for amount, has_breakdown in own if not has_breakdown]
    if len(repeated) == len(own):
        return sum_of(dict.fromkeys(repeated)), reported
    if repeated and currency == tax_currency:
        reported = repeated[0]
    return sum_of(amount for amount, has_breakdown in own if has_breakdown), reported


def tax_id_type(scheme: str | None, number: str | None, country: str | None) -> str | None:
    """The type of a tax number by the scheme that the XML gives: UNTDID 1153 (``VA``, ``FC``) or a UBL tax scheme."""
    if number is None:
        return None
    if GSTIN_FORM.fullmatch(number):
        return "GSTIN"
    if scheme in {"VA", "VAT"}:
        return "VAT"
    if scheme in {"GST", "SGST"}:
        return "ABN" if country == "AU" else "OTHER"
    return "TIN" if scheme in {"FC", "TAX"} else "OTHER"


def tax_number_of(
    numbers: Iterable[tuple[str | None, str | None]], country: str | None, *, vat: str
) -> tuple[str | None, str | None]:
    """Number and type: the VAT number (BT-31, BT-48), else the first tax number (BT-32).

    :param numbers: scheme and number of each registration of a party.
    :param vat: the scheme of VAT numbers.
    """
    # Swedish parties write "Godkänd för F-skatt" here (BT-32), which is no number.
    given = [entry for entry in numbers if entry[1] and any(map(str.isdigit, entry[1]))]
    scheme, number = next((entry for entry in given if entry[0] == vat), (given or [(None, None)])[0])
    return number, tax_id_type(scheme, number, country)


def payment_of(
    *,
    terms: str | None,
    methods: Iterable[str | None],
    reference: str | None,
    accounts: Iterable[BankAccount | None],
    discounts: Iterable[CashDiscount] = (),
) -> Payment | None:
    """How to pay: the first means that is given, each account and discount once; None when nothing at all is given."""
    method = next(filter(None, methods), None)
    distinct = tuple(dict.fromkeys(filter(None, accounts)))
    saved = tuple(dict.fromkeys(discounts))
    payment = Payment(terms=terms, method=method, reference=reference, discounts=saved, bank_accounts=distinct)
    return unless_empty(payment)


def account_of(number: str | None, **others: str | None) -> BankAccount | None:
    """A bank account by its IBAN or other number (BT-84); None when nothing at all is given."""
    compact = number.replace(" ", "") if number else None
    is_iban = compact is not None and IBAN_FORM.fullmatch(compact.upper()) is not None
    iban = compact.upper() if compact and is_iban else None
    return unless_empty(BankAccount(iban=iban, account_number=None if is_iban else compact, **others))


def is_bic(code: str | None) -> bool:
    """Whether a code has the form of a BIC; bank branches have other numbers too."""
    return code is not None and _BIC_FORM.fullmatch(code.upper()) is not None


def discount_of(
    nodes: Iterable[Node], field: str, values: XmlValues, *, indicators: Sequence[str], amount: str
) -> tuple[Decimal | None, Decimal | None]:
    """The sum of the discounts of a line (BG-27), and that of its surcharges (BG-28).

    :param nodes: discounts and surcharges.
    :param indicators: paths of what tells a surcharge from a discount.
    :param amount: path of the amount.
    """
    discounts: list[Decimal | None] = []
    surcharges: list[Decimal | None] = []
    for node in nodes:
        kind = surcharges if (node.text(*indicators) or "").lower() in {"true", "1"} else discounts
        kind.append(values.amount(node.text(amount), f"{field}.discount_amount"))
    return sum_of(discounts), sum_of(surcharges)


def harmonised_code(nodes: Iterable[Node]) -> str | None:
    """The code of the Harmonised System (``HS`` of UNTDID 7143) among the classifications of a product (BT-158)."""
    return next((node.value for node in nodes if node.attribute("listID") == "HS"), None)


def unit_price_of(
    price: Decimal | None,
    base_quantity: Decimal | None,
    *,
    quantity: Decimal | None = None,
    net: Decimal | None = None,
    factor: Decimal | None = None,
) -> Decimal | None:
    """The price of one unit where the XML gives it for several (2.50 for 100).

    Many programs repeat the quantity or the price as the base quantity (BT-149). The reading counts that gives the
    line's amount: BT-131 is BT-129 x BT-146 / BT-149 (rule PEPPOL-EN16931-R120). When none does, the standard's.

    :param quantity: the quantity of the line (BT-129).
    :param net: the amount of the line (BT-131) without its discounts and surcharges.
    :param factor: units of the price in one unit of the quantity (UBL's OrderableUnitFactorRate, which OIOUBL uses).
    """
    if price is None:
        return None
    standard = price if not base_quantity or base_quantity == 1 else _plain(price / base_quantity)
    readings = [standard, price]
    if factor and factor != 1:
        readings = [*(_plain(one * factor) for one in readings), *readings]
    if quantity and net:
        near = max(_CENT, abs(net) * _NEAR)
        return next((one for one in readings if abs(abs(one * quantity) - abs(net)) <= near), standard)
    return standard


def _plain(exact: Decimal) -> Decimal:
    """The number without zeros at its end and without an exponent."""
    short = exact.normalize()
    return short.quantize(Decimal(1)) if int(short.as_tuple().exponent) > 0 else short
