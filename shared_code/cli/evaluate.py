"""``evaluate``: documents with known values through the one pipeline, and how well they were read."""

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared_code.cli.connection import process_services
from shared_code.cli.extract import only_company
from shared_code.cli.output import AsJson, complain, json_text, say, show_json
from shared_code.cli.screen.progress import progress
from shared_code.database.stores.keys import tokens
from shared_code.errors import InvalidRequest
from shared_code.evaluation.chart import svg
from shared_code.evaluation.folder import read_folder
from shared_code.evaluation.report import markdown
from shared_code.evaluation.results import Results, facts
from shared_code.evaluation.runs import HOPELESS, Evaluation, Wanted, interleaved
from shared_code.extraction import submission

if TYPE_CHECKING:
    from shared_code.bootstrap.container import Services

#: the company that is booked when it has a key: figures of a trial stay apart from those of customers
COMPANY = "EVALUATION"
#: columns of the report that 80 characters have room for
_MOST_MODELS = 3
_INTERRUPTED = 130


def evaluate_command(
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Documents with manifest.json or ID.expected.json.")
    ],
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
    as_json: AsJson = False,
) -> None:
    """Measure how well documents with known values are read; exit code 1 when not every one was."""
    known, limit = read_folder(folder), _dollars(limit_usd)
    place = out or folder.resolve().with_name(f"{folder.resolve().name}-evaluation")
    with process_services() as services:
        services.ready()
        caller = submission.read_caller({"companyID": company or _company(services)})
        models = _models(services, model)
        evaluation = Evaluation(services.extraction, Wanted(caller, models, cached, lines), limit)
        evaluation.check()
        place.mkdir(parents=True, exist_ok=True)
        results = Results(known, caller.company_id, models, limit)
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


def _run(evaluation: Evaluation, results: Results, *, as_json: bool) -> None:
    """All documents by all models; ends early when no further one can be read."""
    pairs = list(interleaved(results.folder.documents, results.models))
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
