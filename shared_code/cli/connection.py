"""What commands work with: the database that the settings name, or all services of a process."""

import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared_code.cli.start import local_settings
from shared_code.database.connection import Database, create_database
from shared_code.database.engines import name_of
from shared_code.database.key_cipher import KeyCipher
from shared_code.database.stores.keys.token_fields import checked_company
from shared_code.database.stores.operations.admin_audit import Actor
from shared_code.database.write_watch import watch_writes
from shared_code.errors import ConfigurationError
from shared_code.settings import Settings, load_settings

if TYPE_CHECKING:
    from shared_code.bootstrap.container import Services
    from shared_code.exports.export import Exports
    from shared_code.operations.forecasts import Forecasts
    from shared_code.operations.quotas import QuotaAdministration
    from shared_code.operations.tokens import TokenAdministration
    from shared_code.operations.usage_reports import UsageReports


@dataclass(frozen=True, slots=True)
class Workplace:
    """What a command works with. What only some commands use is imported by those."""

    settings: Settings
    database: Database
    cipher: KeyCipher

    @property
    def tokens(self) -> "TokenAdministration":
        """Changes of keys, each with its audit row."""
        from shared_code.operations.tokens import TokenAdministration

        return TokenAdministration(self.database, self.cipher, self.settings.default_threshold)

    @property
    def quotas(self) -> "QuotaAdministration":
        """Changes of quotas, each with its audit row."""
        from shared_code.operations.quotas import QuotaAdministration

        return QuotaAdministration(self.database, self.settings.default_time_zone)

    @property
    def usage(self) -> "UsageReports":
        """Reports of what was used."""
        from shared_code.operations.usage_reports import UsageReports

        return UsageReports(self.database, self.settings.default_time_zone)

    @property
    def exports(self) -> "Exports":
        """Many readings at once."""
        from shared_code.exports.export import Exports

        return Exports(self.database, self.settings.default_time_zone)

    @property
    def forecasts(self) -> "Forecasts":
        """When keys and monthly limits run out."""
        from shared_code.operations.forecasts import Forecasts

        return Forecasts(self.database, self.settings.default_time_zone)


#: ids are INT
_MOST_ID = 2**31 - 1
TokenId = Annotated[int, typer.Argument(min=1, max=_MOST_ID, help="The key's id, as `tokens list` shows it.")]
TokenIdOption = Annotated[int | None, typer.Option(min=1, max=_MOST_ID, help="Only this key's.")]


def company_filter(company: str | None) -> str | None:
    """The company that is asked for, in upper case; None = all. An empty one is a mistake, and never all.

    :raises InvalidRequest: it is no company id.
    """
    return None if company is None else checked_company(company)


@contextmanager
def workplace(*, check_schema: bool = True, may_create: bool = False) -> Iterator[Workplace]:
    """Open, and close at the end; the schema is brought up to date as the service would do it.

    :param may_create: a SQLite file that is not there is made.
    :raises ConfigurationError: a setting is wrong, or the SQLite file is not there.
    :raises DatabaseUnavailable: the database cannot be reached.
    """
    settings = command_settings()
    ring = settings.token_encryption_keys
    # A person who waits may end a command; a time limit meant for requests must not.
    database = create_database(settings).unhurried()
    if not may_create:
        _refuse_missing_file(database, settings)
    with _named_when_written(database):
        try:
            if check_schema:
                from shared_code.database.schema import ensure_schema

                ensure_schema(database, auto_migrate=settings.db_auto_migrate)
            yield Workplace(settings, database, KeyCipher(ring.get_secret_value() if ring else None))
        finally:
            database.close()


@contextmanager
def process_services(*, may_create: bool = False) -> "Iterator[Services]":
    """The services of this process, built anew; at the end what waits to be written is written.

    A command that needs the tables calls ``ready`` on them. Parameter and errors as :func:`workplace`.
    """
    # On use: they bring everything that reads documents.
    from shared_code import bootstrap

    command_settings()
    try:
        services = bootstrap.services()
        if not may_create:
            _refuse_missing_file(services.database, services.settings)
        with _named_when_written(services.database):
            try:
                yield services
            finally:
                # Before the database is named: what waits is written now.
                bootstrap.reset()
    finally:
        bootstrap.reset()


def command_settings() -> Settings:
    """The settings that a command works by: the environment's, else those of the local stack.

    :raises ConfigurationError: names every wrong setting.
    """
    local_settings.adopt_local_settings()
    return load_settings()


@contextmanager
def _named_when_written(database: Database) -> Iterator[None]:
    """Say at the end which database was written to, if it was: on standard error, in one line, without a password."""
    with watch_writes(database) as watch:
        try:
            yield
        finally:
            if watch.has_written:
                print(f"database: {name_of(database.engine.url)}", file=sys.stderr)


def _refuse_missing_file(database: Database, settings: Settings) -> None:
    """A command that works on a database must not make an empty one, because a setting is missing or mistyped.

    :raises ConfigurationError: says what to set, and what makes one.
    """
    path = Path(database.engine.url.database or "").resolve()
    # Of a folder that is not there the schema's check says so.
    if database.dialect != "sqlite" or path.exists() or not path.parent.is_dir():
        return
    make = "'manage.py db upgrade' or 'manage.py setup' makes it"
    if settings.database_url is not None:
        raise ConfigurationError(f"The database file {path} does not exist. Correct DATABASE_URL; {make}")
    raise ConfigurationError(
        f"No database is set. Set {' or '.join(local_settings.NAMES)}, or start 'dev.py run', which writes "
        f"{local_settings.FILE.as_posix()} beside manage.py. Without them it is the file {path}, which does not exist; "
        f"{make}"
    )


def operator() -> Actor:
    """Who the audit names for a command: the user of this machine."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # a container without a name for its user
        name = "unknown"
    return Actor(f"cli:{name}")
