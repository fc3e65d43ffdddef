"""A workbook as Excel and LibreOffice open it (ECMA-376): one sheet for each table, with real numbers and dates.

The writer keeps no more than a row of each sheet in memory; the rows lie in temporary files until the end.
"""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from shared_code.errors import InvalidRequest
from shared_code.exports.columns import Cell
from shared_code.exports.tables import SHEETS, ExportedReading, Table

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

#: of one sheet and of one cell (Excel specifications and limits)
_MOST_ROWS = 1_048_576
_MOST_CHARACTERS = 32_767
#: digits of a number that a cell holds exactly (IEEE 754 double)
_EXACT_DIGITS = 15
#: the first day that a cell can hold
_FIRST_DAY = dt.date(1900, 3, 1)
_NARROWEST, _WIDEST = 8, 60
#: no money: shown with as many decimals as they have
_PLAIN_NUMBERS = ("rate", "quantity")


class Workbook:
    """Writes readings into a workbook. Use it as a context: what it writes is whole at the end only.

    :param out: a path, or a stream for bytes.
    """

    def __init__(self, out: Path | IO[bytes]) -> None:
        # On use: its import takes as long as that of a whole function folder.
        import xlsxwriter

        self._book = xlsxwriter.Workbook(
            str(out) if isinstance(out, Path) else out,
            {
                "constant_memory": True,
                # What stands in a document is text, whatever it looks like.
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        formats = {
            "head": self._book.add_format({"bold": True, "bottom": 1}),
            "money": self._book.add_format({"num_format": "#,##0.00########"}),
            "day": self._book.add_format({"num_format": "yyyy-mm-dd"}),
            "moment": self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        }
        self._sheets = [_Sheet(self._book.add_worksheet(table.name), table, formats) for table in SHEETS]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        for sheet in self._sheets:
            sheet.finish()
        self._book.close()

    def add(self, reading: ExportedReading) -> None:
        """Write the rows of a reading into all sheets.

        :raises InvalidRequest: a sheet is full.
        """
        for sheet in self._sheets:
            sheet.add(reading)


class _Sheet:
    """One sheet, whose rows are written in their order."""

    def __init__(self, sheet: "Worksheet", table: Table, formats: "dict[str, Format]") -> None:
        self._sheet, self._table, self._formats = sheet, table, formats
        self._row = 1
        self._widths = [len(name) for name in table.columns]
        self._filled = [False] * len(table.columns)
        self._money = [not name.endswith(_PLAIN_NUMBERS) for name in table.columns]
        sheet.freeze_panes(1, 0)
        for place, name in enumerate(table.columns):
            sheet.write_string(0, place, name, formats["head"])

    def add(self, reading: ExportedReading) -> None:
        for row in self._table.rows(reading):
            if self._row >= _MOST_ROWS:
                raise InvalidRequest(
                    f"The sheet {self._table.name} would have more than {_MOST_ROWS} rows. Take fewer days, or CSV.",
                    details={"field": "format", "limit": _MOST_ROWS},
                )
            for place, value in enumerate(row):
                if value is not None:
                    self._filled[place] = True
                    self._widths[place] = max(self._widths[place], self._write(place, value))
            self._row += 1

    def _write(self, place: int, value: Cell) -> int:
        """Write one cell; returns how wide it is, in characters."""
        if isinstance(value, bool):
            self._sheet.write_boolean(self._row, place, value)
            return _NARROWEST
        if isinstance(value, Decimal) and len(value.as_tuple().digits) <= _EXACT_DIGITS:
            self._sheet.write_number(
                self._row, place, float(value), self._formats["money"] if self._money[place] else None
            )
            return len(f"{value:,.2f}")
        if isinstance(value, int):
            self._sheet.write_number(self._row, place, value)
            return len(str(value))
        if isinstance(value, dt.datetime):
            self._sheet.write_datetime(self._row, place, value, self._formats["moment"])
            return len("2026-11-29 12:00:00")
        if isinstance(value, dt.date) and value >= _FIRST_DAY:
            self._sheet.write_datetime(self._row, place, _midnight(value), self._formats["day"])
            return len("2026-11-29")
        text = _text(value)
        self._sheet.write_string(self._row, place, text)
        return min(max(map(len, text.splitlines()), default=0), _WIDEST)

    def finish(self) -> None:
        """Widths, a filter for each column, and columns that no reading fills out of sight."""
        for place, width in enumerate(self._widths):
            hidden: Any = {"hidden": self._row > 1 and not self._filled[place]}
            self._sheet.set_column(place, place, max(_NARROWEST, width + 2), None, hidden)
        self._sheet.autofilter(0, 0, self._row - 1, len(self._widths) - 1)


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time.min)


def _text(value: Any) -> str:
    """As a cell can hold it; what is too long ends with an ellipsis."""
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 1]}…"
