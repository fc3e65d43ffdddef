"""``rollup run``: the timer's work, once, with its report."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from itertools import count

import typer

from shared_code.cli.connection import process_services
from shared_code.cli.output import AsJson, show_rows, shows_tables
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
        with _progress() as announce:
            results = run_rollup(context, announce=announce)
    show_rows("Rollup", [asdict(result) for result in results], as_json=as_json)
    if any(result.error for result in results):
        raise typer.Exit(1)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """A line on standard error that names the step under way, how many there are, and the time; on a screen only."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task, done = progress.add_task("", total=len(STEPS)), count()
        yield lambda name: progress.update(task, description=name, completed=next(done), refresh=True)
