"""How the commands talk: a table for people, JSON for programs, problems on standard error."""

import inspect
import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared_code.errors import InvalidRequest, ServiceError

if TYPE_CHECKING:
    from shared_code.cli.tables import Layout

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

#: what a terminal would act on: control characters but tab and newline, and those that turn the direction of text
_ACTING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class _View:
    """What the options of the running command say about its tables."""

    wide: bool = False
    columns: tuple[str, ...] = ()
    #: how to see what a narrow screen has no room for
    ways: tuple[str, ...] = ("--json",)


#: where no terminal sets a limit; a terminal itself wraps longer lines, which loses nothing
UNLIMITED = 1_000_000
_PLAIN = _View()
_view: ContextVar[_View] = ContextVar("_view", default=_PLAIN)


def shows_list(command: Callable[..., None]) -> Callable[..., None]:
    """A command that shows one list: gives it ``--wide`` and ``--columns``."""
    return _with_view(command, choosing=True)


def shows_tables(command: Callable[..., None]) -> Callable[..., None]:
    """A command that shows tables of several kinds: gives it ``--wide``."""
    return _with_view(command, choosing=False)


def _with_view(command: Callable[..., None], *, choosing: bool) -> Callable[..., None]:
    wide = Annotated[bool, typer.Option("--wide", help="Every column in full width, whatever the screen's.")]
    columns = Annotated[
        str | None, typer.Option("--columns", metavar="NAMES", help="Only these columns of the table, by commas.")
    ]
    added = {"wide": (wide, False)} | ({"columns": (columns, None)} if choosing else {})

    @wraps(command)
    def run(*arguments: Any, **given: Any) -> None:
        chosen = given.pop("columns", None) if choosing else None
        names = tuple(name for name in (chosen or "").split(",") if name.strip())
        if chosen is not None and not names:
            raise InvalidRequest("--columns is empty.", details={"field": "columns"})
        ways = ("--wide", "--columns NAMES", "--json") if choosing else ("--wide", "--json")
        token = _view.set(_View(given.pop("wide", False), names, ways))
        try:
            command(*arguments, **given)
        finally:
            _view.reset(token)

    signature = inspect.signature(command)
    extra = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in added.items()
    ]
    run.__signature__ = signature.replace(  # type: ignore[attr-defined] # typer makes the options from it
        parameters=[*signature.parameters.values(), *extra]
    )
    return run


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


def show_table(title: str, rows: Sequence[Mapping[str, Any]], *, spare: Sequence[str] = ()) -> None:
    """Rows under the names of their fields, each number, id and word whole; see :mod:`shared_code.cli.tables`.

    :param spare: columns that leave where the screen is narrow, the first one first. When those that remain do not fit
        either, each row becomes a block.
    """
    view = _view.get()
    _print_rows(title, rows, spare, _View(view.wide, ways=tuple(way for way in view.ways if "NAMES" not in way)))


def _print_rows(title: str, rows: Sequence[Mapping[str, Any]], spare: Sequence[str], view: _View) -> None:
    if not rows:
        say(f"{title}: none")
        return
    # On use: a command that prints JSON needs none of it.
    from rich.console import Console

    from shared_code.cli.tables import Layout, lay_out

    width = UNLIMITED if view.wide else _screen_width() or UNLIMITED
    clean = [
        {name: harmless(value) if isinstance(value, str) else value for name, value in row.items()} for row in rows
    ]
    layout = Layout(width, spare, view.columns, view.ways)
    parts, left_out = lay_out(clean, layout)
    # A console as wide as the longest line: what the screen has no room for is for the terminal to wrap, not for rich.
    console = Console(width=UNLIMITED)
    console.print(harmless(title), style="bold", markup=False, highlight=False)
    for part in parts:
        console.print(part, highlight=False)
    if left_out:
        _say_what_is_missing(left_out, layout)


def _say_what_is_missing(left_out: Sequence[str], layout: "Layout") -> None:
    names = ", ".join(name.replace("_", " ") for name in reversed(left_out))
    sentence = f"Left out, for want of room: {names}. To see them: {', '.join(layout.ways)}."
    for line in textwrap.wrap(sentence, layout.width, break_long_words=False, break_on_hyphens=False):
        say(line)


def _screen_width() -> int | None:
    """Columns of the screen; None where the output is no screen and nothing else says how wide it is."""
    if not (sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal()):
        return None
    return shutil.get_terminal_size().columns


def show_rows(title: str, rows: Sequence[Mapping[str, Any]], *, as_json: bool, spare: Sequence[str] = ()) -> None:
    """The same rows for programs or for people, who may choose ``--columns``."""
    if as_json:
        show_json(rows)
    else:
        _print_rows(title, rows, spare, _view.get())


def show_list[Item](
    title: str,
    items: Sequence[Item],
    *,
    facts: Callable[[Item], Mapping[str, Any]],
    columns: Callable[[Item], Mapping[str, Any]],
    as_json: bool,
    spare: Sequence[str] = (),
) -> None:
    """A list: the ``facts`` of each item for programs, its ``columns`` for people."""
    show_rows(title, [(facts if as_json else columns)(item) for item in items], as_json=as_json, spare=spare)


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
    from shared_code.observability.redaction import redact

    causes, cause = [redact(error.message)], error.__cause__
    while cause is not None:
        causes.append(redact(str(cause).splitlines()[0] if str(cause) else type(cause).__name__))
        cause = cause.__cause__
    print("error: " + harmless(": ".join(causes)), file=sys.stderr)


def show_facts(title: str, facts: Mapping[str, Any]) -> None:
    """Names and values below each other."""
    from shared_code.cli.tables import block, text_of

    say(title)
    width = UNLIMITED if _view.get().wide else _screen_width() or UNLIMITED
    for line in block({name: harmless(text_of(name, value)) for name, value in facts.items()}, width):
        print(line.plain)


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
    from shared_code.database.stores.keys.token_fields import MAX_TOKENS

    if text == "none":
        return None
    # Before int(): Python refuses to read thousands of digits.
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(MAX_TOKENS)) or int(text) > MAX_TOKENS:
        shown = text if len(text) <= len(str(MAX_TOKENS)) else f"{len(text)} characters"
        raise InvalidRequest(
            f"{field} is a whole number up to {MAX_TOKENS}, or 'none'; not {shown!r}.", details={"field": field}
        )
    return int(text)
