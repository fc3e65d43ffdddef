"""PostgreSQL tables that were made with unquoted names, as people do who port the seed's statements by hand."""

import logging

import pytest
from sqlalchemy import func, select
from sqlalchemy.schema import CreateSchema

from shared_code.database import schema, tables
from shared_code.database.connection import create_database
from shared_code.database.diagnosis.report import DatabaseDiagnostic
from shared_code.database.schema_script import offline_sql
from shared_code.database.stores.keys import tokens
from shared_code.errors import ConfigurationError
from tests.integration.database import seed_database

POSTGRESQL = pytest.mark.parametrize("empty_database_url", ["postgresql"], indirect=True)
ALL = (tables.token_master, tables.token_usage_logs, tables.token_usage_summary, tables.application_logs)


@pytest.fixture
def unquoted(empty_database_url, make_settings):
    """The seed's tables with 40 keys and 50 rows of use, all names folded; the database that holds them."""
    database = create_database(make_settings(empty_database_url))
    seed_database.make_seed_database(empty_database_url, keys=40, usage_rows=50)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA docupload")
        for name, at in (
            ("TokenMaster", "docUpload"),
            ("TokenUsageLogs", "docUpload"),
            ("TokenUsageSummary", "docUpload"),
            ("ApplicationLogs", "public"),
            ("RetryAttempts", "public"),
        ):
            names = connection.exec_driver_sql(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s",
                (at, name),
            ).scalars()
            for column in list(names):
                connection.exec_driver_sql(
                    f'ALTER TABLE "{at}"."{name}" RENAME COLUMN "{column}" TO "{column.lower()}"'
                )
            connection.exec_driver_sql(f'ALTER TABLE "{at}"."{name}" RENAME TO {name}')
            if at == "docUpload":
                connection.exec_driver_sql(f'ALTER TABLE "docUpload".{name} SET SCHEMA docupload')
        connection.exec_driver_sql('DROP SCHEMA "docUpload"')
    yield database
    database.close()


def counts(database):
    return [
        database.read(lambda c, table=table: c.execute(select(func.count()).select_from(table)).scalar())
        for table in ALL
    ]


@POSTGRESQL
def test_they_are_taken_over_with_their_rows_and_running_numbers(unquoted, caplog):
    with caplog.at_level(logging.WARNING, logger="shared_code.database"):
        schema.upgrade(unquoted)
    assert "docupload.tokenmaster" in caplog.text
    assert counts(unquoted)[:2] == [40, 51]
    assert unquoted.read(lambda c: tokens.get_token(c, 1)).company_id == "NT047"
    made = unquoted.run(
        lambda c: c.execute(tables.token_master.insert().values(CompanyID="NEW")).inserted_primary_key[0]
    )
    assert made == 41
    assert DatabaseDiagnostic(unquoted).run_diagnostics()["schema"]["missing_columns"] == []


@POSTGRESQL
def test_a_script_for_a_dba_stops_at_them(unquoted):
    script = offline_sql("postgresql")
    (guard,) = [part for part in script.split(";\n") if "RAISE EXCEPTION" in part]
    with pytest.raises(Exception, match="diagnose"), unquoted.engine.begin() as connection:
        connection.exec_driver_sql(guard[guard.index("DO $$") :])


def run_remedy(database, message):
    statements = message[message.index("BEGIN;") + len("BEGIN;") : message.index("COMMIT;")]
    with database.engine.begin() as connection:
        for statement in filter(str.strip, statements.split(";\n")):
            connection.exec_driver_sql(statement)


@POSTGRESQL
def test_they_are_refused_beside_tables_of_the_right_name_and_the_statements_mend_it(unquoted):
    with unquoted.engine.begin() as connection:
        connection.execute(CreateSchema("docUpload"))
        for line in seed_database.statements("postgresql")[1:]:
            connection.exec_driver_sql(line)
    with pytest.raises(ConfigurationError, match="INSERT INTO") as refused:
        schema.upgrade(unquoted)
    run_remedy(unquoted, str(refused.value))
    schema.upgrade(unquoted)
    assert counts(unquoted)[:2] == [40, 51]
    assert (
        unquoted.run(lambda c: c.execute(tables.token_master.insert().values(CompanyID="NEW")).inserted_primary_key[0])
        == 41
    )


@POSTGRESQL
def test_a_login_that_does_not_own_them_gets_the_statements_for_the_owner(unquoted, make_settings):
    with unquoted.engine.begin() as connection:
        connection.exec_driver_sql("CREATE ROLE reader_of_old LOGIN PASSWORD 'x'")
        name = connection.exec_driver_sql("SELECT current_database()").scalar()
        connection.exec_driver_sql(f'GRANT CREATE ON DATABASE "{name}" TO reader_of_old')
        connection.exec_driver_sql("GRANT USAGE ON SCHEMA docupload TO reader_of_old")
    url = unquoted.engine.url.set(username="reader_of_old", password="x", drivername="postgresql")
    other = create_database(make_settings(url.render_as_string(hide_password=False)))
    try:
        with pytest.raises(ConfigurationError, match="RENAME COLUMN") as refused:
            schema.upgrade(other)
    finally:
        other.close()
        with unquoted.engine.begin() as connection:
            connection.exec_driver_sql("DROP OWNED BY reader_of_old")
            connection.exec_driver_sql("DROP ROLE reader_of_old")
    run_remedy(unquoted, str(refused.value))
    schema.upgrade(unquoted)
    assert counts(unquoted)[:2] == [40, 51]


@POSTGRESQL
def test_diagnosis_names_them_after_an_upgrade_that_did_not_know_them(unquoted):
    found = DatabaseDiagnostic(unquoted).run_diagnostics()["findings"]
    (finding,) = [one for one in found if "unquoted" in one["message"]]
    assert finding["severity"] == "critical"
    assert "docupload.tokenusagelogs" in finding["message"]
    run_remedy(unquoted, finding["remedy"])
    schema.upgrade(unquoted)
    assert counts(unquoted)[:2] == [40, 51]
