"""``extract``: local files through the one pipeline, accounted for like any other document (source ``cli``)."""

import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared_code.api_response import error_facts, format_api_response
from shared_code.cli.connection import process_services
from shared_code.cli.evidence.explanation import explanation_of, show_explanation
from shared_code.cli.output import show_table, shows_tables
from shared_code.cli.screen.progress import progress
from shared_code.database.stores.keys import tokens
from shared_code.errors import AccessError, ConfigurationError, DatabaseUnavailable, InvalidRequest, ServiceError
from shared_code.extraction import submission
from shared_code.extraction.evidence_data import EvidenceWanted
from shared_code.extraction.submission import Submission
from shared_code.observability.request_context import request_scope
from shared_code.records import Caller, CallIdentity, Provider, Source

if TYPE_CHECKING:
    from shared_code.bootstrap.container import Services

#: errors that the next file would meet as well
_HOPELESS = (AccessError, ConfigurationError, DatabaseUnavailable)
_FIELDS = (
    "document_type",
    "invoice_number",
    "invoice_date",
    "due_date",
    "currency",
    "seller",
    "buyer",
    "subtotal",
    "discount_total",
    "net_total",
    "tax_total",
    "round_off",
    "total",
    "amount_paid",
    "amount_due",
)
_LINE_FIELDS = ("description", "hsn_sac", "quantity", "unit", "unit_price", "net_amount", "tax_rate", "total_amount")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What every file of a run is asked with."""

    caller: Caller
    model: str | None
    lines: bool
    force: bool
    evidence: EvidenceWanted


@shows_tables
def extract_command(  # noqa: PLR0917 - typer reads options from parameters
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="Documents to read.")
    ],
    company: Annotated[
        str | None, typer.Option(help="Whose key pays; may be left out when only one company has keys.")
    ] = None,
    provider: Annotated[
        str | None, typer.Option(help=f"{Provider.spelled_out()}; else what the company's keys allow.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="A configured or allowed model.")] = None,
    lines: Annotated[
        bool, typer.Option("--lines", help="Line items are needed, also where the e-invoice has none.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Read again what was read before.")] = False,
    username: Annotated[str | None, typer.Option(help="Who is booked.")] = None,
    branch: Annotated[str | None, typer.Option(help="Which branch is booked.")] = None,
    evidence: Annotated[
        EvidenceWanted,
        typer.Option(help="How much of where the values stand is printed with --json; `lines`: also for many lines."),
    ] = EvidenceWanted.DEFAULT,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Also say which element of an e-invoice each value came from; the file is opened once more for it.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line for each file.")] = False,
) -> None:
    """Read invoices as an upload would be read; exit code 1 when a file was not."""
    with process_services() as services:
        services.ready()
        fields = {"companyID": company or only_company(services), "username": username, "branch": branch}
        wanted = Wanted(submission.read_caller(fields), _model(services, provider, model), lines, force, evidence)
        failed = 0
        answers: list[tuple[Path, dict[str, Any]]] = []
        for path, answer in _read_all(services, files, wanted, as_json=as_json):
            failed += answer["status"] != "success"
            if explain and answer["data"]:
                answer["explanation"] = explanation_of(path, answer["data"], services.settings)
            if as_json:
                print(json.dumps({"file": str(path), **answer}, ensure_ascii=False), flush=True)
            else:
                answers.append((path, answer))
    if answers:
        _show(answers)
    if failed:
        raise typer.Exit(1)


def only_company(services: "Services") -> str:
    """The one company that has keys.

    :raises InvalidRequest: none has, or several have.
    """
    found = {key.company_id.upper() for key in services.database.read(tokens.all_tokens) if key.company_id}
    if len(found) == 1:
        return found.pop()
    what = "Several companies have keys" if found else "No company has a key"
    raise InvalidRequest(f"{what}: name one by --company.", details={"field": "company"})


def _model(services: "Services", provider: str | None, model: str | None) -> str | None:
    """The model to ask for by name; None leaves the choice to the pipeline.

    :raises InvalidRequest: the model is not allowed, or there is no such provider.
    """
    if model is not None:
        return submission.read_model({"model": model}, services.settings)
    if provider is None:
        return None
    wanted = Provider.parse(provider)
    if wanted is None:
        raise InvalidRequest(f"provider must be one of {', '.join(Provider)}.", details={"field": "provider"})
    return services.models[wanted][0]


def _read_all(
    services: "Services", files: Sequence[Path], wanted: Wanted, *, as_json: bool
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Each file and its envelope, with progress on standard error; ends early when no file can be read."""
    with progress("documents", len(files), as_json=as_json, least=2) as bar:
        for number, path in enumerate(files):
            bar.show(number, path.name)
            answer, hopeless = read_file(services, path, wanted)
            yield path, answer
            bar.show(number + 1)
            if hopeless:
                return


def read_file(services: "Services", path: Path, wanted: Wanted) -> tuple[dict[str, Any], bool]:
    """The envelope of the answer for one file, and whether the next file would meet the same error."""
    call_id = str(uuid.uuid4())
    try:
        submitted = Submission(
            data=path.read_bytes(),
            identity=CallIdentity(call_id, wanted.caller, Source.CLI),
            deadline_seconds=services.settings.request_deadline_seconds,
            file_name=path.name,
            force=wanted.force,
            model=wanted.model,
            lines_required=wanted.lines,
            evidence=wanted.evidence,
        )
        with request_scope(call_id=call_id):
            outcome = services.extraction.extract(submitted)
            services.blobs.keeper.offer(submitted, outcome.data)
    except OSError as error:
        refused = InvalidRequest(f"The file cannot be opened: {error.strerror}.")
        return _refused(refused, {**error_facts(refused), "code": "UNREADABLE"}), False
    except ServiceError as error:
        return _refused(error, {**error_facts(error), "details": error.details}), isinstance(error, _HOPELESS)
    return format_api_response(outcome.message, data=dict(outcome.data)), False


def _refused(error: ServiceError, facts: dict[str, Any]) -> dict[str, Any]:
    """Unlike an answer over HTTP it shows operators what an internal error is about."""
    return format_api_response(error.message, "error", error=facts)


def _show(answers: Sequence[tuple[Path, dict[str, Any]]]) -> None:
    """One row for each invoice; all that was read when there is one file only."""
    show_table(
        "Documents",
        [row for path, answer in answers for row in _rows(path, answer)],
        spare=("date", "read by", "tokens"),
    )
    if len(answers) > 1 or not answers[0][1]["data"]:
        return
    data = answers[0][1]["data"]
    if "explanation" in answers[0][1]:
        show_explanation(answers[0][1]["explanation"])
    for invoice in data["invoices"]:
        values = {name: _plain(invoice[name]) for name in _FIELDS}
        show_table("Invoice", [{"field": name, "value": value} for name, value in values.items() if value is not None])
        if invoice["line_items"]:
            show_table("Lines", _filled(invoice["line_items"]))
    if data["warnings"]:
        names = ("code", "field", "message", "expected", "found")
        show_table("Warnings", [{name: warning[name] for name in names} for warning in data["warnings"]])


def _rows(path: Path, answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    data = answer["data"]
    if data is None:
        yield _row(path.name, answer["error"]["code"], {}, remark=answer["message"])
        return
    codes = ", ".join(dict.fromkeys(warning["code"] for warning in data["warnings"]))
    for number, invoice in enumerate(data["invoices"] or [{}]):
        tokens_used = None if number else data["usage"]["total_tokens"]
        method = data["provenance"]["method"]
        yield _row(path.name, data["status"], invoice, method=method, tokens_used=tokens_used, remark=codes)


def _row(
    name: str,
    status: str,
    invoice: dict[str, Any],
    *,
    method: str | None = None,
    tokens_used: int | None = None,
    remark: str = "",
) -> dict[str, Any]:
    total = " ".join(part for part in (invoice.get("total"), invoice.get("currency")) if part)
    return {
        "file": name,
        "status": status,
        "number": invoice.get("invoice_number"),
        "date": invoice.get("invoice_date"),
        "total": total,
        "read by": method,
        "tokens": tokens_used,
        "remarks": remark,
    }


def _plain(value: Any) -> Any:
    """A party by its name and number; anything else as it is."""
    if isinstance(value, dict):
        return ", ".join(part for part in (value.get("name"), value.get("tax_id")) if part) or None
    return value


def _filled(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The columns in which some line has a value."""
    names = [name for name in _LINE_FIELDS if any(line[name] for line in lines)]
    return [{name: line[name] for name in names} for line in lines]
