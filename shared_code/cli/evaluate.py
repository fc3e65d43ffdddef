"""``evaluate``: documents with known values through the one pipeline, and how well they were read."""

import tempfile
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared_code.cli.connection import process_services
from shared_code.cli.extract import only_company
from shared_code.cli.output import AsJson, complain, json_text, say, show_json
from shared_code.cli.screen.progress import progress
from shared_code.database.stores.keys import tokens
from shared_code.database.stores.reviews.known_readings import known_readings
from shared_code.errors import InvalidRequest
from shared_code.evaluation.chart import svg
from shared_code.evaluation.folder import KnownFolder, read_folder
from shared_code.evaluation.report import markdown
from shared_code.evaluation.results import Results, facts
from shared_code.evaluation.reviewed import AS_STORED, ReviewedDocument, fetch_documents, reviewed_documents
from shared_code.evaluation.runs import HOPELESS, Evaluation, Wanted, interleaved
from shared_code.extraction import submission

if TYPE_CHECKING:
    from shared_code.bootstrap.container import Services

#: the company that is booked when it has a key: figures of a trial stay apart from those of customers
COMPANY = "EVALUATION"
#: columns of the report that 80 characters have room for
_MOST_MODELS = 3
_INTERRUPTED = 130
#: the newest ones, of those that persons decided about
_MOST_READINGS = 1_000


def evaluate_command(
    folder: Annotated[
        Path | None,
        typer.Argument(exists=True, file_okay=False, help="Documents with manifest.json or ID.expected.json."),
    ] = None,
    *,
    company: Annotated[
        str | None, typer.Option(help=f"Whose key pays; else {COMPANY}, or the only company that has keys.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="A configured or allowed model; give it again to compare several.")
    ] = None,
    limit_usd: Annotated[str | None, typer.Option(help="Dollars to spend at most, in all.")] = None,
    cached: Annotated[bool, typer.Option("--cached", help="Take earlier answers where there are any.")] = False,
    lines: Annotated[
        bool, typer.Option("--lines", help="Line items are needed, also where the e-invoice has none.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the report; else FOLDER-evaluation beside the folder.")
    ] = None,
    from_corrections: Annotated[
        bool, typer.Option("--from-corrections", help="Readings that persons confirmed or corrected, without a folder.")
    ] = False,
    of: Annotated[str | None, typer.Option(help="With --from-corrections: readings of this company only.")] = None,
    since: Annotated[
        str | None, typer.Option(help="With --from-corrections: decided from this day on, such as 2026-11-01.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure how well documents with known values are read; exit code 1 when not every one was."""
    limit = _dollars(limit_usd)
    if from_corrections is (folder is not None) or (not from_corrections and (of or since)):
        raise InvalidRequest("Give a folder, or --from-corrections with its options.", details={"field": "folder"})
    asked = _Asked(company, model, limit, cached, lines, as_json)
    if folder is None:
        _evaluate_reviewed(asked, of, since, out or Path("corrections-evaluation"))
        return
    known = read_folder(folder)
    place = out or folder.resolve().with_name(f"{folder.resolve().name}-evaluation")
    with process_services() as services:
        services.ready()
        evaluation, results = _prepared(services, asked, known)
        _measure(evaluation, results, place, as_json=as_json)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Options of a run."""

    company: str | None
    models: list[str] | None
    limit_usd: Decimal | None
    cached: bool
    lines: bool
    as_json: bool


def _evaluate_reviewed(asked: _Asked, of: str | None, since: str | None, place: Path) -> None:
    """What was read at the time, and by other models what is read now, by what persons decided."""
    day = None if since is None else _day(since)
    company_id = None if of is None else submission.read_caller({"companyID": of}).company_id
    with process_services() as services, tempfile.TemporaryDirectory(prefix="corrections-") as folder:
        services.ready()
        known = services.database.read(
            lambda connection: known_readings(connection, company_id=company_id, since=day, limit=_MOST_READINGS)
        )
        found = list(reviewed_documents(services.stored_readings, known, Path(folder)))
        if not found:
            raise InvalidRequest("No reading has been confirmed or corrected yet.", details={"field": "folder"})
        if not asked.models:
            results = Results(KnownFolder(place, tuple(one.document for one in found), ()), company_id or "all", [])
            _add_stored(results, found)
            _publish(results, _made(place), as_json=asked.as_json)
            return
        documents = fetch_documents(services.database, services.blobs.sources, found)
        evaluation, results = _prepared(services, asked, replace(documents, path=place))
        if results.company in {one.reading.company_id for one in found}:
            # Reading its documents anew would be a reading of the company, with a review of its own.
            raise InvalidRequest(
                f"Let another company than {results.company} pay for it, such as {COMPANY}: these are its readings.",
                details={"field": "company"},
            )
        _add_stored(results, found)
        _measure(evaluation, results, place, as_json=asked.as_json)


def _add_stored(results: Results, found: list[ReviewedDocument]) -> None:
    results.models = [AS_STORED, *results.models]
    for one in found:
        results.add(one.as_read())


def _prepared(services: "Services", asked: _Asked, known: KnownFolder) -> tuple[Evaluation, Results]:
    caller = submission.read_caller({"companyID": asked.company or _company(services)})
    models = _models(services, asked.models)
    evaluation = Evaluation(services.extraction, Wanted(caller, models, asked.cached, asked.lines), asked.limit_usd)
    evaluation.check()
    return evaluation, Results(known, caller.company_id, models, asked.limit_usd)


def _measure(evaluation: Evaluation, results: Results, place: Path, *, as_json: bool) -> None:
    _made(place)
    try:
        _run(evaluation, results, as_json=as_json)
    except KeyboardInterrupt:
        results.ended = "it was interrupted"
        raise typer.Exit(_INTERRUPTED) from None
    finally:
        # What is paid for is shown, whatever ended the run.
        results.spent_usd = evaluation.meter.spent_usd
        _publish(results, place, as_json=as_json)
    if results.ended is not None or results.left_out:
        raise typer.Exit(1)


def _made(place: Path) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    return place


def _day(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time())
    except ValueError:
        raise InvalidRequest(
            f"--since is a day such as 2026-11-01, not {text!r}.", details={"field": "since"}
        ) from None


def _run(evaluation: Evaluation, results: Results, *, as_json: bool) -> None:
    """All documents by all models; ends early when no further one can be read."""
    models = [model for model in results.models if model != AS_STORED]
    pairs = list(interleaved(results.folder.documents, models))
    with progress("documents", len(pairs), as_json=as_json) as bar:
        for number, (document, model) in enumerate(pairs):
            bar.show(number, document.path.name)
            try:
                results.add(evaluation.run(document, model))
            except HOPELESS as error:
                complain(error)
                results.ended = f"{error.code} at {document.path.name}"
                return


def _publish(results: Results, place: Path, *, as_json: bool) -> None:
    page, everything = markdown(results), json_text(facts(results))
    for name, text in (("report.md", page), ("chart.svg", svg(results)), ("results.json", everything)):
        (place / name).write_text(text, encoding="utf-8")
    if as_json:
        show_json(facts(results))
    else:
        say(page)
        say(f"Written to {place}: report.md, chart.svg, results.json")


def _company(services: "Services") -> str:
    has_own = bool(services.database.read(lambda connection: tokens.company_keys(connection, COMPANY)))
    return COMPANY if has_own else only_company(services)


def _models(services: "Services", names: list[str] | None) -> list[str | None]:
    """The models to ask, each once; None stands for what the keys and the settings choose.

    :raises InvalidRequest: one is not allowed, or there are more than a table has room for.
    """
    wanted = list(dict.fromkeys(submission.read_model({"model": name}, services.settings) for name in names or [""]))
    if len(wanted) > _MOST_MODELS:
        raise InvalidRequest(f"At most {_MOST_MODELS} models can be compared.", details={"field": "model"})
    return wanted


def _dollars(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or value < 0:
        raise InvalidRequest(
            f"--limit-usd is a number of dollars such as 2.50, not {text!r}.", details={"field": "limit-usd"}
        )
    return value
