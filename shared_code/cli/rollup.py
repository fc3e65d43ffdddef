"""``rollup run``: the timer's work, once, with its report."""

from dataclasses import asdict, replace

import typer

from shared_code.cli.connection import process_services
from shared_code.cli.output import AsJson, show_rows
from shared_code.rollup.run import run_rollup

app = typer.Typer(help="The timer's work.", no_args_is_help=True)


@app.callback()
def rollup() -> None:
    """The timer's work."""


@app.command()
def run(as_json: AsJson = False) -> None:
    """Run every step once, beside the timer if need be; exit code 1 when one failed.

    Rows that were set aside are tried now, whatever their pauses say.
    """
    with process_services() as services:
        results = run_rollup(replace(services.ready().rollup, try_resting=True))
    show_rows("Rollup", [asdict(result) for result in results], as_json=as_json)
    if any(result.error for result in results):
        raise typer.Exit(1)
