"""A limit counts what ran before it and what is running, whoever made it and how: API, SQL, a new period, a new zone."""

import uuid
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import delete, insert, update

from shared_code import errors
from shared_code.database import tables
from shared_code.database.key_cipher import KeyCipher
from shared_code.database.stores.quotas import quota_changes, quotas
from shared_code.database.stores.usage import fold
from shared_code.metering.booking import Booking
from shared_code.metering.budgets import Booked
from shared_code.metering.ledger import Ledger
from shared_code.records import Caller, Provider, UsageKind
from shared_code.token_manager import TokenManager

KOLKATA, ACCRA = "Asia/Kolkata", "Africa/Accra"
TODAY, MONTH = "2026-11-21", "2026-11"


def type_in(accounts, statement):
    accounts.database.run(lambda connection: connection.execute(statement))


def type_quota(accounts, scope="user", subject="bzumah", **limits):
    type_in(accounts, insert(tables.quotas).values(CompanyID="nt047", Scope=scope, Subject=subject, **limits))


def by_period(accounts):
    return {period: (used, reserved) for period, used, reserved in accounts.counters()}


def fold_everything(accounts):
    stamp = datetime(2026, 11, 21, 13, 0, 0, 1)
    accounts.database.run(
        lambda connection: fold.fold_range(connection, first=0, last=10**6, stamp=stamp, default_zone="UTC")
    )


@pytest.fixture
def running(accounts):
    """A company with a key, 1,000 tokens booked and folded, 600 booked, and a call that holds 1,000."""
    accounts.add_key(limit=1_000_000)
    accounts.settle(accounts.reserve(), 1_000)
    fold_everything(accounts)
    accounts.settle(accounts.reserve(), 600)
    return accounts.reserve()


@pytest.mark.parametrize(("scope", "subject"), [("company", ""), ("branch", "RUB"), ("user", "bzumah")])
def test_a_quota_made_while_a_call_runs_holds_the_call_and_settles_it(accounts, running, scope, subject):
    accounts.set_quota(scope, subject, daily=5_000, monthly=9_000)
    assert by_period(accounts) == {TODAY: (1_600, 1_000), MONTH: (1_600, 1_000)}
    assert accounts.settle(running, 700) is Booked.SETTLED
    assert by_period(accounts) == {TODAY: (2_300, 0), MONTH: (2_300, 0)}


@pytest.mark.parametrize(("scope", "subject"), [("company", ""), ("branch", "RUB"), ("user", "bzumah")])
def test_a_quota_typed_in_by_sql_counts_from_the_next_call_on(accounts, running, scope, subject):
    type_quota(accounts, scope, subject, DailyLimit=3_600)
    accounts.reserve()
    assert by_period(accounts) == {TODAY: (1_600, 2_000)}
    with pytest.raises(errors.QuotaExceeded) as refused:
        accounts.reserve()
    assert (refused.value.details["used"], refused.value.details["reserved"]) == (1_600, 2_000)
    accounts.settle(running, 900)
    assert by_period(accounts) == {TODAY: (2_500, 1_000)}


def test_a_users_quota_typed_in_by_sql_shows_its_use_before_the_next_call(accounts, running):
    type_quota(accounts, DailyLimit=3_000, MonthlyLimit=9_000)
    found = accounts.manager.get_user_quota("bzumah")
    assert (found.daily_used, found.monthly_used) == (2_600, 2_600)
    assert not accounts.manager.has_sufficient_quota("bzumah", 401)
    assert accounts.counters() == [], "looking makes nothing"


def test_a_call_of_another_owner_or_day_is_not_taken_over(accounts, running, clock):
    clock.now = clock.now.replace(day=22)
    accounts.set_quota("user", "bzumah", daily=5_000)
    accounts.set_quota("user", "somebody", monthly=5_000)
    accounts.set_quota("company", monthly=5_000)
    assert accounts.counters() == [("2026-11-22", 0, 0), (MONTH, 0, 0), (MONTH, 1_600, 1_000)]
    accounts.settle(running, 700)
    assert accounts.counters() == [("2026-11-22", 0, 0), (MONTH, 0, 0), (MONTH, 2_300, 0)]


def test_a_daily_limit_typed_beside_a_monthly_one_counts_too(accounts):
    accounts.add_key()
    accounts.set_quota("company", monthly=50_000)
    accounts.settle(accounts.reserve(), 1_000)
    held = accounts.reserve()
    type_in(accounts, update(tables.quotas).values(DailyLimit=2_500))
    with pytest.raises(errors.QuotaExceeded):
        accounts.reserve()
    assert by_period(accounts) == {MONTH: (1_000, 1_000), TODAY: (1_000, 1_000)}
    accounts.settle(held, 800)
    assert by_period(accounts) == {MONTH: (1_800, 0), TODAY: (1_800, 0)}


def test_a_limit_that_is_taken_away_by_sql_and_typed_in_again_has_counted_on(accounts):
    accounts.add_key()
    accounts.set_quota("company", daily=5_000)
    held = accounts.reserve()
    type_in(accounts, update(tables.quotas).values(DailyLimit=None))
    accounts.settle(accounts.reserve(), 1_500)
    type_in(accounts, update(tables.quotas).values(DailyLimit=2_600))
    with pytest.raises(errors.QuotaExceeded) as refused:
        accounts.reserve()
    assert refused.value.details["available"] == 100
    accounts.settle(held, 400)
    assert by_period(accounts) == {TODAY: (1_900, 0)}


def test_a_quota_that_is_deleted_and_made_again_has_counted_on(accounts, clock):
    accounts.add_key()
    accounts.set_quota("company", daily=5_000)
    held = accounts.reserve()
    (quota,) = accounts.database.read(lambda connection: quotas.find_quotas(connection, scope="company"))
    accounts.database.run(lambda connection: quota_changes.delete_quota(connection, quota, day=clock.now.date()))
    accounts.settle(accounts.reserve(), 1_500)
    accounts.settle(held, 400)
    accounts.set_quota("company", daily=2_000)
    assert by_period(accounts) == {TODAY: (1_900, 0)}
    with pytest.raises(errors.QuotaExceeded):
        accounts.reserve()


def test_a_quota_whose_rows_were_deleted_by_sql_begins_with_what_was_booked(accounts):
    accounts.add_key()
    accounts.set_quota("company", daily=5_000)
    accounts.settle(accounts.reserve(), 1_500)
    held = accounts.reserve()
    type_in(accounts, delete(tables.quota_counters))
    type_in(accounts, delete(tables.quotas))
    accounts.settle(accounts.reserve(), 500)
    type_quota(accounts, "company", "", DailyLimit=3_500)
    with pytest.raises(errors.QuotaExceeded):
        accounts.reserve()
    assert by_period(accounts) == {TODAY: (2_000, 1_000)}
    accounts.settle(held, 900)
    assert by_period(accounts) == {TODAY: (2_900, 0)}


def test_a_limit_lowered_by_sql_is_told_to_the_counter_by_the_next_call_that_passes(accounts):
    accounts.add_key()
    accounts.set_quota("company", daily=50_000)
    accounts.settle(accounts.reserve(), 1_000)
    type_in(accounts, update(tables.quotas).values(DailyLimit=2_900))
    accounts.reserve()
    with pytest.raises(errors.QuotaExceeded) as refused:
        accounts.reserve()
    assert refused.value.details["limit"] == 2_900


def test_after_a_change_of_the_zone_each_day_keeps_what_was_booked_on_it(accounts, clock):
    """20:00 UTC is the 22nd in Kolkata: the day of a call is decided once, and the zone it was made by does not count."""
    clock.now = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
    accounts.add_key()
    accounts.settle(accounts.reserve(ACCRA), 1_000)
    over_midnight = accounts.reserve(ACCRA)
    accounts.set_quota("company", daily=5_000, monthly=9_000, zone=KOLKATA)
    assert by_period(accounts) == {"2026-11-22": (0, 0), MONTH: (1_000, 1_000)}
    held = accounts.reserve(KOLKATA)
    accounts.settle(over_midnight, 700)
    assert by_period(accounts) == {"2026-11-22": (0, 1_000), MONTH: (1_700, 1_000)}
    accounts.settle(accounts.reserve(ACCRA), 300)
    assert by_period(accounts) == {"2026-11-22": (0, 1_000), MONTH: (2_000, 1_000), TODAY: (2_000, 0)}
    accounts.settle(held, 400)
    assert by_period(accounts) == {"2026-11-22": (400, 0), MONTH: (2_400, 0), TODAY: (2_000, 0)}


def test_a_month_counts_days_that_another_zone_had_already(accounts, clock):
    clock.now = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
    accounts.add_key()
    accounts.settle(accounts.reserve(KOLKATA), 1_000)
    accounts.set_quota("company", monthly=9_000, zone=ACCRA)
    assert by_period(accounts) == {MONTH: (1_000, 0)}


@pytest.mark.parametrize("way", ["sweep", "sweep and late", "release", "withdraw", "outbox", "outbox after a sweep"])
def test_however_a_call_ends_it_moves_limits_that_were_made_while_it_ran(accounts, running, way):
    type_quota(accounts, "company", "", DailyLimit=50_000)
    accounts.set_quota("user", "bzumah", monthly=50_000)
    accounts.settle(accounts.reserve(), 400)
    budgets = accounts.budgets
    ledger = Ledger(accounts.database, budgets, None, 1.0)
    swept = accounts.row(running, 1_000, kind=UsageKind.UNMEASURED, outcome="lease_ended")
    # As the queue hands it out.
    booking = Booking.from_text(Booking(running, accounts.row(running, 700)).to_text())
    if "sweep" in way:
        accounts.database.run(lambda connection: budgets.end(connection, running, swept))
    if "late" in way:
        accounts.settle(running, 700)
    if "outbox" in way:
        ledger.replay(booking)
        ledger.replay(booking)
    if way in ("release", "withdraw"):
        accounts.database.run(lambda connection: getattr(budgets, way)(connection, running))
    cost = {"sweep": 1_000, "release": 0, "withdraw": 0}.get(way, 700)
    assert by_period(accounts) == {TODAY: (2_000 + cost, 0), MONTH: (2_000 + cost, 0)}
    assert accounts.logged() == 2_000 + cost


def test_a_call_that_moves_to_another_key_takes_limits_along_that_were_made_meanwhile(accounts, clock):
    first = accounts.add_key(limit=10_000)
    held = accounts.reserve()
    accounts.set_quota("company", daily=1_500, monthly=9_000)
    second = accounts.add_key(limit=10_000)

    def move(connection):
        keys = [key for key in accounts.keys_on(connection) if key.token_id == second]
        request = replace(accounts.token_request(identity=held.identity), attempt=2)
        return accounts.budgets.reserve(connection, request, keys, time_zone=None, instead_of=held)[0]

    moved = accounts.database.run(move)
    assert (accounts.summary(first)[2], accounts.summary(second)[2]) == (0, 1_000)
    assert by_period(accounts) == {TODAY: (0, 1_000), MONTH: (0, 1_000)}
    accounts.settle(moved, 300)
    assert by_period(accounts) == {TODAY: (300, 0), MONTH: (300, 0)}


def test_a_call_whose_key_is_gone_moves_the_limits_all_the_same(accounts, running):
    accounts.set_quota("company", daily=50_000)
    type_in(accounts, delete(tables.token_usage_summary))
    row = replace(accounts.row(running, 700), token_id=None)
    accounts.database.run(lambda connection: accounts.budgets.settle(connection, running, row))
    assert by_period(accounts) == {TODAY: (2_300, 0)}


def test_a_running_total_that_was_lost_begins_with_what_was_booked_and_is_reserved(accounts, running):
    type_in(accounts, delete(tables.token_usage_summary))
    accounts.reserve()
    assert accounts.summary(running.token_id) == (1_600, 998_400, 2_000)
    accounts.settle(running, 700)
    assert accounts.summary(running.token_id) == (2_300, 997_700, 1_000)


def test_use_that_is_reported_from_outside_counts_on_limits(accounts):
    token = accounts.add_key(limit=1_000_000)
    accounts.set_quota("user", "bzumah", daily=2_500)
    manager = TokenManager(accounts.database, KeyCipher(None), clock=accounts.clock, models={Provider.GEMINI: "m"})
    manager.log_token_usage(token, {"input_tokens": 1_500, "output_tokens": 100}, requested_by="bzumah")
    assert by_period(accounts) == {TODAY: (1_600, 0)}
    with pytest.raises(errors.QuotaExceeded):
        accounts.reserve()


def test_a_company_without_keys_is_limited_by_a_quota_that_was_made_while_its_calls_ran(accounts):
    """Served by the key of APP_SETTING_FILE, which has no row."""
    request = accounts.token_request(Caller("NT047", "bzumah", "RUB"))
    accounts.add_key()
    (key,) = accounts.database.read(accounts.keys_on)
    key = replace(key, token_id=None)

    def reserve(connection):
        fresh = replace(request, identity=replace(request.identity, call_id=str(uuid.uuid4())))
        return accounts.budgets.reserve(connection, fresh, [key], time_zone=None)[0]

    held = accounts.database.run(reserve)
    accounts.set_quota("company", daily=1_900)
    with pytest.raises(errors.QuotaExceeded):
        accounts.database.run(reserve)
    accounts.settle(held, 800)
    assert by_period(accounts) == {TODAY: (800, 0)}
    accounts.database.run(reserve)


def test_the_days_of_a_call_do_not_depend_on_when_its_counter_was_made(accounts, clock):
    accounts.add_key()
    clock.now = datetime(2026, 10, 31, 23, 59, tzinfo=UTC)
    october = accounts.reserve()
    clock.now = datetime(2026, 11, 1, 0, 1, tzinfo=UTC)
    accounts.set_quota("company", daily=5_000, monthly=5_000)
    accounts.settle(october, 700)
    assert by_period(accounts) == {"2026-11-01": (0, 0), MONTH: (0, 0)}
    assert accounts.rows()[0].LocalDay == date(2026, 10, 31)
