"""Five hundred jobs of five companies, the host killed five times, storage cut for twenty seconds."""

from collections import Counter

from tests.integration.jobs.storm import BIG, SMALL, run_storm

KILLS = 5
#: runs at once, by host.json
PARALLEL = 12


def test_five_hundred_jobs_end_once_each_and_are_paid_once(tmp_path):
    storm = run_storm(tmp_path, big=300, small=50, kills=KILLS, cut_seconds=20, latency_ms=400, seconds=600)
    print(f"\n{storm.states} in {storm.seconds:.0f} s; {storm.books}; {storm.big_done} big ones before the small ones")
    assert Counter(storm.ids.values()) == {BIG: 300, **dict.fromkeys(SMALL, 50)}
    assert storm.states == {"done": 500}
    assert set(storm.paid.values()) == {1}, "no document has two measured bookings"
    assert storm.books.kinds["unmeasured"] <= KILLS * PARALLEL
    assert 0 <= storm.big_done < 150
