"""A database that hangs, and locks that nobody lets go, hold a thread no longer than its budget."""

import threading
import time

import pytest
from sqlalchemy import insert, select, text, update

from shared_code.database.connection import create_database, repeatable
from shared_code.database.tables import token_master
from shared_code.errors import DatabaseUnavailable
from tests.integration.extraction.cuts import cuttable

on_servers = pytest.mark.parametrize("database_url", ["postgresql", "mssql"], indirect=True)
BUDGET = 2.0
#: the least of one try, a server that is asked in vain to cancel (four seconds on Azure SQL), a slow machine
SLACK = 7.0


@pytest.fixture
def open_database(make_settings):
    opened = []

    def open_one(url, **settings):
        opened.append(create_database(make_settings(url, **settings)))
        return opened[-1]

    yield open_one
    for database in opened:
        database.close()


def add(connection):
    return connection.execute(insert(token_master).values(CompanyID="NT047")).inserted_primary_key[0]


def count(connection):
    return len(connection.execute(select(token_master.c.TokenID)).all())


def refused_after(work):
    """Seconds until the work was refused."""
    started = time.monotonic()
    with pytest.raises(DatabaseUnavailable) as raised:
        work()
    assert raised.value.retry_after
    return time.monotonic() - started


class Held:
    """A write transaction that another session keeps open while it is entered."""

    def __init__(self, database, work):
        self._database, self._work = database, work

    def __enter__(self):
        self._until, begun = threading.Event(), threading.Event()

        def hold():
            with self._database.transaction() as connection:
                self._work(connection)
                begun.set()
                self._until.wait(60)

        self._thread = threading.Thread(target=hold)
        self._thread.start()
        assert begun.wait(20)

    def __exit__(self, *_):
        self._until.set()
        self._thread.join()


@on_servers
@pytest.mark.parametrize("moment", ["before the first statement", "within the transaction", "before commit"])
def test_a_server_that_falls_silent_holds_a_thread_for_the_budget(open_database, database_url, moment):
    with cuttable(database_url) as proxy:
        database = open_database(proxy.url)
        database.run(add)

        def work(connection):
            add(connection)
            if moment == "within the transaction":
                proxy.freeze()
                add(connection)
            proxy.freeze()

        if moment == "before the first statement":
            proxy.freeze()
        assert refused_after(lambda: database.run(work, budget_seconds=BUDGET, on_unknown=repeatable)) < BUDGET + SLACK
        proxy.thaw()
        # A COMMIT that was on its way may still arrive.
        booked = database.read(count)
        assert booked in ((1, 2) if moment == "before commit" else (1,))
        database.run(add)
        assert database.read(count) == booked + 1


@on_servers
def test_a_login_that_is_never_answered_ends_with_the_budget(open_database, database_url):
    with cuttable(database_url) as proxy:
        database = open_database(proxy.url, db_login_timeout_seconds=30)
        proxy.freeze()
        assert refused_after(lambda: database.read(count, budget_seconds=BUDGET)) < BUDGET + SLACK
        proxy.thaw()
        assert database.read(count) == 0


def test_a_lock_that_stays_is_waited_for_as_long_as_the_budget_lasts(open_database, database_url):
    database, other = open_database(database_url), open_database(database_url)
    number = database.run(add)
    change = update(token_master).where(token_master.c.TokenID == number).values(Status="Active")
    held = Held(other, lambda connection: connection.execute(change))
    with held:
        taken = refused_after(lambda: database.run(lambda c: c.execute(change), budget_seconds=BUDGET))
    assert BUDGET - 1.5 < taken < BUDGET + SLACK
    database.run(lambda connection: connection.execute(change))


def test_a_free_connection_is_waited_for_as_long_as_the_budget_lasts(open_database, database_url):
    database = open_database(database_url, db_pool_size=1, db_max_overflow=0)
    with database.reading() as connection:
        connection.execute(select(token_master.c.TokenID)).all()
        taken = []
        thread = threading.Thread(
            target=lambda: taken.append(refused_after(lambda: database.read(count, budget_seconds=0.2)))
        )
        thread.start()
        thread.join()
    assert taken[0] < 4.0
    assert database.read(count) == 0


@on_servers
def test_the_statements_of_a_slow_server_do_not_add_up_beyond_the_budget(open_database, database_url):
    database = open_database(database_url)
    asked = []

    def work(connection):
        for number in range(20):
            connection.execute(select(token_master.c.TokenID).where(token_master.c.TokenID == number)).all()
            time.sleep(0.5)
            asked.append(number)

    assert refused_after(lambda: database.run(work, budget_seconds=BUDGET)) < BUDGET + SLACK
    assert len(asked) < 8


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_work_that_takes_long_by_its_nature_is_not_cut_off(open_database, database_url):
    database = open_database(database_url, db_retry_budget_seconds=0.5)

    def slowly(connection):
        return connection.execute(text("SELECT 1 FROM pg_sleep(2)")).scalar()

    with pytest.raises(DatabaseUnavailable):
        database.read(slowly)
    # The statement was cancelled, not only given up: nobody sleeps any more.
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%FROM pg_sleep%' AND pid <> pg_backend_pid()"
    assert database.read(lambda connection: connection.execute(text(sleeping)).scalar()) == 0
    assert database.unhurried().read(slowly) == 1
    assert database.unhurried().run(slowly) == 1
    with pytest.raises(DatabaseUnavailable):
        database.unhurried(seconds=1).run(slowly)


def test_a_statement_of_azure_sql_that_takes_long_by_its_nature_is_not_cut_off(mssql_standin, open_database):
    database = open_database(mssql_standin.url(), db_retry_budget_seconds=0.5)
    question = text("SELECT 1 AS slowly")
    mssql_standin.fault(match="AS slowly", delay=3, times=2)
    with pytest.raises(DatabaseUnavailable):
        database.read(lambda connection: connection.execute(question).scalar())
    assert database.unhurried().read(lambda connection: connection.execute(question).scalar()) == 1
