"""``export``: readings as tables on disk, written while they are read, however many there are."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared_code.cli.connection import company_filter, workplace
from shared_code.cli.output import AsJson, answer, json_text
from shared_code.cli.screen.progress import progress
from shared_code.errors import InvalidRequest
from shared_code.exports.csv_file import CsvWriter
from shared_code.exports.export import STATES, as_exported
from shared_code.exports.formats import Format
from shared_code.exports.tables import FILES
from shared_code.exports.workbook import Workbook

if TYPE_CHECKING:
    from shared_code.database.stores.extractions.extraction_lists import StoredExtraction

type Write = Callable[["StoredExtraction"], None]

#: the names of the files begin with it
_NAME = "extractions"


def export_command(  # noqa: PLR0917 - typer reads options from parameters
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder for the files; made if it is not there.")] = Path(),
    form: Annotated[
        str,
        typer.Option("--format", help="csv: a file of invoices and one of lines; xlsx: a workbook; json: all fields."),
    ] = "csv",
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day, included.")] = None,
    company: Annotated[str | None, typer.Option(help="Only this company's, and by its own days.")] = None,
    state: Annotated[str | None, typer.Option(help=f"{' or '.join(STATES)}; both when it is left out.")] = None,
    bom: Annotated[bool, typer.Option("--bom", help="CSV with a byte order mark, for Excel on Windows.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files of an earlier export.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write readings as tables: of each document the valid one, neither erased nor read anew."""
    if form not in list(Format):
        raise InvalidRequest(f"--format is {', '.join(Format)}.", details={"field": "format"})
    if state is not None and state not in STATES:
        raise InvalidRequest(f"--state is {' or '.join(STATES)}.", details={"field": "state"})
    files = _files(out, Format(form), overwrite=overwrite)
    name = company_filter(company)
    with workplace() as place:
        wanted = place.exports.wanted(name, first and first.date(), last and last.date(), state)
        total = place.exports.count(wanted)
        out.mkdir(parents=True, exist_ok=True)
        done = 0
        with (
            progress("documents", total, as_json=as_json) as bar,
            _whole(files) as parts,
            _WRITERS[Format(form)](parts, bom) as write,
        ):
            for row in place.exports.everything(wanted):
                write(row)
                done += 1
                bar.advance()
    facts = {"documents": done, "files": [str(file) for file in files]}
    answer(facts, f"{done} documents in {', '.join(map(str, files))}", as_json=as_json)


def _files(out: Path, form: Format, *, overwrite: bool) -> list[Path]:
    names = [f"{_NAME}-{table}.csv" for table in FILES] if form is Format.CSV else [f"{_NAME}.{form}"]
    files = [out / name for name in names]
    there = [str(file) for file in files if file.exists()]
    if there and not overwrite:
        raise InvalidRequest(f"{', '.join(there)} is there already; --overwrite replaces it.", details={"field": "out"})
    return files


@contextmanager
def _whole(files: list[Path]) -> Iterator[list[Path]]:
    """Files of other names to write into, which get their own at the end: what was cut off does not look complete."""
    parts = [file.with_name(f"{file.name}.part") for file in files]
    try:
        yield parts
        for part, file in zip(parts, files, strict=True):
            part.replace(file)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)


@contextmanager
def _csv(parts: list[Path], bom: bool) -> Iterator[Write]:
    with ExitStack() as stack:
        writers = []
        for part, table in zip(parts, FILES.values(), strict=True):
            out = stack.enter_context(part.open("w", encoding="utf-8", errors="replace", newline=""))
            writers.append((table, CsvWriter(out, table.columns, bom=bom)))

        def write(row: "StoredExtraction") -> None:
            for table, writer in writers:
                writer.write(table.rows(as_exported(row)))

        yield write


@contextmanager
def _xlsx(parts: list[Path], _bom: bool) -> Iterator[Write]:
    with Workbook(parts[0]) as workbook:
        yield lambda row: workbook.add(as_exported(row))


@contextmanager
def _json(parts: list[Path], _bom: bool) -> Iterator[Write]:
    """One list, a reading a line."""
    with parts[0].open("w", encoding="utf-8") as out:
        separator = "["

        def write(row: "StoredExtraction") -> None:
            nonlocal separator
            facts: dict[str, Any] = {name: value for name, value in asdict(row).items() if name != "extraction_id"}
            out.write(f"{separator}\n{json_text(facts, indent=None)}")
            separator = ","

        yield write
        out.write("[]\n" if separator == "[" else "\n]\n")


_WRITERS = {Format.CSV: _csv, Format.XLSX: _xlsx, Format.JSON: _json}
