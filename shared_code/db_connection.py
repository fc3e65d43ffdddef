"""The seed document's names for the database. The service itself uses :mod:`shared_code.database.connection`."""

from sqlalchemy import PoolProxiedConnection

from shared_code.database.connection import default_database
from shared_code.database.schema import upgrade


def get_connection() -> PoolProxiedConnection:
    """A DB-API connection of the default database (``cursor()``, ``commit()``, ``close()`` returns it to the pool).

    :raises errors.ConfigurationError: no default database is installed.
    """
    return default_database().engine.raw_connection()


def create_token_tables(conn: object = None) -> None:
    """Bring the default database's schema up to date; ``conn`` is accepted, as in the seed, and not needed.

    :raises errors.ConfigurationError: no default database is installed.
    :raises errors.DatabaseUnavailable: the database cannot be reached.
    """
    del conn
    upgrade(default_database())
