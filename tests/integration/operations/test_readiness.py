"""Ready means that a booking can be written now: told in two seconds when writes are locked, refused or out of space."""

import resource
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import text, update

from shared_code.bootstrap import build_services
from shared_code.database import write_probe
from shared_code.database.connection import create_database
from shared_code.database.tables import token_reservations, token_usage_logs
from shared_code.database.write_probe import prove_write
from shared_code.errors import DatabaseUnavailable
from shared_code.web.health import health_response
from tests.integration.extraction.cuts import LockedFile

#: two seconds for the probe, the rest for a slow machine
SECONDS = 4.0


@pytest.fixture
def services(database_url, make_settings):
    built = build_services(make_settings(database_url, token_encryption_keys="k:" + "A" * 43 + "="))
    yield built
    built.close()


@pytest.fixture
def ask(services):
    def ready():
        started = time.monotonic()
        status = health_response(lambda: services, kind="ready").status_code
        assert time.monotonic() - started < SECONDS
        return status

    assert ready() == 200
    return ready


def wait_until_ready(ask):
    deadline = time.monotonic() + 20
    while ask() != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_while_writes_are_locked_nothing_is_ready(ask, database_url, make_settings):
    if database_url.startswith("sqlite"):
        other = LockedFile(database_url)
        other.cut()
        assert ask() == 503
        other.mend()
    else:
        locking = {
            "postgresql": text('LOCK TABLE "docUpload"."TokenUsageLogs" IN EXCLUSIVE MODE'),
            # The stand-in has one writer at a time, as after an escalation to the whole table.
            "mssql": update(token_usage_logs).values(Attempt=1),
        }
        other = create_database(make_settings(database_url))
        with other.transaction() as connection:
            connection.execute(locking[other.dialect])
            assert ask() == 503
        other.close()
    wait_until_ready(ask)


# SQLite has one writer, and so has the stand-in for Azure SQL.
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_probes_do_not_wait_for_each_other(database, database_url, make_settings):
    other = create_database(make_settings(database_url))
    with other.transaction() as connection:
        with pytest.raises(write_probe._Undo):
            write_probe._write_rows(connection)
        prove_write(database, budget_seconds=0)
    other.close()


def test_a_probe_leaves_nothing_behind(database):
    prove_write(database, budget_seconds=1)
    assert database.read(lambda connection: connection.execute(token_reservations.select()).all()) == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.own_database
def test_read_only_sessions_are_not_ready_and_new_ones_are(ask, database_url, make_settings):
    admin = create_database(make_settings(database_url))
    name = admin.engine.url.database

    def run(statement):
        with admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(statement))

    run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    assert ask() == 503
    run(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    admin.close()
    assert ask() == 200


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.own_database
def test_a_full_disk_of_postgresql_is_not_ready(ask, services):
    function = "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
    function += "$$ BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = '53100'; END $$"
    trigger = 'CREATE TRIGGER full_disk BEFORE INSERT ON "docUpload"."TokenReservations" EXECUTE FUNCTION full_disk()'
    full = (function, trigger)
    services.database.run(lambda connection: [connection.execute(text(statement)) for statement in full])
    assert ask() == 503


@pytest.mark.parametrize("number", [3906, 9002, 1105])
def test_azure_sql_that_refuses_to_write_is_not_ready(mssql_standin, make_settings, number):
    services = build_services(make_settings(mssql_standin.url(), token_encryption_keys="k:" + "A" * 43 + "="))
    services.ready()
    mssql_standin.fault(match="INSERT INTO.*TokenReservations", number=number, times=20)
    try:
        assert health_response(lambda: services, kind="ready").status_code == 503
    finally:
        mssql_standin.clear()
        services.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_disk_with_little_space_left_is_not_ready(ask, monkeypatch):
    monkeypatch.setattr(write_probe, "_SQLITE_FREE_BYTES", 2**62)
    assert ask() == 503


@pytest.mark.skipif(sys.platform == "win32", reason="has no limits for files")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_sqlite_file_that_cannot_grow_is_not_ready(ask, services):
    log = Path(f"{services.database.engine.url.database}-wal")
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size, most))
    try:
        with pytest.raises(DatabaseUnavailable):
            prove_write(services.database, budget_seconds=0.5)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    assert ask() == 200


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_many_probes_are_few_writes(ask, services, statements_of):
    seen = statements_of(services.database)
    for _ in range(60):
        assert ask() == 200
    assert 0 < len([statement for statement in seen if "INSERT" in statement]) <= 20


@pytest.fixture
def statements_of():
    from sqlalchemy import event

    def listen(database):
        seen = []
        event.listen(database.engine, "before_cursor_execute", lambda *arguments: seen.append(arguments[2]))
        return seen

    return listen


def test_the_health_check_names_the_cause(mssql_standin, make_settings):
    from shared_code.operations.health_checks import database_check

    database = create_database(make_settings(mssql_standin.url()))
    mssql_standin.fault(number=18456, when="login", times=5)
    with pytest.raises(DatabaseUnavailable, match="refused: 18456"):
        database_check(database)()
    mssql_standin.clear()
    database.close()


def test_probes_of_many_threads_share_one_run(services):
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(health_response(lambda: services, kind="ready").status_code))
        for _ in range(20)
    ]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert answers == [200] * 20
