"""What PostgreSQL and SQLite do to their clients, for real."""

import contextlib
import sqlite3
import threading

import pytest
from sqlalchemy import event, insert, select, text, update

from shared_code.database import engines
from shared_code.database.connection import create_database
from shared_code.database.drivers import liveness
from shared_code.database.schema import ensure_schema
from shared_code.database.tables import token_master
from shared_code.errors import DatabaseUnavailable, InternalError

on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def database(database_url, make_settings, pauses):
    opened = create_database(make_settings(database_url), sleep=pauses.append)
    yield opened
    opened.close()


def add(connection, company="NT047"):
    return connection.execute(insert(token_master).values(CompanyID=company)).inserted_primary_key[0]


def companies(database):
    return database.read(lambda c: c.execute(select(token_master.c.CompanyID)).scalars().all())


@on_postgresql
def test_a_terminated_backend_costs_one_more_try(database, pauses):
    def work(connection):
        add(connection)
        if not pauses:
            connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    database.run(work)
    assert companies(database) == ["NT047"]
    assert len(pauses) == 1


@on_postgresql
@pytest.mark.parametrize(("moment", "tries_more"), [(0.0, 0), (60.0, 1)], ids=["idle", "used a moment ago"])
def test_connections_that_were_cut_cost_at_most_one_more_try(database, pauses, monkeypatch, moment, tries_more):
    monkeypatch.setattr(liveness, "_MOMENT_SECONDS", moment)
    assert companies(database) == []
    other = create_database_like(database)
    with other.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    other.close()
    database.run(add)
    assert companies(database) == ["NT047"]
    assert len(pauses) == tries_more


def create_database_like(database):
    from shared_code.settings import Settings

    url = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    return create_database(Settings(database_url=url, azure_sql_connection_string=None))


@on_postgresql
def test_of_two_in_a_deadlock_both_finish(database):
    first, second = (database.run(add) for _ in range(2))
    meeting = threading.Barrier(2, timeout=20)

    def change(own, other, name):
        met = []

        def work(connection):
            connection.execute(update(token_master).where(token_master.c.TokenID == own).values(Status=name))
            if not met:
                met.append(1)
                meeting.wait()
            connection.execute(update(token_master).where(token_master.c.TokenID == other).values(Provider=name))

        database.run(work)

    threads = [
        threading.Thread(target=change, args=arguments) for arguments in ((first, second, "a"), (second, first, "b"))
    ]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    rows = database.read(
        lambda c: c.execute(
            select(token_master.c.Status, token_master.c.Provider).order_by(token_master.c.TokenID)
        ).all()
    )
    assert rows == [("a", "b"), ("b", "a")]


@on_postgresql
def test_serialization_failure_at_commit_is_retried_although_nobody_looks_it_up(database, pauses):
    def work(connection):
        add(connection)
        if not pauses:
            connection.execute(text("DO $$ BEGIN RAISE serialization_failure; END $$"))

    database.run(work)
    assert companies(database) == ["NT047"]


@pytest.mark.parametrize("url", ["postgresql://nobody:geheim@127.0.0.1:9/x"])
def test_server_that_is_not_there_is_unavailable_without_its_password(make_settings, url, pauses, caplog):
    database = create_database(
        make_settings(url, db_retry_budget_seconds=0.2), sleep=pauses.append, clock=lambda: len(pauses) * 0.1
    )
    with pytest.raises(DatabaseUnavailable):
        database.read(lambda c: c.execute(text("SELECT 1")))
    assert pauses
    assert "geheim" not in caplog.text


@on_postgresql
def test_unknown_role_is_refused_at_once(database, make_settings, pauses):
    url = database.engine.url.set(drivername="postgresql", database="nowhere").render_as_string(hide_password=False)
    other = create_database(make_settings(url), sleep=pauses.append)
    with pytest.raises(DatabaseUnavailable):
        other.run(add)
    assert pauses == []


def test_wrong_statement_is_a_bug_and_not_retried(database, pauses):
    with pytest.raises(InternalError, match="refused a statement") as raised:
        database.run(lambda c: c.execute(text("SELECT no_such_column FROM no_such_table")))
    assert "no_such" not in str(raised.value)
    assert pauses == []


@on_sqlite
def test_busy_file_is_waited_for_and_tried_again(database, database_url, pauses, monkeypatch):
    monkeypatch.setattr(engines, "LOCK_TIMEOUT_SECONDS", 0.05)
    with contextlib.closing(sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        database._sleep = lambda seconds: (pauses.append(seconds), other.in_transaction and other.execute("ROLLBACK"))
        database.run(add)
    assert companies(database) == ["NT047"]
    assert len(pauses) == 1
    assert pauses[0] < 0.1


@on_sqlite
def test_busy_file_that_stays_busy_is_unavailable(database, database_url, pauses, monkeypatch):
    monkeypatch.setattr(engines, "LOCK_TIMEOUT_SECONDS", 0.05)
    database._clock = lambda: sum(pauses)
    with contextlib.closing(sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailable):
            database.run(add, budget_seconds=1.0)
        other.execute("ROLLBACK")
    assert companies(database) == []


@on_sqlite
def test_writers_of_two_instances_on_one_file_take_turns(database, database_url, make_settings):
    event.listen(database.engine, "connect", lambda raw, _record: raw.execute("PRAGMA busy_timeout = 0"))
    other = create_database(make_settings(database_url))
    event.listen(other.engine, "connect", lambda raw, _record: raw.execute("PRAGMA busy_timeout = 0"))
    threads = [
        threading.Thread(target=lambda one=one: [one.run(add) for _ in range(20)])
        for one in (database, other, database, other)
    ]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    other.close()
    assert len(companies(database)) == 80


@on_sqlite
def test_a_reader_sees_one_state_while_others_write(database):
    with database.reading() as connection:
        assert connection.execute(select(token_master.c.TokenID)).all() == []
        writer = threading.Thread(target=database.run, args=(add,))
        writer.start()
        writer.join()
        assert connection.execute(select(token_master.c.TokenID)).all() == []
    assert companies(database) == ["NT047"]


def test_file_that_is_no_database_is_unavailable(tmp_path, make_settings):
    (tmp_path / "x.db").write_bytes(b"this is not a database " * 100)
    database = create_database(make_settings(f"sqlite:///{tmp_path / 'x.db'}"), sleep=lambda _s: pytest.fail("waits"))
    with pytest.raises(DatabaseUnavailable):
        ensure_schema(database, auto_migrate=True)
    database.close()
