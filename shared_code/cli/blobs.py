"""``blobs``: dropped files without a result, and driving them again by hand."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared_code.blobs.intake import Disposition
from shared_code.cli.connection import process_services
from shared_code.cli.output import AsJson, say, show_rows, shows_list

if TYPE_CHECKING:
    from shared_code.blobs.conditions import RetryState
    from shared_code.blobs.store import SourceVersion
    from shared_code.bootstrap.container import Services

app = typer.Typer(help="Files dropped into blob storage.", no_args_is_help=True)
_DONE = {Disposition.RESULT, Disposition.SETTLED, Disposition.GONE}


@app.command("list")
@shows_list
def list_command(
    prefix: Annotated[str | None, typer.Option(help="Only names that begin so, such as NT047/.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Those with a result, too.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Rows at most.")] = 200,
    as_json: AsJson = False,
) -> None:
    """Show dropped files that have no result: waiting, failed, poisoned or given up."""
    rows: list[dict[str, Any]] = []
    with process_services() as services:
        services.ready()
        states = services.blobs.alerts.retry_states()
        for version in services.blobs.store.sources(prefix=prefix):
            row = _row(services, version, states.get(version.name))
            if everything or row["state"] != "result":
                rows.append(row)
            if len(rows) >= limit:
                break
    show_rows("Dropped files", rows, as_json=as_json, spare=("bytes", "dropped_at", "next_try", "why"))


@app.command()
@shows_list
def retry(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Blobs; none = all poisoned ones.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Those with an error file, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Process files again, now and in this process; exit code 1 when one has no result after it."""
    with process_services() as services:
        services.ready()
        driven = services.blobs.sweep.retry(names or None, failed=failed)
    rows = [{"blob": one.name, "outcome": str(one.outcome), "code": one.code, "message": one.message} for one in driven]
    if as_json or rows:
        show_rows("Processed again", rows, as_json=as_json)
    else:
        say("no blob waits for a retry")
    # A blob that was named, but is not there, is a mistake of the caller.
    gone = {Disposition.GONE} if names else set()
    if any(one.outcome not in _DONE - gone for one in driven):
        raise typer.Exit(1)


def _row(services: "Services", version: "SourceVersion", retry_state: "RetryState | None") -> dict[str, Any]:
    """One dropped file, and where it stands."""
    records = services.blobs.store.records(version.name)
    found = records.of(version)
    if found is not None:
        state = "given up" if found.given_up else "result" if found is records.result else "failed"
    else:
        state = "poisoned" if retry_state is not None and retry_state.until is None else "waiting"
    return {
        "blob": version.name,
        "state": state,
        "bytes": version.size,
        "dropped_at": version.modified,
        "tries": retry_state.tries if retry_state else None,
        "code": found.status if found is not None else retry_state.code if retry_state else None,
        "next_try": retry_state.next_at if retry_state and not retry_state.given_up and found is None else None,
        "waits_until": retry_state.until if retry_state and found is None else None,
        "why": retry_state.message if retry_state and found is None else None,
    }
