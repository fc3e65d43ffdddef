"""Turns of runs: few at once, one company never has all of them, and who waits for something else gives his up."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared_code.documents.sandbox.turns import WorkTurns, waiting
from shared_code.errors import Busy

SOON, LONG = 0.05, 10.0


def test_a_company_leaves_one_turn_to_others():
    turns = WorkTurns(3)
    over, begun = threading.Event(), threading.Semaphore(0)

    def work(_number):
        with turns.one_for("FLOOD", wait_seconds=LONG):
            begun.release()
            over.wait(LONG)

    with ThreadPoolExecutor(5) as pool:
        flood = [pool.submit(work, number) for number in range(5)]
        for _ in range(2):
            assert begun.acquire(timeout=LONG)
        assert not begun.acquire(timeout=SOON), "two of three are its share"
        with turns.one_for("OTHER", wait_seconds=SOON):
            pass
        over.set()
        for one in flood:
            one.result()


def test_who_waits_gives_the_turn_up_and_takes_one_again():
    turns = WorkTurns(1)
    with turns.one_for("A", wait_seconds=SOON), ThreadPoolExecutor(1) as pool:

        def other():
            with turns.one_for("B", wait_seconds=SOON):
                return True

        with pytest.raises(Busy):
            pool.submit(other).result()
        with waiting():
            assert pool.submit(other).result()
            with waiting():
                assert pool.submit(other).result(), "nested waits change nothing"
            assert pool.submit(other).result()
        with pytest.raises(Busy):
            pool.submit(other).result()
    with turns.one_for("C", wait_seconds=SOON):
        pass


def test_a_turn_ends_also_when_the_wait_or_the_work_fails():
    turns = WorkTurns(1)
    with pytest.raises(ValueError, match="wait"), turns.one_for("A", wait_seconds=SOON), waiting():
        raise ValueError("wait")
    with pytest.raises(ValueError, match="work"), turns.one_for("A", wait_seconds=SOON):
        raise ValueError("work")
    with turns.one_for("B", wait_seconds=SOON):
        pass


def test_who_gets_no_turn_again_goes_on_without_one(monkeypatch):
    monkeypatch.setattr("shared_code.documents.sandbox.turns._LONGEST_SECONDS", SOON)
    turns = WorkTurns(1)
    over, begun = threading.Event(), threading.Event()

    def other():
        with turns.one_for("B", wait_seconds=LONG):
            begun.set()
            over.wait(LONG)

    with ThreadPoolExecutor(1) as pool:
        with turns.one_for("A", wait_seconds=SOON):
            with waiting():
                running = pool.submit(other)
                assert begun.wait(LONG)
            with waiting():
                pass
        over.set()
        running.result()
    with turns.one_for("A", wait_seconds=SOON), pytest.raises(Busy), ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: turns.one_for("B", wait_seconds=SOON).__enter__()).result()


def test_outside_of_a_turn_waiting_is_nothing():
    with waiting():
        pass
