"""A reading as rows of four tables: its invoices, their lines, their taxes, and the warnings.

Rows of the tables find each other by ``reading_id`` and ``invoice``, which counts the invoices of a file from 1. What
an earlier version of the service has stored may lack fields that the schema has got since: their cells are empty.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared_code.exports.columns import Cell, Column, columns_of
from shared_code.invoices.schema import Invoice, LineItem, Tax
from shared_code.records import Finding


@dataclass(frozen=True, slots=True)
class ExportedReading:
    """A reading as tables know it. ``read_at`` is naive UTC; ``data`` is what was answered, None of one that failed."""

    reading_id: str | None
    company_id: str
    state: str
    read_at: dt.datetime | None = None
    file: str | None = None
    data: Mapping[str, Any] | None = None
    error_code: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """The names of its columns, and the rows that a reading has in it."""

    name: str
    columns: tuple[str, ...]
    rows: Callable[[ExportedReading], Iterator[list[Cell]]]


#: what an accountant looks for comes first; the others follow in the order of the schema
_FIRST = (
    "invoice_number",
    "invoice_date",
    "due_date",
    "document_type",
    "seller_name",
    "seller_tax_id",
    "buyer_name",
    "buyer_tax_id",
    "currency",
    "net_total",
    "tax_total",
    "total",
    "amount_due",
)
_READING = ("reading_id", "company_id", "file")
#: what a row of another table repeats of its invoice
_REPEATED = ("invoice_number", "invoice_date", "seller_name", "currency")
_OF_SEVERAL = re.compile(r"invoices\[(\d+)\]\.")


def _ordered(columns: Iterator[Column]) -> tuple[Column, ...]:
    known = {column.name: column for column in columns}
    return (*(known.pop(name) for name in _FIRST), *known.values())


_INVOICE = _ordered(columns_of(Invoice))
_HEAD = tuple(column for column in _INVOICE if column.name in _REPEATED)
_LINE = tuple(columns_of(LineItem))
_TAX = tuple(columns_of(Tax))
_WARNING = ("code", "field", "message", "expected", "found", "review")


def _cells(columns: Sequence[Column], record: Mapping[str, Any]) -> list[Cell]:
    return [column.cell(record) for column in columns]


def _named(reading: ExportedReading) -> list[Cell]:
    return [reading.reading_id, reading.company_id, reading.file]


def _invoices(reading: ExportedReading) -> list[dict[str, Any]]:
    return list(reading.data["invoices"]) if reading.data is not None else []


def _invoice_rows(reading: ExportedReading) -> Iterator[list[Cell]]:
    """One row for each invoice, and one for a reading that has none, so that no document is missed."""
    data = reading.data or {}
    document: list[Cell] = [
        *_named(reading),
        reading.read_at,
        reading.state,
        data.get("status"),
        reading.error_code,
        data.get("duplicate_of"),
    ]
    invoices = _invoices(reading)
    if not invoices:
        codes = _codes(data.get("warnings", ()))
        yield [*document, None, None, codes, *([None] * len(_INVOICE))]
    for number, invoice in enumerate(invoices, start=1):
        # Of one invoice the document's warnings are its own, and those that earlier documents gave.
        warnings = data["warnings"] if len(invoices) == 1 else invoice.get("warnings", ())
        yield [*document, number, invoice.get("status"), _codes(warnings), *_cells(_INVOICE, invoice)]


def _line_rows(reading: ExportedReading) -> Iterator[list[Cell]]:
    for number, invoice in enumerate(_invoices(reading), start=1):
        head = [*_named(reading), number, *_cells(_HEAD, invoice)]
        for line in invoice.get("line_items", ()):
            yield [*head, *_cells(_LINE, line)]


def _tax_rows(reading: ExportedReading) -> Iterator[list[Cell]]:
    """Taxes of the invoice, those that are withheld, and those of single lines: ``kind`` tells them apart."""
    for number, invoice in enumerate(_invoices(reading), start=1):
        head = [*_named(reading), number, *_cells(_HEAD, invoice)]
        for kind, taxes in (("tax", "taxes"), ("withholding", "withholdings")):
            for tax in invoice.get(taxes, ()):
                yield [*head, kind, None, *_cells(_TAX, tax)]
        for line in invoice.get("line_items", ()):
            for tax in line.get("taxes", ()):
                yield [*head, "line", line.get("line_no"), *_cells(_TAX, tax)]


def _warning_rows(reading: ExportedReading) -> Iterator[list[Cell]]:
    only = 1 if len(_invoices(reading)) == 1 else None
    for warning in (reading.data or {}).get("warnings", ()):
        several = _OF_SEVERAL.match(warning["field"] or "")
        number = int(several[1]) + 1 if several else only
        yield [*_named(reading), number, *(warning.get(name) for name in _WARNING)]


def _codes(warnings: Sequence[Mapping[str, Any]]) -> str | None:
    return "; ".join(dict.fromkeys(warning["code"] for warning in warnings)) or None


def _names(columns: Sequence[Column]) -> tuple[str, ...]:
    return tuple(column.name for column in columns)


assert set(_WARNING) == set(Finding.__dataclass_fields__)

INVOICES = Table(
    "invoices",
    (
        *_READING,
        "read_at_utc",
        "state",
        "document_status",
        "error_code",
        "duplicate_of",
        "invoice",
        "status",
        "warnings",
        *_names(_INVOICE),
    ),
    _invoice_rows,
)
LINES = Table("lines", (*_READING, "invoice", *_names(_HEAD), *_names(_LINE)), _line_rows)
TAXES = Table("taxes", (*_READING, "invoice", *_names(_HEAD), "kind", "line_no", *_names(_TAX)), _tax_rows)
WARNINGS = Table("warnings", (*_READING, "invoice", *_WARNING), _warning_rows)

#: the sheets of a workbook
SHEETS = (INVOICES, LINES, TAXES, WARNINGS)
#: what can be had as CSV, one file for each
FILES = {table.name: table for table in (INVOICES, LINES)}
