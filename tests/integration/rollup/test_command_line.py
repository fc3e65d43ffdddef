"""``manage.py rollup run``, ``usage repair`` and ``usage forecast``."""

import io
import json
from datetime import UTC, date, datetime, timedelta

import pytest

from shared_code.cli.main import main
from shared_code.database import tables
from shared_code.database.stores.quotas import quota_changes
from shared_code.metering.forecast import quota_run_out_days
from tests.integration.rollup.books import NO_STORAGE, reserve


@pytest.fixture
def manage(books, database_url, monkeypatch, capsys):
    """Runs a command on the test's database; returns its exit code and what it said."""

    def run(*arguments, **settings):
        for name, value in {"DATABASE_URL": database_url, "COLUMNS": "200", **settings}.items():
            monkeypatch.setenv(name, value)
        code = main(arguments)
        return code, capsys.readouterr().out

    return run


def test_rollup_run_does_the_work_and_prints_its_report_which_is_in_the_log_too(books, manage):
    books.use(books.add_key(), 700)
    code, said = manage("rollup", "run", "--json")
    report = {step["name"]: step for step in json.loads(said)}
    assert code == 0
    assert (report["fold"]["seen"], report["fold"]["changed"], report["fold"]["error"]) == (1, 1, None)
    assert books.daily()
    (line,) = [row.Message for row in books.rows(tables.application_logs) if row.Message.startswith("rollup: ")]
    assert "fold 1/1 in" in line


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # it waits for storage that does not answer
def test_rollup_run_says_which_step_failed(manage):
    code, said = manage("rollup", "run", AZUREWEBJOBSSTORAGE=NO_STORAGE)
    assert code == 1
    assert "STORAGE_UNAVAILABLE" in said


def test_diagnose_lists_the_rows_that_are_set_aside(books, manage):
    call = reserve(books, books.add_key(), Source="sms")
    books.run()
    (row,) = json.loads(manage("diagnose", "--json")[1])["set_aside"]
    assert (row["step"], row["row"], row["tries"]) == ("end stale reservations", f"call {call} attempt 1", 1)
    assert call in manage("diagnose")[1].replace("\n", "")


def test_usage_repair_shows_both_numbers_and_asks_first(books, manage, monkeypatch):
    token = books.add_key(limit=10_000)
    books.use(token, 700, move=False)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    code, said = manage("usage", "repair")
    assert code == 1
    assert "700" in said
    assert books.summary(token) == (0, 10_000)
    assert manage("usage", "repair", "--yes")[0] == 0
    assert books.summary(token) == (700, 9_300)
    assert [row.Action for row in books.rows(tables.admin_audit)] == ["usage.repair"]
    assert manage("usage", "repair", "--yes") == (0, "every running total agrees with what was booked\n")


def test_usage_forecast_shows_the_day_of_each_key_and_monthly_limit(books, manage):
    today = datetime.now(UTC).date()
    fast, still = books.add_key(limit=20_000), books.add_key(limit=20_000)
    for days in range(10):
        books.use(fast, 1_000, LocalDay=today - timedelta(days=days))
    books.step("fold")
    code, said = manage("usage", "forecast", "--json")
    assert code == 0
    assert {row["what"]: row["runs_out_on"] for row in json.loads(said)} == {
        f"token {fast}": (today + timedelta(days=10)).isoformat(),
        f"token {still}": None,
    }


def test_a_monthly_limit_runs_out_within_its_month_or_not_at_all(books, clock):
    for days in range(14):
        books.use(None, 1_000, LocalDay=clock.now.date() - timedelta(days=days))
    books.step("fold")

    def run_out(limit):
        def work(connection):
            quota = quota_changes.set_quota(
                connection,
                company_id="NT047",
                scope="branch",
                subject="RUB",
                limits=(None, limit),
                day=clock.now.date(),
            )
            found = quota_run_out_days(connection, [quota], now=clock.now, default_zone="UTC")
            return found.get(quota.quota_id)

        return books.database.run(work)

    # 14,000 were used in this month.
    assert run_out(19_000) == date(2026, 11, 26)
    assert run_out(23_999) == date(2026, 11, 30)
    assert run_out(24_000) is None
    assert run_out(13_000) == date(2026, 11, 21)
    assert run_out(None) is None
