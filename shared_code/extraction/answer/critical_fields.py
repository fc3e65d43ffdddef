"""The fields that decide what is paid, to whom and when: compared with the printed text beside them and with the page.

A value that is not on the page of a document with a text layer becomes null with a warning: it was made up, or read
from somewhere that a person does not see. Without a text layer nothing is refused, only the confidence is lower. Dates
are read here as well, because every printed date helps to tell day and month apart in the others.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from shared_code.extraction.answer.wire_schema import WireInvoice
from shared_code.invoices.countries import country_of
from shared_code.invoices.currencies import currencies_in, is_currency, is_currency_of
from shared_code.invoices.printed_dates import DateReading, Order, order_of, read_date, read_iso
from shared_code.invoices.printed_numbers import read_amount, read_normalised
from shared_code.invoices.schema import BankAccount, Invoice, Party
from shared_code.invoices.text_layer import TextLayer, compact_code
from shared_code.records import Finding

#: looked up on the page too, but only for the confidence
_ALSO_LOOKED_UP = ("subtotal", "net_total", "tax_total", "amount_due")


def read_number(wire: WireInvoice, findings: list[Finding]) -> str | None:
    """The invoice number: the model's value when the printed text holds it, else the printed text."""
    value, printed = wire.scalars["invoice_number"], wire.scalars["invoice_number_printed"]
    value = _without_mark(value)
    if value is None or printed is None:
        return value or _without_mark(printed)
    if compact_code(value) and compact_code(printed).endswith(compact_code(value)):
        return value
    message = "The model's invoice number is not the printed one; the printed one is given."
    findings.append(Finding("number_differs", message, "invoice_number", printed, value))
    return _without_mark(printed)


def read_total(wire: WireInvoice, readings: tuple[Decimal, ...], findings: list[Finding]) -> tuple[Decimal, ...]:
    """Readings of the total; the model's own is the first when the printed text can mean it.

    :param readings: of the printed text; empty when there is none.
    :param findings: takes a finding when the model's total is not the printed one.
    """
    text = wire.scalars["total"]
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
    """The currency (ISO 4217), only with printed evidence: its code or name, or a sign that can stand for it."""
    code = (wire.scalars["currency"] or "").upper()
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
    """The invoice without values that the text layer does not show, and for each field whether it was found there.

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
    signs = [currencies_in(sign)[1] for sign in ("$", "¥", "₨", "kr", "pounds", "shillings", "cfa")]
    return frozenset(other for other in possible if other != code and any({code, other} <= sign for sign in signs))


def _without_mark(number: str | None) -> str | None:
    return number.removeprefix("#").strip() or None if number else None


class PrintedDates:
    """Reads the dates of one invoice.

    :ivar findings: what was ambiguous, impossible or not a date so far.
    :ivar impossible: ``(field, YYYY-MM-DD)`` of dates that no calendar has.
    """

    def __init__(self, texts: Iterable[str | None], layer: TextLayer, *, country: str | None) -> None:
        """Collect what shows the order of day and month.

        :param texts: every date of the invoice as printed.
        :param country: of the seller, ISO 3166-1 alpha-2.
        """
        printed = [reading for text in texts if text and (reading := read_date(text))]
        self._layer = layer
        self._order: Order | None = order_of([*printed, *layer.dates], country=country)
        self.findings: list[Finding] = []
        self.impossible: list[tuple[str, str]] = []

    def plain(self, text: str | None, field: str) -> date | None:
        """A date that the model gives once, as printed or as ISO 8601; None when it is ambiguous or impossible."""
        if text is None:
            return None
        reading = read_iso(text) or read_date(text)
        if reading is None:
            self._unreadable(field, text)
            return None
        return self._settled(reading, field, text)

    def checked(self, normalised: str | None, printed: str | None, field: str) -> date | None:
        """A date that the model gives twice, normalised and as printed. Where they differ, the printed one is taken."""
        own = (read_iso(normalised) or read_date(normalised)) if normalised else None
        reading = read_date(printed) if printed else None
        if reading is None and own is not None:
            return self._without_print(own, field, normalised)
        if reading is None:
            self._unreadable(field, normalised or printed)
            return None
        day = own.day_first if own and not own.ambiguous else None
        settled = reading.settled(self._order)
        if settled is None and day in reading.candidates:
            self._ambiguous(reading, field, printed)
            return day
        chosen = self._settled(reading, field, printed or "")
        if chosen and day and day != chosen:
            message = "The model's date is not the printed one; the printed one is given."
            self.findings.append(Finding("date_differs", message, field, chosen.isoformat(), day.isoformat()))
        return chosen

    def _without_print(self, own: DateReading, field: str, text: str | None) -> date | None:
        """The model's normalised date; ambiguous where the page shows it only in forms that are."""
        day = self._settled(own, field, text or "")
        if day and self._order is None:
            on_page = [reading for reading in self._layer.dates if day in reading.candidates]
            if on_page and all(reading.ambiguous for reading in on_page):
                self._ambiguous(on_page[0], field, None)
        return day

    def _settled(self, reading: DateReading, field: str, text: str) -> date | None:
        if reading.impossible:
            message = "The calendar has no such date; it is given as printed."
            self.findings.append(Finding("impossible_date", message, field, found=text[:100]))
            self.impossible.append((field, reading.impossible))
            return None
        day = reading.settled(self._order)
        if day is None:
            self._ambiguous(reading, field, text)
        return day

    def _unreadable(self, field: str, text: str | None) -> None:
        if text is not None:
            message = "What is printed could not be read as one date."
            self.findings.append(Finding("unreadable_date", message, field, found=text[:100], review=False))

    def _ambiguous(self, reading: DateReading, field: str, text: str | None) -> None:
        readings = " or ".join(sorted(day.isoformat() for day in reading.candidates))
        message = "Day and month could be swapped, and nothing in the document settles it."
        self.findings.append(Finding("ambiguous_date", message, field, expected=readings, found=text))
