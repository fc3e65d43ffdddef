"""Puts the commands together and turns our errors into a line on standard error and an exit code."""

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from shared_code.cli import (
    admin_keys,
    alerts,
    audit,
    blobs,
    company,
    count_tokens,
    db,
    diagnose,
    evaluate,
    extract,
    extractions,
    logs,
    quota,
    retries,
    rollup,
    setup,
    tokens,
    upload,
    usage,
)
from shared_code.cli.output import complain, prepare_streams
from shared_code.errors import InvalidRequest, ServiceError
from shared_code.labels import is_unicode

_FAILED = 1


def build_app() -> typer.Typer:
    """All commands of ``manage.py``."""
    app = typer.Typer(
        help="Operations of the invoice extraction service. Settings come from the environment.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.add_typer(db.app, name="db")
    app.add_typer(tokens.app, name="tokens")
    app.add_typer(usage.app, name="usage")
    app.add_typer(rollup.app, name="rollup")
    app.add_typer(quota.app, name="quota")
    app.add_typer(alerts.app, name="alerts")
    app.add_typer(logs.app, name="logs")
    app.add_typer(extractions.app, name="extractions")
    app.add_typer(admin_keys.app, name="admin-keys")
    app.add_typer(company.app, name="company")
    app.command("retries")(retries.retries_command)
    app.command("audit")(audit.audit_command)
    app.command("diagnose")(diagnose.diagnose_command)
    app.command("setup")(setup.setup_command)
    app.add_typer(blobs.app, name="blobs")
    app.command("upload")(upload.upload_command)
    app.command("extract")(extract.extract_command)
    app.command("evaluate")(evaluate.evaluate_command)
    app.command("count-tokens")(count_tokens.count_tokens_command)
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
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
