"""The fields that decide what is paid, to whom and when: compared with the printed text that the model gives with them.

Dates are read here as well, because every printed date helps to tell day and month apart in the others.
"""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from shared_code.extraction.answer.wire_schema import WireInvoice
from shared_code.invoices.countries import country_of
from shared_code.invoices.currencies import is_currency, is_currency_of
from shared_code.invoices.currency_marks import CurrencyEvidence, codes_of_mark, currencies_in, share_a_mark
from shared_code.invoices.printed_dates import DateReading, Order, order_of, read_date, read_iso
from shared_code.invoices.printed_numbers import read_amount, read_normalised
from shared_code.invoices.schema import Party
from shared_code.invoices.text_layer import TextLayer, code_in, compact_code
from shared_code.records import Finding


def read_number(wire: WireInvoice, findings: list[Finding]) -> str | None:
    """The invoice number: the model's value when the printed text holds it, else the printed text."""
    value, printed = wire.scalars["invoice_number"], wire.scalars["invoice_number_printed"]
    value = _without_mark(value)
    if value is None or printed is None:
        return value or _without_mark(printed)
    if compact_code(value) and (compact_code(printed).endswith(compact_code(value)) or code_in(value, printed)):
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
    """The currency (ISO 4217) that the model gives, doubted when the document shows no evidence of it, or another's.

    :param findings: takes a finding when the currency is in doubt.
    """
    given = (wire.scalars["currency"] or "").strip()
    if not given:
        return None
    country = country_of(seller)
    code = given.upper() if is_currency(given.upper()) else _code_of_mark(given, country)
    if code is None:
        message = "This is not a currency code of ISO 4217."
        findings.append(Finding("bad_currency", message, "currency", found=given[:20]))
        return None
    printed = "\n".join(filter(None, (wire.scalars["currency_printed"], wire.scalars["total_printed"])))
    told = layer.complete and layer.shows_currencies
    shown = layer.currencies if told else currencies_in(f"{layer.text}\n{printed}")
    doubt = _doubt(code, shown, country)
    if doubt is not None:
        findings.append(doubt)
    return code


def _code_of_mark(mark: str, country: str | None) -> str | None:
    """The one currency that a mark in place of a code means, in the seller's country when it is shared."""
    codes = codes_of_mark(mark)
    at_home = {code for code in codes if is_currency_of(code, country)} if len(codes) > 1 else codes
    return min(at_home) if len(at_home) == 1 else None


def _doubt(code: str, shown: CurrencyEvidence, country: str | None) -> Finding | None:
    """What speaks against a currency; None when the document shows it."""
    if code in shown.certain:
        return None
    others = ", ".join(sorted(shown.certain)) or None
    if code in shown.possible:
        rivals = {other for other in shown.certain if share_a_mark(code, other)}
        if rivals:
            message = "What the document prints of currencies means another one."
            return Finding("ungrounded", message, "currency", expected=", ".join(sorted(rivals)), found=code)
        if is_currency_of(code, country):
            return None
        message = "The printed sign stands for several currencies, and nothing in the document settles which."
        return Finding("ambiguous_currency", message, "currency", found=code)
    if code in shown.mentioned and not shown.certain:
        return None
    message = "No amount of the document is printed in this currency."
    return Finding("ungrounded", message, "currency", expected=others, found=code)


def _without_mark(number: str | None) -> str | None:
    return number.removeprefix("#").strip() or None if number else None


class PrintedDates:
    """Reads the dates of one invoice.

    :ivar findings: what was ambiguous, impossible or not a date so far.
    :ivar impossible: ``(field, YYYY-MM-DD)`` of dates that no calendar has.
    """

    def __init__(self, texts: Iterable[str | None], layer: TextLayer, *, seller: Party, currency: str | None) -> None:
        """Collect what shows the order of day and month.

        :param texts: every date of the invoice as printed.
        :param seller: whose country decides when no date does.
        :param currency: of the invoice, ISO 4217.
        """
        country = country_of(seller)
        self._layer = layer
        self._read: dict[str, DateReading | None] = {}
        printed = [reading for text in texts if text and (reading := self._read_date(text))]
        # The invoice's own dates come before whatever else its pages print.
        shown = order_of(printed, country=None) or order_of([*printed, *layer.dates], country=None)
        told = order_of((), country=country)
        if told is Order.MONTH_FIRST and currency is not None and not is_currency_of(currency, country):
            told = None  # few countries write the month first, and this one pays with another money
        self._order: Order | None = shown or told
        # A tax number has its country in it; an address or the model's own word is weaker.
        self._only_told = shown is None and country_of(Party(tax_id=seller.tax_id)) is None
        self.findings: list[Finding] = []
        self.impossible: list[tuple[str, str]] = []
        #: fields whose day and month only the seller's country tells apart
        self.told_by_country: set[str] = set()

    def plain(self, text: str | None, field: str) -> date | None:
        """A date that the model gives once, as printed or as ISO 8601; None when it is ambiguous or impossible."""
        if text is None:
            return None
        reading = read_iso(text) or self._read_date(text)
        if reading is None:
            self._unreadable(field, text)
            return None
        return self._settled(reading, field, text)

    def checked(self, normalised: str | None, printed: str | None, field: str) -> date | None:
        """A date that the model gives twice, normalised and as printed. Where they differ, the printed one is taken."""
        own = (read_iso(normalised) or self._read_date(normalised)) if normalised else None
        reading = self._read_date(printed) if printed else None
        if reading is None and own is not None:
            return self._without_print(own, field, normalised)
        if reading is None:
            self._unreadable(field, normalised or printed)
            return None
        day = own.day_first if own and not own.ambiguous else None
        if day in reading.others:
            return day  # the month's name is that of this month in another language
        settled = reading.settled(self._order)
        if settled is None and day in reading.candidates:
            self._ambiguous(reading, field, printed)
            return day
        chosen = self._settled(reading, field, printed or "")
        if chosen and day and day != chosen:
            message = "The model's date is not the printed one; the printed one is given."
            self.findings.append(Finding("date_differs", message, field, chosen.isoformat(), day.isoformat()))
        return chosen

    def _read_date(self, text: str) -> DateReading | None:
        """The same as :func:`.read_date`, kept: most dates are asked for twice."""
        if text not in self._read:
            self._read[text] = read_date(text)
        return self._read[text]

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
        elif reading.ambiguous and self._only_told:
            self.told_by_country.add(field)
        return day

    def _unreadable(self, field: str, text: str | None) -> None:
        if text is not None:
            message = "What is printed could not be read as one date."
            self.findings.append(Finding("unreadable_date", message, field, found=text[:100], review=False))

    def _ambiguous(self, reading: DateReading, field: str, text: str | None) -> None:
        readings = " or ".join(sorted(day.isoformat() for day in reading.candidates))
        message = "Day and month could be swapped, and nothing in the document settles it."
        self.findings.append(Finding("ambiguous_date", message, field, expected=readings, found=text))
