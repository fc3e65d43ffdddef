"""Usage rows summed into UsageDaily: each once, whenever it becomes visible, whatever it lacks."""

from datetime import date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import insert, update

from shared_code.database import tables
from shared_code.database.stores.usage import fold
from shared_code.rollup import fold as step

DAY = date(2026, 11, 21)


def test_a_day_is_summed_per_key_company_branch_user_model_and_source(books):
    first, second = books.add_key(), books.add_key(company="OTHER")
    for token, values in (
        (first, {}),
        (first, {}),
        (first, {"Branch": "ACC"}),
        (first, {"RequestedBy": "kofi"}),
        (first, {"Model": "gpt-5-mini"}),
        (first, {"Source": "blob"}),
        (first, {"LocalDay": date(2026, 11, 20)}),
        (second, {"CompanyID": "OTHER"}),
    ):
        books.use(token, **values)
    assert books.step("fold").changed == 8
    assert len(books.daily()) == 7
    assert books.daily()[DAY, first, "NT047", "RUB", "bzumah", "gemini-3.5-flash-lite", "http"] == {
        "Requests": 2,
        "Errors": 0,
        "Unmeasured": 0,
        "InputTokens": 2_000,
        "OutputTokens": 0,
        "ThoughtsTokens": 0,
        "CachedTokens": 0,
        "TotalTokens": 2_000,
        "Unpriced": 0,
        "CostUnits": 24_690,
    }
    books.assert_exact()


def test_absent_parts_of_the_key_and_unknown_counts_are_kept_apart_from_zero(books):
    books.use(None, 0, Branch=None, RequestedBy=None, Model=None, RequestCount=0, CostUSD=Decimal(0), Outcome="cached")
    books.use(None, None, Branch=None, RequestedBy=None, Model=None, Kind="unmeasured", CostUSD=None, Outcome="reset")
    books.step("fold")
    row = books.daily()[DAY, 0, "NT047", "", "", "", "http"]
    assert (row["Requests"], row["Errors"], row["Unmeasured"], row["Unpriced"], row["TotalTokens"]) == (2, 1, 1, 1, 0)
    books.assert_exact()


def test_a_correction_moves_tokens_but_is_no_request(books):
    token = books.add_key()
    books.use(token, 5_000, Kind="unmeasured", Outcome="lease_ended", CostUSD=None)
    books.step("fold")
    books.use(token, -1_800, Kind="correction", RequestCount=0)
    books.step("fold")
    ((_, row),) = books.daily().items()
    assert (row["Requests"], row["TotalTokens"], row["Unmeasured"]) == (1, 3_200, 1)
    books.assert_exact()


def test_folding_again_changes_nothing(books):
    token = books.add_key()
    books.use(token)
    books.step("fold")
    before = books.daily()
    assert books.step("fold").changed == 0
    assert books.daily() == before


def test_sums_beyond_32_bits_and_costs_of_eight_places_stay_exact(books):
    token = books.add_key()
    for _ in range(3):
        books.use(token, 2_000_000_000, CostUSD=Decimal("1234567.89012345"))
        books.use(token, 1, CostUSD=Decimal("0.00000001"))
        books.step("fold")
    ((_, row),) = books.daily().items()
    assert row["TotalTokens"] == 6_000_000_003
    assert row["CostUnits"] == 3 * (123_456_789_012_345 + 1)


@pytest.mark.every_database
def test_a_row_that_becomes_visible_late_is_not_missed(books):
    """Its id is lower than ids that were folded long before it was committed."""
    if books.database.dialect != "postgresql":
        pytest.skip("here writers take turns: ids become visible in order")
    token = books.add_key()
    with books.database.engine.connect() as slow:
        transaction = slow.begin()
        books.write(slow, token, 700, move=False)
        for _ in range(5):
            books.use(token, 10)
        assert books.step("fold").changed == 5
        assert books.step("reconcile").changed == 0
        books.move(slow, token, 700)
        transaction.commit()
    assert books.step("fold").changed == 1
    books.assert_exact()


def test_rows_far_apart_and_older_than_all_others_are_folded(books, monkeypatch):
    monkeypatch.setitem(step.BATCH, books.database.dialect, 3)
    token = books.add_key()
    for _ in range(100):
        books.use(token)
    books.step("fold")
    ids = [row.UsageID for row in books.rows(tables.token_usage_logs)]
    books.database.run(lambda connection: connection.execute(tables.usage_daily.delete()))
    books.database.run(lambda connection: connection.execute(update(tables.token_usage_logs).values(FoldedAt=None)))
    for number, usage_id in enumerate(ids):
        if number not in (0, 1, 50, 98, 99):
            books.change(tables.token_usage_logs, {"UsageID": usage_id}, FoldedAt=datetime(2026, 1, 1))
    assert books.step("fold").changed == 5
    assert [row["Requests"] for row in books.daily().values()] == [5]


def test_a_row_that_was_typed_in_gets_its_company_from_the_key_and_its_day_from_the_companys_zone(books):
    books.database.run(
        lambda connection: connection.execute(
            insert(tables.company_settings).values(CompanyID="KOL1", TimeZone="Asia/Kolkata")
        )
    )
    token = books.add_key(company="kol1")
    bare = {"CallID": None, "Kind": None, "CompanyID": None, "LocalDay": None, "Source": None, "Outcome": None}
    # Midnight in Kolkata is 18:30 UTC.
    books.use(token, 100, **bare, LoggedAt=datetime(2026, 11, 20, 18, 29, 59))
    books.use(token, 200, **bare, LoggedAt=datetime(2026, 11, 20, 18, 30, 0))
    books.use(token, 400, **bare, LoggedAt=datetime(2026, 11, 20, 23, 0, 0))
    books.use(token, 50, **bare | {"LocalDay": date(2026, 11, 21)})
    books.step("fold")
    days = {key[0]: (key[2], row["TotalTokens"]) for key, row in books.daily().items()}
    assert days == {date(2026, 11, 20): ("KOL1", 100), date(2026, 11, 21): ("KOL1", 650)}
    assert books.step("reconcile").changed == 0


def test_rows_without_a_day_get_that_of_their_companys_clock_before_and_after_it_changes(books):
    zones = tables.company_settings
    books.database.run(
        lambda c: c.execute(
            insert(zones),
            [
                {"CompanyID": "SAO", "TimeZone": "America/Sao_Paulo"},
                {"CompanyID": "LHR", "TimeZone": " Europe/London "},
                {"CompanyID": "ODD", "TimeZone": "Mars/Olympus"},
            ],
        )
    )
    # In Sao Paulo the clock went from 24:00 back to 23:00 of the same day, at 02:00 UTC.
    moments = {
        "SAO": (datetime(2018, 2, 18, 1, 59, 59), datetime(2018, 2, 18, 2), datetime(2018, 2, 18, 3)),
        "LHR": (datetime(2026, 6, 1, 22, 59, 59, 990_000), datetime(2026, 6, 1, 23), datetime(2026, 12, 1, 23)),
        "ODD": (datetime(1999, 12, 31, 23, 59, 59), datetime(2026, 6, 1, 23, 30)),
    }
    days = {
        "SAO": {date(2018, 2, 17): 2, date(2018, 2, 18): 1},
        "LHR": {date(2026, 6, 1): 1, date(2026, 6, 2): 1, date(2026, 12, 1): 1},
        "ODD": {date(1999, 12, 31): 1, date(2026, 6, 1): 1},
    }
    bare = {"CallID": None, "Kind": None, "CompanyID": None, "LocalDay": None}
    for company, at in moments.items():
        token = books.add_key(company=f" {company.lower()}\t")
        for moment in at:
            books.use(token, **bare, LoggedAt=moment)
    books.step("fold")
    found = {company: {} for company in moments}
    for key, row in books.daily().items():
        found[key[2]][key[0]] = row["Requests"]
    assert found == days


@pytest.mark.every_database
def test_a_moment_that_is_none_sets_its_row_alone_aside(books):
    if books.database.dialect != "sqlite":
        pytest.skip("a column of moments holds nothing else there")
    token = books.add_key()
    for _ in range(3):
        books.use(token, 100, CallID=None, LocalDay=None)
    books.database.run(
        lambda c: c.exec_driver_sql("UPDATE TokenUsageLogs SET LoggedAt = 'yesterday' WHERE UsageID = 2")
    )
    assert books.step("fold").changed == 2
    assert sum(row["TotalTokens"] for row in books.daily().values()) == 200


def test_rows_without_key_day_or_moment_are_folded_all_the_same(books):
    books.use(None, 100, CompanyID=None, LocalDay=None, LoggedAt=None)
    books.use(None, 100, CompanyID=None, LocalDay=None, LoggedAt=None)
    assert books.step("fold").changed == 2
    assert [(key[1], key[2], row["TotalTokens"]) for key, row in books.daily().items()] == [(0, "", 200)]


def test_a_stamp_that_others_carry_is_given_up_with_everything_done(books):
    token = books.add_key()
    stamp = datetime(2026, 11, 21, 12, 0, 0, 123_456)
    books.use(token, 100)
    books.use(token, 200, FoldedAt=stamp)
    books.use(token, 400)

    def work(connection):
        return fold.fold_range(connection, first=0, last=10**6, stamp=stamp, default_zone="UTC")

    with pytest.raises(fold.StampTaken):
        books.database.run(work)
    assert books.daily() == {}
    assert books.step("fold").changed == 2
    assert sum(row["TotalTokens"] for row in books.daily().values()) == 500


@pytest.mark.every_database
def test_branches_and_users_are_kept_apart_as_written(books):
    if books.database.dialect == "mssql":
        pytest.skip("there it is the collation of the columns, which the stand-in does not know")
    for branch, user in (("RUB", "kofi"), ("rub", "kofi"), ("rub", "Kofi")):
        books.use(None, Branch=branch, RequestedBy=user)
    books.step("fold")
    assert len(books.daily()) == 3


def test_rows_that_differ_in_case_only_are_one_where_the_database_says_so(books):
    token = books.add_key()
    for model in ("gemini-3.5-flash-lite", "Gemini-3.5-Flash-Lite"):
        for company in ("NT047", "nt047"):
            books.use(token, Model=model, CompanyID=company)
            books.use(token, Model=model, CompanyID=company, LocalDay=None)
    assert books.step("fold").changed == 8
    assert sum(row["Requests"] for row in books.daily().values()) == 8
    assert {key[2].upper() for key in books.daily()} == {"NT047"}


def test_a_run_that_was_missed_for_days_sums_each_day(books):
    token = books.add_key()
    for day in (18, 19, 20, 21):
        for _ in range(day):
            books.use(token, 1, LocalDay=date(2026, 11, day), LoggedAt=datetime(2026, 11, day, 3, 0))
    books.run()
    assert {key[0].day: row["Requests"] for key, row in books.daily().items()} == {18: 18, 19: 19, 20: 20, 21: 21}
    books.assert_exact()
