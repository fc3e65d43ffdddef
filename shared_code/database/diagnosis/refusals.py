"""Tells what a login may not do from what is not there, and says what mends it.

The two look alike to a program and need different people: an administrator who grants, or one who creates or migrates.
"""

import re
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from sqlalchemy import Connection, Engine, Table, false, literal, select, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from shared_code.database.drivers import odbc
from shared_code.database.error_causes import classify
from shared_code.database.tables import SCHEMA, metadata


class Kind(Enum):
    """Why a question or a login was refused."""

    #: it is there, and this login may not use it
    DENIED = "denied"
    #: it is not there
    MISSING = "missing"
    OTHER = "other"


#: SQL Server: permission on object, column, database, server, function or schema; access to the database
#: PostgreSQL: insufficient_privilege
_DENIED = frozenset({"229", "230", "262", "297", "300", "371", "916", "42501"})
#: SQL Server: object, column, procedure, schema, database
#: PostgreSQL: undefined_table, undefined_column, undefined_function, invalid_schema_name, invalid_catalog_name
_MISSING = frozenset({"207", "208", "2812", "2760", "911", "42P01", "42703", "42883", "3F000", "3D000"})
_SQLITE_MISSING = re.compile(r"no such (table|column|function|index)")


@dataclass(frozen=True, slots=True)
class LoginRefusal:
    """Why no session was made, in words; ``remedy`` is what a person runs or checks."""

    message: str
    remedy: str


def kind_of(error: SQLAlchemyError) -> Kind:
    """Whether a refused statement lacked a permission or a thing."""
    number = classify(error).number
    if number in _DENIED:
        return Kind.DENIED
    words = str(error.orig) if isinstance(error, DBAPIError) else ""
    return Kind.MISSING if number in _MISSING or _SQLITE_MISSING.search(words) else Kind.OTHER


def denied_tables(connection: Connection) -> list[Table]:
    """Tables of ours that are there and that this login may not read.

    Each is asked for: SQL Server shows a login without any right on a table none, as if it were not there.

    :raises sqlalchemy.exc.DBAPIError: the connection is lost, or the database is away.
    """
    denied: list[Table] = []
    if connection.dialect.name == "sqlite":
        return denied
    # PostgreSQL would refuse all further questions after a failed one; the other needs no savepoint.
    guarded = connection.dialect.name == "postgresql"
    for table in metadata.sorted_tables:
        try:
            with connection.begin_nested() if guarded else nullcontext():
                connection.execute(select(literal(1)).select_from(table).where(false()))
        except DBAPIError as error:
            failure = classify(error)
            if failure.disconnect or failure.transient:
                raise
            if kind_of(error) is Kind.DENIED:
                denied.append(table)
    return denied


def grant_statements(connection: Connection, tables: Sequence[Table]) -> str:
    """What an administrator runs so that this login can work with these tables."""
    postgresql = connection.dialect.name == "postgresql"
    # Azure SQL is not asked for the name: a login that may do nothing may not know it either.
    login = connection.execute(_LOGIN_NAME).scalar_one() if postgresql else "[login's user]"
    quoted = connection.dialect.identifier_preparer.format_table
    made = [f"GRANT SELECT, INSERT, UPDATE, DELETE ON {quoted(table)} TO {login}" for table in tables]
    if postgresql:
        made = [f'GRANT USAGE ON SCHEMA "{SCHEMA}" TO {login}', *made]
        made += [f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {login}" for schema in (f'"{SCHEMA}"', "public")]
    return "; ".join(made)


_LOGIN_NAME = text("SELECT quote_ident(current_user)")
#: what the server says at login -> what it means. ``{database}`` and ``{login}`` are those of the connection string.
_LOGIN: tuple[tuple[re.Pattern[str], LoginRefusal], ...] = (
    (
        re.compile(r'database ".*" does not exist|\(911\)'),
        LoginRefusal("The database {database} does not exist", "CREATE DATABASE {database}, or correct its name"),
    ),
    (
        re.compile(r"permission denied for database|\(916\)"),
        LoginRefusal(
            "The login {login} may not use the database {database}",
            "As an administrator: GRANT CONNECT ON DATABASE {database} TO {login} (PostgreSQL), or CREATE USER {login} "
            "FOR LOGIN {login} in that database (Azure SQL)",
        ),
    ),
    (
        re.compile(r"\(4060\)"),
        LoginRefusal(
            "The database {database} does not exist, or the login {login} has no user in it",
            "Correct the name, or in that database: CREATE USER {login} FOR LOGIN {login} (FROM EXTERNAL PROVIDER for "
            "a managed identity)",
        ),
    ),
    (
        re.compile(r'role ".*" does not exist|authentication failed|\(18456\)|\(18452\)'),
        LoginRefusal(
            "The server refuses the login {login}",
            "Check user and password of the connection string, or the managed identity",
        ),
    ),
    (
        re.compile(r"no pg_hba\.conf entry|\(40615\)|\(40532\)"),
        LoginRefusal(
            "The server does not take connections from this address", "Open its firewall (pg_hba.conf) for this host"
        ),
    ),
)


def explain_login(error: BaseException | None, engine: Engine) -> LoginRefusal | None:
    """What a failed connection means; None when its cause is another one than a permission or a missing thing."""
    if not isinstance(error, SQLAlchemyError):
        return None
    if engine.dialect.name == "sqlite":
        return _explain_file(Path(engine.url.database or "").resolve())
    words = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    for pattern, refusal in _LOGIN:
        if pattern.search(words):
            names = _names(engine)
            return LoginRefusal(refusal.message.format_map(names), refusal.remedy.format_map(names))
    return None


def _names(engine: Engine) -> dict[str, str]:
    """Database and login of the connection string."""
    database, login = engine.url.database, engine.url.username
    connection_string = engine.url.query.get("odbc_connect")
    if isinstance(connection_string, str):
        parts = odbc.parse(connection_string, setting="DATABASE_URL")
        database, login = parts.get("database"), parts.get("uid")
    return {"database": database or "of the connection string", "login": login or "of this service"}


def _explain_file(path: Path) -> LoginRefusal | None:
    if not path.parent.is_dir():
        return LoginRefusal(f"The folder {path.parent} does not exist", "Make it, or correct DATABASE_URL")
    if path.is_dir():
        return LoginRefusal(f"{path} is a folder, not a file", "Correct DATABASE_URL")
    try:
        path.open("rb").close()
    except FileNotFoundError:
        return LoginRefusal(
            f"The file {path.name} does not exist and cannot be made",
            f"Give the service's user the right to write in {path.parent}",
        )
    except OSError:
        return LoginRefusal(
            f"The file {path.name} is there, and this user may not read it",
            f"chown or chmod u+rw it for the service's user, and its folder {path.parent}",
        )
    return None
