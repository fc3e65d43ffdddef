"""Runs the commands and turns our errors into a line on standard error and an exit code."""

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from shared_code import __version__
from shared_code.cli.output import complain, prepare_streams
from shared_code.cli.start import local_settings
from shared_code.cli.start.command_table import CommandsOnUse
from shared_code.errors import InvalidRequest, ServiceError
from shared_code.labels import is_unicode

_FAILED = 1


def build_app() -> typer.Typer:
    """All commands of ``manage.py``; each is imported on use."""
    app = typer.Typer(
        help="Operations of the invoice extraction service. Settings come from the environment, else from "
        f"{local_settings.FILE.as_posix()} beside manage.py.",
        cls=CommandsOnUse,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    app.callback()(_options)
    return app


def _say_version(asked: bool) -> None:
    if asked:
        print(f"invoice-extraction {__version__}")
        raise typer.Exit


def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_say_version, help="The version.")
    ] = False,
) -> None:
    """Options before the command's name."""


def main(arguments: Sequence[str] | None = None, *, home: Path | None = None) -> int:
    """Run one command; returns its exit code.

    :param home: the folder of manage.py, where the settings of the local stack are looked for; None = nowhere.
    """
    local_settings.home.set(home)
    # It has none here; to look for some, pydantic would read what every installed package says of itself.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    console = logging.StreamHandler(sys.stderr)
    # Of its own: the services set the level of our loggers to what the database keeps.
    console.setLevel(logging.WARNING)
    logging.basicConfig(level=logging.WARNING, handlers=[console], format="%(levelname)s %(message)s")
    prepare_streams()
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except OSError as error:
        if error.filename is not None:  # a file that a command reads or writes
            print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
            return _FAILED
        # The output cannot be written: full disk, lost device. A closed pipe is no error: its reader wants no more.
        if not isinstance(error, BrokenPipeError):
            print(f"error: the output cannot be written: {error.strerror or error}", file=sys.stderr)
        # What is still buffered would fail once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _FAILED
    return code


def _run(arguments: Sequence[str] | None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        _refuse_lost_characters(given)
        build_app()(args=given, prog_name="manage.py")
    except ServiceError as error:
        complain(error)
        return _FAILED
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else _FAILED
    return 0


def _refuse_lost_characters(arguments: Sequence[str]) -> None:
    """A name of a user or branch in another encoding would be another name. Names of files are what they are.

    :raises InvalidRequest: says which argument it is.
    """
    for number, argument in enumerate(arguments, start=1):
        if not is_unicode(argument) and not Path(argument).exists():
            raise InvalidRequest(f"Argument {number} is not UTF-8: {argument!a}.", details={"field": "argument"})
