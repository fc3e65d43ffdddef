"""The number of a deleted row is never given to another one, on any backend; old SQLite files learn it in place."""

import sqlite3
from contextlib import closing

import pytest
from alembic import command
from sqlalchemy import delete, insert

from shared_code.database import schema
from shared_code.database.connection import create_database
from shared_code.database.engines import WRITE_OPTION
from shared_code.database.migrations.versions import m0011_numbers_used_once as migration
from shared_code.database.tables import metadata, quota_counters, quotas, token_master

NUMBERED = {
    table.name: column.name
    for table in metadata.sorted_tables
    if (column := table.autoincrement_column) is not None and len(table.primary_key) == 1
}


def number_of_a_new(database, table, **values):
    return database.run(lambda c: c.execute(insert(table).values(**values)).inserted_primary_key[0])


def test_a_number_whose_row_was_deleted_is_not_used_again(database):
    key = number_of_a_new(database, token_master, CompanyID="A")
    quota = number_of_a_new(database, quotas, CompanyID="A", Scope="user", Subject="a")
    counter = number_of_a_new(database, quota_counters, QuotaID=quota, Period="2026-11")
    for table in (quota_counters, quotas, token_master):
        database.run(lambda c, table=table: c.execute(delete(table)))
    assert number_of_a_new(database, token_master, CompanyID="B") > key
    again = number_of_a_new(database, quotas, CompanyID="B", Scope="user", Subject="b")
    assert again > quota
    assert number_of_a_new(database, quota_counters, QuotaID=again, Period="2026-11") > counter


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_table_that_numbers_its_rows_counts_on_sqlite(database):
    with database.reading() as connection:
        texts = dict(connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'table'").all())
    assert len(NUMBERED) >= 11
    for name in NUMBERED:
        assert "AUTOINCREMENT" in texts[name], f"{name}: a migration that copies a table keeps sqlite_autoincrement"


def upgrade_to(database, version):
    config = schema.alembic_config("sqlite")
    with database.engine.connect().execution_options(**{WRITE_OPTION: True}) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, version)


@pytest.fixture
def old_file(tmp_path, make_settings):
    """A file before the step, in use: with rows, a trigger, and calls that run."""
    database = create_database(make_settings(f"sqlite:///{tmp_path / 'old.db'}"))
    upgrade_to(database, "0010")
    with closing(sqlite3.connect(tmp_path / "old.db", isolation_level=None)) as file:
        file.executescript("""
            PRAGMA journal_mode = WAL;
            INSERT INTO TokenMaster (TokenID, CompanyID, ApiKey) VALUES (1, 'A', 'one'), (2, 'B', 'two');
            INSERT INTO TokenUsageLogs (TokenID, CallID, Attempt, Kind, TotalTokensUsed) VALUES (1, 'c1', 1, 'usage', 5);
            INSERT INTO UsageDaily (LocalDay, TokenID, CompanyID, Branch, RequestedBy, Model, Source, Requests, Errors,
                Unmeasured, InputTokens, OutputTokens, ThoughtsTokens, CachedTokens, TotalTokens, CostUSD, Unpriced)
                VALUES ('2026-11-01', 7, 'GONE', '', '', 'm', 'api', 1, 0, 0, 1, 1, 0, 0, 2, 0, 0);
            INSERT INTO AdminAudit (Actor, Action, Target) VALUES ('x', 'token.add', 'token 9');
            INSERT INTO Quotas (QuotaID, CompanyID, Scope) VALUES (3, 'A', 'company');
            INSERT INTO QuotaCounters (CounterID, QuotaID, Period) VALUES (4, 3, '2026-11');
            INSERT INTO TokenReservations (CallID, Attempt, CompanyID, LocalDay, Provider, Model, Source, BoundTokens,
                CounterIDs, LeaseUntil) VALUES ('c2', 1, 'A', '2026-11-01', 'Gemini', 'm', 'api', 5, '4,12', '2026-11-01');
            CREATE TABLE theirs (text TEXT);
            CREATE TRIGGER their_trigger AFTER INSERT ON TokenMaster BEGIN INSERT INTO theirs VALUES (new.CompanyID); END;
        """)
    yield database
    database.close()


def contents(path):
    with closing(sqlite3.connect(path)) as file:
        names = [name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        return {
            name: file.execute(f'SELECT * FROM "{name}"').fetchall()
            for name in names
            if name not in ("sqlite_sequence", "alembic_version")
        }


def others(path):
    with closing(sqlite3.connect(path)) as file:
        return file.execute("SELECT type, name, sql FROM sqlite_master WHERE type <> 'table' ORDER BY name").fetchall()


def test_an_old_file_keeps_its_rows_references_indexes_and_triggers(old_file, tmp_path):
    path = tmp_path / "old.db"
    before = contents(path), others(path)
    # A process that has used the tables before and goes on afterwards.
    with closing(sqlite3.connect(path, isolation_level=None)) as beside:
        beside.execute("SELECT * FROM TokenMaster").fetchall()
        upgrade_to(old_file, "0011")
        assert (contents(path), others(path)) == before
        # Above the key that usage and the audit still name, and above the counter that a running call holds.
        assert beside.execute("INSERT INTO TokenMaster (CompanyID) VALUES ('C') RETURNING TokenID").fetchone() == (10,)
        assert beside.execute("SELECT text FROM theirs").fetchall() == [("C",)]
        new = "INSERT INTO QuotaCounters (QuotaID, Period) VALUES (3, '2026-12') RETURNING CounterID"
        assert beside.execute(new).fetchone() == (13,)
        beside.execute("PRAGMA foreign_keys = ON")
        with pytest.raises(sqlite3.IntegrityError):
            beside.execute("DELETE FROM Quotas WHERE QuotaID = 3")
        with pytest.raises(sqlite3.IntegrityError):
            beside.execute("INSERT INTO TokenUsageLogs (CallID, Attempt, Kind) VALUES ('c1', 1, 'usage')")
        assert beside.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_defensive_build_of_sqlite_upgrades_too(old_file, tmp_path):
    raw = old_file.engine.raw_connection()
    raw.dbapi_connection.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)  # noqa: FBT003
    raw.close()
    schema.upgrade(old_file)
    with old_file.reading() as connection:
        assert connection.connection.dbapi_connection.getconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE)
        text = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'TokenMaster'").scalar()
    assert "AUTOINCREMENT" in text


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ('CREATE TABLE "T" ("N" INTEGER NOT NULL, PRIMARY KEY ("N"))', 'PRIMARY KEY ("N" AUTOINCREMENT)'),
        ("create table T (N integer primary key, x text)", "N integer primary key AUTOINCREMENT, x"),
        ("CREATE TABLE T ([N] INTEGER NOT NULL PRIMARY KEY)", "PRIMARY KEY AUTOINCREMENT)"),
        ("CREATE TABLE T (N INTEGER PRIMARY KEY AUTOINCREMENT)", "N INTEGER PRIMARY KEY AUTOINCREMENT)"),
        ("CREATE TABLE T (N BIGINT PRIMARY KEY)", "(N BIGINT PRIMARY KEY)"),
    ],
)
def test_definitions_as_people_write_them_are_changed_right_or_not_at_all(text, changed):
    made = migration.counting(text, "N")
    assert changed in made
    with closing(sqlite3.connect(":memory:")) as file:
        file.execute(made)
