"""Reserve, settle and release: what they move, and that nothing moves twice."""

from datetime import timedelta

import pytest

from shared_code import errors
from shared_code.database import tables
from shared_code.database.key_cipher import KeyCipher
from shared_code.database.stores.keys import tokens
from shared_code.metering.budgets import Booked
from shared_code.records import KeyStatus, Provider, UsageKind
from shared_code.token_manager import TokenManager


def test_a_reservation_sets_its_bound_aside_on_key_and_quotas(accounts):
    token = accounts.add_key(limit=10_000)
    accounts.set_quota("company", daily=50_000)
    accounts.set_quota("branch", "RUB", monthly=60_000)
    accounts.set_quota("user", "bzumah", daily=70_000)
    accounts.reserve()
    assert accounts.summary(token) == (0, 10_000, 1_000)
    assert [(used, reserved) for _, used, reserved in accounts.counters()] == [(0, 1_000)] * 3


def test_settling_books_what_the_call_cost_and_gives_the_rest_back(accounts):
    token = accounts.add_key(limit=10_000)
    accounts.set_quota("company", daily=50_000)
    reservation = accounts.reserve()
    assert accounts.settle(reservation, 700) is Booked.SETTLED
    assert accounts.summary(token) == (700, 9_300, 0)
    assert accounts.counters() == [("2026-11-21", 700, 0)]
    assert accounts.open_reservations() == 0


def test_settling_twice_books_once(accounts):
    token = accounts.add_key(limit=10_000)
    reservation = accounts.reserve()
    accounts.settle(reservation, 700)
    assert accounts.settle(reservation, 700) is Booked.ALREADY
    assert accounts.summary(token) == (700, 9_300, 0)
    assert len(accounts.rows()) == 1


def test_releasing_gives_everything_back_once(accounts):
    token = accounts.add_key(limit=10_000)
    reservation = accounts.reserve()
    release = accounts.budgets.release
    assert accounts.database.run(lambda connection: release(connection, reservation))
    assert not accounts.database.run(lambda connection: release(connection, reservation))
    assert accounts.summary(token) == (0, 10_000, 0)


def test_usage_that_turns_up_after_the_sweep_is_a_correction(accounts):
    token = accounts.add_key(limit=10_000)
    accounts.set_quota("company", daily=50_000)
    reservation = accounts.reserve()
    swept = accounts.row(reservation, 1_000, kind=UsageKind.UNMEASURED, outcome="lease_ended")
    assert accounts.database.run(lambda connection: accounts.budgets.end(connection, reservation, swept))
    assert accounts.summary(token) == (1_000, 9_000, 0)
    assert accounts.settle(reservation, 640) is Booked.CORRECTED
    assert accounts.settle(reservation, 640) is Booked.ALREADY
    assert accounts.summary(token) == (640, 9_360, 0)
    assert accounts.counters() == [("2026-11-21", 640, 0)]
    assert [(row.Kind, row.TotalTokensUsed) for row in accounts.rows()] == [
        ("unmeasured", 1_000),
        ("correction", -360),
    ]
    assert accounts.logged() == 640


def test_usage_that_turns_up_after_a_released_sweep_is_booked_whole(accounts):
    token = accounts.add_key(limit=10_000)
    reservation = accounts.reserve()
    swept = accounts.row(reservation, None, kind=UsageKind.UNMEASURED, outcome="lease_ended")
    accounts.database.run(lambda connection: accounts.budgets.end(connection, reservation, swept))
    assert accounts.summary(token) == (0, 10_000, 0)
    accounts.settle(reservation, 640)
    assert accounts.summary(token) == (640, 9_360, 0)
    assert accounts.rows()[0].TotalTokensUsed is None


def test_a_sweep_that_comes_after_the_settlement_changes_nothing(accounts):
    token = accounts.add_key(limit=10_000)
    reservation = accounts.reserve()
    accounts.settle(reservation, 700)
    swept = accounts.row(reservation, 1_000, kind=UsageKind.UNMEASURED)
    assert not accounts.database.run(lambda connection: accounts.budgets.end(connection, reservation, swept))
    assert accounts.summary(token) == (700, 9_300, 0)


def test_a_call_that_cost_more_than_its_bound_is_booked_as_it_is(accounts):
    token = accounts.add_key(limit=10_000)
    accounts.settle(accounts.reserve(), 1_500)
    assert accounts.summary(token) == (1_500, 8_500, 0)


def test_the_output_cap_shrinks_to_what_is_left_but_not_below_the_floor(accounts):
    accounts.add_key(limit=1_800)
    full = accounts.reserve(output_cap=400, output_floor=100)
    assert full.bound_tokens == 1_000
    shrunk = accounts.reserve(output_cap=400, output_floor=100)
    assert shrunk.bound_tokens == 800
    with pytest.raises(errors.QuotaExceeded) as refused:
        accounts.reserve(output_cap=400, output_floor=100)
    assert refused.value.details["scope"] == "key"
    assert refused.value.details["available"] == 0
    assert refused.value.details["needed"] == 700
    assert refused.value.retry_after == 60


def test_a_refusal_names_the_limit_and_when_it_resets(accounts):
    accounts.add_key(limit=100_000)
    accounts.set_quota("user", "bzumah", daily=1_500)
    accounts.settle(accounts.reserve(), 1_000)
    with pytest.raises(errors.QuotaExceeded) as refused:
        accounts.reserve()
    error = refused.value
    assert error.message == (
        "The daily limit of user 'bzumah' (1500 tokens) leaves 500; this document needs at least 1000. "
        "It resets at 2026-11-22T00:00:00Z."
    )
    assert error.details["scope"] == "user"
    assert error.retry_after == 12 * 3600


def test_a_limit_that_running_requests_hold_is_free_again_soon(accounts):
    accounts.add_key(limit=100_000)
    accounts.set_quota("company", daily=1_500)
    accounts.reserve()
    with pytest.raises(errors.QuotaExceeded) as refused:
        accounts.reserve()
    assert "Running requests hold the rest" in refused.value.message
    assert refused.value.details["resets_at"] == "2026-11-22T00:00:00Z"
    assert refused.value.retry_after == 60


def test_of_two_limits_that_are_used_up_the_later_reset_is_told(accounts):
    accounts.add_key(limit=100_000)
    accounts.set_quota("company", monthly=1_200)
    accounts.set_quota("user", "bzumah", daily=1_000)
    accounts.settle(accounts.reserve(), 1_000)
    with pytest.raises(errors.QuotaExceeded) as refused:
        accounts.reserve()
    assert (refused.value.details["period"], refused.value.details["scope"]) == ("monthly", "company")
    assert refused.value.details["resets_at"] == "2026-12-01T00:00:00Z"
    assert refused.value.retry_after == 9.5 * 86_400


def test_a_key_that_running_requests_hold_is_free_again_soon_beside_one_that_is_used_up(accounts):
    accounts.add_key(limit=500)
    accounts.add_key(limit=1_100)
    accounts.reserve()
    with pytest.raises(errors.QuotaExceeded) as refused:
        accounts.reserve()
    assert refused.value.details["available"] == 500
    assert refused.value.retry_after == 60


def test_a_key_that_is_used_up_does_not_pass_whatever_resets_beside_it(accounts):
    accounts.add_key(limit=1_500)
    accounts.set_quota("company", daily=1_200)
    accounts.settle(accounts.reserve(), 1_000)
    with pytest.raises(errors.LimitUsedUp) as refused:
        accounts.reserve()
    error = refused.value
    assert (error.code, error.retryable, error.retry_after) == ("QUOTA_EXCEEDED", False, None)
    assert (error.details["scope"], error.details["available"], error.details["resets_at"]) == ("key", 500, None)
    assert error.message.endswith("It does not reset by itself: please ask for a higher limit.")
    accounts.add_key(limit=None)
    with pytest.raises(errors.QuotaExceeded) as refused:
        accounts.reserve()
    assert (refused.value.retryable, refused.value.details["scope"]) == (True, "company")


def test_a_quota_that_was_taken_away_makes_no_user_ambiguous(accounts):
    for company in ("NT047", "OTHER"):
        accounts.set_quota("user", "bzumah", daily=1_000, company=company)
    with pytest.raises(errors.InvalidRequest):
        accounts.manager.get_user_quota("bzumah")
    accounts.set_quota("user", "bzumah", company="OTHER")
    assert accounts.manager.get_user_quota("bzumah").company_id == "NT047"


def test_a_refusal_leaves_nothing_behind(accounts):
    token = accounts.add_key(limit=100_000)
    accounts.set_quota("company", daily=1_500)
    accounts.set_quota("user", "bzumah", monthly=900)
    with pytest.raises(errors.QuotaExceeded):
        accounts.reserve()
    assert accounts.summary(token) == (0, 100_000, 0)
    assert all(used == reserved == 0 for _, used, reserved in accounts.counters())
    assert accounts.open_reservations() == 0


def test_a_missing_summary_row_never_means_no_limit(accounts):
    token = accounts.add_key(limit=1_500, summary=False)
    accounts.reserve()
    assert accounts.summary(token) == (0, 1_500, 1_000)
    with pytest.raises(errors.QuotaExceeded):
        accounts.reserve()


def test_a_key_without_a_limit_takes_any_reservation(accounts):
    token = accounts.add_key(limit=None)
    accounts.settle(accounts.reserve(output_cap=3_000_000_000), 2_500_000_000 // 1000)
    assert accounts.summary(token) == (2_500_000, None, 0)


def test_cooling_keys_are_left_alone_and_named_as_the_reason(accounts, clock):
    until = clock.now.replace(tzinfo=None) + timedelta(seconds=90)
    accounts.add_key(limit=100_000, CooldownUntil=until)
    with pytest.raises(errors.ProviderRateLimited) as refused:
        accounts.reserve()
    assert refused.value.retry_after == 90
    clock.now += timedelta(seconds=91)
    accounts.reserve()


def test_active_keys_go_before_keys_below_their_threshold(accounts):
    low = accounts.add_key(limit=100_000)
    accounts.database.run(lambda connection: tokens.set_status(connection, low, KeyStatus.BELOW_THRESHOLD))
    active = accounts.add_key(limit=2_500)
    used = [accounts.reserve().token_id for _ in range(4)]
    assert used == [active, active, low, low]


def test_equal_keys_are_chosen_at_random(accounts):
    keys = {accounts.add_key(limit=10_000_000) for _ in range(3)}
    used = [accounts.reserve(output_cap=1, output_floor=1).token_id for _ in range(60)]
    assert set(used) == keys
    assert all(used.count(key) < 45 for key in keys)


def test_success_takes_two_write_transactions_and_few_statements(accounts, statements):
    accounts.add_key(limit=100_000)
    for scope, subject in (("company", ""), ("branch", "RUB"), ("user", "bzumah")):
        accounts.set_quota(scope, subject, daily=50_000)
    statements.clear()
    reservation = accounts.reserve()
    accounts.settle(reservation, 700)
    ours = [text for text in statements if not text.startswith(("BEGIN", "PRAGMA", "SELECT 1"))]
    # The keys are read before, in no transaction. The claim at the start, and at the end the claim and the reading, are
    # three more.
    assert len(ours) - 1 + 3 <= 14, ours


def test_a_quota_typed_by_sql_in_any_case_limits_and_a_changed_one_at_once(accounts):
    accounts.add_key(limit=1_000_000)
    table = tables.quotas
    accounts.database.run(
        lambda connection: connection.execute(
            table.insert().values(CompanyID="nt047", Scope="company", Subject="", DailyLimit=1_500)
        )
    )
    accounts.reserve()
    with pytest.raises(errors.QuotaExceeded):
        accounts.reserve()
    accounts.database.run(lambda connection: connection.execute(table.update().values(DailyLimit=2_000)))
    accounts.reserve()
    accounts.set_quota("company", daily=5_000)
    accounts.reserve()
    assert accounts.counters() == [("2026-11-21", 0, 3_000)]


def test_usage_reported_beyond_what_a_row_holds_is_refused_by_name(accounts):
    token = accounts.add_key(limit=1_000_000)
    manager = TokenManager(accounts.database, KeyCipher(None), models={Provider.GEMINI: "m"})
    with pytest.raises(errors.InvalidRequest, match="input_tokens"):
        manager.log_token_usage(token, {"input_tokens": 2**31, "output_tokens": 1})
