"""Decisions at the moment at which something else happens to the document, on each database, with real threads."""

import itertools
import threading
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from shared_code.errors import ChangedMeanwhile, Conflict
from shared_code.reviews.corrected import Change
from tests.integration.reviews.desk_fixture import ANN, BEN, Actor

#: seconds after which a thread that has not ended waits for a lock
_WAITS = 0.15
_LONGEST = 60
#: only this database has several writers here
servers = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


class Other:
    """Work on a thread of its own; its fault is raised here."""

    def __init__(self, work):
        self._work, self._fault, self.result = work, None, None
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        try:
            self.result = self._work()
        except BaseException as fault:  # noqa: BLE001 - raised again below
            self._fault = fault

    def start(self, seconds=0.0):
        self._thread.start()
        self._thread.join(seconds)
        return self

    def end(self):
        self._thread.join(_LONGEST)
        assert not self._thread.is_alive(), "waits for ever"
        if self._fault is not None:
            raise self._fault
        return self.result


@contextmanager
def before_step(database, number, other):
    """Start ``other`` before this thread's step of this number: a statement, or a COMMIT. Yields the steps taken."""
    mine, steps, counts = threading.get_ident(), [], itertools.count()

    def look(said):
        if threading.get_ident() == mine:
            steps.append(said)
            if next(counts) == number:
                other.start(_WAITS)

    def statement(_connection, _cursor, text, *_):
        look(text)

    def commit(_connection):
        look("COMMIT")

    event.listen(database.engine, "before_cursor_execute", statement)
    event.listen(database.engine, "commit", commit)
    yield steps
    event.remove(database.engine, "before_cursor_execute", statement)
    event.remove(database.engine, "commit", commit)


def correct(reviews, reading):
    return reviews.decide(reading, "correct", Change("total", "12.00"), version=1)


def read_anew(reviews, sha):
    """A reading by another model, which has a claim of its own."""
    return reviews.add(sha256=sha, model="another", doubtful=False, total="13.00")


def check_carried(reviews, newer):
    shown = reviews.answer(newer)
    assert (shown["review"], shown["invoices"][0]["total"]) == ({"state": "pending"}, "12.00")
    assert reviews.reason(newer) == "corrected_before"


@servers
@pytest.mark.parametrize("paused", ["decision", "reading"])
def test_a_correction_and_a_newer_reading_of_another_claim_meet_at_any_step(reviews, paused):
    for number in itertools.count():
        sha = f"{number:064}"
        older = reviews.add(sha256=sha)
        works = [lambda o=older: correct(reviews, o), lambda s=sha: read_anew(reviews, s)]
        if paused == "reading":
            works.reverse()
        other = Other(works[1])
        with before_step(reviews.services.database, number, other) as steps:
            mine = works[0]()
        if len(steps) <= number:
            break
        theirs = other.end()
        check_carried(reviews, theirs if paused == "decision" else mine)
        assert len(reviews.desk.history(older).decisions) == 1
    assert number > 8, steps


def test_newer_readings_that_end_while_a_correction_is_saved_have_it(reviews):
    for number in range(10):
        sha = f"{number:064}"
        older = reviews.add(sha256=sha)
        start = threading.Barrier(3)

        def begin(work, start=start):
            start.wait(_LONGEST)
            return work()

        deciding = Other(lambda o=older, b=begin: b(lambda: correct(reviews, o))).start()
        reading = Other(lambda s=sha, b=begin: b(lambda: read_anew(reviews, s))).start()
        start.wait(_LONGEST)
        deciding.end()
        check_carried(reviews, reading.end())


def test_decisions_about_two_readings_of_a_document_at_once_never_wait_in_a_ring(reviews):
    for number in range(6):
        sha = f"{number:064}"
        first, second = reviews.add(sha256=sha), reviews.add(sha256=sha, total="13.00")
        start = threading.Barrier(3)

        def decide(reading, total, actor, start=start):
            start.wait(_LONGEST)
            try:
                return reviews.decide(reading, "correct", Change("total", total), actor=actor, version=1)
            except ChangedMeanwhile:
                return None

        older = Other(lambda f=first, d=decide: d(f, "12.00", ANN)).start()
        newer = Other(lambda s=second, d=decide: d(s, "14.00", BEN)).start()
        start.wait(_LONGEST)
        assert older.end().state == "corrected"
        # Whoever came second to the newer reading has not seen the correction that it holds by now.
        expected = ("12.00", "pending") if newer.end() is None else ("14.00", "corrected")
        shown = reviews.answer(second)
        assert (shown["invoices"][0]["total"], shown["review"]["state"]) == expected
        assert reviews.answer(first)["invoices"][0]["total"] == "12.00"


@pytest.mark.parametrize("way", ["take", "decide"])
def test_of_many_that_open_a_review_at_once_one_has_it_and_the_others_are_told(reviews, way):
    for _ in range(4):
        reading, start = reviews.add(doubtful=False), threading.Barrier(7)

        def work(number, reading=reading, start=start):
            actor = Actor(f"admin-key:{number}")
            start.wait(_LONGEST)
            try:
                if way == "take":
                    return reviews.desk.take(reading, actor).taken_by
                return reviews.decide(reading, "confirm", actor=actor).decided_by
            except Conflict as refused:
                who = refused.details["taken_by" if way == "take" else "decided_by"]
                return None if who else "nobody is told of"

        others = [Other(lambda n=number, w=work: w(n)).start() for number in range(6)]
        start.wait(_LONGEST)
        ends = [other.end() for other in others]
        [winner] = [one for one in ends if one is not None]
        review = reviews.review(reading)
        assert winner == (review.taken_by if way == "take" else review.decided_by)
        assert len(reviews.desk.history(reading).decisions) == (0 if way == "take" else 1)
