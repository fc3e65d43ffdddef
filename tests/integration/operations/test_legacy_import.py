"""The import of an earlier system's database: what is taken, what is not and why, and that twice is once."""

import json
import shutil
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import create_engine, func, select, text

from shared_code.database import tables
from shared_code.database.connection import create_database
from shared_code.database.key_cipher import KeyCipher, new_ring_entry
from shared_code.database.legacy import source as legacy
from shared_code.database.stores.keys import tokens
from shared_code.database.stores.operations.admin_audit import Actor
from shared_code.database.stores.operations.company_zones import set_company_zone
from shared_code.database.stores.usage.reconciliation import find_discrepancies
from shared_code.errors import Conflict, NotFound
from shared_code.operations.legacy_import import report
from shared_code.operations.legacy_import.run import LegacyImport, Wishes
from shared_code.operations.quotas import QuotaAdministration
from tests.integration.database import seed_database

NOW = datetime(2026, 3, 15, 12, 0, tzinfo=UTC)
ACTOR = Actor("cli:test")
KEYS, ROWS = 40, 120
RING = new_ring_entry("k1")
OURS = (
    tables.token_master,
    tables.token_usage_logs,
    tables.token_usage_summary,
    tables.quotas,
    tables.quota_counters,
    tables.application_logs,
    tables.retry_attempts,
)
SQLITE_SOURCE = pytest.mark.parametrize("empty_database_url", ["sqlite"], indirect=True)
SQLITE_TARGET = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def settings(make_settings):
    return make_settings("sqlite:///unused.db")


@pytest.fixture
def source(empty_database_url, settings):
    """The seeds' tables with odd rows of all kinds, and the database that holds them."""
    seed_database.make_seed_database(empty_database_url, keys=KEYS, usage_rows=ROWS)
    opened = legacy.open_source(empty_database_url, settings)
    yield opened
    opened.close()


@pytest.fixture
def work(database, source, settings):
    def make(**wishes):
        return LegacyImport(
            database.unhurried(), source, KeyCipher(RING), settings, Wishes(**wishes), clock=lambda: NOW
        )

    return make


def write(source, *statements):
    """Rows of the earlier system that a test adds; names as its kind of database writes them."""
    mssql = source.dialect == "mssql"
    with source.engine.begin() as connection:
        for table, values in statements:
            where = {"mssql": f"docUpload.{table}", "postgresql": f'"docUpload"."{table}"'}.get(source.dialect, table)
            if table in {"ApplicationLogs", "RetryAttempts"}:
                where = table if mssql else f'"{table}"'
            names = ", ".join(name if mssql else f'"{name}"' for name in values)
            places = ", ".join(f":{name}" for name in values)
            connection.execute(text(f"INSERT INTO {where} ({names}) VALUES ({places})"), values)


def everything(database):
    """All rows that an import may write."""
    with database.engine.connect() as connection:
        return {table.name: [tuple(row) for row in connection.execute(select(table))] for table in OURS}


def counts(database):
    return {name: len(rows) for name, rows in everything(database).items()}


def usage_sum(database, *where):
    logs = tables.token_usage_logs
    return database.read(lambda c: c.execute(select(func.sum(logs.c.TotalTokensUsed)).where(*where)).scalar() or 0)


def taken(work, **wishes):
    """Look, take, look again."""
    job = work(**wishes)
    job.take(job.look(), ACTOR)
    return job.look()


def check_taken(database, found):
    """What holds after every import: nothing is left to take, every sum agrees with the source's and with ours."""
    for table in report.tables_of(found):
        assert table["to_take"] == 0, table
    for company in report.companies_of(found):
        assert company["tokens_to_take"] == 0, company
        assert company["tokens_there"] == company["tokens_here"] + company["tokens_not_taken"], company
    assert database.read(find_discrepancies) == []
    for plan in found.plan.keys.values():
        if plan.token_id is not None:
            here = database.read(lambda c, n=plan.token_id: tokens.get_token(c, n))
            assert here.used_tokens == plan.there, plan.key.source_id
            limit = here.total_token_limit
            assert here.remaining_tokens == (None if limit is None else limit - plan.there)
            assert here.decrypted(KeyCipher(RING)).secret == plan.key.new.api_key
            assert here.stored_key.startswith("enc:v1:k1:")


@SQLITE_TARGET
def test_looking_writes_nothing_and_says_what_would_come(work, database, source):
    before = counts(database)
    found = work().look()
    assert counts(database) == before
    by_table = {table["table"]: table for table in report.tables_of(found)}
    assert set(by_table) == {"TokenMaster", "TokenUsageLogs", "TokenUsageSummary", "ApplicationLogs", "RetryAttempts"}
    # Not taken: the nonsense provider, the twins (2), and the row without anything.
    assert by_table["TokenMaster"] | {"place": ""} == {
        "table": "TokenMaster", "place": "", "rows": KEYS, "here": 0, "to_take": KEYS - 4, "not_taken": 4,
    }  # fmt: skip
    assert by_table["TokenUsageLogs"]["rows"] == ROWS + 1
    said = {finding["what"]: finding["ids"] for finding in report.findings_of(found, users_of=None)}
    assert said["it names no company"] == [40]
    assert said["there is no provider 'Claude'; there are Gemini or OpenAI"] == [32]
    assert [ids for what, ids in said.items() if "same key in row 39" in what] == [[1]]
    assert [ids for what, ids in said.items() if "same key in row 1:" in what] == [[39]]
    assert [ids for what, ids in said.items() if "limit was negative" in what] == [[38]]
    assert [ids for what, ids in said.items() if "several running totals" in what] == [[33, 34]]


@SQLITE_TARGET
def test_every_source_is_taken_over_whole_and_twice_is_once(work, database, source):
    found = taken(work)
    check_taken(database, found)
    assert counts(database)["TokenMaster"] == KEYS - 4
    once = everything(database)
    again = taken(work)
    assert everything(database) == once
    assert report.companies_of(again) == report.companies_of(found)


@SQLITE_SOURCE
def test_every_database_of_the_service_takes_it(work, database, source):
    database.run(lambda c: set_company_zone(c, "C002", "Pacific/Auckland"))
    found = taken(work)
    check_taken(database, found)
    once = everything(database)
    taken(work)
    assert everything(database) == once
    days = database.read(
        lambda c: c.execute(
            select(tables.token_usage_logs.c.CompanyID, tables.token_usage_logs.c.LocalDay).distinct()
        ).all()
    )
    # All of it was used within minutes after midnight in UTC: midday in Auckland.
    assert {str(day) for company, day in days if company == "C002"} == {"2026-01-01"}


@SQLITE_SOURCE
@SQLITE_TARGET
def test_an_import_that_was_killed_is_run_again(work, database, source, monkeypatch):
    monkeypatch.setattr(legacy, "PAGE", 7)

    class Killed(BaseException):
        pass

    def die_at(rows):
        def tell(seen):
            if seen >= rows:
                raise Killed

        return tell

    for rows in (7, 14, 70, 119):
        job = work()
        with pytest.raises(Killed):
            job.take(job.look(), ACTOR, die_at(rows))
        assert database.read(find_discrepancies) == []
    found = taken(work)
    check_taken(database, found)
    assert usage_sum(database) == sum(plan.recent.tokens for plan in found.plan.keys.values() if plan.is_taken)


@SQLITE_SOURCE
@SQLITE_TARGET
def test_odd_rows_of_use_keep_their_sums(work, database, source):
    moment = "2026-03-01 23:30:00"
    write(
        source,
        ("TokenMaster", {"CompanyID": "odd", "ApiKey": " AIzaOdd0000000000000000000 ", "TotalTokenLimit": 9_000}),
        ("TokenUsageLogs", {"TokenID": 41, "TotalTokensUsed": 700, "InputTokens": 900, "LoggedAt": moment}),
        ("TokenUsageLogs", {"TokenID": 41, "TotalTokensUsed": -200, "LoggedAt": moment}),
        ("TokenUsageLogs", {"TokenID": 41, "InputTokens": 30, "OutputTokens": 12, "LoggedAt": moment}),
        ("TokenUsageLogs", {"TokenID": 41, "LoggedAt": moment, "RequestedBy": "a\x07b", "Branch": " B1 "}),
        ("TokenUsageLogs", {"TokenID": 41, "TotalTokensUsed": 5, "LoggedAt": "2019-01-01 00:00:00"}),
        ("TokenUsageLogs", {"TokenID": 41, "TotalTokensUsed": 8, "LoggedAt": None}),
        ("TokenUsageLogs", {"TokenID": None, "TotalTokensUsed": 99, "LoggedAt": moment}),
    )
    found = taken(work, source_zone=ZoneInfo("Asia/Kolkata"))
    check_taken(database, found)
    plan = found.plan.keys[41]
    assert (plan.there, plan.recent.tokens, plan.old.tokens, plan.opening_here) == (555, 542, 13, 13)
    logs = tables.token_usage_logs
    rows = database.read(lambda c: c.execute(select(logs).where(logs.c.TokenID == plan.token_id)).all())
    assert sorted(row.Kind for row in rows) == ["correction", "usage", "usage", "usage"]
    assert {(row.CompanyID, str(row.LoggedAt), str(row.LocalDay)) for row in rows} == {
        ("ODD", "2026-03-01 18:00:00", "2026-03-01")
    }
    assert [(row.TotalTokensUsed, row.RequestedBy) for row in rows if row.Branch == "B1"] == [(None, None)]
    assert database.read(lambda c: tokens.get_token(c, plan.token_id)).status == "Disabled", "no status is none"
    assert found.plan.homeless.tokens >= 99


@SQLITE_SOURCE
@SQLITE_TARGET
def test_one_company_alone_and_the_use_of_keys_that_cannot_come(work, database, source):
    write(
        source,
        ("TokenMaster", {"CompanyID": "GONE", "ApiKey": "", "Provider": "Gemini", "Status": "Disabled"}),
        ("TokenUsageLogs", {"TokenID": 41, "TotalTokensUsed": 300, "LoggedAt": "2026-03-01 10:00:00"}),
    )
    found = taken(work, companies=frozenset({"GONE"}))
    assert counts(database)["TokenUsageLogs"] == 0
    assert report.companies_of(found)[0]["tokens_not_taken"] == 300
    assert [one["ids"] for one in report.findings_of(found, users_of=None) if one["what"] == "it holds no key"] == [
        [41]
    ]
    found = taken(work, companies=frozenset({"GONE"}), use_alone=True)
    assert report.companies_of(found)[0] | {"keys": 1} == {
        "company_id": "GONE", "keys": 1, "keys_here": 0, "usage_rows": 1,
        "tokens_there": 300, "tokens_here": 300, "tokens_to_take": 0, "tokens_not_taken": 0,
    }  # fmt: skip
    assert usage_sum(database, tables.token_usage_logs.c.CompanyID == "GONE") == 300
    taken(work, companies=frozenset({"GONE"}), use_alone=True)
    assert usage_sum(database) == 300


@SQLITE_SOURCE
@SQLITE_TARGET
def test_later_use_is_added_and_a_key_that_was_changed_there_is_not_taken_twice(work, database, source):
    taken(work)
    write(source, ("TokenUsageLogs", {"TokenID": 2, "TotalTokensUsed": 50, "LoggedAt": "2026-03-15 11:00:00"}))
    table = "UPDATE TokenUsageSummary SET TotalUsedTokens = TotalUsedTokens + 50 WHERE TokenID = 2"
    with source.engine.begin() as connection:
        connection.execute(text(table))
    check_taken(database, taken(work))
    before = everything(database)
    with source.engine.begin() as connection:
        connection.execute(text("UPDATE TokenMaster SET ApiKey = 'AIzaChanged00000000000000' WHERE TokenID = 2"))
    found = taken(work)
    assert everything(database) == before
    assert [one["ids"] for one in report.findings_of(found, users_of=None) if "changed there" in one["what"]] == [[2]]
    assert not report.is_complete(report.findings_of(found, users_of=None))


@SQLITE_SOURCE
@SQLITE_TARGET
def test_a_key_that_was_here_before_gets_its_rows_and_what_no_row_explains_is_named(work, database, source):
    from shared_code.database.stores.keys.token_keys import NewToken
    from shared_code.operations.tokens import TokenAdministration

    admin = TokenAdministration(database, KeyCipher(RING), 3000)
    here = admin.add(NewToken(company_id="NT052", api_key=seed_database.key_of(33)), ACTOR)
    found = taken(work)
    plan = found.plan.keys[33]
    assert plan.token_id == here.token_id
    assert plan.not_taken == plan.there == 15
    (said,) = [one for one in report.findings_of(found, users_of=None) if "was here before" in one["what"]]
    assert (said["table"], said["ids"], said["tokens"]) == ("TokenUsageSummary", [33], 15)


@SQLITE_SOURCE
@SQLITE_TARGET
def test_the_latest_log_and_attempts_come_masked_and_once(work, database, source):
    key = seed_database.key_of(3)
    write(
        source,
        (
            "ApplicationLogs",
            {"LogLevel": "error", "Logger": "api", "Message": f"API Key: {key}", "Timestamp": "2026-03-14 10:00:00"},
        ),
        (
            "ApplicationLogs",
            {"LogLevel": "INFO", "Logger": "api", "Message": "old", "Timestamp": "2025-03-14 10:00:00"},
        ),
        (
            "RetryAttempts",
            {
                "TokenID": 3,
                "CompanyID": "nt047",
                "Attempt": 1,
                "ErrorMessage": key,
                "IsRetryable": 1,
                "Timestamp": "2026-03-14 10:00:00",
            },
        ),
    )
    for _ in range(2):
        found = taken(work)
        (line,) = everything(database)["ApplicationLogs"]
        assert "API Key" in line[4]
        assert key not in line[4]
        (attempt,) = everything(database)["RetryAttempts"]
        assert key not in str(attempt)
        assert attempt[1] == found.plan.keys[3].token_id
    left = {table["table"]: table["not_taken"] for table in report.tables_of(found)}
    assert (left["ApplicationLogs"], left["RetryAttempts"]) == (1, 0)


@SQLITE_TARGET
def test_the_limits_of_users_come_with_what_the_running_periods_have_used(empty_database_url, database, settings):
    engine = create_engine(empty_database_url.replace("postgresql:", "postgresql+psycopg:"))
    moment = "DATETIME" if engine.dialect.name == "mssql" else "TIMESTAMP"
    with engine.begin() as connection:
        connection.execute(text(
            "CREATE TABLE quotas (user_id VARCHAR(100), daily_limit INT, monthly_limit INT, daily_used INT, "
            f"monthly_used INT, last_reset {moment})"
        ))  # fmt: skip
        for row in (
            ("user_123456", 1000, 20_000, 400, 5000, "2026-03-15 01:00:00"),
            ("yesterday", 1000, None, 400, 5000, "2026-03-14 01:00:00"),
            ("long ago", None, 500, 400, 5000, "2026-01-14 01:00:00"),
            ("twice", 5, 5, 0, 0, None),
            ("twice", 6, 6, 0, 0, None),
            ("negative", -1, 6, 0, 0, None),
            ("nothing", None, None, 0, 0, None),
        ):
            connection.execute(
                text("INSERT INTO quotas VALUES (:a, :b, :c, :d, :e, :f)"), dict(zip("abcdef", row, strict=True))
            )
    engine.dispose()
    source = legacy.open_source(empty_database_url, settings)
    try:
        job = LegacyImport(database.unhurried(), source, KeyCipher(RING), settings, Wishes(), clock=lambda: NOW)
        assert [one["rows"] for one in report.findings_of(job.look(), users_of=None)] == [6]
        job = LegacyImport(
            database.unhurried(), source, KeyCipher(RING), settings, Wishes(users_of="NT047"), clock=lambda: NOW
        )
        for _ in range(2):
            job.take(job.look(), ACTOR)
        found = job.look()
    finally:
        source.close()
    quotas = QuotaAdministration(database, "UTC", lambda: NOW)
    states = {state.quota.subject: state for state in quotas.every(company_id="NT047")}
    assert sorted(states) == ["long ago", "user_123456", "yesterday"]
    assert usage_sum(database, tables.token_usage_logs.c.RequestedBy == "user_123456") == 5000
    day = tables.token_usage_logs.c.LocalDay == NOW.date()
    assert usage_sum(database, tables.token_usage_logs.c.RequestedBy == "user_123456", day) == 400
    assert usage_sum(database, tables.token_usage_logs.c.RequestedBy == "yesterday") == 5000
    assert usage_sum(database, tables.token_usage_logs.c.RequestedBy == "long ago") == 0
    findings = {one["what"]: one["ids"] for one in report.findings_of(found, users_of="NT047")}
    assert sorted(map(tuple, findings.values())) == [("negative",), ("nothing",), ("twice",)]


@SQLITE_TARGET
@pytest.mark.parametrize("empty_database_url", ["postgresql"], indirect=True)
def test_names_that_postgresql_folded_are_found_and_two_of_a_name_are_refused(work, source, database):
    with source.engine.begin() as connection:
        connection.execute(text('ALTER TABLE "docUpload"."TokenUsageSummary" RENAME TO tokenusagesummary'))
        connection.execute(
            text('ALTER TABLE "docUpload".tokenusagesummary RENAME COLUMN "TotalUsedTokens" TO totalusedtokens')
        )
    check_taken(database, taken(work))
    with source.engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA docupload"))
        connection.execute(text("CREATE TABLE docupload.tokenmaster (tokenid int, companyid text, apikey text)"))
    with pytest.raises(Conflict, match=r"more than once: .*tokenmaster"):
        work().look()


@SQLITE_TARGET
def test_a_database_of_the_service_and_one_without_such_tables_are_refused(database, settings, tmp_path):
    other = tmp_path / "other.db"
    shutil.copyfile(database.engine.url.database, other)
    source = legacy.open_source(f"sqlite:///{other}", settings)
    with pytest.raises(Conflict, match="takes it over in place"):
        LegacyImport(database, source, KeyCipher(RING), settings, Wishes()).look()
    source.close()
    empty = tmp_path / "none.db"
    engine = create_engine(f"sqlite:///{empty}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE quotas (id INTEGER)"))
    engine.dispose()
    source = legacy.open_source(f"sqlite:///{empty}", settings)
    with pytest.raises(NotFound):
        LegacyImport(database, source, KeyCipher(RING), settings, Wishes()).look()
    source.close()


@SQLITE_SOURCE
@SQLITE_TARGET
def test_no_key_is_shown_anywhere(work, source, caplog):
    found = taken(work)
    said = json.dumps(
        [report.tables_of(found), report.companies_of(found), report.findings_of(found, users_of=None)], default=str
    )
    assert "AIza" not in said + repr(found) + caplog.text
    assert create_database  # the fixture's own
