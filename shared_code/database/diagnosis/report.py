"""Says what is wrong with the database and what to do about it; ``manage.py diagnose`` and the admin API show it.

The result has the seed's sections. Each stands for itself: one that fails carries its error and the others go on. What
the login may not see is listed as such, never shown as absent.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr
from sqlalchemy import URL, Connection, inspect, literal, select, text

from shared_code.database.connection import REPORT_SECONDS, Database, create_database, default_database
from shared_code.database.diagnosis import mssql, postgresql, sqlite
from shared_code.database.diagnosis.probe import Backend, Facts, Limits, Probe, expected_schema
from shared_code.database.diagnosis.refusals import LoginRefusal, explain_login
from shared_code.database.stores.keys.token_keys import count_plain_keys
from shared_code.database.tables import SCHEMA
from shared_code.errors import ConfigurationError, ServiceError
from shared_code.observability.redaction import redact
from shared_code.settings import Settings

_BACKENDS: dict[str, Backend] = {"sqlite": sqlite, "postgresql": postgresql, "mssql": mssql}
_ROUND_TRIPS = 5
#: for one question; a diagnosis must not become the load that it looks for
_MAX_SECONDS = 10
_SLOW_MILLISECONDS = 50.0
_ORDER = {"critical": 0, "warning": 1, "info": 2}


class DatabaseDiagnostic:
    """Looks at one database without changing anything in it.

    :param connection_params: which one: a :class:`Database`; the seed's dictionary of psycopg's names (``host``,
        ``port``, ``dbname``, ``user``, ``password``, ...) for PostgreSQL; or nothing, for the process's own.
    :raises ConfigurationError: the port is not a number, or the process has no database.
    """

    def __init__(
        self, connection_params: Database | Mapping[str, Any] | None = None, *, limits: Limits | None = None
    ) -> None:
        given = _open(connection_params) if isinstance(connection_params, Mapping) else connection_params
        self._database = (given or default_database()).unhurried(seconds=REPORT_SECONDS)
        self._closes = isinstance(connection_params, Mapping)
        self._limits = limits or Limits()
        self._backend = _BACKENDS[self._database.dialect]

    def run_diagnostics(self) -> dict[str, Any]:
        """The seed's result: ``timestamp``, ``connection``, ``performance``, ``schema``, ``indexes``; never raises.

        Beside them ``backend``; ``findings``, the worst first, each with ``severity``, ``area``, ``message`` and
        ``remedy``; ``not_visible``, what could not be looked at, with reason and remedy; and ``error`` when the
        database does not answer. JSON-ready.
        """
        sections: dict[str, Callable[[Probe], Facts]] = {
            "connection": self._connection,
            "performance": self._backend.performance,
            "schema": self._schema,
            "indexes": self._backend.indexes,
        }
        result: dict[str, Any] = {
            "timestamp": datetime.now(UTC).isoformat(),
            "backend": self._database.dialect,
            **{name: {} for name in sections},
            "findings": [],
            "not_visible": [],
        }
        for name, section in sections.items():
            if "error" in result:
                break
            self._run_section(name, section, result)
        result["findings"].sort(key=lambda finding: _ORDER[finding["severity"]])
        if self._closes:
            self._database.close()
        return result

    def _run_section(self, name: str, section: Callable[[Probe], Facts], result: dict[str, Any]) -> None:
        try:
            # Each section has a connection of its own, so that one that breaks it does not spoil the next.
            with self._database.reading() as connection:
                probe = Probe(connection, name, self._limits)
                try:
                    with _limited(connection):
                        result[name] = section(probe)
                except ServiceError:
                    raise
                except Exception as error:  # noqa: BLE001 - of the driver, the file system, or what a server answers
                    result[name] = {"error": redact(f"{type(error).__name__}: {error}")[:500]}
                result["findings"] += probe.remarks
                result["not_visible"] += probe.hidden
        except ServiceError as error:
            result["error"] = str(error)
            refusal = explain_login(error.__cause__, self._database.engine) or LoginRefusal(
                f"The database does not answer: {error}",
                "Check that the server runs, the connection string, the firewall and the login",
            )
            result["findings"].append(
                {
                    "severity": "critical",
                    "area": "connection",
                    "message": redact(refusal.message),
                    "remedy": redact(refusal.remedy),
                }
            )

    def _connection(self, probe: Probe) -> Facts:
        times = []
        for _ in range(_ROUND_TRIPS):
            started = time.perf_counter()
            probe.connection.execute(select(literal(1))).scalar()
            times.append((time.perf_counter() - started) * 1000)
        median = round(statistics.median(times), 2)
        if median > _SLOW_MILLISECONDS:
            probe.remark(
                "warning",
                f"A round trip takes {median:.0f} ms",
                "Move the service and the database into the same region; a request makes about a dozen",
            )
        return {"round_trip_milliseconds": median, **self._backend.connection(probe)}

    def _schema(self, probe: Probe) -> Facts:
        facts = expected_schema(probe)
        whole = not (facts["missing_tables"] or facts["missing_columns"])
        if whole and "TokenMaster" not in facts["denied_tables"]:
            facts |= _plain_keys(probe)
        return facts | self._level(probe, whole=whole) | self._backend.schema(probe)

    def _level(self, probe: Probe, *, whole: bool) -> Facts:
        from shared_code.database.schema import HEAD, VERSION_TABLE

        found = None
        schema = None if self._database.dialect == "sqlite" else SCHEMA
        if inspect(probe.connection).has_table(VERSION_TABLE, schema=schema):
            name = f'"{schema}".{VERSION_TABLE}' if schema else VERSION_TABLE
            rows = probe.ask(
                "schema version",
                f"SELECT version_num AS version FROM {name}",  # noqa: S608 - constants
                remedy=f"GRANT SELECT ON {name} TO the login",
            )
            if rows is None:
                return {"version": None, "version_needed": HEAD}
            found = str(rows[0]["version"]) if rows else None
        elif whole:
            # All that the steps make is there: the table that names the last one is hidden, as SQL Server hides.
            probe.hide("schema version", "This login does not see where it stands", f"GRANT SELECT ON {VERSION_TABLE}")
            return {"version": None, "version_needed": HEAD}
        if found is None or found < HEAD:
            probe.remark(
                "critical",
                f"The schema is at {found or 'none'}, this code needs {HEAD}",
                "Run 'python manage.py db upgrade'",
            )
        return {"version": found, "version_needed": HEAD}


def _plain_keys(probe: Probe) -> Facts:
    plain = count_plain_keys(probe.connection)
    if plain:
        probe.remark(
            "warning",
            f"{plain} API keys are stored in plain text",
            "Run 'python manage.py tokens reencrypt'; 'tokens list' names them",
        )
    return {"plain_keys": plain}


@contextmanager
def _limited(connection: Connection) -> Iterator[None]:
    """No question on this connection takes longer than it may; SQLite's are short by themselves."""
    name = connection.dialect.name
    if name == "postgresql":
        connection.execute(text(f"SET LOCAL statement_timeout = '{_MAX_SECONDS}s'"))
    if name != "mssql":
        yield
        return
    driver: Any = connection.connection.driver_connection
    before, driver.timeout = driver.timeout, _MAX_SECONDS
    try:
        yield
    finally:
        with suppress(Exception):  # a connection that was lost meanwhile is not used again
            driver.timeout = before


def _open(connection_params: Mapping[str, Any]) -> Database:
    """The database behind psycopg's names. Nothing connects yet.

    :raises ConfigurationError: the port is not a number.
    """
    known = {str(name): str(value) for name, value in connection_params.items() if value is not None}
    port = known.pop("port", "")
    if port and not port.isdecimal():
        raise ConfigurationError("The port of the database is not a number")
    database = known.pop("database", None)
    url = URL.create(
        "postgresql",
        username=known.pop("user", None),
        password=known.pop("password", None),
        # The folder of a socket stands behind the address, like all other parameters.
        host=None if known.get("host", "/").startswith("/") else known.pop("host"),
        port=int(port) if port else None,
        database=known.pop("dbname", database),
        query=known,
    )
    settings = Settings(
        azure_sql_connection_string=None, database_url=SecretStr(url.render_as_string(hide_password=False))
    )
    return create_database(settings)
