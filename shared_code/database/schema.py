"""Keeps a database's schema at the version that this code needs.

The check at start costs two queries: the version, and the unique indexes, which a version number alone does not prove.
An upgrade is one transaction under a lock that all instances share: of ten that start together one migrates, and the
others find the work done. Alembic is loaded only when there is something to do.
"""

import io
import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, column, select, table, text
from sqlalchemy.exc import DBAPIError, OperationalError

from shared_code.database import unique_indexes, unquoted_tables
from shared_code.database.connection import Database, repeatable
from shared_code.database.engines import WRITE_OPTION
from shared_code.database.error_causes import Cause, classify
from shared_code.database.tables import SCHEMA
from shared_code.errors import ConfigurationError, DatabaseUnavailable

if TYPE_CHECKING:
    from alembic.config import Config

#: The newest migration. A test holds it to the files.
HEAD = "0022"

_log = logging.getLogger(__name__)

#: where the version stands, beside our tables
VERSION_TABLE = "alembic_version"
#: an instance that finds another one migrating waits this long
_LOCK_SECONDS = 600
#: waits for a database that is away or waking up
_BUDGET_SECONDS = 90.0
_LOCK_NAME = "invoice-extraction-schema"
_LOCK_NUMBER = 0x1A7C_EE5C_4E3A
_NO_SUCH_TABLE = frozenset({"208", "42P01", "3F000"})
#: Alembic keeps its current context in module globals
one_alembic_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Migration:
    """One step that a database still lacks."""

    revision: str
    title: str


def ensure_schema(database: Database, *, auto_migrate: bool) -> None:
    """Check the schema, and bring it up to date when that is allowed.

    :raises ConfigurationError: it is not up to date or lacks a unique index, and ``auto_migrate`` is off or rows that
        are double keep the index from being made.
    :raises DatabaseUnavailable: the database cannot be reached.
    """
    version = current(database)
    if version == HEAD:
        _ensure_unique_indexes(database, auto_migrate=auto_migrate)
        return
    if version is not None and version > HEAD:
        # Steps only add; this is the older half of a deployment that is under way, or of one that was rolled back.
        _log.warning("the database's schema is at %s, newer than this code's %s", version, HEAD)
        return
    if not auto_migrate:
        raise ConfigurationError(
            f"The database's schema is at {version or 'none'}, this code needs {HEAD}: run 'manage.py db upgrade', "
            "or set DB_AUTO_MIGRATE=true"
        )
    upgrade(database)


def _ensure_unique_indexes(database: Database, *, auto_migrate: bool) -> None:
    missing = database.read(unique_indexes.missing)
    if not missing:
        return
    if not auto_migrate:
        raise ConfigurationError(
            f"{unique_indexes.describe(missing)}: bookings could double. Run 'manage.py db upgrade', which makes what "
            "is missing ('manage.py diagnose' shows the statements), or set DB_AUTO_MIGRATE=true"
        )
    upgrade(database)


def current(database: Database) -> str | None:
    """The schema's version, or None when the database was never migrated. One query.

    :raises ConfigurationError: the folder of the SQLite file does not exist.
    :raises DatabaseUnavailable: the database cannot be reached.
    """
    _check_folder(database)
    return database.read(_version)


def upgrade(database: Database) -> None:
    """Bring the schema up to date, as a whole or not at all; waits while another instance does.

    A unique index that was lost is made again.

    :raises ConfigurationError: the folder of the SQLite file does not exist, rows that are double keep a unique
        index from being made, or tables with unquoted names cannot be taken over.
    :raises DatabaseUnavailable: the database cannot be reached, or another instance holds the lock for too long.
    """
    _check_folder(database)
    if database.dialect == "sqlite":
        with _sqlite_lock(database):
            _use_wal(database)
            _upgrade_sqlite(database)
    else:
        # An index over millions of rows takes its time.
        patient = database.unhurried(seconds=None)
        patient.run(_upgrade_server, budget_seconds=_BUDGET_SECONDS, on_unknown=repeatable)


def pending(database: Database) -> list[Migration]:
    """The steps that an upgrade would make, in order. Raises as :func:`current`."""
    version = current(database)
    return [step for step in steps() if version is None or step.revision > version]


def _version(connection: Connection) -> str | None:
    where = table(VERSION_TABLE, column("version_num"), schema=None if connection.dialect.name == "sqlite" else SCHEMA)
    try:
        version: str | None = connection.execute(select(where.c.version_num)).scalar()
    except DBAPIError as error:
        if classify(error).number in _NO_SUCH_TABLE or "no such table" in str(error.orig):
            return None
        raise
    return version


def _upgrade_server(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER})
    else:
        granted = connection.execute(
            text(
                "DECLARE @granted INT; "
                f"EXEC @granted = sp_getapplock @Resource = N'{_LOCK_NAME}', @LockMode = N'Exclusive', "
                f"@LockOwner = N'Transaction', @LockTimeout = {_LOCK_SECONDS * 1000}; SELECT @granted"
            )
        ).scalar()
        if granted is None or granted < 0:
            raise DatabaseUnavailable("Another instance has been upgrading the database's schema for too long")
    connection.execute(text(create_schema(connection.dialect.name)))
    if connection.dialect.name == "postgresql" and _version_inside(connection) is None:
        unquoted_tables.take_over(connection)
    _migrate(connection)


def _migrate(connection: Connection) -> None:
    before = _version_inside(connection)
    if before is None or before < HEAD:
        from alembic import command

        config = alembic_config(connection.dialect.name)
        config.attributes["connection"] = connection
        started = time.monotonic()
        with one_alembic_at_a_time:
            command.upgrade(config, "head")
        _log.info("schema upgraded from %s to %s in %.1f s", before or "none", HEAD, time.monotonic() - started)
    if before is None or before <= HEAD:
        # A newer schema may do without one that this code knows.
        _restore_unique_indexes(connection)


def _restore_unique_indexes(connection: Connection) -> None:
    missing = unique_indexes.missing(connection)
    if missing:
        unique_indexes.create(connection, missing)
        _log.warning("%s: made again", unique_indexes.describe(missing))


def _version_inside(connection: Connection) -> str | None:
    # In a savepoint: PostgreSQL ends a transaction in which a statement failed.
    savepoint = connection.begin_nested()
    version = _version(connection)
    if savepoint.is_active:
        savepoint.rollback()
    return version


def create_schema(dialect: str) -> str:
    """The statement that makes our schema where it is missing."""
    if dialect == "postgresql":
        return f'CREATE SCHEMA IF NOT EXISTS "{SCHEMA}"'
    # CREATE SCHEMA must be alone in its batch.
    return f"IF SCHEMA_ID(N'{SCHEMA}') IS NULL EXEC(N'CREATE SCHEMA [{SCHEMA}]')"


def _check_folder(database: Database) -> None:
    if database.dialect == "sqlite" and not _sqlite_path(database).parent.is_dir():
        raise ConfigurationError(f"DATABASE_URL: the folder {_sqlite_path(database).parent} does not exist")


def _sqlite_path(database: Database) -> Path:
    return Path(database.engine.url.database or "").resolve()


@contextmanager
def _sqlite_lock(database: Database) -> Iterator[None]:
    """A lock between processes that ends with its holder: an exclusive transaction on a file beside the database."""
    path = _sqlite_path(database)
    beside = path.with_name(path.name + "-schema-lock")
    with closing(sqlite3.connect(beside, timeout=_LOCK_SECONDS, isolation_level=None, check_same_thread=False)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise DatabaseUnavailable("The database's folder cannot be written, or its schema is locked") from error
        yield
        lock.execute("ROLLBACK")


def _use_wal(database: Database) -> None:
    """Readers beside the writer. The switch fails at once on a busy file, whatever the time-out, hence the tries."""

    def switch(connection: Connection) -> None:
        raw: Any = connection.connection.dbapi_connection
        mode = raw.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            _log.warning("SQLite keeps journal mode %s; its folder may not support WAL", mode)

    database.read(switch)


def _upgrade_sqlite(database: Database) -> None:
    try:
        with database.engine.connect().execution_options(**{WRITE_OPTION: True}) as connection:
            raw: Any = connection.connection.dbapi_connection
            # Copied tables are dropped while others refer to them; the switch does nothing inside a transaction.
            raw.execute("PRAGMA foreign_keys = OFF")
            try:
                with connection.begin():
                    _migrate(connection)
            finally:
                raw.execute("PRAGMA foreign_keys = ON")
    except OperationalError as error:
        if classify(error).cause is Cause.STATEMENT:
            raise
        raise DatabaseUnavailable from error


def steps() -> list[Migration]:
    """All migrations, in order."""
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(alembic_config("sqlite"))
    found = [Migration(step.revision, step.doc) for step in script.walk_revisions()]
    return sorted(found, key=lambda step: step.revision)


def alembic_config(dialect: str) -> "Config":
    """Alembic's settings for our migrations, silent."""
    from alembic.config import Config

    config = Config(stdout=io.StringIO())
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["dialect"] = dialect
    return config
