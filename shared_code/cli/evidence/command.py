"""``evidence``: the pages of a document with a box around each value that was read from them."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from shared_code.cli.connection import process_services
from shared_code.cli.extract import Wanted, only_company, read_file
from shared_code.cli.output import AsJson, say, show_json, show_table, shows_tables
from shared_code.documents.document import Document, open_document, page_images
from shared_code.documents.marked_pages import Mark, marked
from shared_code.errors import InvalidRequest
from shared_code.extraction import submission
from shared_code.extraction.evidence_data import EvidenceWanted
from shared_code.settings import Settings

_PIXELS = 1_600
#: by the confidence of a value
_COLOURS = {"high": "#107c41", "medium": "#b06000", "low": "#c42b1c"}
#: values whose confidence is not given, and other places of a value that was doubted
_PLAIN, _CANDIDATE = "#1f5fbf", "#909090"
_SHOWN = 60


@shows_tables
def evidence_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="The document.")],
    out: Annotated[Path, typer.Option("--out", help="The picture; of several pages page-1.png, page-2.png, ...")],
    reading_id: Annotated[
        str | None, typer.Option("--id", help="A reading of this document that is stored; else the document is read.")
    ] = None,
    company: Annotated[
        str | None, typer.Option(help="Whose key pays; may be left out when only one company has keys.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Draw a box around each value on the pages of a document.

    Each has the name of its field; green is high, orange medium and red low confidence.
    """
    with process_services() as services:
        services.ready()
        if reading_id is not None:
            data: dict[str, Any] = dict(services.stored_readings.find(reading_id, evidence=EvidenceWanted.LINES).data)
        else:
            caller = submission.read_caller({"companyID": company or only_company(services)})
            answer, _ = read_file(services, file, Wanted(caller, None, False, False, EvidenceWanted.LINES))
            if answer["data"] is None:
                raise InvalidRequest(f"{file.name} was not read: {answer['message']}", details=answer["error"])
            data = answer["data"]
        settings = services.settings
    if "invoices" not in data:
        raise InvalidRequest(f"The reading is {data['state']}.", details={"field": "id"})
    pictures = _draw(_opened(file, data, settings), data)
    files = _names(out, len(pictures))
    for path, picture in zip(files, pictures, strict=True):
        path.write_bytes(picture)
    if as_json:
        show_json({"files": [str(path) for path in files], "evidence": list(_rows(data))})
    else:
        for path in files:
            say(str(path))
        show_table("Evidence", list(_rows(data)), spare=("reason",))
    if not pictures:
        print(f"{file.name} has no pages to draw on.", file=sys.stderr)


def _opened(file: Path, data: dict[str, Any], settings: Settings) -> Document:
    """The document of the reading.

    :raises InvalidRequest: the file is another one.
    """
    content, most_bytes, most_pages = file.read_bytes(), settings.max_upload_bytes, settings.max_pages
    document = open_document(content, file_name=file.name, max_bytes=most_bytes, max_pages=most_pages)
    if document.sha256 != data["provenance"]["sha256"]:
        raise InvalidRequest(f"{file.name} is not the document of this reading.", details={"field": "id"})
    return document


def _draw(document: Document, data: dict[str, Any]) -> list[bytes]:
    pages = page_images(document, longest_side=_PIXELS)
    marks: list[list[Mark]] = [[] for _ in pages]
    for page, mark in _marks(data):
        if 0 < page <= len(pages):
            marks[page - 1].append(mark)
    return [marked(picture.data, own) for picture, own in zip(pages, marks, strict=True)]


def _marks(data: dict[str, Any]) -> Iterator[tuple[int, Mark]]:
    """Page and mark of each box: other places first, so that the values are drawn over them."""
    found = [
        (invoice, path, entry) for invoice in data["invoices"] for path, entry in invoice.get("evidence", {}).items()
    ]
    for _, _, entry in found:
        for other in entry.get("candidates", ()):
            if other["box"]:
                yield other["page"], Mark(tuple(other["box"]), "", _CANDIDATE)
    rows: set[str] = set()
    for invoice, path, entry in found:
        colour = _COLOURS.get(invoice["confidence"].get(path, ""), _PLAIN)
        boxes = entry.get("boxes") or ([entry["box"]] if entry["box"] else [])
        for at, box in enumerate(boxes):
            yield entry["page"], Mark(tuple(box), "" if at else _label(path, rows), colour)


def _label(path: str, rows: set[str]) -> str:
    """The path; in a table the columns are named in the first row, and of the others each row once by its number."""
    row, _, column = path.rpartition(".")
    if not row.endswith("]") or row.startswith("payment"):
        return path
    first = row not in rows
    rows.add(row)
    if row.endswith("[0]"):
        return f"{row}.{column}" if first else column
    return row.replace("line_items", "line") if first else ""


def _names(out: Path, pages: int) -> list[Path]:
    if pages == 1:
        return [out]
    return [out.with_name(f"{out.stem}-{page}{out.suffix}") for page in range(1, pages + 1)]


def _rows(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for invoice in data["invoices"]:
        for path, entry in invoice.get("evidence", {}).items():
            yield {
                "field": path,
                "page": entry["page"],
                "text": (entry["text"] or "")[:_SHOWN],
                "confidence": invoice["confidence"].get(path),
                "reason": entry["reason"],
            }
