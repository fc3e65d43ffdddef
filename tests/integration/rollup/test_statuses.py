"""What remains of a limit decides a key's status and its alerts, over time and without flapping."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import event, update

from shared_code.database import tables

A, B, F = "Active", "BelowThreshold", "FullyUtilized"
BELOW, UP = "below_threshold", "used_up"

#: name, limit, threshold, then (what happens, status after the next run, alerts ever raised)
STORIES = [
    ("above the threshold nothing happens", 100_000, 10_000, [(("use", 90_000), A, [])]),
    ("exactly at the threshold it is not below", 100_000, 10_000, [(("use", 90_000), A, []), (("use", 1), B, [BELOW])]),
    (
        "slowly to its end",
        100_000,
        10_000,
        [
            (("use", 85_000), A, []),
            (("use", 6_000), B, [BELOW]),
            (("use", 6_000), B, [BELOW]),
            (("use", 501), F, [BELOW, UP]),
            (("use", 0), F, [BELOW, UP]),
        ],
    ),
    ("in one leap to its end", 100_000, 10_000, [(("use", 99_000), F, [UP])]),
    ("the smallest call still fits", 100_000, 1_000, [(("use", 97_500), A, []), (("use", 1), F, [UP])]),
    ("overdrawn by a miss", 100_000, 10_000, [(("use", 101_000), F, [UP])]),
    ("no threshold of its own: the setting's 3000", 100_000, None, [(("use", 97_001), B, [BELOW])]),
    ("a threshold of zero", 100_000, 0, [(("use", 97_400), A, []), (("use", 101), F, [UP])]),
    (
        "a raised limit takes it back",
        100_000,
        10_000,
        [
            (("use", 95_000), B, [BELOW]),
            (("limit", 200_000), A, [BELOW]),
            (("use", 100_000), B, [BELOW, BELOW]),
            (("use", 5_000), F, [BELOW, BELOW, UP]),
            (("limit", 208_000), B, [BELOW, BELOW, UP, BELOW]),
            (("limit", 210_001), A, [BELOW, BELOW, UP, BELOW]),
        ],
    ),
    (
        "a limit raised just over the line takes it back at once",
        100_000,
        10_000,
        [(("use", 95_000), B, [BELOW]), (("limit", 105_000), A, [BELOW])],
    ),
    (
        "a lowered limit binds",
        100_000,
        10_000,
        [(("use", 50_000), A, []), (("limit", 55_000), B, [BELOW]), (("limit", 50_000), F, [BELOW, UP])],
    ),
    ("no limit, never flagged", None, 10_000, [(("use", 5_000_000_000), A, [])]),
    (
        "a limit taken away and given back",
        100_000,
        10_000,
        [(("use", 95_000), B, [BELOW]), (("limit", None), A, [BELOW]), (("limit", 100_000), B, [BELOW, BELOW])],
    ),
    (
        "a lowered threshold takes it back",
        100_000,
        10_000,
        [(("use", 95_000), B, [BELOW]), (("threshold", 4_900), A, [BELOW])],
    ),
    (
        "corrections around the threshold do not make it flap",
        100_000,
        10_000,
        [
            (("use", 90_001), B, [BELOW]),
            (("use", -2), B, [BELOW]),
            (("use", 2), B, [BELOW]),
            (("use", -1_900), B, [BELOW]),
            (("use", 1_900), B, [BELOW]),
            (("use", -2_001), A, [BELOW]),
            (("use", 100), A, [BELOW]),
            (("use", 1_902), B, [BELOW, BELOW]),
        ],
    ),
    (
        "corrections around the smallest call do not make it flap",
        100_000,
        0,
        [
            (("use", 97_501), F, [UP]),
            (("use", -2), F, [UP]),
            (("use", 2), F, [UP]),
            (("use", -501), A, [UP]),
        ],
    ),
    (
        "three usual calls are more than the threshold",
        100_000,
        3_000,
        [(("call", 6_000), A, []), (("use", 75_999), A, []), (("use", 2), B, [BELOW])],
    ),
    (
        "the usual call shrinks a little: no flapping",
        100_000,
        3_000,
        [
            (("call", 6_000), A, []),
            (("use", 76_001), B, [BELOW]),
            (("call", 5_000), B, [BELOW]),
            (("call", 100), B, [BELOW]),
            (("call", 100), A, [BELOW]),
        ],
    ),
]


def happen(books, token: int, what: str, amount: int | None) -> None:
    if what == "use":
        # The total alone, so that the usual call stays what it is.
        books.database.run(lambda connection: books.move(connection, token, amount))
    elif what == "call":
        books.use(token, amount)
    elif what == "limit":
        books.change(tables.token_master, {"TokenID": token}, TotalTokenLimit=amount)
    else:
        books.change(tables.token_usage_summary, {"TokenID": token}, Threshold=amount)


def test_stories_of_keys_side_by_side(books):
    """Each story is a key of its own; a round is one event of each, then one run of the timer."""
    tokens = {name: books.add_key(limit=limit, threshold=threshold) for name, limit, threshold, _ in STORIES}
    for name, _, threshold, _ in STORIES:
        if threshold is None:
            books.change(tables.token_usage_summary, {"TokenID": tokens[name]}, Threshold=None)
    for number in range(max(len(story) for *_, story in STORIES) + 1):
        for name, _, _, story in STORIES:
            if number < len(story):
                happen(books, tokens[name], *story[number][0])
        books.run_steps("fold", "take over limits", "set statuses", "key alerts")
        ever, now = books.alerts(open_only=False), books.alerts()
        for name, _, _, story in STORIES:
            token = tokens[name]
            _, status, raised = story[min(number, len(story) - 1)]
            assert (name, number, books.status(token)) == (name, number, status)
            assert (name, number, [kind for kind, key in ever if key == str(token)]) == (name, number, raised)
            assert [kind for kind, key in now if key == str(token)] == {A: [], B: [BELOW], F: [UP]}[status]


@pytest.mark.parametrize("status", ["Blocked", "Disabled", "Exceeded", "Expired", "blocked ", "Sleeping", None])
def test_a_status_that_is_not_the_timers_is_left_alone(books, status):
    token = books.add_key(limit=1_000, Status=status, ExpiresAt=datetime(2026, 1, 1) if status != "Expired" else None)
    books.run()
    assert books.status(token) == status


def test_a_status_typed_in_by_hand_is_understood_and_kept_while_it_is_right(books):
    token = books.add_key(limit=100_000, Status=" below threshold")
    right = books.add_key(limit=100_000, Status="active")
    books.run()
    assert books.status(token) == "Active"
    assert books.status(right) == "active"


def test_a_key_past_its_end_is_expired_by_the_services_clock(books, clock):
    moment = clock.now.replace(tzinfo=None)
    token = books.add_key(ExpiresAt=moment + timedelta(minutes=30))
    books.run()
    assert books.status(token) == "Active"
    clock.now += timedelta(hours=1)
    books.run()
    assert books.status(token) == "Expired"
    assert books.alerts() == [("key_expired", str(token)), ("company_without_key", "NT047")]
    clock.now -= timedelta(hours=1)  # the machine's clock is set back
    books.run()
    assert books.status(token) == "Expired"


@pytest.mark.every_database
def test_a_status_changed_by_an_operator_between_read_and_write_stays(books):
    if books.database.dialect == "sqlite":
        pytest.skip("there the operator waits for the timer's transaction or comes before it: see the next test")
    token = books.add_key(limit=1_000)
    done = []

    def operator(_connection, _cursor, statement, *_):
        if statement.startswith("UPDATE") and "Status" in statement and not done:
            done.append(statement)
            with books.services.database.engine.begin() as other:
                other.execute(update(tables.token_master).values(Status="Disabled"))

    event.listen(books.database.engine, "before_cursor_execute", operator)
    assert books.step("set statuses").changed == 0
    event.remove(books.database.engine, "before_cursor_execute", operator)
    assert done
    assert books.status(token) == "Disabled"


def test_a_status_changed_by_an_operator_before_the_write_begins_stays(books):
    token = books.add_key(limit=1_000)
    done = []

    def operator(connection):
        if connection.get_execution_options().get("begin_write") and not done:
            done.append(True)
            with books.database.engine.begin() as other:
                other.execute(update(tables.token_master).values(Status="Disabled"))

    event.listen(books.database.engine, "engine_connect", operator)
    assert books.step("set statuses").changed == 0
    event.remove(books.database.engine, "engine_connect", operator)
    assert done
    assert books.status(token) == "Disabled"


def test_a_limit_that_is_changed_again_meanwhile_is_not_taken_over_as_it_was(books):
    from shared_code.database.stores.keys import key_states

    token = books.add_key(limit=10_000)
    books.use(token, 1_000)
    books.change(tables.token_master, {"TokenID": token}, TotalTokenLimit=90_000)
    (seen,) = books.database.read(lambda connection: key_states.changed_limits(connection, first=token, last=token))
    books.change(tables.token_master, {"TokenID": token}, TotalTokenLimit=5_000)
    assert not books.database.run(lambda connection: key_states.take_over_limit(connection, seen))
    assert books.step("take over limits").changed == 1
    assert books.summary(token) == (1_000, 4_000)
    assert books.step("take over limits").changed == 0


def test_days_long_ago_do_not_make_the_usual_call(books, clock):
    token = books.add_key(limit=100_000, threshold=3_000)
    books.use(token, 30_000, LocalDay=clock.now.date() - timedelta(days=15))
    books.run()
    assert books.status(token) == "Active"
