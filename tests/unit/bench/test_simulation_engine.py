"""Clock, lines and pipes of the simulation, held to what is known of them without a simulation."""

import math
import random

import pytest

from bench.simulation.engine import Clock, Meter, Pipe, Places


def waits_of_a_line(servers, arrivals_per_second, seconds_of_work, *, customers=60_000, seed=3):
    """Seconds that each customer waited, and the share of the servers that was busy."""
    clock, chance, waits = Clock(), random.Random(seed), []
    places = Places(clock, servers)

    def customer():
        came = clock.now
        yield from places.take()
        waits.append(clock.now - came)
        yield chance.expovariate(1 / seconds_of_work)
        places.give()

    def door():
        while True:
            yield chance.expovariate(arrivals_per_second)
            clock.start(customer())

    clock.start(door())
    clock.run(customers / arrivals_per_second)
    return waits, places.meter.share


@pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (1, 0.8), (4, 0.7), (16, 0.9)])
def test_a_line_waits_as_long_as_the_formula_of_erlang_says(servers, load):
    offered = servers * load
    waits, busy = waits_of_a_line(servers, offered, 1.0)
    last = offered**servers / math.factorial(servers) / (1 - load)
    must_wait = last / (sum(offered**n / math.factorial(n) for n in range(servers)) + last)
    assert sum(waits) / len(waits) == pytest.approx(must_wait / (servers * (1 - load)), rel=0.15)
    assert sum(wait > 0 for wait in waits) / len(waits) == pytest.approx(must_wait, rel=0.1)
    assert busy == pytest.approx(load, rel=0.03)


def test_whoever_came_first_is_served_first_and_nobody_after_giving_up():
    clock, seen = Clock(), []
    places = Places(clock, 1)

    def customer(name, patience, work):
        got = yield from places.take(patience)
        seen.append((name, got, clock.now))
        if got:
            yield work
            places.give()

    for at, (name, patience) in enumerate([("a", 9), ("b", 5), ("c", 50), ("d", 50)]):
        clock.start(customer(name, patience, 10.0), after=float(at))
    clock.run(100.0)
    assert seen == [("a", True, 0.0), ("b", False, 6.0), ("c", True, 10.0), ("d", True, 20.0)]
    assert places.meter.used == 30.0


def test_a_place_that_all_have_left_is_free_again():
    clock, places = Clock(), None
    places = Places(clock, 2)
    for _ in range(7):
        clock.start(places.use(1.0))
    clock.run(50.0)
    assert places.meter.used == 7.0
    clock.start(places.use(1.0))
    clock.run(51.0)
    assert places.meter.used == 8.0


def test_a_pipe_never_takes_more_than_its_rate():
    clock, ends = Clock(), []
    pipe = Pipe(clock, 100.0)

    def writer(size):
        yield pipe.seconds(size)
        ends.append((clock.now, size))

    for number in range(50):
        clock.start(writer(30 + number), after=number * 0.2)
    clock.run(1_000.0)
    passed = 0.0
    for at, size in ends:
        passed += size
        assert passed <= at * 100.0 + 1e-6
    assert pipe.meter.used == pytest.approx(sum(size for _, size in ends) / 100.0)


def test_a_meter_forgets_what_was_before():
    clock = Clock()
    meter = Meter(clock)
    meter.change(there=4, busy=4)
    clock.run(10.0)
    meter.change(busy=-3)
    meter.forget()
    clock.run(30.0)
    assert meter.share == 0.25


def test_events_of_one_moment_happen_in_the_order_in_which_they_were_planned():
    clock, seen = Clock(), []

    def one(name):
        yield 1.0
        seen.append(name)

    for name in "abcdef":
        clock.start(one(name))
    clock.run(2.0)
    assert "".join(seen) == "abcdef"
