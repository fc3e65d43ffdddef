"""``extractions``: the documents that were read or refused, and what was answered."""

from dataclasses import asdict
from typing import Annotated

import typer

from shared_code.cli.connection import company_filter, operator, process_services, workplace
from shared_code.cli.output import AsJson, Yes, answer, ask, show_facts, show_json, show_list
from shared_code.database.stores.extractions import extraction_lists
from shared_code.database.stores.extractions.extraction_lists import ExtractionFilter, StoredExtraction
from shared_code.errors import InvalidRequest, NotFound
from shared_code.labels import is_reading_id

app = typer.Typer(help="The documents that were read or refused.", no_args_is_help=True)

_STATES = ("running", "done", "failed")
#: a number of ours, and what only ``show`` reads
_NOT_LISTED = ("extraction_id", "result", "error")


@app.command("list")
def list_command(
    company: Annotated[str | None, typer.Option(help="Only this company's.")] = None,
    state: Annotated[str | None, typer.Option(help=f"{', '.join(_STATES)}; running ones are listed only so.")] = None,
    code: Annotated[str | None, typer.Option(help="Only those that failed with this error code.")] = None,
    sha256: Annotated[str | None, typer.Option(help="Only readings of this document.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The newest so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show readings, newest first, without what they say."""
    if state is not None and state not in _STATES:
        raise InvalidRequest(f"state must be one of {', '.join(_STATES)}.", details={"field": "state"})
    wanted = ExtractionFilter(company_filter(company), state, document_sha256=sha256, error_code=code)
    with workplace() as place:
        found = place.database.read(
            lambda connection: extraction_lists.find_extractions(connection, wanted, limit=limit)
        )
    show_list("Readings", found, facts=_facts, columns=_columns, as_json=as_json)


@app.command()
def show(
    reading_id: Annotated[str, typer.Argument(metavar="ID", help="The reading's public id.")], as_json: AsJson = False
) -> None:
    """Show one reading with its result, or with the error."""
    with workplace() as place:
        found = (
            place.database.read(lambda connection: extraction_lists.get_extraction(connection, reading_id))
            if is_reading_id(reading_id)
            else None
        )
    if found is None:
        raise NotFound("There is no reading with this id.", details={"field": "id"})
    if as_json:
        show_json({name: value for name, value in asdict(found).items() if name != "extraction_id"})
        return
    show_facts(f"Reading {found.id}", _facts(found))
    show_json(found.result or found.error)


@app.command()
def erase(
    reading_id: Annotated[str, typer.Argument(metavar="ID", help="The reading's public id.")],
    with_source: Annotated[bool, typer.Option("--with-source", help="Dropped files that hold it, too.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Erase the document of a reading: all its readings, its files, and the names in its accounts."""
    also = ", and the dropped files that hold it" if with_source else ""
    ask(f"Erase the document of reading {reading_id} with all its readings{also}? It cannot be undone.", yes=yes)
    with process_services() as services:
        done = services.ready().document_erasure.erase(reading_id, operator(), with_source=with_source)
    line = f"document {done.document_sha256} of company {done.company_id} is erased; readings: {done.readings}"
    answer(asdict(done), line, as_json=as_json)


def _facts(row: StoredExtraction) -> dict[str, object]:
    return {name: value for name, value in asdict(row).items() if name not in _NOT_LISTED}


def _columns(row: StoredExtraction) -> dict[str, object]:
    return {
        "id": row.id,
        "company": row.company_id,
        "at": row.created_at,
        "state": row.state,
        "outcome": row.status or row.error_code,
        "number": row.invoice_number,
        "file": row.file_label,
        "user": row.requested_by,
    }
