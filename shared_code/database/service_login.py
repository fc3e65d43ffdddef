"""Lets the identity of the service into an Azure SQL database, with no more rights than its work needs.

A contained user: known to Microsoft Entra ID, without a password, in this database only. It reads and writes rows of
our tables; it makes no tables, so whoever deploys brings the schema up to date. Names cannot be bound in such
statements: they are checked, and nothing but letters, digits, hyphens and underscores gets in.
"""

import re
import uuid
from typing import TYPE_CHECKING

from sqlalchemy import text

from shared_code.database.connection import Database
from shared_code.database.tables import SCHEMA, metadata
from shared_code.errors import InvalidRequest

if TYPE_CHECKING:
    from sqlalchemy import Connection

_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
#: of the tables that the earlier system had outside of any schema of its own
_DEFAULT_SCHEMA = "dbo"
_KNOWN = text("SELECT COUNT(*) FROM sys.database_principals WHERE name = :name")


def statements(name: str, object_id: str) -> tuple[str, list[str]]:
    """What makes the user, and what it may do: with our schema, and with our tables that are in none.

    :param name: of the managed identity, as Microsoft Entra ID shows it.
    :param object_id: its object id (principal id), so that no other one of that name is let in.
    :raises InvalidRequest: a name or an id that cannot be one.
    """
    if not _NAME.fullmatch(name):
        raise InvalidRequest(
            "name must be 1 to 128 letters, digits, hyphens and underscores.", details={"field": "name"}
        )
    try:
        principal = uuid.UUID(object_id)
    except ValueError:
        raise InvalidRequest("object_id must be a UUID.", details={"field": "object_id"}) from None
    outside = [f"OBJECT::[{_DEFAULT_SCHEMA}].[{table.name}]" for table in metadata.sorted_tables if not table.schema]
    return (
        f"CREATE USER [{name}] FROM EXTERNAL PROVIDER WITH OBJECT_ID = '{principal}'",
        [
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {securable} TO [{name}]"
            for securable in (f"SCHEMA::[{SCHEMA}]", *outside)
        ],
    )


def let_in(database: Database, name: str, object_id: str) -> bool:
    """Make the user unless it is there, and grant it its rights; whether it was made. Safe to repeat.

    :raises InvalidRequest: a name or an id that cannot be one, or a database that has no such users.
    """
    create, grants = statements(name, object_id)
    if database.dialect != "mssql":
        raise InvalidRequest("Only Azure SQL knows users of Microsoft Entra ID.", details={"field": "database"})

    def work(connection: "Connection") -> bool:
        known = connection.execute(_KNOWN, {"name": name}).scalar()
        if not known:
            connection.exec_driver_sql(create)
        for grant in grants:
            connection.exec_driver_sql(grant)
        return not known

    return database.run(work)
