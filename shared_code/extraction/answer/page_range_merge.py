"""Answers about page ranges of one document become one answer, as if the model had seen all pages at once.

The head of an invoice comes from the first range that has it, its totals from the last one, its lines from all in
order. Where two ranges meet, four things go wrong in a plain list: a sum that is carried from one page to the next
reads like a line, a line whose text goes on over the page reads like two, lines that the model numbered itself begin
again at 1, and lines of a page on which an answer was cut are there twice. Where two readings are possible, the one
with fewer failing sums is taken.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from shared_code.documents.page_ranges import PageRange
from shared_code.extraction.answer.wire_schema import (
    AMOUNT_FIELDS,
    CRITICAL_FIELDS,
    LIST_FIELDS,
    ROW_FIELDS,
    Row,
    WireAnswer,
    WireInvoice,
    page_of,
)
from shared_code.invoices.reading import Reading
from shared_code.invoices.schema import Invoice
from shared_code.invoices.sums import check_sums, failures_of
from shared_code.invoices.text_layer import compact_code
from shared_code.records import Finding

_LINES = "line_items"
_PAGES = ("first_page", "last_page", *(f"{name}_page" for name in CRITICAL_FIELDS))
#: what stands at the end of an invoice: the last range that has it counts
_TOTALS = ("total_printed", "total_page", "total", *AMOUNT_FIELDS)
_TOTAL_TABLES = ("taxes", "withholdings")
#: columns without which a line is the rest of the line before it
_FIGURES = ("quantity", "unit_price", "discount_amount", "net_amount", "tax_amount", "total_amount")
#: lines on each side of a seam that may be a carried sum
_NEAR = 2


@dataclass(frozen=True, slots=True)
class PartAnswer:
    """The answer about some pages, whose numbers in it count from 1.

    :ivar sure: of an answer that was cut, so many lines of its last invoice stand before the page on which the next
        part begins; None for a whole answer.
    """

    pages: PageRange
    wire: WireAnswer
    sure: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the answer was not cut."""
        return self.sure is None


@dataclass(frozen=True, slots=True)
class JoinedAnswer:
    """One answer for all ranges.

    :ivar seams: for each invoice the indexes of lines before which another range begins.
    """

    wire: WireAnswer
    seams: tuple[tuple[int, ...], ...]


def read_joined(parts: Sequence[PartAnswer], read: Callable[[WireAnswer], Reading]) -> Reading:
    """The reading of all parts together, of which there is at least one; one part may be the whole document.

    :param read: interprets one answer.
    """
    readings = []
    for totals_from_last in (True, False) if len(parts) > 1 else (True,):
        answer = joined(parts, totals_from_last=totals_from_last)
        plain = read(answer.wire)
        carried = [
            carried_sums(entry.invoice, seams) for entry, seams in zip(plain.invoices, answer.seams, strict=True)
        ]
        if any(carried):
            readings.append(_with_remarks(read(without_lines(answer.wire, carried)), carried))
        readings.append(plain)
        if len(readings) == len(parts) == 1:
            return plain
        if not min(map(_failures, readings)):
            break
    return min(readings, key=_failures)


def joined(parts: Sequence[PartAnswer], *, totals_from_last: bool = True) -> JoinedAnswer:
    """One answer from those about consecutive ranges, of which there is at least one.

    :param totals_from_last: otherwise the first range that has a total counts: one that was cut off had seen all pages.
    """
    statuses = [part.wire.document_status for part in parts]
    invoices: list[WireInvoice] = []
    seams: list[list[int]] = []
    #: lines of the last invoice that stand before the last part, and those of the part that surely do not come again
    begun, sure = 0, None
    for part in parts:
        entries = [_shifted(entry, part.pages) for entry in part.wire.invoices]
        continued = bool(entries and invoices and _is_continued(invoices[-1], entries[0]))
        if continued:
            kept = _kept(invoices[-1], entries[0], begun=begun, sure=sure)
            seams[-1].append(len(kept.rows[_LINES]))
            begun = len(kept.rows[_LINES]) if len(entries) == 1 else 0
            invoices[-1] = _continued(kept, entries.pop(0), totals_from_last=totals_from_last)
        elif entries:
            begun = 0
        invoices += entries
        seams += ([] for _ in entries)
        sure = part.sure
    unknown = tuple(dict.fromkeys(key for part in parts for key in part.wire.unknown_keys))
    status = "invoice" if "invoice" in statuses else statuses[0]
    return JoinedAnswer(WireAnswer(status, tuple(invoices), unknown), tuple(map(tuple, seams)))


def carried_sums(invoice: Invoice, seams: Iterable[int]) -> frozenset[int]:
    """Indexes of lines near a seam or a change of page that are the sum of all lines before them."""
    lines = invoice.line_items
    turns = (at for at in range(1, len(lines)) if lines[at].page != lines[at - 1].page)
    near = {index for turn in (*seams, *turns) for index in range(turn - _NEAR, turn + _NEAR) if index > 1}
    found: set[int] = set()
    running = Decimal(0)
    for index, line in enumerate(lines if near else ()):
        if index in near and running and line.net_amount == running:
            found.add(index)
        else:
            running += line.net_amount or 0
    return frozenset(found)


def without_lines(answer: WireAnswer, dropped: Sequence[frozenset[int]]) -> WireAnswer:
    """The answer without some lines of each invoice, by their indexes."""
    invoices = tuple(
        _with_rows(invoice, {_LINES: [row for at, row in enumerate(invoice.rows[_LINES]) if at not in gone]})
        for invoice, gone in zip(answer.invoices, dropped, strict=True)
    )
    return replace(answer, invoices=invoices)


def _with_remarks(reading: Reading, carried: Sequence[frozenset[int]]) -> Reading:
    """The reading with a remark on each invoice from which lines were left out."""
    message = "Lines that repeat the sum of the lines before them, as at the turn of a page, are left out."
    invoices = [
        replace(
            entry,
            findings=(
                *entry.findings,
                Finding("carried_sums_left_out", message, _LINES, found=str(len(gone)), review=False),
            ),
        )
        if gone
        else entry
        for entry, gone in zip(reading.invoices, carried, strict=True)
    ]
    return replace(reading, invoices=tuple(invoices))


def _failures(reading: Reading) -> int:
    return sum(
        failures_of(check_sums(entry.invoice, unchecked_lines=entry.unchecked_lines)) for entry in reading.invoices
    )


def _kept(before: WireInvoice, after: WireInvoice, *, begun: int, sure: int | None) -> WireInvoice:
    """The invoice without those lines of its last part, from ``begun`` on, which the next part gives once more."""
    if sure is None:
        return before
    lines = before.rows[_LINES]
    again = [_alike(row) for row in after.rows[_LINES]]
    own = [_alike(row) for row in lines[begun:]]
    overlap = next((at for at in range(len(own)) if own[at:] == again[: len(own) - at]), sure)
    kept = lines[: begun + overlap]
    numbers = {row["line_no"] for row in kept}
    taxes = [row for row in before.rows["line_taxes"] if row["line_no"] in numbers]
    return _with_rows(before, {_LINES: kept, "line_taxes": taxes})


def _alike(row: Row) -> tuple[str | None, ...]:
    """What two readings of one line have in common."""
    return tuple(row[name] for name in ("description", "quantity", "net_amount", "total_amount"))


def _shifted(invoice: WireInvoice, pages: PageRange) -> WireInvoice:
    """The invoice with page numbers of the whole document."""
    offset = pages.first - 1
    scalars = {name: _moved(text, offset) if name in _PAGES else text for name, text in invoice.scalars.items()}
    lines = [{**row, "page": _moved(row["page"], offset)} for row in invoice.rows[_LINES]]
    return _with_rows(replace(invoice, scalars=scalars), {_LINES: lines})


def _moved(text: str | None, offset: int) -> str | None:
    number = page_of(text)
    return text if number is None else str(number + offset)


def _is_continued(before: WireInvoice, after: WireInvoice) -> bool:
    """Whether an invoice goes on in the next range: the same number, or none there."""
    number = after.scalars["invoice_number"]
    return number is None or compact_code(number) == compact_code(before.scalars["invoice_number"] or "")


def _continued(before: WireInvoice, after: WireInvoice, *, totals_from_last: bool) -> WireInvoice:
    mine, others = before.scalars, after.scalars
    scalars = {name: others[name] if mine[name] is None else mine[name] for name in mine}
    if totals_from_last:
        scalars |= {name: others[name] for name in _TOTALS if others[_of_total(name)] is not None}
    scalars["last_page"] = others["last_page"] or mine["last_page"]
    lists = {name: tuple(dict.fromkeys((*before.lists[name], *after.lists[name]))) for name in LIST_FIELDS}
    return WireInvoice(scalars, lists, _tables(before, _renumbered(after, before.rows[_LINES])))


def _of_total(name: str) -> str:
    """The field that decides for this one: a total's printed text and page go with the total."""
    return "total" if name.startswith("total_p") else name


def _tables(before: WireInvoice, after: WireInvoice) -> dict[str, tuple[Row, ...]]:
    rows = {name: (*before.rows[name], *after.rows[name]) for name in ROW_FIELDS}
    rows |= {name: after.rows[name] or before.rows[name] for name in _TOTAL_TABLES}
    roles = {row["role"] for row in before.rows["parties"]}
    rows["parties"] = (*before.rows["parties"], *(row for row in after.rows["parties"] if row["role"] not in roles))
    known = {_account(row) for row in before.rows["bank_accounts"]}
    new = [row for row in after.rows["bank_accounts"] if _account(row) not in known]
    rows["bank_accounts"] = (*before.rows["bank_accounts"], *new)
    rows[_LINES] = _lines(before.rows[_LINES], after.rows[_LINES])
    return rows


def _lines(before: Sequence[Row], after: Sequence[Row]) -> tuple[Row, ...]:
    """All lines; a first line without any figure is the rest of the text of the line before it."""
    if not before or not after or any(after[0][name] for name in _FIGURES):
        return (*before, *after)
    texts = [text for text in (before[-1]["description"], after[0]["description"]) if text]
    return (*before[:-1], {**before[-1], "description": " ".join(texts) or None}, *after[1:])


def _renumbered(invoice: WireInvoice, before: Sequence[Row]) -> WireInvoice:
    """The next range's lines with the numbers that follow on, where the model began at 1 again."""
    last = before[-1]["line_no"] if before else None
    lines = invoice.rows[_LINES]
    if not (last and last.isdecimal() and lines and lines[0]["line_no"] == "1"):
        return invoice
    tables = {
        name: [{**row, "line_no": _moved(row["line_no"], int(last))} for row in invoice.rows[name]]
        for name in (_LINES, "line_taxes")
    }
    return _with_rows(invoice, tables)


def _account(row: Row) -> str:
    return "".join((row["iban"] or row["account_number"] or "").split())


def _with_rows(invoice: WireInvoice, tables: Mapping[str, Sequence[Row]]) -> WireInvoice:
    return replace(invoice, rows={**invoice.rows, **{name: tuple(rows) for name, rows in tables.items()}})
