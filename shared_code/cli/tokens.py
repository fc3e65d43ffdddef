"""``tokens``: the companies' keys. One is read from a prompt or standard input, so that no shell keeps it."""

import sys
from datetime import datetime
from typing import Annotated, Any

import typer

from shared_code.cli import token_changes
from shared_code.cli.connection import TokenId, company_filter, operator, workplace
from shared_code.cli.output import AsJson, Yes, ask, read_line, say, show_json, show_table
from shared_code.database.key_cipher import new_ring_entry
from shared_code.database.stores import tokens as store
from shared_code.database.stores.token_changes import token_facts
from shared_code.database.stores.tokens import ApiKeyRow
from shared_code.errors import InvalidRequest
from shared_code.operations.tokens import NewToken
from shared_code.records import KeyStatus, Provider

app = typer.Typer(help="The companies' API keys.", no_args_is_help=True)
ApiKeyOption = Annotated[
    str | None, typer.Option("--api-key", help="The key; better left out: it is then asked for, or read from stdin.")
]

_BATCH = 100

token_changes.register(app)


@app.command()
def add(  # noqa: PLR0917 - typer reads options from parameters
    company: Annotated[str, typer.Argument(help="Company id: A-Z a-z 0-9 . _ -")],
    api_key: ApiKeyOption = None,
    name: Annotated[str | None, typer.Option(help="The company's name.")] = None,
    provider: Annotated[str, typer.Option(help="Gemini or OpenAI.")] = Provider.GEMINI.value,
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
    if as_json:
        show_json(token_facts(row))
    else:
        say(f"token {row.token_id} of company {row.company_id} stored")


@app.command("list")
def list_command(
    company: Annotated[str | None, typer.Option(help="Only this company's.")] = None,
    status: Annotated[str | None, typer.Option(help="Only those of this status.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show keys by id, never the keys themselves."""
    wanted = KeyStatus.parse(status)
    if status is not None and wanted is None:
        raise InvalidRequest(f"status must be one of {', '.join(KeyStatus)}.", details={"field": "status"})
    rows: list[ApiKeyRow] = []
    named = company_filter(company)
    with workplace() as place:
        while True:
            after = rows[-1].token_id if rows else 0
            page = place.database.read(
                lambda connection, after=after: store.list_tokens(  # type: ignore[misc]
                    connection, company_id=named, status=wanted, after_id=after
                )
            )
            rows += page
            if not page:
                break
    if as_json:
        show_json([token_facts(row) for row in rows])
    else:
        show_table("API keys", [_columns(row) for row in rows])


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
    if as_json:
        show_json(token_facts(row))
    else:
        say(f"token {token_id} has a new key")


@app.command()
def reencrypt(as_json: AsJson = False) -> None:
    """Bring all keys under the newest of TOKEN_ENCRYPTION_KEYS, beside traffic; exit code 1 when some do not open."""
    changed, last = 0, 0
    failed: list[int] = []
    with workplace() as place:
        cipher = place.cipher
        while True:
            batch = place.database.run(
                lambda connection, after=last: store.reencrypt_batch(connection, cipher, after, _BATCH),  # type: ignore[misc]
                on_unknown=lambda _connection: None,
            )
            changed += batch.changed
            failed += batch.failed
            if batch.last_id is None:
                break
            last = batch.last_id
    if as_json:
        show_json({"changed": changed, "do_not_open": failed})
    else:
        say(f"{changed} keys encrypted anew")
        if failed:
            say(f"left as they are, because they do not open: {', '.join(map(str, failed))}")
    if failed:
        raise typer.Exit(1)


@app.command("new-encryption-key")
def new_encryption_key(
    key_id: Annotated[str, typer.Argument(help="A short name, such as the month: 2026-11")],
    as_json: AsJson = False,
) -> None:
    """Print an entry for TOKEN_ENCRYPTION_KEYS; put it before the others, then run ``tokens reencrypt``."""
    entry = new_ring_entry(key_id)
    if as_json:
        show_json({"key_id": key_id, "entry": entry})
    else:
        say(entry)


def read_key(given: str | None) -> str:
    """The key as given, else from a hidden prompt or standard input."""
    if given is not None:
        return given
    if sys.stdin is not None and sys.stdin.isatty():
        return str(typer.prompt("API key", hide_input=True))
    return read_line()


def _columns(row: ApiKeyRow) -> dict[str, Any]:
    return {
        "id": row.token_id,
        "company": row.company_id,
        "name": row.company_name,
        "provider": row.provider,
        "status": row.status,
        "key": f"...{row.hint}" if row.hint else "",
        "limit": row.total_token_limit,
        "used": row.used_tokens,
        "remaining": row.remaining_tokens,
        "reserved": row.reserved_tokens,
    }
