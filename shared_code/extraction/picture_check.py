"""Compares the total that a page's text names with the one that its picture shows.

A picture or a form that lies over print leaves the text of the page as it was: whoever reads the text sees another
amount than whoever looks at the page.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from shared_code.invoices.page import ENOUGH_CHARACTERS, PageText, Source
from shared_code.invoices.printed_labels import amounts_of
from shared_code.invoices.printed_numbers import amounts_in
from shared_code.invoices.reading import InvoiceReading, Reading
from shared_code.invoices.result import ExtractionResult
from shared_code.invoices.schema import money_text
from shared_code.invoices.text_layer import TextLayer
from shared_code.records import Finding

COVERED = "text_differs_from_picture"


def pages_to_compare(reading: Reading, result: ExtractionResult, layer: TextLayer) -> tuple[int, ...]:
    """Indexes from 0 of the pages with the totals of doubtful invoices.

    Doubtful is a reading that needs review or whose total is not sure, and a page on which pictures, notes or fields
    lie, or that holds text which it does not show.
    """
    sure = [verdict.status == "ok" and verdict.confidence.get("total") == "high" for verdict in result.verdicts]
    unsure = not sure or not all(sure) or result.status == "needs_review"
    places = [_page_of_total(entry, layer) for entry in reading.invoices]
    return tuple(
        dict.fromkeys(place for place in places if place is not None and (unsure or _may_cover(layer.pages[place])))
    )


def with_differences(reading: Reading, layer: TextLayer, read: Mapping[int, PageText]) -> Reading:
    """The reading, with a finding on each total that the text of its page names and the picture does not show.

    :param read: what was read from pictures of pages.
    """
    entries = [_compared(entry, layer, read) for entry in reading.invoices]
    return reading if entries == list(reading.invoices) else replace(reading, invoices=tuple(entries))


def _may_cover(page: PageText) -> bool:
    return page.has_pictures or page.annotated or bool(page.hidden or page.miscoded)


def _page_of_total(entry: InvoiceReading, layer: TextLayer) -> int | None:
    """The last page whose text names a total; else the last one whose text has the invoice's, seen or not."""
    first, last = entry.pages or (1, len(layer.pages))
    own = [
        place
        for place in range(first - 1, last)
        if layer.pages[place].source is Source.TEXT_LAYER and ENOUGH_CHARACTERS.match(layer.pages[place].text)
    ]
    named = [place for place in own if _totals(layer, place)]
    if named:
        return named[-1]
    total = entry.invoice.total
    holding = [place for place in own if total is not None and _holds(layer.pages[place], total)]
    return holding[-1] if holding else None


def _holds(page: PageText, amount: Decimal) -> bool:
    return abs(amount) in amounts_in(f"{page.text}\n{page.hidden}")


def _totals(layer: TextLayer, place: int) -> frozenset[Decimal]:
    return frozenset(amounts_of(layer.beside_labels_by_page[place].get("total", ())))


def _compared(entry: InvoiceReading, layer: TextLayer, read: Mapping[int, PageText]) -> InvoiceReading:
    place = _page_of_total(entry, layer)
    if place is None or place not in read:
        return entry
    picture = TextLayer([read[place]])
    total = entry.invoice.total
    # What the model gave, where the text has it: beside a label for totals stand those of taxes and pages as well.
    named = {abs(total)} if total is not None and _holds(layer.pages[place], total) else _totals(layer, place)
    # A reader of pictures may part a label from its amount.
    shown = _totals(picture, 0) or amounts_in(picture.text, with_decimals=True) - amounts_in(layer.pages[place].text)
    if not named or not shown or any(picture.has_amount(amount) for amount in named):
        return entry
    message = f"The text of page {place + 1} names another total than its picture shows: something may cover the print."
    finding = Finding(
        "text_differs_from_picture", message, "total", expected=money_text(max(shown)), found=money_text(max(named))
    )
    return replace(entry, findings=(*entry.findings, finding))
