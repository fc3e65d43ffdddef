"""``rollup run``: the timer's work, once, with its report."""

from dataclasses import asdict

import typer

from shared_code import bootstrap
from shared_code.cli.output import AsJson, show_json, show_table
from shared_code.rollup.run import run_rollup

app = typer.Typer(help="The timer's work.", no_args_is_help=True)


@app.callback()
def rollup() -> None:
    """The timer's work."""


@app.command()
def run(as_json: AsJson = False) -> None:
    """Run every step once, beside the timer if need be; exit code 1 when one failed."""
    try:
        results = run_rollup(bootstrap.services().ready())
    finally:
        bootstrap.reset()
    if as_json:
        show_json([asdict(result) for result in results])
    else:
        show_table("Rollup", [asdict(result) for result in results])
    if any(result.error for result in results):
        raise typer.Exit(1)
