"""Rollups beside writers for a minute on each database; processes killed at every write of every step."""

import pytest

from tests.integration.rollup.processes import BEFORE_COMMIT
from tests.integration.rollup.storms import Victims, storm
from tests.integration.rollup.test_storms import POINTS

SECONDS = 60.0
#: more writes than any step makes in one run on that little data
_MOST_WRITES = 12


def test_two_rollups_beside_writers_at_full_speed_for_a_minute(books, database_url):
    done = storm(database_url, books, seconds=SECONDS)
    print(
        f"\n{books.database.dialect}: {done.rows / SECONDS:.0f} rows/s, p99 {done.p99() * 1000:.0f} ms, runs {done.runs}"
    )
    if books.database.dialect == "postgresql":
        assert done.p99() <= 0.25


@pytest.mark.parametrize("step", list(dict.fromkeys(step for step, _ in POINTS)))
def test_killed_at_every_write_of_a_step(books, database_url, tmp_path, step):
    folder = tmp_path / "outbox"
    folder.mkdir()
    with Victims(database_url, books, folder) as victims:
        for point in (*range(1, _MOST_WRITES), BEFORE_COMMIT):
            victims.kill(step, point)
        assert victims.kills >= 2
        victims.check()
