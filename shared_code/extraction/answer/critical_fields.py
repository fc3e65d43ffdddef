"""The fields that money moves by: held against the printed text beside them and against the page.

A value that is not on the page of a document with a text layer becomes null with a warning: it was made up, or read
from somewhere that a person does not see. Without a text layer nothing is refused, only the confidence is lower.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from shared_code.extraction.answer.wire_schema import WireInvoice
from shared_code.extraction.answer.wire_values import value_of
from shared_code.invoices.countries import country_of
from shared_code.invoices.currencies import currencies_in, is_currency, is_currency_of
from shared_code.invoices.printed_numbers import read_amount, read_normalised
from shared_code.invoices.schema import BankAccount, Invoice, Party
from shared_code.invoices.text_layer import TextLayer, compact_code
from shared_code.records import Finding

#: beside the critical fields: looked up for the confidence only
_ALSO_LOOKED_UP = ("subtotal", "net_total", "tax_total", "amount_due")


def read_number(wire: WireInvoice, findings: list[Finding]) -> str | None:
    """The invoice number: the model's value when the printed text holds it, else the printed text."""
    value, printed = value_of(wire.scalars["invoice_number"]), value_of(wire.scalars["invoice_number_printed"])
    value = _without_mark(value)
    if value is None or printed is None:
        return value or _without_mark(printed)
    if compact_code(value) and compact_code(printed).endswith(compact_code(value)):
        return value
    message = "The model's invoice number is not the printed one; the printed one is given."
    findings.append(Finding("number_differs", message, "invoice_number", printed, value))
    return _without_mark(printed)


def read_total(wire: WireInvoice, readings: tuple[Decimal, ...], findings: list[Finding]) -> tuple[Decimal, ...]:
    """Readings of the total, the model's own first when the printed text allows it.

    :param readings: of the printed text; empty when there is none.
    """
    text = value_of(wire.scalars["total"])
    own = read_normalised(text)
    own_readings = (own,) if own is not None else read_amount(text) if text else ()
    if not readings or not own_readings:
        return readings or own_readings
    shared = [value for value in own_readings if value in readings]
    if shared:
        return tuple(dict.fromkeys((*shared, *readings)))
    message = "The model's total is not the printed one; the printed one is given."
    findings.append(Finding("total_differs", message, "total", f"{readings[0]:f}", f"{own_readings[0]:f}"))
    return readings


def read_currency(wire: WireInvoice, layer: TextLayer, seller: Party, findings: list[Finding]) -> str | None:
    """The currency, only with printed evidence: a code or a name of it, or a sign that can mean it."""
    code = (value_of(wire.scalars["currency"]) or "").upper()
    if not code:
        return None
    if not is_currency(code):
        message = "This is not a currency code of ISO 4217."
        findings.append(Finding("bad_currency", message, "currency", found=code[:20]))
        return None
    if layer.usable:
        certain, possible = layer.currencies
    else:
        certain, possible = currencies_in(f"{wire.scalars['currency_printed']} {wire.scalars['total_printed']}")
    if code in certain:
        return code
    if code not in possible or certain & _family(code, possible):
        message = "The document prints no evidence of this currency."
        findings.append(Finding("ungrounded", message, "currency", found=code))
        return None
    if not is_currency_of(code, country_of(seller)):
        message = "The printed sign stands for several currencies, and nothing in the document settles which."
        findings.append(Finding("ambiguous_currency", message, "currency", found=code))
    return code


def ground(
    invoice: Invoice, layer: TextLayer, findings: list[Finding], *, total_has_decimals: bool
) -> tuple[Invoice, dict[str, bool]]:
    """The invoice without values that the text layer does not show, and what was looked up with which outcome.

    :param total_has_decimals: the total is printed with decimals; then an integer on the page does not stand for it.
    """
    if not layer.usable:
        return invoice, {}
    grounded: dict[str, bool] = {}
    if invoice.currency:
        grounded["currency"] = True
    if invoice.invoice_number:
        grounded["invoice_number"] = layer.has_code(invoice.invoice_number)
    if invoice.invoice_date:
        grounded["invoice_date"] = layer.has_date(invoice.invoice_date)
    if invoice.total is not None:
        grounded["total"] = layer.has_amount(invoice.total, with_decimals=total_has_decimals)
    for name in ("invoice_number", "invoice_date", "total"):
        if grounded.get(name) is False:
            _refuse(name, str(getattr(invoice, name)), findings)
            refused: dict[str, Any] = {name: None}
            invoice = replace(invoice, **refused)
    invoice = _ground_seller(invoice, layer, grounded, findings)
    invoice = _ground_accounts(invoice, layer, grounded, findings)
    for name in _ALSO_LOOKED_UP:
        value = getattr(invoice, name)
        if value is not None and layer.has_amount(value):
            grounded[name] = True
    return invoice, grounded


def _ground_seller(invoice: Invoice, layer: TextLayer, grounded: dict[str, bool], findings: list[Finding]) -> Invoice:
    seller = invoice.seller
    if seller.name and layer.has_code(seller.name):
        grounded["seller.name"] = True
    if not seller.tax_id:
        return invoice
    grounded["seller.tax_id"] = layer.has_code(seller.tax_id)
    if grounded["seller.tax_id"]:
        return invoice
    _refuse("seller.tax_id", seller.tax_id, findings)
    return replace(invoice, seller=replace(seller, tax_id=None, tax_id_type=None))


def _ground_accounts(invoice: Invoice, layer: TextLayer, grounded: dict[str, bool], findings: list[Finding]) -> Invoice:
    if invoice.payment is None:
        return invoice
    accounts: list[BankAccount] = []
    for index, account in enumerate(invoice.payment.bank_accounts):
        kept = account
        for name in ("iban", "account_number"):
            number = getattr(account, name)
            field = f"payment.bank_accounts[{index}].{name}"
            if number is None:
                continue
            grounded[field] = layer.has_code(number)
            if not grounded[field]:
                _refuse(field, number, findings)
                kept = replace(kept, **{name: None})
        accounts.append(kept)
    return replace(invoice, payment=replace(invoice.payment, bank_accounts=tuple(accounts)))


def _refuse(field: str, value: str, findings: list[Finding]) -> None:
    message = "The value is not in the document's text, so it is left out."
    findings.append(Finding("ungrounded", message, field, found=value[:200]))


def _family(code: str, possible: frozenset[str]) -> frozenset[str]:
    """The other currencies that share a sign with ``code`` on this page."""
    return frozenset(other for other in possible if other != code and _share_a_sign(code, other))


def _share_a_sign(code: str, other: str) -> bool:
    return any({code, other} <= currencies_in(sign)[1] for sign in ("$", "¥", "₨", "kr", "pounds", "shillings", "cfa"))


def _without_mark(number: str | None) -> str | None:
    return number.removeprefix("#").strip() or None if number else None
