"""The dates of one invoice: every printed date helps to tell day and month apart in the others."""

from collections.abc import Iterable
from datetime import date

from shared_code.invoices.printed_dates import DateReading, Order, order_of, read_date, read_iso
from shared_code.invoices.text_layer import TextLayer
from shared_code.records import Finding


class PrintedDates:
    """Settles the dates of one document part.

    :ivar findings: what was ambiguous, impossible or not a date so far.
    :ivar impossible: ``(field, YYYY-MM-DD)`` of dates that no calendar has.
    """

    def __init__(self, texts: Iterable[str | None], layer: TextLayer, *, country: str | None) -> None:
        printed = [reading for text in texts if text and (reading := read_date(text))]
        self._layer = layer
        self._order: Order | None = order_of([*printed, *layer.dates], country=country)
        self.findings: list[Finding] = []
        self.impossible: list[tuple[str, str]] = []

    def plain(self, text: str | None, field: str) -> date | None:
        """A date that is given once, as printed or as ISO 8601; ambiguous and impossible ones are None."""
        if text is None:
            return None
        reading = read_iso(text) or read_date(text)
        if reading is None:
            message = "What is printed could not be read as one date."
            self.findings.append(Finding("unreadable_date", message, field, found=text[:100], review=False))
            return None
        return self._settled(reading, field, text)

    def checked(self, normalised: str | None, printed: str | None, field: str) -> date | None:
        """A critical date, given normalised and as printed: what is printed rules."""
        own = (read_iso(normalised) or read_date(normalised)) if normalised else None
        reading = read_date(printed) if printed else None
        if reading is None:
            return self._without_print(own, normalised or printed, field)
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

    def _without_print(self, own: DateReading | None, text: str | None, field: str) -> date | None:
        if own is None or text is None:
            return self.plain(text, field)
        day = self._settled(own, field, text)
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

    def _ambiguous(self, reading: DateReading, field: str, text: str | None) -> None:
        readings = " or ".join(sorted(day.isoformat() for day in reading.candidates))
        message = "Day and month could be swapped, and nothing in the document settles it."
        self.findings.append(Finding("ambiguous_date", message, field, expected=readings, found=text))
