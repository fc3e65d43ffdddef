"""A name is one name however Unicode spells it: on quotas, in sums, and in rows that people typed in by SQL."""

from datetime import date

import pytest
from sqlalchemy import insert, select

from shared_code.database import tables
from shared_code.database.stores.quotas import quotas
from shared_code.database.stores.usage.usage_reports import GroupBy, UsageFilter, usage_lines
from shared_code.database.stores.usage.usage_sums import tokens_per_day_of
from shared_code.database.tables import usage_daily
from shared_code.errors import QuotaExceeded
from shared_code.records import Caller, CallIdentity, Source

COMPOSED, DECOMPOSED = "José", "Jose\u0301"
DAY = date(2026, 11, 21)
EVERYBODY = UsageFilter(DAY, DAY, company_id="NT047")


def identity(call, name):
    return CallIdentity(call, Caller("NT047", name), Source.HTTP)


def type_in(database, table, **values):
    database.run(lambda connection: connection.execute(insert(table).values(**values)))


def type_quota(database, subject, limit):
    type_in(database, tables.quotas, CompanyID="nt047", Scope="user", Subject=subject, DailyLimit=limit)


@pytest.mark.parametrize("subject", [COMPOSED, DECOMPOSED])
def test_both_spellings_count_on_one_limit_also_on_one_that_was_typed_in(accounts, subject):
    accounts.add_key()
    type_quota(accounts.database, subject, 2_500)
    for number, name in enumerate((COMPOSED, DECOMPOSED)):
        accounts.settle(accounts.reserve(identity=identity(f"call-{number}", name)), 1_000)
    with pytest.raises(QuotaExceeded):
        accounts.reserve(identity=identity("one-too-many", DECOMPOSED))
    assert [used for _, used, _ in accounts.counters() if used] == [2_000]
    (line,) = accounts.database.read(lambda connection: usage_lines(connection, EVERYBODY, group_by=[GroupBy.USER]))
    assert (line.user, line.total_tokens) == (COMPOSED, 2_000)


@pytest.mark.parametrize("subject", [COMPOSED, DECOMPOSED])
def test_changing_a_limit_that_was_typed_in_changes_that_one(accounts, subject):
    type_quota(accounts.database, subject, 100)
    accounts.set_quota("user", COMPOSED, daily=200)
    found = accounts.database.read(lambda connection: connection.execute(select(tables.quotas)).all())
    assert [(row.Subject, row.DailyLimit) for row in found] == [(subject, 200)]
    (quota,) = accounts.database.read(lambda connection: quotas.find_quotas(connection, scope="user", subject=COMPOSED))
    assert quota.subject == COMPOSED


def test_what_was_booked_under_either_spelling_counts_for_a_new_limit(accounts):
    """Rows of versions that stored names as they came."""
    accounts.add_key()
    for number, name in enumerate((COMPOSED, DECOMPOSED)):
        type_in(
            accounts.database,
            tables.token_usage_logs,
            CallID=f"old-{number}",
            Attempt=1,
            Kind="usage",
            CompanyID="NT047",
            RequestedBy=name,
            TotalTokensUsed=300,
            LocalDay=DAY,
        )
    accounts.set_quota("user", COMPOSED, daily=1_000)
    assert accounts.counters() == [("2026-11-21", 600, 0)]
    wanted = UsageFilter(DAY, DAY, user=COMPOSED)
    (line,) = accounts.database.read(lambda connection: usage_lines(connection, wanted, group_by=[GroupBy.DAY]))
    assert line.total_tokens == 600


def test_a_forecast_adds_both_spellings(database):
    for name, tokens in ((COMPOSED, 300), (DECOMPOSED, 500)):
        amounts = dict.fromkeys(
            ("Requests", "Errors", "Unmeasured", "InputTokens", "OutputTokens", "ThoughtsTokens", "CachedTokens"), 0
        )
        type_in(
            database,
            usage_daily,
            LocalDay=DAY,
            TokenID=0,
            CompanyID="NT047",
            Branch="",
            RequestedBy=name,
            Model="",
            Source="http",
            TotalTokens=tokens,
            CostUSD=0,
            Unpriced=0,
            **amounts,
        )
    owner = ("NT047", "user", COMPOSED)
    assert database.read(lambda connection: tokens_per_day_of(connection, [owner], since=DAY)) == {owner: {DAY: 800}}
