"""``extractions``: the documents that were read or refused, what was answered, and why one was not read."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared_code.cli.connection import company_filter, operator, process_services, workplace
from shared_code.cli.moments import At, Since, Until, span
from shared_code.cli.output import (
    AsJson,
    Yes,
    answer,
    ask,
    say,
    show_facts,
    show_json,
    show_rows,
    show_table,
    shows_list,
    shows_tables,
)
from shared_code.database.stores.extractions import extraction_lists
from shared_code.database.stores.extractions.extraction_lists import ExtractionFilter, StoredExtraction
from shared_code.database.stores.operations.logs import LogFilter, find_logs
from shared_code.database.stores.operations.retries import RetryFilter, find_retries
from shared_code.errors import InvalidRequest, NotFound
from shared_code.labels import is_reading_id

if TYPE_CHECKING:
    from sqlalchemy import Connection

app = typer.Typer(help="The documents that were read or refused.", no_args_is_help=True)

_STATES = ("queued", "running", "done", "failed", "cancelled")
#: a number of ours, and what only ``show`` reads
_NOT_LISTED = ("extraction_id", "result", "error")
_TRACES = 50

User = Annotated[str | None, typer.Option(help="Only this user's.")]
File = Annotated[str | None, typer.Option(help="A part of the file's name.")]
Number = Annotated[str | None, typer.Option(help="The invoice number that was read.")]
Sha256 = Annotated[str | None, typer.Option(help="Only readings of this document.")]
RequestId = Annotated[str | None, typer.Option(help="The `request_id` that the caller was given.")]


def reading_filter(
    *,
    company: str | None,
    user: str | None,
    file: str | None,
    number: str | None,
    sha256: str | None,
    request_id: str | None = None,
    **more: Any,
) -> ExtractionFilter:
    """The readings that these options ask for."""
    return ExtractionFilter(
        company_id=company_filter(company),
        requested_by=user,
        # As a label is made of it: without its folders.
        file=file and file.replace("\\", "/").rsplit("/", 1)[-1],
        invoice_number=number,
        document_sha256=sha256 and sha256.lower(),
        request_id=request_id,
        **more,
    )


@app.command("list")
@shows_list
def list_command(  # noqa: PLR0917 - typer reads options from parameters
    company: Annotated[str | None, typer.Option(help="Only this company's.")] = None,
    state: Annotated[
        str | None, typer.Option(help=f"{', '.join(_STATES)}; those without a reading are listed only so.")
    ] = None,
    code: Annotated[str | None, typer.Option(help="Only those that failed with this error code.")] = None,
    file: File = None,
    user: User = None,
    number: Number = None,
    sha256: Sha256 = None,
    request_id: RequestId = None,
    since: Since = None,
    until: Until = None,
    at: At = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The newest so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show readings, newest first, with the cause of those that failed and the seconds that models took."""
    if state is not None and state not in _STATES:
        raise InvalidRequest(f"state must be one of {', '.join(_STATES)}.", details={"field": "state"})
    begin, end = span(since, until, at)
    wanted = reading_filter(
        company=company, user=user, file=file, number=number, sha256=sha256, request_id=request_id,
        state=state, error_code=code, since=begin, until=end,
    )  # fmt: skip

    def read(connection: "Connection") -> tuple[list[StoredExtraction], dict[str, float]]:
        found = extraction_lists.find_extractions(connection, wanted, limit=limit)
        return found, extraction_lists.model_seconds(connection, [row.call_id for row in found])

    with workplace() as place:
        found, seconds = place.database.read(read)
    show = _facts if as_json else _columns
    rows = [show(row, seconds.get(row.call_id)) for row in found]
    show_rows("Readings", rows, as_json=as_json, spare=("number", "user", "seconds", "state"))


@app.command()
@shows_tables
def show(
    reading_id: Annotated[str, typer.Argument(metavar="ID", help="The reading's public id.")], as_json: AsJson = False
) -> None:
    """Show one reading with its result, or with the error, the failed attempts and the warnings of its run."""

    def read(connection: "Connection") -> tuple[StoredExtraction, dict[str, Any]] | None:
        found = extraction_lists.get_extraction(connection, reading_id)
        return (found, _traces(connection, found.call_id)) if found is not None else None

    with workplace() as place:
        read_now = place.database.read(read) if is_reading_id(reading_id) else None
    if read_now is None:
        raise NotFound("There is no reading with this id.", details={"field": "id"})
    found, traces = read_now
    if as_json:
        show_json({name: value for name, value in asdict(found).items() if name != "extraction_id"} | traces)
        return
    show_facts(f"Reading {found.id}", _facts(found, traces["model_seconds"]))
    if traces["attempts"]:
        show_table("Failed attempts", traces["attempts"])
    for line in traces["log"]:
        say(f"{line['at']:%Y-%m-%d %H:%M:%S} {line['level']:<8} {line['message']}")
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


def failure_columns(row: StoredExtraction) -> dict[str, object]:
    """A reading that failed, for people: when, which file, whose, and why."""
    return {
        "at": row.created_at,
        "file": row.file_label,
        "user": row.requested_by,
        "code": row.error_code,
        "cause": (row.error or {}).get("message"),
        "id": row.id,
    }


def _traces(connection: "Connection", call_id: str) -> dict[str, Any]:
    """What a run left in attempts and log, oldest first."""
    attempts = find_retries(connection, RetryFilter(call_id=call_id), limit=_TRACES)[::-1]
    lines = find_logs(connection, LogFilter(call_id=call_id, level="WARNING"), limit=_TRACES)[::-1]
    return {
        "model_seconds": extraction_lists.model_seconds(connection, [call_id]).get(call_id),
        "attempts": [
            {"at": one.at, "attempt": one.attempt, "token_id": one.token_id, "error": one.error} for one in attempts
        ],
        "log": [{"at": line.timestamp, "level": line.level, "message": line.message} for line in lines],
    }


def _facts(row: StoredExtraction, seconds: float | None) -> dict[str, object]:
    facts = {name: value for name, value in asdict(row).items() if name not in _NOT_LISTED}
    return facts | {"cause": (row.error or {}).get("message"), "model_seconds": seconds}


def _columns(row: StoredExtraction, seconds: float | None) -> dict[str, object]:
    return {
        "id": row.id,
        "company": row.company_id,
        "at": row.created_at,
        "state": row.state,
        "outcome": row.status or row.error_code,
        "cause": (row.error or {}).get("message"),
        "seconds": None if seconds is None else f"{seconds:.1f}",
        "number": row.invoice_number,
        "file": row.file_label,
        "user": row.requested_by,
    }
