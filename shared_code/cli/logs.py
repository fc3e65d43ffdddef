"""``logs``: what the service said, as the database holds it."""

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Annotated

import typer

from shared_code.cli.connection import Workplace, workplace
from shared_code.cli.extractions import File, Number, Sha256, User, reading_filter
from shared_code.cli.moments import At, Since, Until, span
from shared_code.cli.output import AsJson, say, show_json
from shared_code.database.stores.extractions.extraction_lists import ExtractionFilter, find_extractions
from shared_code.database.stores.operations.logs import LEVELS, LogEntry, LogFilter, find_logs, logs_after
from shared_code.errors import InvalidRequest

app = typer.Typer(help="What the service said.", no_args_is_help=True)

Level = Annotated[str | None, typer.Option(help=f"This level and above: {', '.join(LEVELS)}.")]

_POLL_SECONDS = 1.0
#: runs of documents that are looked for, the newest ones
_RUNS = 500
_BATCH = 500
#: lines before the last one that are looked at again
_OVERLAP = 1_000


@app.command()
def tail(
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, max=1000, help="The newest so many.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    level: Level = None,
    as_json: AsJson = False,
) -> None:
    """Show the newest lines, oldest first."""
    wanted = LogFilter(level=_level(level))
    with workplace() as place:
        found = _find(place, wanted, lines)
        _show(found, as_json, stream=follow, none=not follow)
        if follow:
            _follow(place, wanted, found[-1].log_id or 0 if found else 0, as_json)


@app.command()
def search(  # noqa: PLR0917 - typer reads options from parameters
    text: Annotated[str | None, typer.Argument(help="Looked for in message and exception.")] = None,
    request_id: Annotated[str | None, typer.Option(help="Lines of this request.")] = None,
    call_id: Annotated[str | None, typer.Option(help="Lines of this run.")] = None,
    operation_id: Annotated[str | None, typer.Option(help="Lines of this operation of Application Insights.")] = None,
    company: Annotated[str | None, typer.Option(help="Lines about this company's documents.")] = None,
    user: User = None,
    file: File = None,
    number: Number = None,
    sha256: Sha256 = None,
    level: Level = None,
    since: Since = None,
    until: Until = None,
    at: At = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The newest so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Show matching lines, oldest first. Documents are found by company, user, file, number or digest."""
    begin, end = span(since, until, at)
    document = reading_filter(company=company, user=user, file=file, number=number, sha256=sha256)
    wanted = LogFilter(
        level=_level(level),
        request_id=request_id,
        call_id=call_id,
        operation_id=operation_id,
        contains=text,
        since=begin,
        until=end,
    )
    with workplace() as place:
        if document != ExtractionFilter():
            wanted = replace(wanted, runs=_runs(place, document), words=_words(document))
        _show(_find(place, wanted, limit), as_json, none=True)


def _runs(place: Workplace, document: ExtractionFilter) -> list[str]:
    found = place.database.read(lambda connection: find_extractions(connection, document, limit=_RUNS))
    return [row.call_id for row in found]


def _words(document: ExtractionFilter) -> list[str]:
    """How a line names a document that was refused before it was read; its number is known to no such line."""
    if document.invoice_number is not None:
        return []
    names = {
        "company": document.company_id,
        "user": document.requested_by,
        "sha256": document.document_sha256,
    }
    words = [f"{name} {value!r}" for name, value in names.items() if value is not None]
    return [*words, *([document.file] if document.file is not None else [])]


def _level(text: str | None) -> str | None:
    if text is not None and text.upper() not in LEVELS:
        raise InvalidRequest(f"--level takes {', '.join(LEVELS)}; not {text!r}.", details={"field": "level"})
    return None if text is None else text.upper()


def _follow(
    place: Workplace, wanted: LogFilter, last: int, as_json: bool, *, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Show what comes after line ``last``, until Ctrl-C; as JSON, one document a line."""
    start, shown = last, set[int]()
    while True:
        sleep(_POLL_SECONDS)
        # Lines become visible out of order: one that another instance has just committed can have a lower number.
        position = max(last - _OVERLAP, start)
        while page := _after(place, wanted, position):
            fresh = [entry for entry in page if entry.log_id not in shown]
            _show(fresh, as_json, stream=True)
            shown |= {entry.log_id or 0 for entry in fresh}
            position = page[-1].log_id or position
        last = max(last, position)
        shown = {number for number in shown if number > last - _OVERLAP}


def _after(place: Workplace, wanted: LogFilter, position: int) -> list[LogEntry]:
    return place.database.read(lambda connection: logs_after(connection, wanted, after_id=position, limit=_BATCH))


def _find(place: Workplace, wanted: LogFilter, limit: int) -> list[LogEntry]:
    found = place.database.read(lambda connection: find_logs(connection, wanted, limit=limit))
    return found[::-1]


def _show(entries: list[LogEntry], as_json: bool, *, stream: bool = False, none: bool = False) -> None:
    """``none``: say so when there is nothing to show."""
    if as_json and stream:
        for entry in entries:
            show_json(asdict(entry), one_line=True)
        return
    if as_json:
        show_json([asdict(entry) for entry in entries])
        return
    if none and not entries:
        say("Log lines: none")
    for entry in entries:
        label = f" [{entry.request_id}]" if entry.request_id else ""
        say(f"{entry.timestamp:%Y-%m-%d %H:%M:%S} {entry.level:<8} {entry.logger}{label} {entry.message}")
        if entry.exception:
            say(entry.exception)
