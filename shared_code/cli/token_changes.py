"""``tokens show``, ``block``, ``activate``, ``disable``, ``set-limit``, ``test``: one key at a time."""

from typing import Annotated, Any

import typer

from shared_code import bootstrap
from shared_code.cli.amounts import amount_or_none
from shared_code.cli.connection import TokenId, Workplace, operator, workplace
from shared_code.cli.output import AsJson, Yes, ask, say, show_facts, show_json
from shared_code.database.stores.token_changes import token_facts
from shared_code.database.stores.tokens import ApiKeyRow
from shared_code.records import KeyStatus


def register(app: typer.Typer) -> None:
    """Add the commands to ``tokens``."""
    for name, command in (
        ("show", show),
        ("block", block),
        ("activate", activate),
        ("disable", disable),
        ("set-limit", set_limit),
        ("test", try_key),
    ):
        app.command(name)(command)


def show(token_id: TokenId, as_json: AsJson = False) -> None:
    """Show one key by its last four characters."""
    with workplace() as place:
        _say(place.tokens.get(token_id), as_json, None)


def block(token_id: TokenId, yes: Yes = False, as_json: AsJson = False) -> None:
    """Take a key out of service."""
    ask(f"Block token {token_id}? Its company may be left without a key.", yes=yes)
    with workplace() as place:
        _set_status(place, token_id, KeyStatus.BLOCKED, as_json)


def activate(token_id: TokenId, as_json: AsJson = False) -> None:
    """Put a key back into service and end its rest."""
    with workplace() as place:
        _set_status(place, token_id, KeyStatus.ACTIVE, as_json)


def disable(token_id: TokenId, yes: Yes = False, as_json: AsJson = False) -> None:
    """Disable a key; its row and its usage stay."""
    ask(f"Disable token {token_id}? Its company may be left without a key.", yes=yes)
    with workplace() as place:
        _set_status(place, token_id, KeyStatus.DISABLED, as_json)


def set_limit(
    token_id: TokenId,
    limit: Annotated[str, typer.Argument(help="Model tokens for life, or 'none'.")],
    as_json: AsJson = False,
) -> None:
    """Change a key's limit; a lowered one binds new calls."""
    value = amount_or_none("limit", limit)
    with workplace() as place:
        row = place.tokens.change(token_id, {"total_token_limit": value}, operator())
        _say(row, as_json, f"token {token_id}: limit {limit}, {row.remaining_tokens} remaining")


def try_key(token_id: TokenId, as_json: AsJson = False) -> None:
    """Ask the provider for its list of models with this key, which costs no tokens; exit code 1 when it refuses."""
    try:
        services = bootstrap.services().ready()
        found = services.token_administration.test(token_id, services.providers)
    finally:
        bootstrap.reset()
    if as_json:
        facts: dict[str, Any] = {name: getattr(found, name) for name in found.__slots__}
        show_json(facts)
    else:
        say(f"token {token_id} ({found.provider}): {found.message}")
    if not found.accepted:
        raise typer.Exit(1)


def _set_status(place: Workplace, token_id: int, status: KeyStatus, as_json: bool) -> None:
    row = place.tokens.set_status(token_id, status, operator())
    _say(row, as_json, f"token {token_id} is {status.value}")


def _say(row: ApiKeyRow, as_json: bool, line: str | None) -> None:
    facts = token_facts(row)
    if as_json:
        show_json(facts)
    elif line is None:
        show_facts(f"Token {row.token_id}", facts)
    else:
        say(line)
