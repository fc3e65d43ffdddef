"""Builds the SQLAlchemy engine for the database that the settings name: Azure SQL, PostgreSQL or SQLite.

What differs between the three at connection level is here and nowhere else.
"""

import re
import stat
import struct
import urllib.parse
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection, Dialect, ExceptionContext
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry

from shared_code.azure_login import azure_credential
from shared_code.database.drivers import odbc, parameter_types
from shared_code.database.drivers.driver_limits import hold_to_time_limits
from shared_code.database.drivers.liveness import ask_idle_connections
from shared_code.database.drivers.sqlite_names import call_tables_by_their_names
from shared_code.database.error_causes import LoginFailed, classify
from shared_code.errors import ConfigurationError
from shared_code.settings import Settings

#: Connections with this execution option begin as writers, which only SQLite has to be told.
WRITE_OPTION = "begin_write"

_DEFAULT_URL = "sqlite:///invoice_extraction.db"
_DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "sqlite+pysqlite": "sqlite+pysqlite",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
    "mssql": "mssql+pyodbc",
    "mssql+pyodbc": "mssql+pyodbc",
}
_SCHEME = re.compile(r"[a-z][a-z0-9+]{0,29}", re.IGNORECASE)
#: a writer that waits longer than this for a lock lets go and starts again; its time limit may end the wait earlier
LOCK_TIMEOUT_SECONDS = 15
_BUSY_TIMEOUT = "busy_timeout"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_TOKEN_SCOPE = "https://database.windows.net/.default"  # noqa: S105 - a scope, not a secret
_SQL_COPT_SS_ACCESS_TOKEN = 1256
TokenSource = Callable[[], str]


@dataclass(frozen=True, slots=True)
class Target:
    """Where the database is. ``url`` holds the password: render it only with ``hide_password``, never log it."""

    url: URL
    #: an access token is handed over at each login (managed identity, or the Azure CLI's login on a laptop)
    needs_token: bool = False

    @property
    def dialect(self) -> str:
        """sqlite, postgresql or mssql."""
        return self.url.get_backend_name()


def resolve_target(settings: Settings) -> Target:
    """Read the two settings that name the database.

    :raises ConfigurationError: unknown scheme, malformed string, in-memory SQLite, no ODBC driver; names the setting.
    """
    if settings.azure_sql_connection_string is not None:
        text = settings.azure_sql_connection_string.get_secret_value()
        return _azure_target(odbc.parse(text, setting="AZURE_SQL_CONNECTION_STRING"), settings)
    text = settings.database_url.get_secret_value() if settings.database_url else _DEFAULT_URL
    url = _parse_url(text)
    if url.get_backend_name() == "mssql":
        ((connection_string,), _) = url.get_dialect()().create_connect_args(url)
        parts = odbc.parse(connection_string, setting="DATABASE_URL")
        # SQLAlchemy writes these two when the URL is silent on them.
        if parts.get("driver") == "{None}":
            del parts["driver"]
        parts.pop("trusted_connection", None)
        return _azure_target(parts, settings)
    return Target(url)


def name_of(url: URL) -> str:
    """Names a database for people: system, place and database; never a login, a password or another option."""
    if url.get_backend_name() == "sqlite":
        return f"SQLite file {Path(url.database or '').resolve()}"
    connection_string = url.query.get("odbc_connect")
    if isinstance(connection_string, str):
        parts = odbc.parse(connection_string, setting="DATABASE_URL")
        place = parts.get("server") or parts.get("dsn") or "the driver's default server"
        return f"Azure SQL database {parts.get('database', 'of the login')} on {place}"
    # Without a host PostgreSQL takes the one of the query: a folder of sockets.
    host = url.host or url.query.get("host") or "this machine"
    port = f":{url.port}" if url.port else ""
    return f"PostgreSQL database {url.database or url.username} on {host}{port}"


def _parse_url(text: str) -> URL:
    scheme = text.partition("://")[0].strip()
    try:
        url = make_url(text.strip())
    except (ArgumentError, ValueError):
        # The library's message holds the URL with its password. Text before :// that does not look like a scheme is
        # not shown either: it may be part of a password.
        shown = f" (scheme {scheme!r})" if _SCHEME.fullmatch(scheme) else ""
        raise ConfigurationError(
            f"DATABASE_URL is not a URL{shown}" if text.strip() else "DATABASE_URL is empty"
        ) from None
    drivername = _DRIVERS.get(url.drivername)
    if drivername is None:
        raise ConfigurationError(
            f"DATABASE_URL: unknown scheme {url.drivername!r}; use sqlite, postgresql or mssql+pyodbc"
        )
    if drivername.startswith("sqlite") and url.database in (None, "", ":memory:"):
        raise ConfigurationError("DATABASE_URL: SQLite needs a file; an in-memory database ends with its connection")
    return url.set(drivername=drivername)


def _azure_target(parts: dict[str, str], settings: Settings) -> Target:
    connection_string, needs_token = odbc.complete(
        parts, drivers=lambda: _pyodbc().drivers(), client_id=settings.db_managed_identity_client_id
    )
    # Encoded by hand: URL.create(query=...) would be decoded once more than it is encoded for some characters.
    url = make_url("mssql+pyodbc:///?odbc_connect=" + urllib.parse.quote_plus(connection_string))
    return Target(url, needs_token=needs_token)


def _pyodbc() -> Any:
    try:
        import pyodbc
    except ImportError as error:
        raise ConfigurationError(odbc.INSTALL_ODBC) from error
    # Before the first connection of the process: the driver manager's pool would hand out dead connections.
    pyodbc.pooling = False
    return pyodbc


def build_engine(target: Target, settings: Settings, *, token_source: TokenSource | None = None) -> Engine:
    """Make the engine. Nothing connects yet.

    :param token_source: gives access tokens for Azure SQL; azure-identity's by default.
    """
    options: dict[str, Any] = {
        "pool_size": settings.db_pool_size,
        "max_overflow": settings.db_max_overflow,
        "pool_timeout": settings.db_retry_budget_seconds,
        "hide_parameters": True,
    }
    if target.dialect == "mssql":
        _pyodbc()
        options["connect_args"] = {"timeout": settings.db_login_timeout_seconds}
    elif target.dialect == "postgresql":
        options["connect_args"] = {
            "connect_timeout": settings.db_login_timeout_seconds,
            "application_name": "invoice-extraction",
            # A pooler (PgBouncer in transaction mode) gives each transaction another session, which does not know the
            # statements that were prepared on the one before.
            "prepare_threshold": None,
            # A server that vanished without closing is noticed in half a minute.
            "keepalives_idle": 15,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 30_000,
        }
        options["isolation_level"] = "READ COMMITTED"
    else:
        options["connect_args"] = {"timeout": LOCK_TIMEOUT_SECONDS, "check_same_thread": False}
    if target.dialect != "sqlite":
        options["pool_recycle"] = settings.db_pool_recycle_seconds
    engine = create_engine(target.url, **options)
    _listen(engine, target, settings, token_source)
    if target.dialect == "sqlite":
        call_tables_by_their_names(engine)
    return engine


def reader_of(engine: Engine) -> Engine:
    """The engine for units of work that only read."""
    if engine.dialect.name != "postgresql":
        return engine
    # Each statement sees what was committed before it, also in a transaction: to begin and end one is two round trips.
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def _listen(engine: Engine, target: Target, settings: Settings, token_source: TokenSource | None) -> None:
    event.listen(engine, "handle_error", _mark_disconnect)
    if target.dialect == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "connect", _keep_private(target.url.database or ""))
        event.listen(engine, "begin", _begin_sqlite)
    if target.dialect == "mssql":
        event.listen(engine, "connect", _limit_lock_waits)
        parameter_types.listen(engine, _pyodbc())
    if target.needs_token:
        source = token_source or partial(_access_token, settings.db_managed_identity_client_id)
        event.listen(engine, "do_connect", _token_handover(source))
    if target.dialect != "sqlite":
        hold_to_time_limits(engine)
        ask_idle_connections(engine)


def _mark_disconnect(context: ExceptionContext) -> None:
    # Azure SQL closes the connection with these errors; the library knows only broken sockets by itself, and its
    # rollback on the closed socket would hide the error that told why.
    failure = classify(context.original_exception)
    if failure.disconnect:
        context.is_disconnect = True
        context.invalidate_pool_on_disconnect = failure.whole_pool


def limit_sqlite_wait(connection: Connection, seconds: float) -> None:
    """Wait for a writer in another process no longer than ``seconds``, and than any wait for a lock.

    Past SQLAlchemy, whose statement would cost more than the transaction's own.
    """
    milliseconds = int(min(max(seconds, 0.0), LOCK_TIMEOUT_SECONDS) * 1000)
    if connection.info.get(_BUSY_TIMEOUT) == milliseconds:
        return
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute(f"PRAGMA busy_timeout = {milliseconds}")
    connection.info[_BUSY_TIMEOUT] = milliseconds


def _prepare_sqlite(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    # The driver must not begin transactions by itself: _begin_sqlite does.
    connection.isolation_level = None
    for pragma in ("foreign_keys = ON", "synchronous = NORMAL", "temp_store = MEMORY"):
        connection.execute(f"PRAGMA {pragma}")


def _keep_private(path: str) -> Callable[[DBAPIConnection, ConnectionPoolEntry], None]:
    """Takes the rights of others off the file, before anything is written: it holds keys, names and readings.

    By its name and not through a descriptor: closing one would give up the locks that SQLite holds on the file.
    """

    def tighten(_connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        for file in (Path(path), Path(f"{path}-wal"), Path(f"{path}-shm")):
            with suppress(OSError):  # not there yet, or another user's
                mode = stat.S_IMODE(file.stat().st_mode)
                if mode & _OTHERS:
                    file.chmod(mode & ~_OTHERS)

    return tighten


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that reads first fails at its first write when another one has written meanwhile.
    if connection.get_execution_options().get(WRITE_OPTION):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        return
    # It waits for nobody, so that there is no error to understand: past SQLAlchemy, as in limit_sqlite_wait.
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute("BEGIN")


def _limit_lock_waits(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    # State of the session, which Azure SQL's clients have for themselves.
    cursor = connection.cursor()
    cursor.execute(f"SET LOCK_TIMEOUT {LOCK_TIMEOUT_SECONDS * 1000}")
    cursor.close()
    connection.commit()


def _access_token(client_id: str | None) -> str:
    """The current token for Azure SQL; azure-identity keeps it until shortly before it ends."""
    from azure.core.exceptions import AzureError

    try:
        return str(azure_credential(client_id).get_token(_TOKEN_SCOPE).token)
    except AzureError as error:
        raise LoginFailed(error) from error


def _token_handover(source: TokenSource) -> Callable[..., None]:
    def hand_over(
        _dialect: Dialect, _record: ConnectionPoolEntry, _args: list[Any], parameters: dict[str, Any]
    ) -> None:
        token = source().encode("utf-16-le")
        parameters["attrs_before"] = {_SQL_COPT_SS_ACCESS_TOKEN: struct.pack(f"<I{len(token)}s", len(token), token)}

    return hand_over
