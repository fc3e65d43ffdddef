"""Where the demo's data may go: into a database without any, on a machine that is not the platform's."""

from typing import TYPE_CHECKING

from shared_code.database.engines import name_of
from shared_code.database.stores.demo.row_counts import rows_by_table
from shared_code.errors import ConfigurationError, Conflict
from shared_code.settings import platform_variable

if TYPE_CHECKING:
    from shared_code.database.connection import Database


def refuse_platform() -> None:
    """Keep the demo away from where the service runs for others.

    :raises ConfigurationError: a variable of the platform is set.
    """
    found = platform_variable()
    if found is not None:
        raise ConfigurationError(f"The demo is for a machine of one's own, and {found} says that this is the platform.")


def refuse_other_than_sqlite(database: "Database") -> None:
    """Keep the demo out of a server's database that nobody has named for it.

    :raises ConfigurationError: the database of the settings is none of SQLite.
    """
    if database.dialect != "sqlite":
        raise ConfigurationError(
            f"The settings name the {name_of(database.engine.url)}. The demo goes into a SQLite file, or into an empty "
            "database that --into names"
        )


def refuse_unless_empty(database: "Database") -> None:
    """Keep the demo out of other people's data.

    :raises Conflict: says which tables have how many rows.
    """
    found = database.read(rows_by_table)
    if found:
        told = ", ".join(f"{table} has {number} row{'s' if number > 1 else ''}" for table, number in found.items())
        raise Conflict(
            f"The {name_of(database.engine.url)} is not empty: {told}. Only an empty one is filled; "
            "'--into sqlite:///demo.sqlite' makes a new file.",
            details=found,
        )
