"""``demo``: fills an empty database with companies that do not exist, to look at the console and to show it."""

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import SecretStr

from shared_code.blobs.clients import storage_configured
from shared_code.cli.connection import command_settings
from shared_code.cli.output import AsJson, answer
from shared_code.database.engines import name_of
from shared_code.demo.emptiness import refuse_other_than_sqlite, refuse_platform, refuse_unless_empty
from shared_code.demo.parts import Parts
from shared_code.settings import Settings

if TYPE_CHECKING:
    from shared_code.bootstrap.container import Services

_SEED = 20_261_129


def demo_command(
    into: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="The empty database to fill, as DATABASE_URL names one; else the settings' SQLite file."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fill an empty database with three companies that do not exist.

    They have keys in every state, limits, a year of usage, forty documents
    with reviews, alerts, messages and a log: the same each time, up to today.

    Logins and lines of the log may be there already. Any other row is
    refused, and so is a machine of the platform.

    Where a storage account is set the documents are stored as well, so that
    the console shows their pages.
    """
    refuse_platform()
    services = _services(command_settings(), into)
    try:
        if into is None:
            refuse_other_than_sqlite(services.database)
        services.cipher.check()
        services.ready()
        refuse_unless_empty(services.database)
        from shared_code.demo.fill import fill

        def told(what: str) -> None:
            if not as_json:
                print(f"{what} ...", file=sys.stderr)

        filled = fill(parts_of(services, now=datetime.now(UTC)), told)
        name = name_of(services.database.engine.url)
    finally:
        services.close()
    facts = {field: getattr(filled, field) for field in filled.__slots__}
    pages = f"pages of {filled.copies} documents" if filled.copies else "no pages: no storage account is set"
    answer(
        facts | {"database": name},
        f"{name}: {filled.companies} companies, {filled.keys} keys, {filled.calls} calls, "
        f"{filled.documents} documents, {filled.reviews} reviews; {pages}",
        as_json=as_json,
    )


def _services(settings: Settings, into: str | None) -> "Services":
    """A process's parts on the database that is filled. Pauses between tries are not waited for.

    :raises errors.ConfigurationError: the URL names no database.
    """
    from shared_code.bootstrap.build import build_services

    if into is not None:
        named = {"database_url": SecretStr(into), "azure_sql_connection_string": None}
        settings = settings.model_copy(update=named)
    return build_services(settings, sleep=lambda _: None)


def parts_of(services: "Services", *, now: datetime) -> Parts:
    """What the demo is made with, as of a moment (aware, UTC)."""
    stored = storage_configured(services.settings)
    return Parts(
        database=services.database.unhurried(),
        extraction=services.extraction,
        tokens=services.token_administration,
        quotas=services.quota_administration,
        webhooks=services.webhooks.administration,
        desk=services.reviews.desk,
        rollup=services.rollup,
        documents=services.blobs.documents if stored else None,
        jobs=services.jobs.documents if stored else None,
        now=now,
        seed=_SEED,
    )
