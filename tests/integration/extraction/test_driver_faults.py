"""What Azure SQL does to its clients, against each transaction of the path in turn, through Microsoft's own driver.

For every fault and place: the request succeeds, or answers DATABASE_UNAVAILABLE with nothing spent; either way each
billed call is booked once, nothing stays reserved after the sweep, and the sums agree.
"""

import pytest
from sqlalchemy import func, select

from shared_code.bootstrap import build_services
from shared_code.database import tables
from shared_code.database.connection import create_database
from shared_code.database.schema import ensure_schema
from shared_code.errors import DatabaseUnavailable, ServiceError

from .conftest import RING, Pipeline

OUTAGES = (40613, 40501, 40197, 10928, 10929, 49918)

#: the transactions of the path, by a statement that only they send
PLACES = {
    "keys": "FROM .*TokenMaster",
    "claim": "INSERT INTO .*Claims",
    "quotas": "FROM .*Quotas",
    "reserve": "UPDATE .*TokenUsageSummary.*ReservedTokens",
    "reservation": "INSERT INTO .*TokenReservations",
    "settle": "DELETE FROM .*TokenReservations",
    "usage row": "INSERT INTO .*TokenUsageLogs",
    "result": "INSERT INTO .*Extractions",
    "claim done": "UPDATE .*Claims",
}
#: those that only a run with a failed first key sends
MOVE_PLACES = {
    "status": "UPDATE .*TokenMaster",
    "attempt": "INSERT INTO .*RetryAttempts",
    "alert": "INSERT INTO .*Alerts",
    "move": "DELETE FROM .*TokenReservations",
    "moved": "INSERT INTO .*TokenReservations",
}


@pytest.fixture(scope="module")
def standin(mssql_standin, make_settings):
    database = create_database(make_settings(mssql_standin.url()))
    ensure_schema(database, auto_migrate=True)
    database.close()
    return mssql_standin


@pytest.fixture
def on_azure(standin, make_settings, gemini, pauses):
    settings = make_settings(
        standin.url(),
        gemini_base_url=gemini.url,
        token_encryption_keys=RING,
        db_pool_size=2,
        db_retry_budget_seconds=60,
    )
    services = build_services(settings, monotonic=pauses, sleep=pauses.sleep)
    with services.database.transaction() as connection:
        for table in reversed(tables.metadata.sorted_tables):
            connection.execute(table.delete())
    services.ready()
    yield Pipeline(services, gemini)
    standin.clear()
    services.close()


def audit(pipeline: Pipeline) -> None:
    """Each answered call is booked once; the sums of the logs, the key and the reservations agree."""
    answered = [call["usage"]["totalTokenCount"] for call in pipeline.gemini.calls() if call["status"] == 200]
    booked = [row.TotalTokensUsed for row in pipeline.rows() if row.TotalTokensUsed]
    assert sorted(booked) == sorted(answered)
    summary = tables.token_usage_summary
    with pipeline.services.database.reading() as connection:
        used, reserved = connection.execute(
            select(func.sum(summary.c.TotalUsedTokens), func.sum(summary.c.ReservedTokens))
        ).one()
        left = connection.execute(select(func.count()).select_from(tables.token_reservations)).scalar_one()
    assert (used, reserved, left) == (sum(answered), 0, 0)


def attempt(pipeline: Pipeline) -> str:
    calls = len(pipeline.gemini.calls())
    try:
        pipeline.extract()
    except DatabaseUnavailable:
        assert len(pipeline.gemini.calls()) == calls, "refused, but the model was called"
        return "refused"
    return "ok"


@pytest.mark.parametrize(
    ("number", "drop"),
    [
        (OUTAGES[0], False),
        *(pytest.param(number, False, marks=pytest.mark.long) for number in OUTAGES[1:]),
        (40613, True),
        pytest.param(10928, True, marks=pytest.mark.long),
    ],
)
def test_an_outage_at_any_statement_is_waited_out(on_azure, standin, number, drop):
    on_azure.add_key()
    for name, match in PLACES.items():
        standin.fault(match=match, number=number, times=2, drop=drop)
        assert attempt(on_azure) == "ok", name
        standin.clear()
    audit(on_azure)


@pytest.mark.parametrize("number", [1205, *OUTAGES[:2]])
def test_a_deadlock_or_outage_while_moving_to_another_key_is_survived(on_azure, standin, number):
    for name, match in MOVE_PLACES.items():
        bad = on_azure.add_key(provider_project=name)
        on_azure.gemini.key(bad.secret, state="leaked_key")
        standin.fault(match=match, number=number, times=1)
        good = on_azure.add_key()
        assert attempt(on_azure) == "ok", name
        standin.clear()
        assert good
    audit(on_azure)


def test_a_deadlock_at_any_statement_is_run_again(on_azure, standin, pauses):
    on_azure.add_key()
    for name, match in PLACES.items():
        standin.fault(match=match, number=1205, times=2)
        assert attempt(on_azure) == "ok", name
        standin.clear()
    audit(on_azure)


def test_a_socket_that_breaks_at_any_statement_is_replaced(on_azure, standin):
    on_azure.add_key()
    for name, match in PLACES.items():
        standin.fault(match=match, drop=True)
        assert attempt(on_azure) == "ok", name
        standin.clear()
    audit(on_azure)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_commit_whose_answer_is_lost_doubles_nothing(on_azure, standin, when):
    """The first COMMIT of a run is the reservation's, the second the settlement's."""
    on_azure.add_key()
    for skipped in range(2):
        on_azure.extract()
        if skipped:
            standin.fault(match="DELETE FROM .*TokenReservations", delay=0)
        standin.fault(match="^COMMIT", when=when, drop=True)
        assert attempt(on_azure) == "ok"
        standin.clear()
    audit(on_azure)


@pytest.mark.parametrize("number", OUTAGES[:3])
def test_logins_that_are_refused_are_tried_again(on_azure, standin, number):
    on_azure.add_key()
    standin.drop_all()
    standin.fault(number=number, when="login", times=3)
    assert attempt(on_azure) == "ok"
    audit(on_azure)


def test_all_sockets_dropped_between_and_during_requests(on_azure, standin):
    on_azure.add_key()
    for _ in range(3):
        standin.drop_all()
        assert attempt(on_azure) == "ok"
    audit(on_azure)


def test_a_database_that_stays_away_before_the_call_spends_nothing(on_azure, standin, pauses):
    on_azure.add_key()
    standin.fault(match="INSERT INTO .*Claims", number=40613, times=50)
    with pytest.raises(DatabaseUnavailable) as refused:
        on_azure.extract()
    assert refused.value.retry_after > 0
    assert on_azure.gemini.calls() == []
    standin.clear()
    assert sum(pauses.slept) <= 61
    audit(on_azure)


def test_logs_and_attempts_that_cannot_be_written_fail_no_request(on_azure, standin):
    bad = on_azure.add_key()
    on_azure.add_key()
    on_azure.gemini.key(bad.secret, state="no_credit")
    standin.fault(match="INSERT INTO .*RetryAttempts|INSERT INTO .*Alerts", number=40613, times=50)
    try:
        on_azure.extract()
        on_azure.extract()
    except ServiceError as error:
        pytest.fail(f"refused with {error.code}")
    standin.clear()
    audit(on_azure)
