"""Days and months of companies turn at their own midnight, whatever the clocks do that night."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from shared_code import errors
from shared_code.database.stores.operations import company_zones
from shared_code.periods import day_period, local_day, month_period, period_end, zone, zone_name

KOLKATA, ACCRA, LOS_ANGELES = "Asia/Kolkata", "Africa/Accra", "America/Los_Angeles"


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


#: zone, moment (UTC), the company's day, when that day ends (UTC), how long it is
DAYS = [
    (KOLKATA, utc(2026, 11, 21, 18, 29, 59), date(2026, 11, 21), utc(2026, 11, 21, 18, 30), 24),
    (KOLKATA, utc(2026, 11, 21, 18, 30), date(2026, 11, 22), utc(2026, 11, 22, 18, 30), 24),
    (ACCRA, utc(2026, 11, 21, 23, 59, 59), date(2026, 11, 21), utc(2026, 11, 22), 24),
    (ACCRA, utc(2026, 11, 22), date(2026, 11, 22), utc(2026, 11, 23), 24),
    # Clocks go forward at 2 on 8 March 2026 and back at 2 on 1 November 2026.
    (LOS_ANGELES, utc(2026, 3, 8, 7, 59, 59), date(2026, 3, 7), utc(2026, 3, 8, 8), 24),
    (LOS_ANGELES, utc(2026, 3, 8, 8), date(2026, 3, 8), utc(2026, 3, 9, 7), 23),
    (LOS_ANGELES, utc(2026, 3, 8, 9, 59, 59), date(2026, 3, 8), utc(2026, 3, 9, 7), 23),
    (LOS_ANGELES, utc(2026, 3, 8, 10), date(2026, 3, 8), utc(2026, 3, 9, 7), 23),
    (LOS_ANGELES, utc(2026, 3, 9, 7), date(2026, 3, 9), utc(2026, 3, 10, 7), 24),
    (LOS_ANGELES, utc(2026, 11, 1, 6, 59, 59), date(2026, 10, 31), utc(2026, 11, 1, 7), 24),
    (LOS_ANGELES, utc(2026, 11, 1, 7), date(2026, 11, 1), utc(2026, 11, 2, 8), 25),
    # The hour that comes twice is twice on the same day.
    (LOS_ANGELES, utc(2026, 11, 1, 8, 30), date(2026, 11, 1), utc(2026, 11, 2, 8), 25),
    (LOS_ANGELES, utc(2026, 11, 1, 9, 30), date(2026, 11, 1), utc(2026, 11, 2, 8), 25),
    (LOS_ANGELES, utc(2026, 11, 2, 7, 59, 59), date(2026, 11, 1), utc(2026, 11, 2, 8), 25),
    (LOS_ANGELES, utc(2026, 11, 2, 8), date(2026, 11, 2), utc(2026, 11, 3, 8), 24),
]


@pytest.mark.parametrize(("zone", "now", "day", "end", "hours"), DAYS)
def test_a_day_is_the_companys_own(zone, now, day, end, hours):
    tz = ZoneInfo(zone)
    assert local_day(now, tz) == day
    assert period_end(day_period(day), tz) == end
    before = period_end(day_period(day - timedelta(days=1)), tz)
    assert end - before == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("zone", "month", "end"),
    [
        (KOLKATA, "2026-12", utc(2026, 12, 31, 18, 30)),
        (ACCRA, "2026-02", utc(2026, 3, 1)),
        (LOS_ANGELES, "2026-03", utc(2026, 4, 1, 7)),
        (LOS_ANGELES, "2026-11", utc(2026, 12, 1, 8)),
        (LOS_ANGELES, "2024-02", utc(2024, 3, 1, 8)),
    ],
)
def test_a_month_ends_at_the_companys_own_midnight(zone, month, end):
    assert period_end(month, ZoneInfo(zone)) == end
    assert month_period(local_day(end - timedelta(seconds=1), ZoneInfo(zone))) == month
    assert month_period(local_day(end, ZoneInfo(zone))) != month


#: zone, a moment shortly before the company's midnight
EVES = [
    (KOLKATA, utc(2026, 11, 21, 18, 29)),
    (ACCRA, utc(2026, 11, 21, 23, 59)),
    (LOS_ANGELES, utc(2026, 3, 8, 7, 59)),
    (LOS_ANGELES, utc(2026, 3, 9, 6, 59)),
    (LOS_ANGELES, utc(2026, 11, 1, 6, 59)),
    (LOS_ANGELES, utc(2026, 11, 2, 7, 59)),
]


@pytest.mark.parametrize(("zone", "eve"), EVES)
def test_a_daily_limit_is_whole_again_after_the_companys_midnight(accounts, clock, zone, eve):
    clock.now = eve
    accounts.add_key(limit=None)
    accounts.set_quota("company", daily=1_500, zone=zone)
    accounts.settle(accounts.reserve(zone), 1_000)
    with pytest.raises(errors.QuotaExceeded) as refused:
        accounts.reserve(zone)
    midnight = eve + timedelta(minutes=1)
    assert refused.value.details["resets_at"] == f"{midnight:%Y-%m-%dT%H:%M:%SZ}"
    assert refused.value.retry_after == 60
    clock.now = midnight
    accounts.settle(accounts.reserve(zone), 900)
    assert [(used, reserved) for _, used, reserved in accounts.counters()] == [(1_000, 0), (900, 0)]
    assert [row.LocalDay for row in accounts.rows()] == [
        local_day(eve, ZoneInfo(zone)),
        local_day(midnight, ZoneInfo(zone)),
    ]


def test_a_call_over_midnight_belongs_to_the_day_on_which_it_was_reserved(accounts, clock):
    clock.now = utc(2026, 11, 21, 18, 29)
    accounts.add_key(limit=None)
    accounts.set_quota("company", daily=5_000, zone=KOLKATA)
    reservation = accounts.reserve(KOLKATA)
    clock.now += timedelta(minutes=5)
    accounts.settle(reservation, 700)
    assert accounts.counters() == [("2026-11-21", 700, 0)]
    assert accounts.rows()[0].LocalDay == date(2026, 11, 21)


def test_a_monthly_limit_holds_over_its_days(accounts, clock):
    accounts.add_key(limit=None)
    accounts.set_quota("user", "bzumah", daily=1_200, monthly=2_500)
    for _ in range(2):
        accounts.settle(accounts.reserve(), 1_000)
        clock.now += timedelta(days=1)
    with pytest.raises(errors.QuotaExceeded) as refused:
        accounts.reserve()
    assert refused.value.details["period"] == "monthly"
    assert refused.value.details["resets_at"] == "2026-12-01T00:00:00Z"
    clock.now = utc(2026, 12, 1)
    accounts.reserve()


def test_a_lowered_limit_binds_new_calls_at_once_and_a_raised_one_frees_them(accounts):
    accounts.add_key(limit=None)
    accounts.set_quota("company", daily=10_000)
    running = accounts.reserve()
    accounts.settle(accounts.reserve(), 1_000)
    accounts.set_quota("company", daily=1_500)
    with pytest.raises(errors.QuotaExceeded) as refused:
        accounts.reserve()
    assert refused.value.details["available"] == 0
    assert refused.value.details["limit"] == 1_500
    accounts.settle(running, 800)
    assert accounts.counters() == [("2026-11-21", 1_800, 0)]
    accounts.set_quota("company", daily=3_000)
    accounts.reserve()


def test_a_limit_made_in_the_middle_of_a_period_counts_what_was_used_before(accounts, clock):
    accounts.add_key(limit=None)
    accounts.settle(accounts.reserve(), 1_000)
    clock.now += timedelta(days=1)
    accounts.settle(accounts.reserve(), 600)
    accounts.set_quota("company", daily=5_000, monthly=2_500)
    assert accounts.counters() == [("2026-11-22", 600, 0), ("2026-11", 1_600, 0)]
    with pytest.raises(errors.QuotaExceeded) as refused:
        accounts.reserve()
    assert refused.value.details["period"] == "monthly"
    assert refused.value.details["available"] == 900


def test_a_limit_of_another_branch_or_user_does_not_count(accounts):
    accounts.add_key(limit=None)
    accounts.set_quota("branch", "OTHER", daily=10)
    accounts.set_quota("user", "somebody", daily=10)
    accounts.reserve()
    assert accounts.open_reservations() == 1
    assert {reserved for _, _, reserved in accounts.counters()} == {0}, "nothing is held on another's quota"


def test_a_limit_that_is_taken_away_stops_nothing(accounts):
    accounts.add_key(limit=None)
    accounts.set_quota("company", daily=1_000)
    accounts.settle(accounts.reserve(), 1_000)
    with pytest.raises(errors.QuotaExceeded):
        accounts.reserve()
    accounts.set_quota("company", daily=None)
    accounts.reserve()
    assert accounts.open_reservations() == 1


def test_a_users_quota_shows_limits_use_and_when_the_day_began(accounts, clock):
    clock.now = utc(2026, 11, 21, 20, 0)
    accounts.add_key(limit=None)
    accounts.set_zone(KOLKATA)
    accounts.set_quota("user", "bzumah", daily=5_000, monthly=9_000, zone=KOLKATA)
    accounts.settle(accounts.reserve(KOLKATA), 700)
    accounts.reserve(KOLKATA)
    found = accounts.manager.get_user_quota("bzumah")
    assert (found.user_id, found.company_id) == ("bzumah", "NT047")
    assert (found.daily_limit, found.daily_used) == (5_000, 1_700)
    assert (found.monthly_limit, found.monthly_used) == (9_000, 1_700)
    assert found.last_reset == utc(2026, 11, 21, 18, 30)


def test_sufficient_is_what_passes_neither_limit(accounts):
    accounts.add_key(limit=None)
    accounts.set_quota("user", "bzumah", daily=1_000, monthly=900)
    assert accounts.manager.has_sufficient_quota("bzumah", 900)
    assert not accounts.manager.has_sufficient_quota("bzumah", 901)
    accounts.set_quota("user", "bzumah", daily=500, monthly=900)
    assert not accounts.manager.has_sufficient_quota("bzumah", 501)


def test_a_user_without_a_quota_has_no_limit(accounts):
    found = accounts.manager.get_user_quota("nobody")
    assert (found.daily_limit, found.daily_used, found.monthly_limit, found.monthly_used) == (None, 0, None, 0)
    assert accounts.manager.has_sufficient_quota("nobody", 10**12)


def test_a_user_name_of_several_companies_is_refused_without_the_company(accounts):
    accounts.set_quota("user", "admin", daily=10)
    accounts.set_quota("user", "admin", daily=20, company="ACME")
    with pytest.raises(errors.InvalidRequest, match=r"several companies \(NT047, ACME\)"):
        accounts.manager.get_user_quota("admin")
    assert accounts.manager.get_user_quota("admin", "acme").daily_limit == 20
    assert accounts.manager.has_sufficient_quota("admin", 15, company_id="ACME")
    assert not accounts.manager.has_sufficient_quota("admin", 15, company_id="NT047")


def test_a_zone_that_nobody_knows_is_the_default_one(accounts, clock):
    accounts.add_key(limit=None)
    accounts.set_quota("company", daily=5_000)
    accounts.reserve("Mars/Olympus_Mons")
    assert accounts.counters() == [("2026-11-21", 0, 1_000)]


@pytest.mark.parametrize("typed", ["Asia/Kolkata", " Asia/Kolkata ", "Asia/Kolkata\n", "\tAsia/Kolkata"])
def test_blanks_around_a_typed_zone_do_not_count(accounts, clock, typed):
    clock.now = utc(2026, 11, 21, 20, 0)
    accounts.add_key(limit=None)
    accounts.set_quota("company", daily=5_000, zone=KOLKATA)
    accounts.set_zone(typed)
    stored = accounts.database.read(lambda connection: company_zones.company_zone(connection, "NT047"))
    accounts.reserve(stored)
    assert accounts.counters() == [("2026-11-22", 0, 1_000)]


@pytest.mark.parametrize("typed", ["localtime", "Factory", "America", "../UTC", "x\x00y", "x" * 64, ""])
def test_what_is_no_zone_is_none_on_any_machine(typed):
    assert zone_name(typed) is None
    assert zone(typed, "UTC").key == "UTC"


def test_the_companys_zone_is_kept(accounts):
    accounts.set_zone(KOLKATA)
    accounts.set_zone(ACCRA)
    assert accounts.database.read(lambda connection: company_zones.company_zone(connection, "NT047")) == ACCRA
