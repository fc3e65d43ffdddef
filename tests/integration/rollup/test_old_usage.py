"""Usage from before the upgrade: in the reports, day by day, on every backend, and counted once."""

import logging
from collections import Counter
from datetime import date, datetime

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import insert, select, update

from shared_code.bootstrap import build_services
from shared_code.database import schema, tables
from shared_code.database.connection import create_database
from shared_code.database.migrations.versions import m0016_old_usage
from shared_code.database.stores.usage.reconciliation import find_discrepancies
from shared_code.rollup import fold as step
from tests.integration.database import seed_database
from tests.integration.rollup.books import Books

KEYS, ROWS = 60, 700


@pytest.fixture
def old(empty_database_url, make_settings, clock):
    seed_database.make_seed_database(empty_database_url, keys=KEYS, usage_rows=ROWS)
    database = create_database(make_settings(empty_database_url))
    schema.upgrade(database)
    database.close()
    services = build_services(make_settings(empty_database_url), clock=clock)
    yield Books(services, clock)
    services.database.close()
    services.background.shutdown(wait=False)


def rows_by_label(books):
    """What the rows themselves add up to, without our statements."""
    logs, owner = tables.token_usage_logs.c, tables.token_master.c
    companies = dict(books.database.read(lambda c: c.execute(select(owner.TokenID, owner.CompanyID)).all()))
    sums = Counter()
    for row in books.database.read(lambda c: c.execute(select(*logs)).all()):
        company = (companies.get(row.TokenID) or "").upper()
        key = (row.LoggedAt.date(), row.TokenID or 0, company, row.Branch or "", row.RequestedBy or "")
        sums[key] += row.TotalTokensUsed
    return +sums


def daily_by_label(books):
    sums = Counter()
    for key, row in books.daily().items():
        sums[key[:5]] += row["TotalTokens"]
    return +sums


def test_old_usage_is_in_the_daily_sums_equal_to_its_rows_and_no_key_s_total_moves(old, monkeypatch, caplog):
    monkeypatch.setitem(step.BATCH, old.database.dialect, 200)
    monkeypatch.setattr(step, "_TOLD_ROWS", 200)
    summary = tables.token_usage_summary
    before = old.database.read(lambda c: c.execute(select(summary.c.TokenID, summary.c.TotalUsedTokens)).all())
    assert old.database.read(find_discrepancies) == []
    with caplog.at_level(logging.INFO, logger="shared_code.rollup.fold"):
        assert old.step("fold").changed == ROWS + 1
    assert "fold: 200 usage rows summed, 501 to go" in caplog.text
    assert daily_by_label(old) == rows_by_label(old)
    assert sum(row["Requests"] for row in old.daily().values()) == ROWS + 1
    assert old.database.read(find_discrepancies) == []
    after = old.database.read(lambda c: c.execute(select(summary.c.TokenID, summary.c.TotalUsedTokens)).all())
    assert sorted(map(tuple, after), key=str) == sorted(map(tuple, before), key=str)


def test_a_second_run_adds_nothing(old):
    old.step("fold")
    before = old.daily()
    assert old.step("fold").changed == 0
    assert old.daily() == before


def test_new_usage_beside_it_counts_once(old):
    old.use(1, 1_000)
    assert old.step("fold").changed == ROWS + 2
    assert sum(daily_by_label(old).values()) == sum(rows_by_label(old).values())
    assert old.database.read(find_discrepancies) == []


def test_usage_that_waits_for_its_first_run_does_not_make_health_look_bad(old):
    checks = old.services.health.run_checks()["checks"]
    assert checks["rollup"]["result"]["oldest_unfolded_seconds"] is None


def test_rows_that_an_earlier_version_hid_are_found_and_folded_ones_stay(empty_database_url, make_settings, clock):
    """A database that was upgraded before: old rows were marked, and rows typed in since were folded."""
    seed_database.make_seed_database(empty_database_url, keys=KEYS, usage_rows=ROWS)
    services = build_services(make_settings(empty_database_url), clock=clock)
    books, logs = Books(services, clock), tables.token_usage_logs
    schema.upgrade(books.database)
    typed = {"TokenID": 2, "Branch": "typed", "TotalTokensUsed": 70, "LoggedAt": datetime(2026, 11, 20, 9)}
    books.database.run(lambda c: c.execute(insert(logs).values(**typed)))
    books.change(
        tables.token_usage_summary, {"TokenID": 2}, TotalUsedTokens=tables.token_usage_summary.c.TotalUsedTokens + 70
    )
    newest = max(row.UsageID for row in books.rows(logs))
    stamp = datetime(2026, 11, 20, 8)
    books.database.run(lambda c: c.execute(update(logs).where(logs.c.UsageID < newest).values(FoldedAt=stamp)))
    summary = tables.token_usage_summary
    hidden = Counter()
    for row in books.rows(logs):
        hidden[row.TokenID] += row.TotalTokensUsed if row.UsageID < newest else 0
    for token_id, tokens in hidden.items():
        books.change(summary, {"TokenID": token_id}, OpeningTokens=summary.c.OpeningTokens + tokens)
    books.step("fold")
    assert {key[0] for key in books.daily()} == {date(2026, 11, 20)}
    books.database.run(_let_old_usage_wait)
    assert books.step("fold").changed == ROWS + 1
    assert daily_by_label(books) == rows_by_label(books)
    assert books.database.read(find_discrepancies) == []
    services.database.close()
    services.background.shutdown(wait=False)


def _let_old_usage_wait(connection):
    """The step of the upgrade that is tested, once more, without those that follow it."""
    with Operations.context(MigrationContext.configure(connection)):
        m0016_old_usage.upgrade()
