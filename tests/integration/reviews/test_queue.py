"""The queue and its list, on each database: order, filters, pages, and two persons who never get the same review."""

import itertools
import json
import threading
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest
from sqlalchemy import insert, text, update

from shared_code.database.stores.reviews import review_lists
from shared_code.database.stores.reviews.review_lists import ReviewFilter
from shared_code.database.tables import reviews as table
from shared_code.errors import Conflict, Forbidden, NotFound
from shared_code.reviews.desk import place_text, read_place
from tests.integration.reviews import clerks
from tests.integration.reviews.desk_fixture import ANN, BEN, Actor


def plant(reviews, rows):
    """Rows of reviews without readings; returns nothing."""
    shared = {"DocumentSha256": "a" * 64, "State": "pending", "Reason": "everything", "CompanyID": "NT047"}
    values = [shared | {"ReadingID": f"ext_{number:032}"} | row for number, row in enumerate(rows, start=1)]
    keys = set().union(*values)
    full = [dict.fromkeys(keys) | row for row in values]
    reviews.run(lambda c: [c.execute(insert(table).values(row)) for row in full] and None)


def numbers(rows):
    return [int(row.reading_id[4:]) for row in rows]


def pages(reviews, wanted=None, *, order="oldest", limit=2):
    """All pages one after the other, each as numbers."""
    found, cursor = [], None
    while True:
        page = reviews.desk.find_page(wanted or ReviewFilter(), order=order, after=read_place(cursor), limit=limit)
        if not page:
            return found
        found.append(numbers(page))
        cursor = place_text(page[-1])


def test_the_list_has_three_orders_in_pages_that_hold_each_review_once(reviews):
    amounts = ["10.50", None, "200.00", "10.50", "-3.00", None]
    plant(reviews, [{"Amount": None if one is None else Decimal(one)} for one in amounts])
    assert pages(reviews) == [[1, 2], [3, 4], [5, 6]]
    assert pages(reviews, order="newest") == [[6, 5], [4, 3], [2, 1]]
    assert pages(reviews, order="amount") == [[3, 4], [1, 5], [6, 2]]
    assert pages(reviews, order="amount", limit=4) == [[3, 4, 1, 5], [6, 2]]
    assert pages(reviews, ReviewFilter(min_amount=Decimal("10.50")), order="amount") == [[3, 4], [1]]
    assert pages(reviews, ReviewFilter(min_amount=Decimal("10.50"))) == [[1, 3], [4]]


def test_the_list_is_narrowed_by_state_company_and_reason(reviews):
    plant(reviews, [{}, {"CompanyID": "OTHER"}, {"Reason": "bad_iban"}, {"State": "confirmed"}, {"Reason": "bad_iban"}])
    assert pages(reviews, ReviewFilter(company_id="NT047")) == [[1, 3], [5]]
    assert pages(reviews, ReviewFilter(reason="bad_iban")) == [[3, 5]]
    assert pages(reviews, ReviewFilter(company_id="OTHER", reason="bad_iban")) == []
    assert pages(reviews, ReviewFilter("confirmed")) == [[4]]
    assert reviews.desk.count_left(ReviewFilter(company_id="NT047")) == 3


def test_the_next_one_is_the_callers_for_ten_minutes(reviews):
    first, second = reviews.add(), reviews.add()
    mine, theirs = (reviews.desk.take_next(ReviewFilter(), who) for who in (ANN, BEN))
    assert (mine.reading_id, theirs.reading_id) == (first, second)
    assert (mine.taken_by, mine.version) == (ANN.name, 1)
    assert timedelta(minutes=9) < mine.taken_until - mine.created_at < timedelta(minutes=11)
    assert reviews.desk.take_next(ReviewFilter(), Actor("admin-key:cleo")) is None
    assert reviews.desk.take_next(ReviewFilter(), ANN) is None

    with pytest.raises(Conflict) as refused:
        reviews.desk.take(first, BEN)
    assert refused.value.details["taken_by"] == ANN.name
    assert reviews.desk.release(first, BEN).taken_by == ANN.name
    assert reviews.desk.release(first, ANN).taken_by is None
    assert reviews.desk.take(first, BEN).taken_by == BEN.name

    ended = {"TakenUntil": datetime(2026, 1, 1)}
    reviews.run(lambda c: c.execute(update(table).where(table.c.ReadingID == second).values(ended)) and None)
    assert reviews.desk.find(second).taken_by is None
    assert reviews.desk.take_next(ReviewFilter(), ANN).reading_id == second


def test_the_next_one_follows_the_filter_the_order_and_what_was_seen(reviews):
    small, large, other = reviews.add(total="5.00"), reviews.add(total="500.00"), reviews.add(company="OTHER")
    take = reviews.desk.take_next
    assert take(ReviewFilter(), ANN, order="amount").reading_id == large
    reviews.desk.release(large, ANN)
    assert take(ReviewFilter(company_id="NT047"), ANN, after=small).reading_id == large
    # Behind the last one it begins anew, but not with the one that was just seen.
    assert take(ReviewFilter(), ANN, after=other).reading_id == small
    assert take(ReviewFilter(), ANN, after=other) is None
    assert take(ReviewFilter(reason="bad_iban"), ANN) is None


def test_a_login_of_one_company_is_kept_to_it(reviews):
    foreign = reviews.add(company="OTHER")
    clerk = Actor("admin-key:bound", company_id="NT047")
    for refused in (
        lambda: reviews.desk.find(foreign, bound_to="NT047"),
        lambda: reviews.desk.find("ext_" + "0" * 32, bound_to="NT047"),
        lambda: reviews.desk.take(foreign, clerk),
        lambda: reviews.desk.release(foreign, clerk),
        lambda: reviews.decide(foreign, "confirm", actor=clerk),
        lambda: reviews.decide("nonsense", "confirm", actor=clerk),
    ):
        with pytest.raises(Forbidden):
            refused()
    with pytest.raises(NotFound):
        reviews.desk.find("ext_" + "0" * 32)


def test_eight_persons_take_forty_reviews_and_none_twice(reviews):
    plant(reviews, [{"Amount": Decimal(number % 7)} for number in range(40)])
    taken, lock, faults = [], threading.Lock(), []

    def clerk(name, order):
        try:
            while (found := reviews.desk.take_next(ReviewFilter(), Actor(name), order=order)) is not None:
                with lock:
                    taken.append((found.reading_id, found.taken_by == name))
        except Exception as fault:  # noqa: BLE001 - told below
            faults.append(fault)

    threads = [
        threading.Thread(target=clerk, args=(f"clerk-{number}", ("oldest", "newest", "amount")[number % 3]))
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []
    assert len(taken) == len({one for one, _ in taken}) == 40
    assert all(mine for _, mine in taken)


@pytest.mark.long
def test_persons_in_processes_of_their_own_decide_each_review_once(reviews, database_url, tmp_path):
    ids = [reviews.add() for _ in range(24)]
    outs = [tmp_path / f"{name}.json" for name in ("ann", "ben", "cleo")]
    running = [clerks.started(clerks.work, database_url, out.stem, out) for out in outs]
    for process in running:
        process.join(60)
        assert process.exitcode == 0
    taken = Counter(one for out in outs for one in json.loads(out.read_text()))
    assert taken == Counter(ids)
    assert {reviews.review(one).state for one in ids} == {"confirmed"}
    print({out.stem: len(json.loads(out.read_text())) for out in outs})


@pytest.mark.every_database
def test_an_index_serves_each_filter_and_order_without_a_sort(reviews):
    if reviews.services.database.dialect == "mssql":
        pytest.skip("the stand-in has no plans of Azure SQL")
    states = ("pending", *["confirmed"] * 69)
    plant(
        reviews,
        [
            {"Amount": Decimal(number), "CompanyID": f"C{number % 7}", "State": states[number % 70]}
            for number in range(700)
        ],
    )
    reviews.run(lambda c: c.execute(text("ANALYZE")) and None)
    for wanted, order in itertools.product(
        (
            ReviewFilter(),
            ReviewFilter(company_id="C1"),
            ReviewFilter(reason="everything"),
            ReviewFilter(company_id="C1", reason="everything"),
            ReviewFilter(company_id="C1", min_amount=Decimal(5)),
        ),
        review_lists.ORDERS,
    ):
        plans = explained(reviews, partial(review_lists.find_reviews, wanted=wanted, order=order, limit=10))
        assert plans
        for plan in plans:
            assert "IX_Reviews_" in plan, (wanted, order, plan)
            for word in ("SCAN Reviews\n", "Seq Scan", "TEMP B-TREE", "Sort"):
                assert word not in plan, (wanted, order, plan)


def explained(reviews, work):
    """The plans of the queries of a piece of work."""
    from sqlalchemy import event

    asked, database = [], reviews.services.database

    def note(_connection, _cursor, statement, parameters, _context, _many):
        if statement.lstrip().upper().startswith("SELECT") and "Reviews" in statement:
            asked.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    database.read(work)
    event.remove(database.engine, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN" if database.dialect == "sqlite" else "EXPLAIN"

    def plan(connection):
        if database.dialect == "postgresql":
            # Of few rows a scan would be quicker, whatever indexes there are.
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            connection.execute(text("SET LOCAL enable_bitmapscan = off"))
            connection.execute(text("SET LOCAL enable_sort = off"))
            connection.execute(text("SET LOCAL enable_incremental_sort = off"))
        found = []
        for statement, parameters in asked:
            rows = connection.exec_driver_sql(f"{explain} {statement}", parameters).all()
            found.append("\n".join(str(row[-1]) for row in rows) + "\n")
        return found

    return database.run(plan)
