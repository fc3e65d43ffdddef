"""What commands work with: the database that the settings name, or all services of a process."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from shared_code import bootstrap
from shared_code.database.connection import Database, create_database
from shared_code.database.key_cipher import KeyCipher
from shared_code.database.stores.keys.token_fields import checked_company
from shared_code.database.stores.operations.admin_audit import Actor
from shared_code.operations.forecasts import Forecasts
from shared_code.operations.quotas import QuotaAdministration
from shared_code.operations.tokens import TokenAdministration
from shared_code.operations.usage_reports import UsageReports
from shared_code.settings import Settings, load_settings

if TYPE_CHECKING:
    from shared_code.bootstrap.container import Services


@dataclass(frozen=True, slots=True)
class Workplace:
    """What a command works with."""

    settings: Settings
    database: Database
    cipher: KeyCipher

    @property
    def tokens(self) -> TokenAdministration:
        """Changes of keys, each with its audit row."""
        return TokenAdministration(self.database, self.cipher, self.settings.default_threshold)

    @property
    def quotas(self) -> QuotaAdministration:
        """Changes of quotas, each with its audit row."""
        return QuotaAdministration(self.database, self.settings.default_time_zone)

    @property
    def usage(self) -> UsageReports:
        """Reports of what was used."""
        return UsageReports(self.database, self.settings.default_time_zone)

    @property
    def forecasts(self) -> Forecasts:
        """When keys and monthly limits run out."""
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
def workplace(*, check_schema: bool = True) -> Iterator[Workplace]:
    """Open, and close at the end; the schema is brought up to date as the service would do it.

    :raises ConfigurationError: a setting is wrong.
    :raises DatabaseUnavailable: the database cannot be reached.
    """
    settings = load_settings()
    ring = settings.token_encryption_keys
    # A person who waits may end a command; a time limit meant for requests must not.
    database = create_database(settings).unhurried()
    try:
        if check_schema:
            from shared_code.database.schema import ensure_schema

            ensure_schema(database, auto_migrate=settings.db_auto_migrate)
        yield Workplace(settings, database, KeyCipher(ring.get_secret_value() if ring else None))
    finally:
        database.close()


@contextmanager
def process_services() -> "Iterator[Services]":
    """The services of this process, built anew; at the end what waits to be written is written.

    A command that needs the tables calls ``ready`` on them.
    """
    try:
        yield bootstrap.services()
    finally:
        bootstrap.reset()


def operator() -> Actor:
    """Who the audit names for a command: the user of this machine."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # a container without a name for its user
        name = "unknown"
    return Actor(f"cli:{name}")
