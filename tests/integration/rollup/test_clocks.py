"""Days are the companies' own, leases are the database's: what clocks do must not reach the accounts."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import insert

from shared_code.database import tables
from shared_code.database.stores.usage import fold
from tests.integration.rollup.storms import Victims

UNDATED = {"LocalDay": None, "CompanyID": None, "CallID": None}


def in_zone(books, company: str, zone: str) -> int:
    books.database.run(
        lambda connection: connection.execute(insert(tables.company_settings).values(CompanyID=company, TimeZone=zone))
    )
    return books.add_key(company=company)


def days_of(books) -> dict[date, int]:
    return {key[0]: row["TotalTokens"] for key, row in books.daily().items()}


def test_a_machine_whose_clock_jumps_back_an_hour_folds_on(books):
    token = books.add_key()
    stamp = datetime(2026, 11, 21, 12, 0, 0, 5)
    for moment in (stamp, stamp - timedelta(hours=1), stamp - timedelta(minutes=59)):
        books.use(token, 100)
        done = books.database.run(
            lambda connection, at=moment: fold.fold_range(connection, first=0, last=10**6, stamp=at, default_zone="UTC")
        )
        assert done == 1
    books.assert_exact()


@pytest.mark.parametrize("jump", [timedelta(hours=-1), timedelta(hours=2)])
def test_a_lease_ends_by_the_databases_clock_only(books, database_url, clock, tmp_path, jump):
    with Victims(database_url, books, tmp_path) as victims:
        victims._reserve(lease_seconds=3_600)
        victims._reserve(lease_seconds=-1)
        clock.now += jump
        assert books.step("end stale reservations").changed == 1
        assert len(books.rows(tables.token_reservations)) == 1


@pytest.mark.parametrize(
    ("zone", "moments"),
    [
        pytest.param(
            "Asia/Kolkata",
            {
                "2026-11-20 18:29:59": 20,
                "2026-11-20 18:30:00": 21,
                "2026-11-21 18:29:59": 21,
                "2026-11-21 18:30:00": 22,
            },
            id="midnight in Kolkata is at half past",
        ),
        pytest.param(
            "Europe/Berlin",
            {
                "2026-10-24 21:59:59": 24,
                "2026-10-24 22:00:00": 25,
                "2026-10-25 22:59:59": 25,
                "2026-10-25 23:00:00": 26,
            },
            id="a day of 25 hours",
        ),
        pytest.param(
            "Europe/Berlin",
            {
                "2026-03-28 22:59:59": 28,
                "2026-03-28 23:00:00": 29,
                "2026-03-29 21:59:59": 29,
                "2026-03-29 22:00:00": 30,
            },
            id="a day of 23 hours",
        ),
        pytest.param("Nowhere/Land", {"2026-11-21 23:59:59": 21, "2026-11-22 00:00:00": 22}, id="a zone nobody knows"),
    ],
)
def test_undated_rows_fall_on_the_companys_day(books, zone, moments):
    token = in_zone(books, "KOL1", zone)
    expected: dict[date, int] = {}
    for number, (text, day) in enumerate(moments.items(), start=1):
        moment = datetime.fromisoformat(text)
        books.use(token, number, LoggedAt=moment, **UNDATED)
        local = date(moment.year, moment.month, day)
        expected[local] = expected.get(local, 0) + number
    books.step("fold")
    assert days_of(books) == expected
    assert books.step("reconcile").changed == 0


def test_the_day_that_was_decided_at_reservation_stays_however_late_the_call_is_booked(books):
    token = in_zone(books, "KOL1", "Asia/Kolkata")
    books.use(token, 7, CompanyID="KOL1", LocalDay=date(2026, 11, 20), LoggedAt=datetime(2026, 11, 20, 19, 0))
    books.step("fold")
    assert days_of(books) == {date(2026, 11, 20): 7}
