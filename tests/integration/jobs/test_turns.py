"""Places of companies, on each database: the bound holds under a crowd, and both look-ups are made in an index."""

import random
import re
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, text

from shared_code.database.connection import repeatable
from shared_code.database.stores.extractions import job_turns, jobs
from shared_code.database.stores.extractions.jobs import NewJob
from shared_code.database.tables import jobs as table
from shared_code.labels import new_reading_id

SHARE = 4


def add(database, company="NT047", *, share=SHARE):
    """Take a job in; its id, and the ids of jobs that got a place."""
    job = NewJob(new_reading_id(), company, "0" * 64)

    def work(connection):
        jobs.insert_job(connection, job)
        return job_turns.give_turns(connection, company, share=share)

    return job.job_id, [turn.job_id for turn in database.run(work, on_unknown=repeatable)]


def run(database, job_id, company="NT047", *, share=SHARE):
    """Take a job and end it; the ids of jobs that got a place."""
    call_id = str(uuid.uuid4())
    taken = database.run(lambda connection: jobs.take_job(connection, job_id, call_id, lease_seconds=60))
    assert taken

    def end(connection):
        assert jobs.end_job(connection, job_id, call_id, state=jobs.DONE, reading_id=job_id)
        return job_turns.give_turns(connection, company, share=share)

    return [turn.job_id for turn in database.run(end, on_unknown=repeatable)]


def held(database, company="NT047"):
    places = select(func.count()).where(table.c.CompanyID == company, table.c.Slot.is_not(None))
    return database.read(lambda connection: connection.execute(places).scalar_one())


def test_the_oldest_waiting_job_gets_the_place_that_becomes_free(database):
    ids = [add(database)[0] for _ in range(SHARE + 3)]
    other, turns = add(database, "OTHER")
    assert turns == [other]
    assert held(database) == SHARE
    assert run(database, ids[1]) == [ids[SHARE]]
    assert run(database, ids[0]) == [ids[SHARE + 1]]
    assert held(database) == SHARE


def test_a_larger_share_lets_those_in_that_wait(database):
    ids = [add(database, share=1)[0] for _ in range(4)]
    assert run(database, ids[0], share=3) == ids[1:]


def test_only_one_run_has_a_job_and_one_that_was_taken_over_cannot_end_it(database):
    job_id, _ = add(database)

    def take(call_id, lease_seconds=60):
        return database.run(lambda c: jobs.take_job(c, job_id, call_id, lease_seconds=lease_seconds))

    assert take("first", -1)
    assert take("second")
    assert take("second"), "a repeated transaction is no other run"
    assert not take("third")
    assert not database.run(lambda c: jobs.end_job(c, job_id, "first", state=jobs.DONE))
    database.run(lambda c: jobs.release_job(c, job_id, "first"))
    assert database.read(lambda c: jobs.find_job(c, job_id)).state == jobs.RUNNING
    database.run(lambda c: jobs.release_job(c, job_id, "second"))
    assert database.read(lambda c: jobs.find_job(c, job_id)).state == jobs.QUEUED
    assert take("third")
    assert not database.run(lambda c: jobs.end_idle_job(c, job_id, state=jobs.CANCELLED))
    assert database.run(lambda c: jobs.end_job(c, job_id, "third", state=jobs.DONE, reading_id=job_id))
    assert not take("fourth")


def test_a_resting_job_leaves_its_place_and_keeps_out_of_the_line(database):
    ids = [add(database)[0] for _ in range(SHARE + 1)]

    def rest(connection):
        jobs.rest_job(connection, ids[0])
        return job_turns.give_turns(connection, "NT047", share=SHARE)

    assert [turn.job_id for turn in database.run(rest)] == [ids[SHARE]]
    assert run(database, ids[1]) == []
    assert database.read(lambda c: jobs.find_job(c, ids[0])).state == jobs.RESTING
    assert database.run(lambda c: jobs.take_job(c, ids[0], "sweep", lease_seconds=60))
    database.run(lambda c: jobs.release_job(c, ids[0], "sweep"))
    assert database.read(lambda c: jobs.find_job(c, ids[0])).state == jobs.RESTING, "it has no place to wait at"


def test_forgotten_jobs_are_those_that_nothing_moves(database):
    ids = [add(database)[0] for _ in range(SHARE + 1)]
    database.run(lambda c: jobs.take_job(c, ids[0], "died", lease_seconds=-100))
    database.run(lambda c: jobs.take_job(c, ids[1], "lives", lease_seconds=100))

    def forgotten(seconds):
        return set(database.read(lambda c: jobs.forgotten_jobs(c, older_than_seconds=seconds, limit=100)))

    assert forgotten(60) == {ids[0]}
    assert forgotten(-60) == {ids[0], *ids[2:SHARE]}, "not the one that waits for its turn"


def test_a_crowd_of_many_instances_keeps_the_bound_and_leaves_nobody_waiting(database):
    """Jobs come in and end at once; whatever is given a place is run by somebody, as its message would have it."""
    companies = ["A", "B"]
    queue = []
    with ThreadPoolExecutor(8) as pool:

        def step(number):
            company = random.Random(number).choice(companies)
            given = [(company, job) for job in add(database, company)[1]]
            while given:
                company, job = given.pop()
                assert held(database, company) <= SHARE
                given += [(company, one) for one in run(database, job, company)]

        queue += pool.map(step, range(80))
    states = select(table.c.State, func.count()).group_by(table.c.State)
    assert dict(database.read(lambda c: [tuple(row) for row in c.execute(states)])) == {jobs.DONE: 80}
    assert database.read(job_turns.companies_with_waiting) == []


@pytest.mark.every_database
def test_whose_turn_it_is_is_looked_up_in_an_index(database):
    if database.dialect == "mssql":
        pytest.skip("the stand-in shows no plans")
    rows = [
        {
            "PublicID": new_reading_id(),
            "CompanyID": f"C{number % 40}",
            "DocumentSha256": "0" * 64,
            "State": jobs.WAITING if number % 9 == 0 else jobs.DONE,
        }
        for number in range(4_000)
    ]
    database.run(lambda connection: connection.execute(table.insert(), rows))
    plans = database.run(read_plans)
    for plan in plans:
        assert "Jobs_" in plan, plan
        assert not re.search("Seq Scan|Sort|TEMP B-TREE|SCAN Jobs", plan), plan


def read_plans(connection):
    """How the database would find the places that are held, and the next jobs, of a company."""
    job_turns.give_turns(connection, "C1", share=SHARE)
    if connection.dialect.name == "postgresql":
        connection.execute(text("ANALYZE"))
    explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
    plans = []
    for statement in (job_turns.held_places("C1"), job_turns.next_jobs("C1").limit(SHARE)):
        sql = str(statement.compile(connection.engine, compile_kwargs={"literal_binds": True}))
        if connection.dialect.name == "sqlite":
            sql = sql.replace('"docUpload".', "")
        plans.append("\n".join(str(row) for row in connection.exec_driver_sql(explain + sql)))
    return plans
