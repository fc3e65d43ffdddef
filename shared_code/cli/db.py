"""``db``: the schema's version, upgrades, and the script for a DBA."""

import time
from typing import Annotated

import typer

from shared_code.cli.connection import workplace
from shared_code.cli.output import AsJson, answer, say, show_json, show_table, shows_tables
from shared_code.database import schema, unique_indexes
from shared_code.database.schema_script import offline_sql
from shared_code.database.service_login import let_in
from shared_code.database.stores.keys.token_keys import count_plain_keys

app = typer.Typer(help="The database's schema.", no_args_is_help=True)


@app.command()
def upgrade(as_json: AsJson = False) -> None:
    """Bring the schema up to date; an old database keeps its rows."""
    with workplace(check_schema=False, may_create=True) as place:
        before = schema.current(place.database)
        schema.upgrade(place.database)
        after = schema.current(place.database)
        plain = place.database.read(count_plain_keys)
    facts = {"before": before, "after": after, "plain_keys": plain}
    answer(facts, f"schema: {before or 'none'} -> {after}", as_json=as_json)
    if plain and not as_json:
        say(f"{plain} API keys are stored in plain text; 'manage.py tokens reencrypt' encrypts them")


@app.command()
def current(as_json: AsJson = False) -> None:
    """Print the schema's version."""
    with workplace(check_schema=False) as place:
        version = schema.current(place.database)
    answer({"version": version, "needed": schema.HEAD}, version or "none", as_json=as_json)


@app.command()
@shows_tables
def check(as_json: AsJson = False) -> None:
    """Say whether the database answers and its schema is up to date; exit code 1 when it is not."""
    with workplace(check_schema=False) as place:
        version = schema.current(place.database)
        started = time.perf_counter()
        schema.current(place.database)
        milliseconds = round((time.perf_counter() - started) * 1000, 1)
        steps = schema.pending(place.database)
        lacking = [] if steps else place.database.read(unique_indexes.missing)
        facts = {
            "database": place.database.dialect,
            "version": version,
            "needed": schema.HEAD,
            "round_trip_ms": milliseconds,
            "pending": [f"{step.revision} {step.title}" for step in steps],
            "missing_unique_indexes": [str(index.name) for index in lacking],
        }
    if as_json:
        show_json(facts)
    else:
        show_table("Database", [{"what": name, "value": _plain(value)} for name, value in facts.items()])
    if steps or lacking:
        raise typer.Exit(1)


@app.command()
def sql(
    dialect: Annotated[
        str | None, typer.Option(help="mssql or postgresql; the configured database's by default.")
    ] = None,
    start: Annotated[str | None, typer.Option("--from", help="Version that the database is at.")] = None,
) -> None:
    """Print the upgrade as a script for a DBA; nothing is changed."""
    if dialect is None:
        with workplace(check_schema=False) as place:
            dialect = place.database.dialect
            start = start or schema.current(place.database)
    say(offline_sql(dialect, start=start))


@app.command("let-in")
def let_in_command(
    name: Annotated[str, typer.Argument(help="Name of the managed identity.")],
    object_id: Annotated[str, typer.Option(help="Its object id (principal id) in Microsoft Entra ID.")],
    as_json: AsJson = False,
) -> None:
    """Let a managed identity read and write the tables of an Azure SQL database; safe to run again."""
    with workplace(check_schema=False) as place:
        made = let_in(place.database, name, object_id)
    answer({"name": name, "made": made}, f"{name} {'is let in' if made else 'was let in before'}", as_json=as_json)


def _plain(value: object) -> str:
    return "\n".join(value) if isinstance(value, list) else str(value)
