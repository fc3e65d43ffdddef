"""``rollup run``: the timer's work, once, with its report."""

from dataclasses import asdict, replace

import typer

from shared_code.cli.connection import process_services
from shared_code.cli.output import AsJson, show_rows, shows_tables
from shared_code.cli.screen.progress import progress
from shared_code.rollup.run import STEPS, run_rollup

app = typer.Typer(help="The timer's work.", no_args_is_help=True)


@app.callback()
def rollup() -> None:
    """The timer's work."""


@app.command()
@shows_tables
def run(as_json: AsJson = False) -> None:
    """Run every step once, beside the timer if need be; exit code 1 when one failed.

    Rows that were set aside are tried now, whatever their pauses say.
    """
    with process_services() as services:
        context = replace(services.ready().rollup, try_resting=True)
        with progress("steps", len(STEPS), as_json=as_json) as bar:
            results = run_rollup(context, tell=bar.show)
    show_rows("Rollup", [asdict(result) for result in results], as_json=as_json)
    if any(result.error for result in results):
        raise typer.Exit(1)
