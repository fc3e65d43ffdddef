"""CSV as RFC 4180 writes it, that a spreadsheet program can open without running what stands in a document."""

import csv
import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from io import StringIO
from typing import IO, Any

MEDIA_TYPE = "text/csv"
#: makes spreadsheet programs on Windows read UTF-8
BOM = "\ufeff"

#: what such programs take for the beginning of a formula, also behind blanks and in full width
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
#: a number can do nothing, and must stay one
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


class CsvWriter:
    """Writes one table, row by row.

    :param out: opened without translation of line ends.
    """

    def __init__(self, out: IO[str], columns: Sequence[str], *, bom: bool = False) -> None:
        if bom:
            out.write(BOM)
        self._writer = csv.writer(out)
        self._writer.writerow(columns)

    def write(self, rows: Iterable[Sequence[Any]]) -> None:
        """Add rows; text is made harmless by an apostrophe, everything else is written as it is."""
        self._writer.writerows([_cell(value) for value in row] for row in rows)


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """A whole table of rows by names."""
    buffer = StringIO(newline="")
    CsvWriter(buffer, columns).write([row[name] for name in columns] for row in rows)
    return buffer.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        # After the number, not before it: what is wholly a number is no formula.
        return f"'{value}" if _FORMULA.match(value) and not _NUMBER.fullmatch(value) else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dt.datetime):
        # Moments of the database are UTC without saying so.
        return (value if value.tzinfo else value.replace(tzinfo=dt.UTC)).isoformat()
    return "" if value is None else value
