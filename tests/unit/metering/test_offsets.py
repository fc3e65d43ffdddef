"""The offsets of a zone's clock from UTC over a stretch of time, by which the database itself finds local days."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from shared_code.periods import local_day, offsets

ZONES = ("UTC", "Asia/Kolkata", "Europe/London", "America/Sao_Paulo", "America/Havana", "Africa/Casablanca",
         "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu")  # fmt: skip


@pytest.mark.parametrize("name", ZONES)
def test_every_moment_gets_the_day_that_the_zone_gives_it(name):
    dice, tz = random.Random(name), ZoneInfo(name)
    first = datetime(2009, 12, 31, 23, 59, 59, 999_999)
    last = datetime(2026, 11, 29, 8, 0, 0, 1)
    stretches = offsets(first, last, tz)
    edges = [moment for each in stretches for moment in (each.since, each.until - timedelta(microseconds=1))]
    some = [first + timedelta(seconds=dice.randrange(int((last - first).total_seconds()))) for _ in range(500)]
    for moment in [first, last, *edges, *some]:
        (within,) = [each for each in stretches if each.since <= moment < each.until]
        shifted = moment + timedelta(seconds=within.offset)
        assert shifted.date() == local_day(moment.replace(tzinfo=UTC), tz), (moment, within)
        assert shifted == moment.replace(tzinfo=UTC).astimezone(tz).replace(tzinfo=None)


def test_a_zone_that_never_changes_its_clock_has_one_stretch_and_a_moment_is_one_second():
    assert len(offsets(datetime(2010, 1, 1), datetime(2026, 1, 1), ZoneInfo("Asia/Kolkata"))) == 1
    moment = datetime(2026, 3, 29, 1, 0, 0, 5)
    assert offsets(moment, moment, ZoneInfo("Europe/London")) == [
        (datetime(2026, 3, 29, 1), datetime(2026, 3, 29, 1, 0, 1), 3600)
    ]


def test_the_change_of_a_clock_is_found_to_the_second():
    before, after = offsets(datetime(2026, 3, 1), datetime(2026, 4, 1), ZoneInfo("Europe/London"))
    assert (before.until, before.offset, after.since, after.offset) == (
        datetime(2026, 3, 29, 1), 0, datetime(2026, 3, 29, 1), 3600,
    )  # fmt: skip
