import json
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, insert, text
from sqlalchemy.exc import OperationalError

from shared_code.database import key_cipher
from shared_code.database.connection import create_database
from shared_code.database.diagnosis.probe import Limits, short
from shared_code.database.diagnosis.refusals import explain_login
from shared_code.database.diagnosis.report import DatabaseDiagnostic
from shared_code.database.key_cipher import KeyCipher
from shared_code.database.schema import HEAD
from shared_code.database.stores.keys import token_keys
from shared_code.database.tables import admin_audit, token_master
from shared_code.errors import ConfigurationError

#: indexes and columns are dropped here
pytestmark = pytest.mark.own_database

SECTIONS = {"timestamp", "connection", "performance", "schema", "indexes"}


def findings(result, area=None):
    return [item for item in result["findings"] if area in (None, item["area"])]


def messages(result):
    return " | ".join(item["message"] for item in result["findings"])


def test_a_healthy_database_has_the_seeds_sections_and_nothing_to_complain(database):
    result = DatabaseDiagnostic(database).run_diagnostics()
    assert set(result) >= SECTIONS
    assert "error" not in result
    assert all("error" not in result[name] for name in SECTIONS - {"timestamp"}), result
    assert [item for item in findings(result) if item["severity"] != "info"] == []
    assert result["backend"] == database.dialect
    assert result["connection"]["round_trip_milliseconds"] < 1000
    assert (result["schema"]["version"], result["schema"]["missing_tables"]) == (HEAD, [])
    assert result["indexes"]["missing"] == []
    assert result["indexes"]["count"] > 10
    json.dumps(result)


def test_a_missing_index_is_found_and_the_remedy_mends_it(database):
    on_table = ' ON "docUpload"."UsageDaily"' if database.dialect == "mssql" else ""
    schema = '"docUpload".' if database.dialect == "postgresql" else ""
    with database.transaction() as connection:
        connection.execute(text(f'DROP INDEX {schema}"IX_UsageDaily_TokenID"{on_table}'))
    result = DatabaseDiagnostic(database).run_diagnostics()
    (missing,) = result["indexes"]["missing"]
    assert (missing["table"], missing["index"]) == ("UsageDaily", "IX_UsageDaily_TokenID")
    (finding,) = findings(result, "indexes")
    assert finding["severity"] == "warning"
    with database.transaction() as connection:
        connection.execute(text(finding["remedy"]))
    assert DatabaseDiagnostic(database).run_diagnostics()["indexes"]["missing"] == []


def test_a_missing_unique_index_is_critical_and_comes_first(database):
    on_table = ' ON "docUpload"."Claims"' if database.dialect == "mssql" else ""
    schema = '"docUpload".' if database.dialect == "postgresql" else ""
    with database.transaction() as connection:
        connection.execute(text(f'DROP INDEX {schema}"UX_Claims_ClaimKey"{on_table}'))
    try:
        first = DatabaseDiagnostic(database).run_diagnostics()["findings"][0]
        assert first["severity"] == "critical"
        assert "UX_Claims_ClaimKey" in first["message"]
    finally:
        with database.transaction() as connection:
            connection.execute(text(first["remedy"]))


def test_a_long_transaction_is_found(database):
    """Left open by another client: SQLite shows it by its lock, the servers list it with its session."""
    opened, release = threading.Event(), threading.Event()

    def hold():
        with database.transaction() as connection:
            connection.execute(insert(token_master).values(CompanyID="NT047"))
            opened.set()
            release.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert opened.wait(10)
        deadline = time.monotonic() + 10
        found = []
        while not found and time.monotonic() < deadline:
            diagnostic = DatabaseDiagnostic(database, limits=Limits(long_transaction_seconds=0))
            result = diagnostic.run_diagnostics()
            found = [item for item in findings(result, "performance") if "transaction" in item["message"]]
    finally:
        release.set()
        holder.join()
    assert found, result
    assert found[0]["remedy"]
    if database.dialect != "sqlite":
        assert result["performance"]["long_transactions"][0]["session"]


def test_a_nearly_full_disk_is_found(database):
    result = DatabaseDiagnostic(database, limits=Limits(full_percent=0.01)).run_diagnostics()
    (found,) = [item for item in result["findings"] if "full" in item["message"]]
    assert found["severity"] == "critical"
    assert found["remedy"]


def test_a_database_without_tables_is_told_to_migrate(empty_database_url, make_settings):
    database = create_database(make_settings(empty_database_url))
    try:
        result = DatabaseDiagnostic(database).run_diagnostics()
    finally:
        database.close()
    assert "TokenMaster" in result["schema"]["missing_tables"]
    assert result["schema"]["version"] is None
    assert {item["remedy"] for item in findings(result, "schema")} >= {"Run 'python manage.py db upgrade'"}


def test_a_missing_column_is_found(database):
    if database.dialect == "mssql":
        pytest.skip("the column has a default constraint there; the other two show it")
    prefix = '"docUpload".' if database.dialect == "postgresql" else ""
    with database.transaction() as connection:
        connection.execute(text(f'ALTER TABLE {prefix}"Alerts" DROP COLUMN "Details"'))
    result = DatabaseDiagnostic(database).run_diagnostics()
    assert result["schema"]["missing_columns"] == ["Alerts.Details"]


def test_a_database_that_does_not_answer_is_an_error_with_a_remedy(make_settings):
    for url in ("sqlite:////nowhere/at/all.db", "postgresql://u:hidden-password@127.0.0.1:1/x"):
        database = create_database(make_settings(url))
        result = DatabaseDiagnostic(database).run_diagnostics()
        database.close()
        assert set(result) >= SECTIONS
        assert result["error"]
        assert result["findings"][0]["severity"] == "critical"
        assert "hidden-password" not in json.dumps(result)


def test_what_stands_in_the_way_of_a_sqlite_file_is_named(tmp_path, make_settings):
    folder = tmp_path / "folder.db"
    folder.mkdir()
    for path, message in ((folder, "is a folder, not a file"), (tmp_path / "no" / "x.db", "no does not exist")):
        database = create_database(make_settings(f"sqlite:///{path}"))
        assert message in DatabaseDiagnostic(database).run_diagnostics()["findings"][0]["message"]
        database.close()


def test_a_sqlite_file_that_may_not_be_read_is_told_from_one_that_is_not_there(tmp_path, make_settings, monkeypatch):
    refused = OperationalError("", None, sqlite3.OperationalError("unable to open database file"))
    database = create_database(make_settings(f"sqlite:///{tmp_path / 'x.db'}"))
    assert "does not exist and cannot be made" in explain_login(refused, database.engine).message

    def denied(*_arguments):
        # The tests may run as root, who reads everything.
        raise PermissionError

    monkeypatch.setattr(Path, "open", denied)
    assert "may not read it" in explain_login(refused, database.engine).message


def test_texts_of_statements_are_masked_and_cut():
    key = "AIza" + "SyPlantedKey0123456789abcdefghijklm"
    assert short(f"SELECT\n  '{key}'") == "SELECT '***'"
    assert len(short("x" * 5000)) == 300
    assert short(None) == ""


def test_without_parameters_it_is_the_process_s_own_database(database):
    from shared_code.database.connection import install_default

    install_default(database)
    try:
        assert DatabaseDiagnostic().run_diagnostics()["backend"] == database.dialect
    finally:
        install_default(None)


class TestSqlite:
    @pytest.fixture
    def lite(self, tmp_path, make_settings):
        database = create_database(make_settings(f"sqlite:///{tmp_path / 'x.db'}"))
        yield database
        database.close()

    def test_another_journal_mode_is_remarked(self, lite):
        result = DatabaseDiagnostic(lite).run_diagnostics()
        assert result["connection"]["journal_mode"] == "delete"
        assert "journal mode" in messages(result)

    def test_damage_is_found(self, lite, tmp_path):
        path = tmp_path / "x.db"
        with closing(sqlite3.connect(path)) as raw:
            raw.execute("CREATE TABLE t (a TEXT)")
            raw.executemany("INSERT INTO t VALUES (?)", [("x" * 500,)] * 500)
            raw.execute("CREATE INDEX i ON t (a)")
            raw.commit()
        content = bytearray(path.read_bytes())
        content[40_000:60_000] = b"\xff" * 20_000
        path.write_bytes(content)
        result = DatabaseDiagnostic(lite).run_diagnostics()
        assert "damaged" in messages(result) or "malformed" in json.dumps(result)
        assert set(result) >= SECTIONS

    def test_rows_without_a_parent_are_found(self, lite):
        with lite.transaction() as connection:
            connection.execute(text("CREATE TABLE p (a INTEGER PRIMARY KEY)"))
            connection.execute(text("CREATE TABLE c (a INTEGER REFERENCES p (a))"))
        with closing(sqlite3.connect(lite.engine.url.database)) as raw:
            raw.execute("INSERT INTO c VALUES (7)")
            raw.commit()
        result = DatabaseDiagnostic(lite).run_diagnostics()
        assert result["performance"]["integrity"]["rows_without_parent"] == 1


@contextmanager
def blocked_session(pg):
    """One session holds a row, another waits for it."""
    engine = create_engine(pg.engine.url)
    update = text("""UPDATE "docUpload"."TokenMaster" SET "CompanyID" = 'B'""")
    first, second = engine.connect(), engine.connect()
    first.execute(update)
    waiter = threading.Thread(target=lambda: second.execute(update))
    waiter.start()
    try:
        yield
    finally:
        first.rollback()
        waiter.join()
        second.rollback()
        first.close()
        second.close()
        engine.dispose()


class TestPostgresql:
    @pytest.fixture
    def pg(self, database):
        if database.dialect != "postgresql":
            pytest.skip("PostgreSQL only")
        return database

    def test_the_seed_s_connection_parameters(self, pg):
        url = pg.engine.url
        found = {"dbname": url.database, "user": url.username, "host": url.query["host"], "port": 5432}
        result = DatabaseDiagnostic(found).run_diagnostics()
        assert "error" not in result
        assert result["connection"]["database"] == url.database
        refused = DatabaseDiagnostic(found | {"host": "127.0.0.1", "port": "1", "password": "hidden-password"})
        result = refused.run_diagnostics()
        assert result["error"]
        assert "hidden-password" not in json.dumps(result)
        with pytest.raises(ConfigurationError):
            DatabaseDiagnostic({"host": "127.0.0.1", "port": "many"})

    def test_what_a_login_may_not_see_is_said(self, pg, make_settings):
        """A plain login sees that there are sessions, and not what they do."""
        with pg.transaction() as connection:
            connection.execute(
                text("DO $$ BEGIN CREATE ROLE plain LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
            )
            connection.execute(text('GRANT USAGE ON SCHEMA "docUpload" TO plain'))
        url = pg.engine.url.set(username="plain").render_as_string(hide_password=False)
        plain = create_database(make_settings(url))
        with pg.reading() as held:
            held.execute(text("SELECT 1"))
            result = DatabaseDiagnostic(plain).run_diagnostics()
        plain.close()
        hidden = {item["what"]: item for item in result["not_visible"]}
        assert "pg_monitor" in hidden["statements of other logins"]["remedy"]
        assert "pg_stat_statements" in hidden["slowest statements"]["remedy"]
        assert "df" in hidden["disk"]["remedy"]
        assert "alembic_version" in hidden["schema version"]["remedy"]
        assert "error" not in result
        assert "error" not in result["performance"]

    def test_another_machine_s_disk_is_not_taken_for_the_server_s(self, pg, monkeypatch):
        monkeypatch.setattr("shared_code.database.diagnosis.postgresql._START_SECONDS", 0)
        result = DatabaseDiagnostic(pg, limits=Limits(full_percent=0.01)).run_diagnostics()
        assert "full" not in messages(result)
        assert "disk" in {item["what"] for item in result["not_visible"]}

    def test_blocked_sessions_are_found(self, pg):
        with pg.transaction() as connection:
            connection.execute(insert(token_master).values(CompanyID="A"))
        with blocked_session(pg):
            deadline, blocked = time.monotonic() + 10, []
            while not blocked and time.monotonic() < deadline:
                result = DatabaseDiagnostic(pg).run_diagnostics()
                blocked = result["performance"]["blocked"]
        assert len(blocked) == 1
        assert "waits for" in messages(result)

    def test_a_login_that_sees_little_is_told_of_blocked_sessions_all_the_same(self, pg, make_settings):
        with pg.transaction() as connection:
            connection.execute(
                text("DO $$ BEGIN CREATE ROLE plain LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
            )
            connection.execute(insert(token_master).values(CompanyID="A"))
        plain = create_database(
            make_settings(pg.engine.url.set(username="plain").render_as_string(hide_password=False))
        )
        with blocked_session(pg):
            deadline, blocked = time.monotonic() + 10, []
            while not blocked and time.monotonic() < deadline:
                result = DatabaseDiagnostic(plain).run_diagnostics()
                blocked = result["performance"]["blocked"]
        plain.close()
        assert blocked[0]["seconds"] is None
        assert f"Session {blocked[0]['session']} waits for" in messages(result)

    def test_dead_rows_are_found(self, pg):
        with pg.transaction() as connection:
            connection.execute(
                text("CREATE TABLE heap WITH (autovacuum_enabled = false) AS SELECT generate_series(1, 15000) AS a")
            )
        with pg.transaction() as connection:
            connection.execute(text("DELETE FROM heap"))
            # A session keeps what it counted for ten seconds, unless it is told to hand it over with its commit.
            connection.execute(text("SELECT pg_stat_force_next_flush()"))
        deadline, text_found = time.monotonic() + 10, ""
        while "dead rows" not in text_found and time.monotonic() < deadline:
            text_found = messages(DatabaseDiagnostic(pg).run_diagnostics())
        assert "heap holds 15000 dead rows" in text_found

    def test_running_numbers_that_end_are_found(self, pg):
        with pg.transaction() as connection:
            connection.execute(text("""SELECT setval('"ApplicationLogs_LogID_seq"', 2000000000)"""))
        assert "running number" in messages(DatabaseDiagnostic(pg).run_diagnostics())

    def test_a_login_without_rights_is_told_what_to_grant_and_not_to_migrate(self, pg, make_settings):
        def execute(*statements):
            with pg.transaction() as connection:
                for statement in statements:
                    connection.execute(text(statement))

        execute("CREATE ROLE narrow LOGIN")
        narrow = create_database(
            make_settings(pg.engine.url.set(username="narrow").render_as_string(hide_password=False))
        )
        try:
            result = DatabaseDiagnostic(narrow).run_diagnostics()
            assert result["schema"]["missing_tables"] == []
            assert {"TokenMaster", "ApplicationLogs"} <= set(result["schema"]["denied_tables"])
            (found,) = [item for item in findings(result, "schema") if "no permission" in item["message"]]
            assert found["severity"] == "critical"
            assert "db upgrade" not in found["remedy"]
            execute(*found["remedy"].removeprefix("As an administrator: ").split("; "))
            assert DatabaseDiagnostic(narrow).run_diagnostics()["schema"]["denied_tables"] == []
            with narrow.transaction() as connection:
                connection.execute(insert(token_master).values(CompanyID="A"))
            execute(f'REVOKE CONNECT ON DATABASE "{pg.engine.url.database}" FROM PUBLIC')
            narrow.close()
            refused = DatabaseDiagnostic(narrow).run_diagnostics()["findings"][0]
            assert "login narrow may not use the database" in refused["message"]
            assert "GRANT CONNECT" in refused["remedy"]
        finally:
            narrow.close()
            execute("DROP OWNED BY narrow", "DROP ROLE narrow")

    def test_a_database_or_a_login_that_does_not_exist_is_named(self, pg, make_settings):
        for changes, message in (
            ({"database": "nowhere"}, "The database nowhere does not exist"),
            ({"username": "nobody"}, "The server refuses the login nobody"),
        ):
            url = pg.engine.url.set(**changes).render_as_string(hide_password=False)
            database = create_database(make_settings(url))
            assert DatabaseDiagnostic(database).run_diagnostics()["findings"][0]["message"] == message
            database.close()


class TestAzureSql:
    @pytest.mark.parametrize(("number", "denied"), [(229, True), (230, True), (916, True), (208, False)])
    def test_no_permission_is_not_taken_for_no_such_table(self, mssql_standin, make_settings, number, denied):
        from shared_code.database.schema import ensure_schema

        database = create_database(make_settings(mssql_standin.url()))
        ensure_schema(database, auto_migrate=True)
        mssql_standin.fault(match=r"\[TokenMaster\]\s+WHERE 0 = 1", number=number, times=5)
        try:
            result = DatabaseDiagnostic(database).run_diagnostics()
        finally:
            mssql_standin.clear()
            database.close()
        assert result["schema"]["denied_tables"] == (["TokenMaster"] if denied else [])
        grant = "GRANT SELECT, INSERT, UPDATE, DELETE ON [docUpload].[TokenMaster] TO"
        assert any(grant in item["remedy"] for item in findings(result, "schema")) == denied

    def test_a_table_that_the_server_hides_from_the_login_is_not_missing(self, mssql_standin, make_settings):
        from shared_code.database.schema import ensure_schema

        database = create_database(make_settings(mssql_standin.url()))
        ensure_schema(database, auto_migrate=True)
        with database.transaction() as connection:
            connection.execute(text("DROP TABLE [docUpload].[AdminAudit]"))
        try:
            assert DatabaseDiagnostic(database).run_diagnostics()["schema"]["missing_tables"] == ["AdminAudit"]
            mssql_standin.fault(match=r"\[AdminAudit\]\s+WHERE 0 = 1", number=229, times=5)
            facts = DatabaseDiagnostic(database).run_diagnostics()["schema"]
        finally:
            mssql_standin.clear()
            with database.transaction() as connection:
                admin_audit.create(connection)
            database.close()
        assert (facts["missing_tables"], facts["denied_tables"]) == ([], ["AdminAudit"])

    @pytest.mark.parametrize(
        ("number", "message", "remedy"),
        [
            (4060, "does not exist, or the login sa has no user in it", "CREATE USER sa FOR LOGIN sa"),
            (916, "The login sa may not use the database", "CREATE USER sa FOR LOGIN sa"),
            (18456, "The server refuses the login sa", "password"),
            (40615, "does not take connections from this address", "firewall"),
        ],
    )
    def test_a_refused_login_is_told_why(self, mssql_standin, make_settings, number, message, remedy):
        database = create_database(make_settings(mssql_standin.url(), db_retry_budget_seconds=1))
        mssql_standin.fault(number=number, when="login", times=20)
        try:
            first = DatabaseDiagnostic(database).run_diagnostics()["findings"][0]
        finally:
            mssql_standin.clear()
            database.close()
        assert message in first["message"]
        assert remedy in first["remedy"]

    @pytest.mark.parametrize("number", [300, 297, 262])
    def test_without_view_database_state_the_rest_is_shown(self, mssql_standin, make_settings, number):
        from shared_code.database.schema import ensure_schema

        database = create_database(make_settings(mssql_standin.url()))
        ensure_schema(database, auto_migrate=True)
        mssql_standin.deny(number)
        try:
            result = DatabaseDiagnostic(database).run_diagnostics()
        finally:
            mssql_standin.deny(0)
            database.close()
        hidden = {item["what"]: item for item in result["not_visible"]}
        assert {"resource use", "slowest statements", "unused indexes"} <= set(hidden)
        assert all("VIEW DATABASE STATE" in item["remedy"] for item in hidden.values())
        assert {"sessions of others", "long transactions and blocked sessions of others"} <= set(hidden)
        assert all("may not see" in item["reason"] or "its own session" in item["reason"] for item in hidden.values())
        assert result["indexes"]["missing"] == []
        assert result["connection"]["is_read_committed_snapshot_on"]

    def test_load_tables_and_statements_are_shown(self, database):
        if database.dialect != "mssql":
            pytest.skip("Azure SQL only")
        result = DatabaseDiagnostic(database).run_diagnostics()
        assert result["performance"]["highest_percent_of_tier"]["cpu"] >= 0
        assert result["performance"]["slowest"]
        assert {"TokenMaster", "UsageDaily"} <= {row["name"] for row in result["schema"]["tables"]}
        assert result["not_visible"] == []


def test_keys_in_plain_text_are_named_until_they_are_encrypted(database):
    with database.transaction() as connection:
        connection.execute(insert(token_master).values(CompanyID="NT047", ApiKey="AIza-plain", Status="Active"))
    result = DatabaseDiagnostic(database).run_diagnostics()
    (finding,) = [one for one in result["findings"] if "plain text" in one["message"]]
    assert (finding["severity"], result["schema"]["plain_keys"]) == ("warning", 1)
    assert "tokens reencrypt" in finding["remedy"]
    ring = KeyCipher(key_cipher.new_ring_entry("k1"))
    database.run(lambda connection: token_keys.reencrypt_batch(connection, ring, 0, 10))
    result = DatabaseDiagnostic(database).run_diagnostics()
    assert result["schema"]["plain_keys"] == 0
    assert not [one for one in result["findings"] if "plain text" in one["message"]]
