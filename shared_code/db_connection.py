"""The seed documents' names for the database. The service itself uses :mod:`shared_code.database.connection`."""

from sqlalchemy import PoolProxiedConnection

from shared_code import bootstrap
from shared_code.database import connection
from shared_code.database.schema import upgrade
from shared_code.errors import ConfigurationError


class Database:
    """The second seed document's ``Database()``: the process's own database."""

    def get_connection(self) -> PoolProxiedConnection:
        """See :func:`get_connection`."""
        return get_connection()


def get_connection() -> PoolProxiedConnection:
    """A DB-API connection of the process's database (``cursor()``, ``commit()``, ``close()`` returns it to the pool).

    :raises errors.ConfigurationError: a setting is wrong.
    """
    return _database().engine.raw_connection()


def create_token_tables(conn: object = None) -> None:
    """Bring the schema of the process's database up to date; ``conn`` is accepted, as in the seed, and not needed.

    :raises errors.ConfigurationError: a setting is wrong.
    :raises errors.DatabaseUnavailable: the database cannot be reached.
    """
    del conn
    upgrade(_database())


def _database() -> connection.Database:
    """The one that is installed, or that of the settings: a script of its own has installed none."""
    try:
        return connection.default_database()
    except ConfigurationError:
        return bootstrap.services().database
