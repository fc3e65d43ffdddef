"""From the two settings to an engine: what is completed, what is refused and how it is said."""

import sqlite3
import urllib.parse
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from shared_code.database.drivers import odbc
from shared_code.database.engines import build_engine, resolve_target
from shared_code.database.error_causes import Cause, LoginFailed, classify
from shared_code.errors import ConfigurationError
from shared_code.settings import Settings, load_settings

PORTAL = (
    "Driver={ODBC Driver 18 for SQL Server};Server=tcp:nord.database.windows.net,1433;Database=invoices;"
    "Uid=app;Pwd={ge;he}}im};Encrypt=yes;TrustServerCertificate=no;Connection Timeout=30;"
)
WITHOUT_LOGIN = "Server=tcp:nord.database.windows.net,1433;Database=invoices"
NEWEST = "ODBC Driver 18 for SQL Server"
INSTALLED = ["SQLite3", "ODBC Driver 17 for SQL Server", NEWEST, "ODBC Driver 9 for SQL Server", "SQL Server"]


def complete(text, **options):
    made, needs_token = odbc.complete(odbc.parse(text, setting="S"), drivers=lambda: INSTALLED, **options)
    return odbc.parse(made, setting="S"), needs_token


def settings(**values):
    return Settings(**{"azure_sql_connection_string": None, "database_url": None} | values)


def test_string_of_the_portal_is_kept_and_completed():
    parts, needs_token = complete(PORTAL)
    assert not needs_token
    assert parts == {
        "driver": "{ODBC Driver 18 for SQL Server}",
        "server": "tcp:nord.database.windows.net,1433",
        "database": "invoices",
        "uid": "app",
        "pwd": "{ge;he}}im}",
        "encrypt": "yes",
        "trustservercertificate": "no",
        "connectretrycount": "3",
        "connectretryinterval": "10",
    }


def test_newest_installed_driver_is_taken_when_none_is_named():
    parts, _ = complete(WITHOUT_LOGIN)
    assert parts["driver"] == f"{{{NEWEST}}}"
    assert parts["encrypt"] == "yes"


def test_without_a_driver_the_error_says_how_to_install_one():
    with pytest.raises(ConfigurationError, match="msodbcsql18"):
        odbc.pick_driver(["SQLite3", "SQL Server"])


@pytest.mark.parametrize(
    ("text", "needs_token"),
    [
        (WITHOUT_LOGIN, True),
        (WITHOUT_LOGIN + ";Authentication=ActiveDirectoryDefault", True),
        (WITHOUT_LOGIN + ";Authentication=ActiveDirectoryMsi", False),
        (WITHOUT_LOGIN + ";Authentication=ActiveDirectoryMsi;UID=client", False),
        (WITHOUT_LOGIN + ";User=a;Password=b", False),
        (WITHOUT_LOGIN + ";Trusted_Connection=yes", False),
    ],
)
def test_token_is_fetched_only_when_the_string_has_no_login(text, needs_token):
    parts, needs = complete(text)
    assert needs is needs_token
    assert "activedirectorydefault" not in str(parts).lower()


def test_client_id_names_the_user_assigned_identity():
    text = WITHOUT_LOGIN + ";Authentication=ActiveDirectoryMsi"
    assert complete(text, client_id="c1")[0]["uid"] == "c1"
    assert complete(text + ";UID=own", client_id="c1")[0]["uid"] == "own"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Server=tcp:x;Initial Catalog=y;User ID=u;Password=geheim;", "ADO.NET"),
        (PORTAL.replace("{ge;he}}im}", "{your_password_here}"), "placeholder"),
        ("geheim", "not an ODBC connection string"),
        ("mssql://u:geheim@h/d", "not an ODBC connection string"),
    ],
)
def test_mistakes_are_named_without_the_secret(text, message):
    with pytest.raises(ConfigurationError, match=message) as raised:
        resolve_target(settings(azure_sql_connection_string=text))
    assert "geheim" not in str(raised.value)
    assert "AZURE_SQL_CONNECTION_STRING" in str(raised.value)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://u:geheim@h/d", "unknown scheme 'mysql'"),
        ("postgresql+asyncpg://u:geheim@h/d", r"unknown scheme 'postgresql\+asyncpg'"),
        ("mssql+pymssql://u:geheim@h/d", "mssql"),
        ("sqlite://", "file"),
        ("sqlite:///:memory:", "file"),
        ("geheim", "not a URL"),
        ("postgresql://u:geheim@h:port/d", "not a URL"),
    ],
)
def test_unusable_urls_are_named_by_scheme_without_the_secret(url, message):
    with pytest.raises(ConfigurationError, match=message) as raised:
        resolve_target(settings(database_url=url))
    assert "u:geheim" not in str(raised.value)
    assert "DATABASE_URL" in str(raised.value)


def test_both_settings_are_refused_by_name(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "sqlite:///x.db")
    monkeypatch.setenv("AZURE_SQL_CONNECTION_STRING", PORTAL)
    with pytest.raises(ConfigurationError, match="AZURE_SQL_CONNECTION_STRING and DATABASE_URL") as raised:
        load_settings()
    assert "he}}im" not in str(raised.value)


def test_the_default_zone_is_trimmed_or_refused_by_name(monkeypatch):
    monkeypatch.setenv("DEFAULT_TIME_ZONE", " Asia/Kolkata\n")
    assert load_settings().default_time_zone == "Asia/Kolkata"
    for wrong in ("Asia/Kolkatta", "America", "localtime", " "):
        monkeypatch.setenv("DEFAULT_TIME_ZONE", wrong)
        with pytest.raises(ConfigurationError, match=r"DEFAULT_TIME_ZONE.*is not an IANA time zone"):
            load_settings()


@pytest.mark.parametrize(
    ("url", "dialect", "needs_token"),
    [
        (None, "sqlite", False),
        ("postgresql://u:p@h/d", "postgresql", False),
        ("mssql+pyodbc://u:p%40ss@h:1433/d?driver=ODBC+Driver+18+for+SQL+Server", "mssql", False),
        ("mssql://h/d?driver=X", "mssql", True),
        ("mssql+pyodbc:///?odbc_connect=" + urllib.parse.quote_plus(PORTAL), "mssql", False),
    ],
)
def test_usable_urls(url, dialect, needs_token):
    target = resolve_target(settings(database_url=url))
    assert (target.dialect, target.needs_token) == (dialect, needs_token)
    if dialect == "mssql":
        text = target.url.query["odbc_connect"]
        assert "trusted_connection" not in text.lower()
        assert "connectretrycount=3" in text
        assert ("p@ss" in text) == ("p%40ss" in url)


def test_pool_follows_the_settings():
    engine = build_engine(
        resolve_target(settings(database_url="postgresql://u:p@h/d")), settings(db_pool_size=3, db_max_overflow=1)
    )
    assert (engine.pool.size(), engine.pool._max_overflow, engine.pool._recycle) == (3, 1, 1500)
    assert "p@h" not in repr(engine)


#: as pyodbc's own, which cannot be imported where no driver manager is installed; it is told by its module
ProgrammingError = type("ProgrammingError", (Exception,), {"__module__": "pyodbc"})


def odbc_error(state, number, text="words"):
    message = f"[{state}] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]{text} ({number}) (SQLExecDirectW)"
    return DBAPIError("SELECT 1", None, ProgrammingError(state, message))


@pytest.mark.parametrize(
    ("numbers", "cause"),
    [
        ((1204, 1205, 1222, 3960, 3966, 3935, 1807), Cause.CONTENTION),
        (
            (40613, 40501, 40197, 10928, 10929, 49918, 49919, 49920, 40143, 40540, 42108, 42109, 4221, 4060),
            Cause.OUTAGE,
        ),
        ((10922, 10936, 14355, 17197, 40549, 40553), Cause.OUTAGE),
        ((10053, 10054, 10060, 121, 64, 20, 233, 997, 3906, 976), Cause.CONNECTION),
        ((18456, 40615, 40532, 40544), Cause.REFUSED),
        ((208, 2628, 8115, 245, 2627, 102), Cause.STATEMENT),
    ],
)
def test_azure_errors_are_told_by_number_whatever_their_class(numbers, cause):
    for number in numbers:
        failure = classify(odbc_error("42000", number))
        assert (failure.cause, failure.number) == (cause, str(number))
        assert failure.disconnect == (cause in (Cause.OUTAGE, Cause.CONNECTION))


@pytest.mark.parametrize("state", ["08S01", "08001", "28000", "HYT00", "42000"])
def test_states_without_a_number(state):
    lost, late = ("08S01", "08001"), ("HYT00",)
    wanted = dict.fromkeys(lost + late, Cause.CONNECTION) | {"28000": Cause.REFUSED}
    assert classify(odbc_error(state, 0)).cause is wanted.get(state, Cause.STATEMENT)


@pytest.mark.parametrize("number", [701, 8628, 8645, 8651, 9002, 1105])
def test_a_server_that_is_short_of_something_keeps_its_connections(number):
    failure = classify(odbc_error("42000", number))
    assert (failure.cause, failure.disconnect) == (Cause.OUTAGE, False)


@pytest.mark.parametrize("number", [3906, 976])
def test_sessions_that_cannot_write_leave_the_pool_all_at_once(number):
    assert classify(odbc_error("42000", number)).whole_pool


def test_an_error_that_nobody_knows_is_the_statements_fault_but_never_a_logins():
    unknown = odbc_error("42000", 33333)
    assert classify(unknown).cause is Cause.STATEMENT
    failure = classify(LoginFailed(unknown))
    assert (failure.cause, failure.number) == (Cause.OUTAGE, "33333")
    assert classify(LoginFailed(odbc_error("28000", 18456))).cause is Cause.REFUSED
    assert classify(LoginFailed(ValueError())).cause is Cause.OUTAGE


def postgresql_error(state=None, words="", kind="Error"):
    error = type(kind, (psycopg.OperationalError,), {"__module__": "psycopg", "sqlstate": state})(words)
    return DBAPIError("SELECT 1", None, error)


@pytest.mark.parametrize(
    ("state", "cause", "disconnect"),
    [
        ("53100", Cause.OUTAGE, False),
        ("53200", Cause.OUTAGE, False),
        ("53300", Cause.OUTAGE, True),
        ("53400", Cause.OUTAGE, False),
        ("57P01", Cause.OUTAGE, True),
        ("57P03", Cause.OUTAGE, True),
        ("58030", Cause.OUTAGE, False),
        ("25006", Cause.CONNECTION, True),
        ("57014", Cause.CONNECTION, False),
        ("08006", Cause.CONNECTION, True),
        ("08P01", Cause.CONNECTION, True),
        ("55P03", Cause.CONTENTION, False),
        ("42P01", Cause.STATEMENT, False),
    ],
)
def test_postgresql_is_told_by_state(state, cause, disconnect):
    failure = classify(postgresql_error(state))
    assert (failure.cause, failure.number, failure.disconnect) == (cause, state, disconnect)


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        ("FATAL:  sorry, too many clients already", Cause.OUTAGE),
        ("FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute", Cause.OUTAGE),
        ('FATAL:  too many connections for role "app"', Cause.OUTAGE),
        ("FATAL:  the database system is starting up", Cause.OUTAGE),
        ('FATAL:  password authentication failed for user "app"', Cause.REFUSED),
        ('FATAL:  database "x" does not exist', Cause.REFUSED),
        ("connection refused", Cause.CONNECTION),
    ],
)
def test_a_refused_login_of_postgresql_is_told_by_its_words(words, cause):
    assert classify(LoginFailed(postgresql_error(words=words))).cause is cause


@pytest.mark.parametrize(
    ("code", "disconnect"),
    [
        (sqlite3.SQLITE_FULL, False),
        (sqlite3.SQLITE_READONLY, True),
        (sqlite3.SQLITE_IOERR, True),
        (sqlite3.SQLITE_CANTOPEN, True),
    ],
)
def test_a_sqlite_file_that_takes_no_write_is_no_fault_of_the_statement(code, disconnect):
    error = sqlite3.OperationalError("words")
    error.sqlite_errorcode, error.sqlite_errorname = code, "NAME"
    failure = classify(error)
    assert (failure.cause, failure.disconnect) == (Cause.REFUSED, disconnect)


def test_throttling_leaves_other_connections_alone():
    assert not classify(odbc_error("42000", 40501)).whole_pool
    assert classify(odbc_error("42000", 40613)).whole_pool


def test_error_that_hides_a_deadlock_is_seen_through():
    with pytest.raises(DBAPIError) as raised, savepoint_that_is_gone():
        raise odbc_error("40001", 1205)
    assert classify(raised.value).number == "1205"


@contextmanager
def savepoint_that_is_gone():
    try:
        yield
    except DBAPIError:
        # As the library does it: rolling back fails while the first error is handled.
        raise odbc_error("25000", 6401)  # noqa: B904


def test_a_bug_after_a_handled_outage_stays_a_bug():
    try:
        try:
            raise odbc_error("42000", 40613)
        except DBAPIError as error:
            raise ValueError from error
    except ValueError as middle:
        last = odbc_error("42000", 208)
        last.__context__ = middle
        assert classify(last).cause is Cause.STATEMENT


def test_sqlite_is_told_by_result_code():
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_BUSY | (2 << 8), "SQLITE_BUSY_SNAPSHOT"
    assert classify(error).cause is Cause.CONTENTION
    assert classify(sqlite3.OperationalError("no such table")).cause is Cause.STATEMENT
