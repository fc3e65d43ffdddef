"""Jobs of five companies, a host that is killed, storage that is cut.

The long form in ``soak`` also holds the fairness between companies: here the lease of a killed job outlasts all others.
"""

from collections import Counter

from tests.integration.jobs.storm import BIG, SMALL, run_storm

BIG_JOBS, SMALL_JOBS = 20, 3
KILLS = 1
#: runs at once, by host.json
PARALLEL = 12


def test_every_job_ends_once_and_is_paid_once(tmp_path):
    storm = run_storm(tmp_path, big=BIG_JOBS, small=SMALL_JOBS, kills=KILLS, cut_seconds=2, latency_ms=150, seconds=120)
    print(f"\n{storm.states} in {storm.seconds:.0f} s; {storm.books}")
    assert Counter(storm.ids.values()) == {BIG: BIG_JOBS, **dict.fromkeys(SMALL, SMALL_JOBS)}
    assert storm.states == {"done": BIG_JOBS + len(SMALL) * SMALL_JOBS}
    assert set(storm.paid.values()) == {1}, "no document has two measured bookings"
    assert storm.books.kinds["unmeasured"] <= KILLS * PARALLEL
