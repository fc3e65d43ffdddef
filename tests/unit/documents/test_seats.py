import random
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from shared_code import errors
from shared_code.documents.sandbox.seats import Seats


def take(seats: Seats, company: str) -> ExitStack:
    """A seat that is held until the stack is closed."""
    stack = ExitStack()
    stack.enter_context(seats.one_for(company, wait_seconds=0.0))
    return stack


def wait_until(condition) -> None:
    deadline = threading.Event()
    for _ in range(500):
        if condition():
            return
        deadline.wait(0.01)
    raise AssertionError("did not happen in time")


def test_a_company_never_holds_the_last_seat():
    seats = Seats(3)
    held = [take(seats, "A"), take(seats, "A")]
    with pytest.raises(errors.Busy) as caught:
        take(seats, "A")
    assert caught.value.retry_after
    held.append(take(seats, "B"))
    assert seats.taken == 3
    for stack in held:
        stack.close()
    assert seats.taken == 0


def test_a_single_seat_serves_everybody():
    seats = Seats(1)
    take(seats, "A").close()
    with take(seats, "B"), pytest.raises(errors.Busy):
        take(seats, "A")


def test_a_seat_that_is_given_back_goes_to_the_company_that_waits_with_the_fewest():
    seats, order = Seats(3), []
    held = [take(seats, "A"), take(seats, "A"), take(seats, "B")]

    def wait_for(company: str, number: int) -> None:
        with seats.one_for(company, wait_seconds=10):
            order.append((company, number))

    with ThreadPoolExecutor(5) as pool:
        for number in range(3):
            pool.submit(wait_for, "A", number)
            wait_until(lambda number=number: seats.waiting("A") == number + 1)
        pool.submit(wait_for, "C", 0)
        wait_until(lambda: seats.waiting("C") == 1)
        held[0].close()
        wait_until(lambda: len(order) == 4)
    assert order[0] == ("C", 0)
    assert order[1:] == [("A", 0), ("A", 1), ("A", 2)]


def test_who_gives_up_leaves_the_line():
    seats = Seats(2)
    held = take(seats, "A")
    with pytest.raises(errors.Busy):
        take(seats, "A")
    assert seats.waiting("A") == 0
    held.close()
    take(seats, "A").close()


def test_whatever_comes_and_goes_one_seat_stays_out_of_reach_and_none_is_lost():
    """Random arrivals of four companies: the rule holds at every moment, and every job is seated in the end."""
    seats, chance = Seats(3), random.Random(7)
    holding: dict[str, int] = {}
    lock, worst = threading.Lock(), [0]

    def job(company: str, hold_seconds: float) -> None:
        with seats.one_for(company, wait_seconds=30):
            with lock:
                holding[company] = holding.get(company, 0) + 1
                worst[0] = max(worst[0], holding[company])
                assert sum(holding.values()) <= 3
            threading.Event().wait(hold_seconds)
            with lock:
                holding[company] -= 1

    with ThreadPoolExecutor(24) as pool:
        jobs = [pool.submit(job, chance.choice("AAAAAABCD"), chance.random() / 500) for _ in range(600)]
        for one in jobs:
            one.result()
    assert worst == [2]
    assert seats.taken == 0
    assert not seats._lines
