"""Tables as files in memory, for an answer over HTTP. The command line writes them to disk instead."""

from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO, StringIO

from shared_code.errors import InvalidRequest
from shared_code.exports.csv_file import CsvWriter
from shared_code.exports.formats import MEDIA_TYPES, Format
from shared_code.exports.tables import FILES, INVOICES, ExportedReading
from shared_code.exports.workbook import Workbook

_TRUE_FALSE = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class WantedFile:
    """The file that a request asks for. Of CSV one table is given, with a byte order mark if that is asked for."""

    form: Format
    table: str = INVOICES.name
    bom: bool = False


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file as an answer gives it. ``name`` is without folders and fit for a header."""

    content: bytes
    media_type: str
    name: str

    @property
    def headers(self) -> dict[str, str]:
        """``Content-Type`` and ``Content-Disposition``."""
        return {
            "Content-Type": self.media_type,
            "Content-Disposition": f'attachment; filename="{self.name}"',
        }


def wanted_file(form: Format, *, table: str | None, bom: str | None) -> WantedFile:
    """The file that the parameters ``table`` and ``bom`` ask for.

    :raises InvalidRequest: one of them cannot be read.
    """
    if table is not None and table not in FILES:
        raise InvalidRequest(f"table is {' or '.join(FILES)}.", details={"field": "table"})
    if bom is not None and bom not in _TRUE_FALSE:
        raise InvalidRequest("bom is true or false.", details={"field": "bom"})
    return WantedFile(form, table or INVOICES.name, _TRUE_FALSE[bom or "false"])


def table_file(readings: Iterable[ExportedReading], wanted: WantedFile, *, name: str) -> TableFile:
    """Readings as one file.

    :param name: the file's, without its ending.
    :raises InvalidRequest: there are more rows than a sheet holds.
    """
    if wanted.form is Format.XLSX:
        book = BytesIO()
        with Workbook(book) as workbook:
            for reading in readings:
                workbook.add(reading)
        return TableFile(book.getvalue(), MEDIA_TYPES[Format.XLSX], f"{name}.xlsx")
    table = FILES[wanted.table]
    text = StringIO(newline="")
    writer = CsvWriter(text, table.columns, bom=wanted.bom)
    for reading in readings:
        writer.write(table.rows(reading))
    # What no encoding holds cannot come out of the database; a reading is never lost to it.
    content = text.getvalue().encode("utf-8", errors="replace")
    return TableFile(content, f"{MEDIA_TYPES[Format.CSV]}; charset=utf-8", f"{name}-{table.name}.csv")
