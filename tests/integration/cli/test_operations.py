import json
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import typer
from sqlalchemy import select, update

from devstack.models.calls import key_hash
from shared_code.cli import logs as logs_command
from shared_code.cli.main import build_app
from shared_code.database import tables
from shared_code.database.connection import create_database
from shared_code.database.schema import HEAD
from shared_code.database.stores.extractions import claims, readings
from shared_code.database.stores.extractions.claims import ClaimRequest
from shared_code.database.stores.extractions.readings import Finished, ReadingHead
from shared_code.database.stores.operations import admin_keys, alerts, logs, retries
from shared_code.database.stores.operations.logs import LogEntry, LogFilter
from shared_code.database.stores.usage import usage_rows
from shared_code.errors import UnsupportedFileType
from shared_code.labels import new_reading_id
from shared_code.records import Alert, Caller, CallIdentity, RetryAttempt, Source, Usage, UsageKind, UsageRow
from shared_code.settings import load_settings

KEY = "AIzaSyCommandLine0123456789abcdefghijkl"


@pytest.fixture
def database(manage):
    """The commands' own database, with its tables."""
    assert manage("db", "upgrade")[0] == 0
    opened = create_database(load_settings())
    yield opened
    opened.close()


def test_readings_that_are_done_and_those_that_failed_are_listed_and_shown(manage, database):
    done = ClaimRequest("NT047", "a" * 64, "1", "Gemini", "model", "", "c" * 36, 60, file_label="one.pdf")
    running = ClaimRequest("NT047", "b" * 64, "1", "Gemini", "model", "", "d" * 36, 60)
    refused = ReadingHead(new_reading_id(), "OTHER", "e" * 64, "f" * 36, username="bzumah", file_label="a.zip")

    def fill(connection):
        for claim in (done, running):
            claims.insert_claim(connection, claim)
        finished = Finished("ok", '{"status": "ok"}', invoice_number="INV-1", head=done.head())
        claims.finish_claim(connection, done.key, done.call_id, finished)
        readings.insert_failed(connection, refused, UnsupportedFileType())

    database.run(fill)
    listed = manage("extractions", "list", "--json")[1]
    assert [(row["id"], row["state"], row["file_label"]) for row in listed] == [
        (refused.reading_id, "failed", "a.zip"),
        (done.reading_id, "done", "one.pdf"),
    ]
    assert [row["id"] for row in manage("extractions", "list", "--company", "other", "--json")[1]] == [
        refused.reading_id
    ]
    assert [row["id"] for row in manage("extractions", "list", "--state", "running", "--json")[1]] == [
        running.reading_id
    ]
    assert "INV-1" in manage("extractions", "list", "--sha256", "a" * 64)[1]
    assert manage("extractions", "show", done.reading_id, "--json")[1]["result"] == {"status": "ok"}
    assert "Failed to process invoice" in manage("extractions", "show", refused.reading_id)[1]
    assert manage("extractions", "show", "1")[2] == "error: There is no reading with this id.\n"
    assert manage("extractions", "list", "--state", "short")[0] == 1


def test_a_document_is_erased_when_somebody_says_yes(manage, database):
    claim = ClaimRequest("NT047", "a" * 64, "1", "Gemini", "model", "", "c" * 36, 60, file_label="one.pdf")

    def fill(connection):
        claims.insert_claim(connection, claim)
        claims.finish_claim(connection, claim.key, claim.call_id, Finished("ok", "{}", head=claim.head()))

    database.run(fill)
    code, _, asked = manage("extractions", "erase", claim.reading_id, "--with-source", stdin="n\n")
    assert (code, "and the dropped files" in asked) == (1, True)
    assert manage("extractions", "show", claim.reading_id, "--json")[1]["file_label"] == "one.pdf"
    code, said, _ = manage("extractions", "erase", claim.reading_id, stdin="y\n")
    assert (code, said) == (0, f"document {'a' * 64} of company NT047 is erased; readings: 1\n")
    again = manage("extractions", "erase", claim.reading_id, "--yes", "--json")[1]
    shown = manage("extractions", "show", claim.reading_id, "--json")[1]
    assert (again["id"], again["erased_at"]) == (claim.reading_id, shown["erased_at"])
    assert (shown["file_label"], shown["result"]) == (None, None)
    assert manage("extractions", "erase", "1", "--yes")[2] == "error: There is no extraction with this id.\n"
    assert {row["actor"].partition(":")[0] for row in manage("audit", "--action", "extraction.erase", "--json")[1]} == {
        "cli"
    }


def test_the_life_of_a_key_leaves_its_audit_and_never_shows_the_key(manage, database):
    code, token, _ = manage("tokens", "add", "nt047", "--limit", "5000", "--json", stdin=KEY)
    assert (code, token["company_id"], token["api_key_hint"]) == (0, "NT047", KEY[-4:])
    assert manage("tokens", "test", "1")[0] == 0
    assert manage("tokens", "set-limit", "1", "9000")[1] == "token 1: limit 9000, 9000 remaining\n"
    assert manage("tokens", "set-limit", "1", "none", "--json")[1]["total_token_limit"] is None
    assert manage("tokens", "set-limit", "1", "many")[0] == 1
    assert manage("tokens", "rotate", "1", stdin=f"n\n{KEY}new")[0] == 1
    assert manage("tokens", "show", "1", "--json")[1]["api_key_hint"] == KEY[-4:]
    assert manage("tokens", "rotate", "1", "--yes", "--json", stdin=KEY + "new")[1]["api_key_hint"] == "lnew"
    assert manage("tokens", "block", "1", stdin="n\n")[0] == 1
    assert manage("tokens", "show", "1", "--json")[1]["status"] == "Active"
    assert manage("tokens", "block", "1", stdin="y\n")[1] == "token 1 is Blocked\n"
    assert manage("tokens", "activate", "1")[1] == "token 1 is Active\n"
    assert manage("tokens", "disable", "1", "--yes", "--json")[1]["status"] == "Disabled"
    assert manage("tokens", "show", "7")[2] == "error: There is no token 7.\n"
    entries = manage("audit", "--target", "token 1", "--json")[1]
    assert [entry["action"] for entry in entries] == [
        "token.disable",
        "token.activate",
        "token.block",
        "token.rotate",
        "token.change",
        "token.change",
        "token.add",
    ]
    assert all(entry["actor"].startswith("cli:") for entry in entries)
    assert "total_token_limit: 5000 -> 9000" in manage("audit")[1]
    stored = []
    for table in tables.metadata.sorted_tables:
        stored += map(str, database.read(lambda connection, table=table: connection.execute(select(table)).all()))
    for secret in (KEY, KEY + "new"):
        assert not [text for text in [*manage.said, *stored] if secret in text]


def test_a_refused_key_ends_with_a_failure(manage, database, gemini):
    manage("tokens", "add", "NT047", stdin=KEY)
    gemini.keys.set_key(key_hash(KEY), state="suspended")
    code, found, _ = manage("tokens", "test", "1", "--json")
    assert (code, found["accepted"]) == (1, False)


def test_quotas(manage, database):
    assert manage("quota", "set", "nt047", "--user", "ama", "--daily", "500")[0] == 0
    (quota,) = manage("quota", "set", "nt047", "--user", "ama", "--monthly", "9000", "--json")[1]
    assert (quota["daily_limit"], quota["monthly_limit"], quota["subject"]) == (500, 9000, "ama")
    assert manage("quota", "set", "nt047", "--user", "ama", "--daily", "none", "--json")[1][0]["daily_limit"] is None
    assert manage("quota", "set", "nt047", "--user", "a", "--branch", "b", "--daily", "1")[0] == 1
    assert manage("quota", "set", "nt047")[0] == 1
    assert "user ama" in manage("quota", "show")[1]
    assert manage("quota", "reset", "nt047", "--user", "ama", stdin="n\n")[0] == 1
    assert manage("quota", "reset", "nt047", "--user", "ama", "--yes", "--json")[1][0]["monthly_used"] == 0
    assert manage("quota", "delete", "nt047", "--user", "ama", "--yes")[0] == 0
    assert manage("quota", "show", "--json")[1] == []
    assert manage("quota", "delete", "nt047", "--yes")[0] == 1


def test_usage_is_reported(manage, database):
    row = UsageRow(
        identity=CallIdentity("c", Caller("NT047", "ama", "RUB"), Source.HTTP),
        attempt=1,
        kind=UsageKind.USAGE,
        token_id=None,
        usage=Usage(total_tokens=120),
        local_day=date(2026, 11, 20),
        model="m",
        outcome="ok",
        cost_usd=Decimal("0.5"),
    )
    database.run(lambda connection: usage_rows.insert_usage(connection, row))
    wanted = ("usage", "report", "--from", "2026-11-01", "--to", "2026-11-30")
    assert manage(*wanted, "--by", "day,user", "--json")[1] == [
        {
            "day": "2026-11-20",
            "user": "ama",
            "requests": 1,
            "errors": 0,
            "unmeasured": 0,
            "input_tokens": 0,
            "output_tokens": 0,
            "thoughts_tokens": 0,
            "cached_tokens": 0,
            "total_tokens": 120,
            "cost_usd": "0.50000000",
            "unpriced": 0,
        }
    ]
    assert "NT047" in manage(*wanted, "--by", "company", "--company", "nt047")[1]
    code, out, err = manage("usage", "report", "--by", "week")
    assert (code, out) == (1, "")
    assert err == "error: --by takes day, company, branch, user, token, model, source, joined by commas; not 'week'.\n"
    assert manage("usage", "report", "--from", "2026-02-02", "--to", "2026-02-01")[0] == 1
    assert manage("usage", "report", "--from", "2100-01-01", "--to", "2100-02-01")[0] == 1, "a start in the future"
    assert manage("usage", "report")[0] == 0


def test_alerts_retries_and_logs(manage, database):
    database.run(lambda connection: alerts.raise_alert(connection, Alert("key_blocked", "1", "critical", "m", {})))
    attempt = RetryAttempt(1, "503", retryable=True, token_id=1, company_id="NT047", request_id="r1")
    database.run(lambda connection: retries.insert_retries(connection, [attempt]))
    entries = [LogEntry(datetime(2026, 11, day), "INFO", "x", f"day {day}", request_id=f"r{day}") for day in (1, 2)]
    database.run(lambda connection: logs.insert_logs(connection, entries))
    assert manage("alerts", "list", "--json")[1][0]["kind"] == "key_blocked"
    assert manage("alerts", "close", "1")[1] == "alert 1 is closed\n"
    assert manage("alerts", "list")[1] == "Alerts: none\n"
    assert "key_blocked" in manage("alerts", "list", "--all")[1]
    assert manage("alerts", "close", "9")[0] == 1
    assert manage("retries", "--company", "nt047", "--json")[1][0]["error"] == "503"
    assert "503" in manage("retries")[1]
    assert [entry["message"] for entry in manage("logs", "tail", "--json")[1]] == ["day 1", "day 2"]
    assert manage("logs", "tail", "-n", "1")[1] == "2026-11-02 00:00:00 INFO     x [r2] day 2\n"
    assert [entry["message"] for entry in manage("logs", "search", "day", "--request-id", "r1", "--json")[1]] == [
        "day 1"
    ]


def test_following_the_log_shows_what_comes(manage, database, capsys):
    from shared_code.cli.connection import workplace

    def insert(*numbers):
        rows = [
            {"LogID": number, "Timestamp": datetime(2026, 11, 1), "LogLevel": "INFO", "Logger": "x", "Message": number}
            for number in numbers
        ]
        database.run(lambda connection: connection.execute(tables.application_logs.insert(), rows))

    insert(*range(1, 50))
    # More at once than a page, and one that becomes visible late; the first 49 were shown before.
    coming = [range(50, 1300), [1301, 1303], [1302], [], [1304]]

    def sleep(_seconds):
        if not coming:
            raise KeyboardInterrupt
        if now := coming.pop(0):
            insert(*now)

    with workplace() as place, pytest.raises(KeyboardInterrupt):
        logs_command._follow(place, LogFilter(), 49, as_json=True, sleep=sleep)
    shown = [json.loads(line)["log_id"] for line in capsys.readouterr().out.splitlines()]
    assert shown == [*range(50, 1300), 1301, 1303, 1302, 1304]


def test_admin_keys_are_shown_once_and_can_be_revoked(manage, database):
    code, key, _ = manage("admin-keys", "create", "--role", "viewer", "--company", "nt047", "--label", "Ama")
    key_id, secret = key.strip().split(".")
    stored = database.read(lambda connection: admin_keys.find_admin_key(connection, key_id))
    assert (code, stored.opens(secret), stored.company_id) == (0, True, "NT047")
    assert manage("admin-keys", "create", "--role", "king")[0] == 1
    assert manage("admin-keys", "create", "--role", "operator", "--company", "not a company")[0] == 1
    listed = manage("admin-keys", "list", "--json")[1]
    assert [(item["key_id"], item["label"], item["revoked_at"]) for item in listed] == [(key_id, "Ama", None)]
    assert secret not in json.dumps(listed)
    assert manage("admin-keys", "revoke", key_id, "--yes")[0] == 0
    assert manage("admin-keys", "revoke", key_id, "--yes")[0] == 1
    stored = database.read(lambda connection: admin_keys.find_admin_key(connection, key_id))
    assert stored.opens(secret) is False
    assert [entry["action"] for entry in manage("audit", "--json")[1]] == ["admin-key.revoke", "admin-key.create"]


@pytest.mark.parametrize("role", ["viewer", "reviewer", "operator", "admin"])
@pytest.mark.parametrize("company", [None, "NT047"])
def test_an_admin_key_of_each_role_is_for_all_companies_or_one(manage, role, company):
    bound = ("--company", company.lower()) if company else ()
    code, made, _ = manage("admin-keys", "create", "--role", role, *bound, "--json")
    assert (code, made["role"], made["company_id"]) == (0, role, company)
    (listed,) = manage("admin-keys", "list", "--json")[1]
    assert (listed["key_id"], listed["role"], listed["company_id"]) == (made["key_id"], role, company)


def test_a_company_s_time_zone(manage, database):
    assert manage("company", "show", "nt047", "--json")[1] == {"company_id": "NT047", "time_zone": "UTC", "own": False}
    assert manage("company", "set-zone", "nt047", "Asia/Kolkata")[0] == 0
    assert manage("company", "show", "nt047")[1] == "company NT047: Asia/Kolkata\n"
    assert manage("company", "set-zone", "nt047", "Mars/Olympus")[0] == 1
    assert manage("company", "set-zone", "nt047", " Africa/Accra ", "--json")[1] == {
        "company_id": "NT047",
        "time_zone": "Africa/Accra",
    }
    change = update(tables.company_settings).values(TimeZone="Asia/Kolkatta")
    database.run(lambda connection: connection.execute(change))
    assert (
        "UTC (the default), because 'Asia/Kolkatta' in CompanySettings is not" in manage("company", "show", "nt047")[1]
    )


def test_setup_goes_from_nothing_to_a_key_that_works(manage):
    code, out, err = manage("setup", "--company", "nt047", stdin=KEY)
    assert (code, err.startswith("database: SQLite file ")) == (0, True)
    assert [line.partition(":")[0] for line in out.splitlines()][:5] == [
        "configuration",
        "encryption of keys",
        "database and tables",
        "key",
        "provider",
    ]
    assert "provider: ok" in out
    assert "none added" in manage("setup", "--company", "nt047")[1]
    assert not [text for text in manage.said if KEY in text]


def test_every_command_speaks_json_and_dangerous_ones_ask():
    def walk(command, path=()):
        for name, inner in getattr(command, "commands", {}).items():
            yield from walk(inner, (*path, name))
        if not hasattr(command, "commands"):
            yield " ".join(path), {option for parameter in command.params for option in parameter.opts}

    commands = dict(walk(typer.main.get_command(build_app())))
    assert len(commands) > 35
    # A script for a DBA is SQL.
    assert {name for name, options in commands.items() if "--json" not in options} == {"db sql"}
    assert {name for name, options in commands.items() if "--yes" in options} == {
        "admin-keys revoke",
        "extractions erase",
        "quota delete",
        "quota reset",
        "tokens block",
        "tokens disable",
        "tokens rotate",
        "usage repair",
        "webhooks remove",
    }


def test_commands_that_change_much_say_so_in_json(manage, database):
    assert manage("db", "upgrade", "--json")[1] == {"before": HEAD, "after": HEAD, "plain_keys": 0}
    assert manage("db", "current", "--json")[1] == {"version": HEAD, "needed": HEAD}
    manage("tokens", "add", "NT047", stdin=KEY)
    assert manage("tokens", "reencrypt", "--json")[1] == {
        "changed": 0,
        "do_not_open": [],
        "webhook_secrets": 0,
        "webhooks_do_not_open": [],
    }
    made = manage("tokens", "new-encryption-key", "2026-11", "--json")[1]
    assert made["entry"].startswith("2026-11:")
    manage("quota", "set", "NT047", "--daily", "5")
    assert manage("quota", "delete", "NT047", "--yes", "--json")[1] == {"quota_id": 1, "deleted": True}
    assert manage("usage", "repair", "--yes", "--json")[1] == []
    summary = tables.token_usage_summary
    database.run(lambda connection: connection.execute(summary.update().values(TotalUsedTokens=77)))
    assert manage("usage", "repair", "--json", stdin="n\n")[0] == 1
    assert manage("usage", "repair", "--yes", "--json")[1] == [
        {"token": 1, "company": "NT047", "recorded": 77, "booked": 0, "difference": -77}
    ]
    assert manage("count-tokens", "Hello, world!", "--model", "gpt-4", "--json")[1]["tokens"] == 4


def test_setup_tells_programs_what_was_done(manage, gemini):
    gemini.keys.set_key(key_hash(KEY), state="invalid_key")
    code, found, _ = manage("setup", "--company", "NT047", "--json", stdin=KEY)
    assert (code, found["ok"]) == (1, False)
    assert list(found["steps"]) == ["configuration", "encryption of keys", "database and tables", "key", "provider"]
    assert "tokens rotate 1" in found["advice"]
    gemini.keys.set_key(key_hash(KEY), state="ok")
    assert manage("setup", "--company", "NT047", "--json")[1]["ok"] is True


def test_setup_says_what_to_mend(manage, gemini):
    code, out, err = manage("setup", TOKEN_ENCRYPTION_KEYS="")
    assert (code, "TOKEN_ENCRYPTION_KEYS" in err, "Mend this" in out) == (1, True, True)
    gemini.keys.set_key(key_hash(KEY), state="invalid_key")
    code, out, _ = manage("setup", "--company", "NT047", stdin=KEY)
    assert code == 1
    assert "manage.py tokens rotate 1" in out


def test_diagnose(manage, database):
    code, found, _ = manage("diagnose", "--json")
    # Without any key the service is not well.
    assert code == 1
    assert found["health"]["checks"]["usable_keys"]["status"] == "unhealthy"
    assert found["database"]["backend"] == "sqlite"
    assert "usable_keys" in manage("diagnose")[1]


def title_day(said):
    return date.fromisoformat(said.splitlines()[0].split(":")[0].split()[-1])


def test_a_report_ends_today_in_the_company_s_zone(manage):
    ahead, behind = "Pacific/Kiritimati", "Etc/GMT+12"  # never on the same day
    manage("company", "set-zone", "BEHIND", behind)
    days = {zone: datetime.now(ZoneInfo(zone)).date() for zone in (ahead, behind, "UTC")}
    assert title_day(manage("usage", "report", "--company", "behind")[1]) == days[behind]
    # Of all companies: the latest day that it is for one of them, or by the default zone.
    assert title_day(manage("usage", "report")[1]) == days["UTC"]
    manage("company", "set-zone", "AHEAD", ahead)
    assert title_day(manage("usage", "report", "--company", "ahead")[1]) == days[ahead]
    assert title_day(manage("usage", "report")[1]) == days[ahead]
    assert title_day(manage("usage", "report", "--to", "2026-11-30")[1]) == date(2026, 11, 30)


def test_a_quota_without_a_monthly_limit_says_so(manage):
    manage("quota", "set", "NT047", "--daily", "5000")
    manage("quota", "set", "NT047", "--user", "ama", "--monthly", "70000")
    first, second = manage("quota", "show")[1].splitlines()[-2:]
    assert first.split() == ["1", "NT047", "company", "5,000", "0", "no", "limit", "not", "counted"]
    assert second.split() == ["2", "NT047", "user", "ama", "no", "limit", "not", "counted", "70,000", "0"]
    facts = manage("quota", "show", "--json")[1]
    assert [(quota["daily_limit"], quota["monthly_limit"]) for quota in facts] == [(5000, None), (None, 70000)]
