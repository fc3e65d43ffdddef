"""Which commands there are. A command's module is imported when the command is used: help and completion need none."""

import gc
from collections import UserDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command is and what the list of commands says of it.

    :ivar module: in ``shared_code.cli``; its ``app`` has the commands of a group.
    :ivar function: the one command itself; None = a group.
    """

    module: str
    help: str
    function: str | None = None


#: in the order of the list
ENTRIES = {
    "db": Entry("db", "The database's schema."),
    "tokens": Entry("tokens", "The companies' API keys."),
    "usage": Entry("usage", "What was used."),
    "rollup": Entry("rollup", "The timer's work."),
    "quota": Entry("companies.quota", "Daily and monthly limits."),
    "alerts": Entry("alerts", "Conditions that an operator should know of."),
    "logs": Entry("logs", "What the service said."),
    "extractions": Entry("extractions", "The documents that were read or refused."),
    "reviews": Entry("reviews", "Readings that a person looks at."),
    "admin-keys": Entry("admin_keys", "Keys of the admin API."),
    "company": Entry("companies.company", "What is set for one company, and whether it is served."),
    "webhooks": Entry("companies.webhooks", "Where companies are told of their readings."),
    "blobs": Entry("blobs", "Files dropped into blob storage."),
    "retries": Entry("retries", "Show failed attempts at model calls, newest first.", "retries_command"),
    "audit": Entry("audit", "Show changes, newest first.", "audit_command"),
    "diagnose": Entry(
        "diagnose",
        "Look at everything; exit code 1 when something is critical or a health check fails.",
        "diagnose_command",
    ),
    "setup": Entry(
        "setup",
        "Check the configuration, create the tables, add the first key and ask its provider; safe to run again.",
        "setup_command",
    ),
    "demo": Entry("filling.demo", "Fill an empty database with three companies that do not exist.", "demo_command"),
    "upload": Entry(
        "upload",
        "Drop invoices into blob storage; exit code 1 when a file was refused, or is not ready in time.",
        "upload_command",
    ),
    "extract": Entry(
        "extract", "Read invoices as an upload would be read; exit code 1 when a file was not.", "extract_command"
    ),
    "evidence": Entry(
        "evidence.command", "Draw a box around each value on the pages of a document.", "evidence_command"
    ),
    "export": Entry(
        "export",
        "Write readings as tables: of each document the valid one, neither erased nor read anew.",
        "export_command",
    ),
    "evaluate": Entry(
        "evaluate",
        "Measure how well documents with known values are read; exit code 1 when not every one was.",
        "evaluate_command",
    ),
    "import-legacy": Entry(
        "filling.import_legacy",
        "Take over a database of the earlier system; exit code 1 when something there waits for a decision.",
        "import_legacy_command",
    ),
    "count-tokens": Entry("count_tokens", "Count the tokens of a text, offline.", "count_tokens_command"),
}


class CommandsOnUse(TyperGroup):
    """The group of all commands. ``commands`` imports each when it is looked up; lists take what the table says."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _OnUse(ENTRIES)

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer's signature
        """The names, in the order of the table."""
        return list(ENTRIES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - typer's signature
        """The command's name and help alone."""
        entry = ENTRIES.get(cmd_name)
        return entry and TyperCommand(cmd_name, help=entry.help)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that is to run, imported, with its arguments."""
        name, found, rest = super().resolve_command(ctx, args)
        return name, found and self.commands[found.name or ""], rest


class _OnUse(UserDict[str, Any]):
    """The commands by name; entries until they are looked up."""

    def __getitem__(self, name: str) -> Any:
        found = self.data[name]
        if isinstance(found, Entry):
            found = self.data[name] = _imported(name, found)
        return found


def _imported(name: str, entry: Entry) -> Any:
    with _without_collection():
        module = import_module(f"shared_code.cli.{entry.module}")
    if entry.function is None:
        group = typer.main.get_group(module.app)
        group.name = name
        return group
    return _single(name, getattr(module, entry.function))


def _single(name: str, function: Callable[..., None]) -> Any:
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(name)(function)
    return typer.main.get_command(app)


@contextmanager
def _without_collection() -> Iterator[None]:
    """Imports make objects that stay: to look for garbage among them is a tenth of a short command's time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
