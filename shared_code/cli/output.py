"""How the commands talk: a table for people, JSON for programs, problems on standard error."""

import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared_code.database.stores.keys.token_fields import MAX_TOKENS
from shared_code.errors import InvalidRequest, ServiceError
from shared_code.observability.redaction import redact

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

#: what a terminal would act on: control characters but tab and newline, and those that turn the direction of text
_ACTING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
#: columns of a table where no terminal sets a width: an id cut in two could be neither copied nor searched for
_WIDE = 500


def prepare_streams() -> None:
    """Write what the stream's encoding lacks as escapes, so that no name can end a command with an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def show_json(value: Any, *, one_line: bool = False) -> None:
    """One JSON document. In one line where others follow."""
    takes_all = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "") == "utf8"
    print(json_text(value, indent=None if one_line else 2, ensure_ascii=not takes_all), flush=one_line)


def json_text(value: Any, *, indent: int | None = 2, ensure_ascii: bool = False) -> str:
    """A JSON document; moments as ISO 8601 with their zone, decimals as text."""
    return json.dumps(value, indent=indent, ensure_ascii=ensure_ascii, default=_for_programs)


def _for_programs(value: Any) -> str:
    if isinstance(value, datetime):
        # The database's moments are UTC without saying so.
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    return _plain(value)


def _plain(value: Any) -> str:
    # str() would write a cost of nothing as 0E-8.
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def show_table(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows under the names of their fields; numbers to the right, and neither they nor ids are cut in two."""
    table = Table(title=harmless(title), title_justify="left")
    for name in rows[0] if rows else ():
        numeric = any(isinstance(row[name], int | Decimal) and not isinstance(row[name], bool) for row in rows)
        whole = numeric or name.endswith("id")
        table.add_column(name, justify="right" if numeric else "left", overflow="fold", no_wrap=whole)
    for row in rows:
        # Text, not str: names of companies are no markup.
        table.add_row(*(Text("" if value is None else harmless(_plain(value))) for value in row.values()))
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _WIDE
    Console(width=width).print(table if rows else f"{harmless(title)}: none")


def show_rows(title: str, rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """The same rows for programs or for people."""
    if as_json:
        show_json(rows)
    else:
        show_table(title, rows)


def show_list[Item](
    title: str,
    items: Sequence[Item],
    *,
    facts: Callable[[Item], Mapping[str, Any]],
    columns: Callable[[Item], Mapping[str, Any]],
    as_json: bool,
) -> None:
    """A list: the ``facts`` of each item for programs, its ``columns`` for people."""
    show_rows(title, [(facts if as_json else columns)(item) for item in items], as_json=as_json)


def answer(facts: Any, line: str, *, as_json: bool) -> None:
    """What a command did or found out: ``facts`` for programs, a line for people."""
    if as_json:
        show_json(facts)
    else:
        say(line)


def harmless(text: str) -> str:
    """``text`` with what a terminal would act on written as an escape: it may come from anybody."""
    return _ACTING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def say(text: str) -> None:
    """A line on standard output."""
    print(harmless(text))


def complain(error: ServiceError) -> None:
    """What went wrong, with the library's words behind it, without secrets."""
    causes, cause = [redact(error.message)], error.__cause__
    while cause is not None:
        causes.append(redact(str(cause).splitlines()[0] if str(cause) else type(cause).__name__))
        cause = cause.__cause__
    print("error: " + harmless(": ".join(causes)), file=sys.stderr)


def show_facts(title: str, facts: Mapping[str, Any]) -> None:
    """Names and values below each other."""
    show_table(title, [{"what": name, "value": "" if value is None else str(value)} for name, value in facts.items()])


def ask(question: str, *, yes: bool) -> None:
    """Go on only when somebody says yes, here or by ``--yes``; otherwise end with exit code 1."""
    if yes:
        return
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if read_line().strip().lower() not in {"y", "yes"}:
        raise typer.Abort


def read_line() -> str:
    """The next line of standard input; empty at its end, and where it is closed."""
    return "" if sys.stdin is None else sys.stdin.readline()


def amount_or_none(field: str, text: str) -> int | None:
    """A whole number, or None for 'none'.

    :raises InvalidRequest: it is neither, or too large.
    """
    if text == "none":
        return None
    # Before int(): Python refuses to read thousands of digits.
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(MAX_TOKENS)) or int(text) > MAX_TOKENS:
        shown = text if len(text) <= len(str(MAX_TOKENS)) else f"{len(text)} characters"
        raise InvalidRequest(
            f"{field} is a whole number up to {MAX_TOKENS}, or 'none'; not {shown!r}.", details={"field": field}
        )
    return int(text)
