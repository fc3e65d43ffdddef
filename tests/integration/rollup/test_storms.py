"""Rollups beside writers at full speed, and processes killed in the middle of each step; ``soak`` does it for longer."""

import threading
from datetime import datetime

import pytest

from shared_code.database.stores.usage import fold
from tests.integration.rollup.processes import BEFORE_COMMIT
from tests.integration.rollup.storms import Victims, storm

#: steps that write, with the point at which their process dies
POINTS = [
    ("replay outbox", BEFORE_COMMIT),
    ("end stale reservations", BEFORE_COMMIT),
    ("end stale claims", BEFORE_COMMIT),
    ("fold", 1),
    ("fold", 3),
    ("fold", BEFORE_COMMIT),
    ("reconcile", BEFORE_COMMIT),
    ("take over limits", 1),
    ("take over limits", BEFORE_COMMIT),
    ("set statuses", BEFORE_COMMIT),
    ("key alerts", BEFORE_COMMIT),
    ("model alerts", BEFORE_COMMIT),
    ("passed alerts", BEFORE_COMMIT),
    ("prune ApplicationLogs", BEFORE_COMMIT),
    ("prune RetryAttempts", BEFORE_COMMIT),
    ("prune TokenUsageLogs", BEFORE_COMMIT),
    ("prune Claims", BEFORE_COMMIT),
    ("prune Extractions", BEFORE_COMMIT),
    ("prune Alerts", BEFORE_COMMIT),
    ("prune AdminAudit", BEFORE_COMMIT),
]
SECONDS = 3.0


@pytest.mark.long
def test_two_rollups_beside_writers_at_full_speed_lose_and_double_nothing(books, database_url):
    done = storm(database_url, books, seconds=SECONDS)
    print(
        f"{books.database.dialect}: {done.rows / SECONDS:.0f} rows/s, p99 {done.p99() * 1000:.0f} ms, runs {done.runs}"
    )
    assert done.rows > 20
    assert min(done.runs) >= 1
    if books.database.dialect == "postgresql":
        assert done.p99() <= 0.25


@pytest.mark.long
def test_a_process_killed_in_the_middle_of_a_step_leaves_nothing_undone_and_nothing_done_twice(
    books, database_url, tmp_path
):
    folder = tmp_path / "outbox"
    folder.mkdir()
    with Victims(database_url, books, folder) as victims:
        for step, point in POINTS:
            assert victims.kill(step, point), (step, point)
        victims.check()
        victims.check()


@pytest.mark.parametrize("database_url", ["postgresql", "mssql"], indirect=True)
def test_what_one_instance_holds_in_an_open_batch_is_not_folded_by_another(books):
    """It waits for the first, and then finds nothing left to do."""
    token = books.add_key()
    for _ in range(20):
        books.use(token)
    stamps = iter([datetime(2026, 11, 21, 12, 0), datetime(2026, 11, 21, 12, 1)])

    def batch(connection):
        return fold.fold_range(connection, first=0, last=10**6, stamp=next(stamps), default_zone="UTC")

    second = []
    with books.database.transaction() as connection:
        assert batch(connection) == 20
        other = threading.Thread(target=lambda: second.append(books.database.run(batch)))
        other.start()
        other.join(0.3)
        assert second == []
    other.join(20)
    assert second == [0]
    books.assert_exact()
