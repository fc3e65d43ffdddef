"""``tokens``: the companies' keys. One is read from a prompt or standard input, so that no shell keeps it."""

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from shared_code.cli.connection import TokenId, company_filter, operator, process_services, workplace
from shared_code.cli.output import (
    AsJson,
    Yes,
    amount_or_none,
    answer,
    ask,
    read_line,
    say,
    show_facts,
    show_json,
    show_list,
    shows_list,
    shows_tables,
)
from shared_code.database.key_cipher import KeyCipher, new_ring_entry
from shared_code.database.stores.keys.token_changes import token_facts
from shared_code.database.stores.keys.token_keys import NewToken, reencrypt_batch
from shared_code.database.stores.keys.tokens import StoredKey, all_tokens
from shared_code.database.stores.operations.webhook_settings import reencrypt_secrets
from shared_code.errors import InvalidRequest
from shared_code.metering.key_standing import key_standing
from shared_code.records import KeyStatus, Provider

app = typer.Typer(help="The companies' API keys.", no_args_is_help=True)
ApiKeyOption = Annotated[
    str | None, typer.Option("--api-key", help="The key; better left out: it is then asked for, or read from stdin.")
]

_BATCH = 100
_SHOWN_PLAIN = 10


@app.command()
@shows_tables
def show(token_id: TokenId, as_json: AsJson = False) -> None:
    """Show one key by its last four characters."""
    with workplace() as place:
        row = place.tokens.get(token_id)
        facts = _facts(row, place.cipher)
    if as_json:
        show_json(facts)
    else:
        show_facts(f"Token {token_id}", facts)


@app.command()
def block(token_id: TokenId, yes: Yes = False, as_json: AsJson = False) -> None:
    """Take a key out of service."""
    ask(f"Block token {token_id}? Its company may be left without a key.", yes=yes)
    _set_status(token_id, KeyStatus.BLOCKED, as_json)


@app.command()
def activate(token_id: TokenId, as_json: AsJson = False) -> None:
    """Put a key back into service and end its rest."""
    _set_status(token_id, KeyStatus.ACTIVE, as_json)


@app.command()
def disable(token_id: TokenId, yes: Yes = False, as_json: AsJson = False) -> None:
    """Disable a key; its row and its usage stay."""
    ask(f"Disable token {token_id}? Its company may be left without a key.", yes=yes)
    _set_status(token_id, KeyStatus.DISABLED, as_json)


@app.command("set-limit")
def set_limit(
    token_id: TokenId,
    limit: Annotated[str, typer.Argument(help="Model tokens for life, or 'none'.")],
    as_json: AsJson = False,
) -> None:
    """Change a key's limit; a lowered one binds new calls."""
    value = amount_or_none("limit", limit)
    with workplace() as place:
        row = place.tokens.change(token_id, {"total_token_limit": value}, operator())
    _say(row, f"token {token_id}: limit {limit}, {row.remaining_tokens} remaining", as_json)


@app.command("test")
def try_key(token_id: TokenId, as_json: AsJson = False) -> None:
    """Ask the provider for its list of models with this key, which costs no tokens; exit code 1 when it refuses."""
    with process_services() as services:
        found = services.ready().token_administration.test(token_id, services.providers)
    answer(asdict(found), f"token {token_id} ({found.provider}): {found.message}", as_json=as_json)
    if not found.accepted:
        raise typer.Exit(1)


@app.command()
def add(  # noqa: PLR0917 - typer reads options from parameters
    company: Annotated[str, typer.Argument(help="Company id: A-Z a-z 0-9 . _ -")],
    api_key: ApiKeyOption = None,
    name: Annotated[str | None, typer.Option(help="The company's name.")] = None,
    provider: Annotated[str, typer.Option(help=f"{Provider.spelled_out()}.")] = Provider.GEMINI.value,
    limit: Annotated[int | None, typer.Option(min=0, help="Model tokens for life; left out = no limit.")] = None,
    threshold: Annotated[int | None, typer.Option(min=0, help="Remaining tokens that count as low.")] = None,
    status: Annotated[str, typer.Option(help="Status to start with.")] = KeyStatus.ACTIVE.value,
    expires_at: Annotated[datetime | None, typer.Option(help="UTC.")] = None,
    project: Annotated[str | None, typer.Option(help="The provider's project, which is suspended as a whole.")] = None,
    as_json: AsJson = False,
) -> None:
    """Store a company's key, encrypted."""
    secret = read_key(api_key)
    with workplace() as place:
        new = NewToken(
            company_id=company,
            company_name=name,
            api_key=secret,
            provider=provider,
            total_token_limit=limit,
            threshold=threshold,
            status=status,
            expires_at=expires_at,
            provider_project=project,
        )
        row = place.tokens.add(new, operator())
    _say(row, f"token {row.token_id} of company {row.company_id} stored", as_json)


@app.command("list")
@shows_list
def list_command(
    company: Annotated[str | None, typer.Option(help="Only this company's.")] = None,
    status: Annotated[str | None, typer.Option(help="Only those of this status.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show keys by id, never the keys themselves."""
    wanted = KeyStatus.parse(status)
    if status is not None and wanted is None:
        raise InvalidRequest(f"status must be one of {', '.join(KeyStatus)}.", details={"field": "status"})
    named = company_filter(company)
    with workplace() as place:
        rows = place.database.read(lambda connection: all_tokens(connection, company_id=named, status=wanted))
        cipher = place.cipher
    show_list(
        "API keys",
        rows,
        facts=lambda row: _facts(row, cipher),
        columns=lambda row: _columns(row, cipher),
        as_json=as_json,
        spare=("opens", "provider", "name", "reserved", "key", "limit", "used"),
    )
    plain = [str(row.token_id) for row in rows if row.in_plain_text]
    if plain and not as_json:
        shown = ", ".join(plain[:_SHOWN_PLAIN]) + (", ..." if len(plain) > _SHOWN_PLAIN else "")
        say(f"{len(plain)} stored in plain text ({shown}); 'manage.py tokens reencrypt' encrypts them")


@app.command()
def rotate(
    token_id: TokenId,
    api_key: ApiKeyOption = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Put a new key in place of an old one, which is gone then; limits and use stay."""
    ask(f"Put a new key in place of that of token {token_id}? The old one cannot be brought back.", yes=yes)
    secret = read_key(api_key)
    with workplace() as place:
        row = place.tokens.rotate(token_id, secret, operator())
    _say(row, f"token {token_id} has a new key", as_json)


@app.command()
def reencrypt(as_json: AsJson = False) -> None:
    """Bring keys and webhook secrets under the newest of TOKEN_ENCRYPTION_KEYS; exit code 1 when some do not open."""
    changed, last = 0, 0
    failed: list[int] = []
    with workplace() as place:
        cipher = place.cipher
        while True:
            batch = place.database.run(
                lambda connection, after=last: reencrypt_batch(connection, cipher, after, _BATCH),  # type: ignore[misc]
                on_unknown=lambda _connection: None,
            )
            changed += batch.changed
            failed += batch.failed
            if batch.last_id is None:
                break
            last = batch.last_id
        secrets, closed = place.database.run(
            lambda connection: reencrypt_secrets(connection, cipher), on_unknown=lambda _connection: None
        )
    facts = {"changed": changed, "do_not_open": failed, "webhook_secrets": secrets, "webhooks_do_not_open": closed}
    answer(facts, f"{changed} keys and {secrets} webhook secrets encrypted anew", as_json=as_json)
    if failed or closed:
        if not as_json:
            names = [*map(str, failed), *(f"webhook of {company}" for company in closed)]
            say(f"left as they are, because they do not open: {', '.join(names)}")
        raise typer.Exit(1)


@app.command("new-encryption-key")
def new_encryption_key(
    key_id: Annotated[str, typer.Argument(help="A short name, such as the month: 2026-11")],
    as_json: AsJson = False,
) -> None:
    """Print an entry for TOKEN_ENCRYPTION_KEYS; put it before the others, then run ``tokens reencrypt``."""
    entry = new_ring_entry(key_id)
    answer({"key_id": key_id, "entry": entry}, entry, as_json=as_json)


def read_key(given: str | None) -> str:
    """The key as given, else from a hidden prompt or standard input."""
    if given is not None:
        return given
    if sys.stdin is not None and sys.stdin.isatty():
        return str(typer.prompt("API key", hide_input=True))
    return read_line()


def _set_status(token_id: int, status: KeyStatus, as_json: bool) -> None:
    with workplace() as place:
        row = place.tokens.set_status(token_id, status, operator())
    _say(row, f"token {token_id} is {status.value}", as_json)


def _say(row: StoredKey, line: str, as_json: bool) -> None:
    answer(token_facts(row), line, as_json=as_json)


def _facts(row: StoredKey, cipher: KeyCipher) -> dict[str, Any]:
    return token_facts(row) | {"opens": cipher.opens(row.stored_key, row.token_id)}


def _columns(row: StoredKey, cipher: KeyCipher) -> dict[str, Any]:
    return {
        "id": row.token_id,
        "company": row.company_id,
        "name": row.company_name,
        "provider": row.provider,
        "status": key_standing(row, datetime.now(UTC).replace(tzinfo=None)).words,
        "key": f"...{row.hint}" if row.hint else "",
        "opens": "plain text" if row.in_plain_text else "yes" if cipher.opens(row.stored_key, row.token_id) else "no",
        "limit": row.total_token_limit,
        "used": row.used_tokens,
        "remaining": row.remaining_tokens,
        "reserved": row.reserved_tokens,
    }
