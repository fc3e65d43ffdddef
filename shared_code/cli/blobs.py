"""``blobs``: dropped files without a result, and driving them again by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared_code import bootstrap
from shared_code.blobs.intake import Disposition
from shared_code.cli.output import AsJson, say, show_json, show_table

if TYPE_CHECKING:
    from shared_code.blobs.conditions import Tries
    from shared_code.blobs.store import SourceVersion
    from shared_code.bootstrap.container import Services

app = typer.Typer(help="Files dropped into blob storage.", no_args_is_help=True)
_DONE = {Disposition.RESULT, Disposition.SETTLED, Disposition.GONE}


@app.command("list")
def list_command(
    prefix: Annotated[str | None, typer.Option(help="Only names that begin so, such as NT047/.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Those with a result, too.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Rows at most.")] = 200,
    as_json: AsJson = False,
) -> None:
    """Show dropped files that have no result: waiting, failed, poisoned or given up."""
    rows: list[dict[str, Any]] = []
    with _services() as services:
        tries = services.blobs.alerts.tries()
        for version in services.blobs.store.sources(prefix=prefix):
            row = _row(services, version, tries.get(version.name))
            if everything or row["state"] != "result":
                rows.append(row)
            if len(rows) >= limit:
                break
    if as_json:
        show_json(rows)
    else:
        show_table("Dropped files", rows)


@app.command()
def retry(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Blobs; none = all poisoned ones.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Those with an error file, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Process files again, now and in this process; exit code 1 when one has no result after it."""
    with _services() as services:
        driven = services.blobs.sweep.retry(names or None, failed=failed)
    rows = [{"blob": one.name, "outcome": str(one.outcome), "code": one.code, "message": one.message} for one in driven]
    if as_json:
        show_json(rows)
    elif rows:
        show_table("Processed again", rows)
    else:
        say("no blob waits for a retry")
    # A blob that was named and is not there is a typing error.
    gone = {Disposition.GONE} if names else set()
    if any(one.outcome not in _DONE - gone for one in driven):
        raise typer.Exit(1)


def _row(services: "Services", version: "SourceVersion", tries: "Tries | None") -> dict[str, Any]:
    """One dropped file, and where it stands."""
    records = services.blobs.store.records(version.name)
    found = records.of(version)
    if found is not None:
        state = "given up" if found.given_up else "result" if found is records.result else "failed"
    else:
        state = "poisoned" if tries is not None else "waiting"
    return {
        "blob": version.name,
        "state": state,
        "bytes": version.size,
        "dropped_at": version.modified,
        "tries": tries.count if tries else None,
        "code": found.status if found is not None else tries.code if tries else None,
        "next_try": tries.next_at if tries and not tries.given_up and found is None else None,
    }


@contextmanager
def _services() -> "Iterator[Services]":
    """The process's services; what waits to be written is written at the end."""
    try:
        yield bootstrap.services().ready()
    finally:
        bootstrap.reset()
