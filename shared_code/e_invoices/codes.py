# ruff: noqa: SIM905 - fifty codes read better as text than as fifty quoted strings
"""The code lists that the e-invoice syntaxes share: kinds of document, means of payment, tax numbers, accounts."""

import re
from collections.abc import Sequence
from decimal import Decimal

from shared_code.e_invoices.xml import Node, XmlValues, sum_of
from shared_code.invoices.countries import GSTIN_FORM
from shared_code.invoices.currencies import is_currency
from shared_code.invoices.schema import BankAccount
from shared_code.records import Finding

_CREDIT_NOTES = "81 83 261 262 296 308 381 396 420 458 473 502 503 532".split()
_DEBIT_NOTES = "80 84 383 456 527".split()
_INVOICES = (
    "82 130 202 203 204 211 218 219 295 326 331 380 382 384 385 386 387 388 389 390 393 394 395 457 471 472 500 501 "
    "553 575 623 633 751 780 817 870 875 876 877 935"
).split()
#: UN/CEFACT 1001. A self-billed invoice (389, in German "Gutschrift") is an invoice: the seller is owed its amount.
_DOCUMENT_TYPES = {
    **dict.fromkeys(_CREDIT_NOTES, "credit_note"),
    **dict.fromkeys(_DEBIT_NOTES, "debit_note"),
    **dict.fromkeys(_INVOICES, "invoice"),
    "325": "proforma",
}
_SELF_BILLED = frozenset({"261", "389", "471", "473", "500", "501", "502", "527"})
#: UN/CEFACT 4461
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
_IBAN_FORM = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_BIC_FORM = re.compile(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")


def document_type_of(code: str | None, *, default: str | None = None) -> str | None:
    """Our kind of document for a code of UN/CEFACT 1001; ``other`` for codes that stand for no such document."""
    return default if code is None else _DOCUMENT_TYPES.get(code.lstrip("0"), "other")


def self_billed(code: str | None) -> Finding | None:
    """A remark for a document that the buyer has issued in the seller's name."""
    if code not in _SELF_BILLED:
        return None
    message = "The document is self-billed: the buyer issued it in the seller's name."
    return Finding("self_billed", message, "document_type", found=code, review=False)


def payment_method(code: str | None) -> str | None:
    """A means of payment in words; the code itself where it is not among the usual ones."""
    return None if code is None or code in {"1", "ZZZ"} else _PAYMENT_MEANS.get(code, code)


def currency_of(code: str | None, findings: list[Finding], *, field: str = "currency") -> str | None:
    """An ISO 4217 code; anything else is None and a finding."""
    if code is None:
        return None
    if is_currency(code.upper()):
        return code.upper()
    findings.append(
        Finding("unknown_currency", "The XML names a currency that does not exist.", field, found=code[:20])
    )
    return None


def tax_totals_of(
    nodes: Sequence[Node], currency: str | None, tax_currency: str | None, values: XmlValues
) -> tuple[Decimal | None, Decimal | None]:
    """Total tax in the invoice's currency, and in the currency of its tax report when that is another."""
    own: list[Decimal | None] = []
    reported: Decimal | None = None
    for node in nodes:
        unit = node.attribute("currencyID")
        if unit is not None and unit == tax_currency and unit != currency:
            reported = values.amount(node.value, "tax_total_in_tax_currency")
        else:
            own.append(values.amount(node.value, "tax_total"))
    return sum_of(own), reported


def tax_id_type(scheme: str | None, number: str | None, country: str | None) -> str | None:
    """The type of a tax number from the scheme that the XML gives for it."""
    if number is None:
        return None
    if GSTIN_FORM.fullmatch(number):
        return "GSTIN"
    if scheme in {"VA", "VAT"}:
        return "VAT"
    if scheme in {"GST", "SGST"}:
        return "ABN" if country == "AU" else "OTHER"
    return "TIN" if scheme in {"FC", "TAX"} else "OTHER"


def account_of(number: str | None, **others: str | None) -> BankAccount | None:
    """An account by its number, IBAN or not; None when nothing at all is said."""
    compact = number.replace(" ", "") if number else None
    is_iban = compact is not None and _IBAN_FORM.fullmatch(compact.upper()) is not None
    account = BankAccount(
        iban=compact.upper() if compact and is_iban else None,
        account_number=None if is_iban else compact,
        **others,
    )
    return None if account == BankAccount() else account


def is_bic(code: str | None) -> bool:
    """Whether a code has the form of a BIC; branches of banks are numbered in other ways too."""
    return code is not None and _BIC_FORM.fullmatch(code.upper()) is not None


def unit_price_of(price: Decimal | None, base_quantity: Decimal | None) -> Decimal | None:
    """The price of one unit where the XML gives it for several (2.50 for 100)."""
    if price is None or not base_quantity or base_quantity == 1:
        return price
    exact = price / base_quantity
    short = exact.normalize()
    return short.quantize(Decimal(1)) if int(short.as_tuple().exponent) > 0 else short
