"""How the commands talk: a table for people, JSON for programs, problems on standard error."""

import json
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared_code.errors import ServiceError
from shared_code.redaction import redact

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def show_json(value: Any, *, one_line: bool = False) -> None:
    """One JSON document; moments and decimals as text. In one line where others follow."""
    print(json.dumps(value, indent=None if one_line else 2, ensure_ascii=False, default=_plain), flush=one_line)


def _plain(value: Any) -> str:
    # str() would write a cost of nothing as 0E-8.
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def show_table(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows under the names of their fields; numbers to the right."""
    table = Table(title=title, title_justify="left")
    for name in rows[0] if rows else ():
        numeric = any(isinstance(row[name], int) and not isinstance(row[name], bool) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        # Text, not str: names of companies are no markup.
        table.add_row(*(Text("" if value is None else _plain(value)) for value in row.values()))
    Console().print(table if rows else f"{title}: none")


def say(text: str) -> None:
    """A line on standard output."""
    print(text)


def complain(error: ServiceError) -> None:
    """What went wrong, with the library's words behind it, without secrets."""
    causes, cause = [error.message], error.__cause__
    while cause is not None:
        causes.append(redact(str(cause).splitlines()[0] if str(cause) else type(cause).__name__))
        cause = cause.__cause__
    print("error: " + ": ".join(causes), file=sys.stderr)


def show_facts(title: str, facts: Mapping[str, Any]) -> None:
    """Names and values below each other."""
    show_table(title, [{"what": name, "value": "" if value is None else str(value)} for name, value in facts.items()])


def ask(question: str, *, yes: bool) -> None:
    """Go on only when somebody says yes, here or by ``--yes``; otherwise end with exit code 1."""
    if yes:
        return
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise typer.Abort
