"""Statements that are compiled once and go past most of SQLAlchemy do what its own execution of them does."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import Date, LargeBinary, bindparam, event, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from shared_code.database import tables
from shared_code.database.clock import utc_now
from shared_code.database.connection import create_database
from shared_code.database.stores.prepared import Prepared
from shared_code.errors import InternalError

settings = tables.company_settings
ADD = Prepared(
    insert(settings).values(
        CompanyID=bindparam("company"),
        TimeZone="UTC",
        UpdatedAt=utc_now(),
        ReviewAboveAmount=bindparam("above"),
        ReviewFirstOfSeller=bindparam("first"),
    )
)
FIND = Prepared(
    select(
        settings.c.CompanyID,
        settings.c.UpdatedAt,
        settings.c.ReviewAboveAmount.label("Above"),
        settings.c.ReviewFirstOfSeller,
        bindparam("day", type_=Date()).label("Day"),
        bindparam("data", type_=LargeBinary()).label("Data"),
    )
    .where(settings.c.UpdatedAt >= bindparam("since"))
    .order_by(settings.c.CompanyID)
)
RENAME = Prepared(
    update(settings).where(settings.c.CompanyID == bindparam("old")).values(CompanyID=bindparam("new"), TimeZone="UTC")
)
SINCE = {"since": datetime(2026, 1, 2, 3, 4, 5, 678), "day": date(2026, 2, 28), "data": b"\x00\xff"}


def add(database, company="A", above=None, first=None):
    return database.run(lambda c: ADD.changed(c, {"company": company, "above": above, "first": first}))


def test_values_keep_their_exact_types(database):
    add(database, "A", Decimal("12345678901.00000001"), 3)
    add(database, "B")
    ours = database.read(lambda connection: FIND.rows(connection, SINCE))
    theirs = database.read(lambda connection: connection.execute(FIND.statement, SINCE).all())
    assert [tuple(row) for row in ours] == [tuple(row) for row in theirs]
    assert [[type(value) for value in row] for row in ours] == [[type(value) for value in row] for row in theirs]
    assert [(row.CompanyID, row.Above, row.ReviewFirstOfSeller) for row in ours][1] == ("B", None, None)
    assert isinstance(ours[0].UpdatedAt, datetime)
    assert bytes(ours[0].Data) == SINCE["data"]
    assert (
        database.read(lambda c: FIND.first(c, SINCE | {"since": datetime.now(UTC).replace(year=2999, tzinfo=None)}))
        is None
    )


def test_a_value_that_is_forgotten_is_no_null(database):
    with pytest.raises((KeyError, InternalError)):
        database.run(lambda connection: ADD.changed(connection, {"company": "A", "first": None}))
    assert database.read(lambda connection: FIND.rows(connection, SINCE)) == []


def test_rows_that_several_runs_have_written_are_counted(database):
    for company in "ABC":
        add(database, company)
    many = [{"old": company, "new": company * 2} for company in "AXC"]
    assert database.run(lambda connection: RENAME.changed_by_each(connection, many)) == 2
    database.run(lambda connection: RENAME.run_each(connection, [{"old": "B", "new": "BB"}]))
    found = database.read(lambda connection: FIND.rows(connection, SINCE))
    assert [row.CompanyID for row in found] == ["AA", "BB", "CC"]


def test_listeners_are_told_and_errors_are_those_of_sqlalchemy(database, statements):
    seen = []
    event.listen(database.engine, "handle_error", lambda context: seen.append((context.statement, context.engine)))
    add(database)
    with pytest.raises(IntegrityError):
        add(database)
    assert len([each for each in statements if each.startswith("INSERT INTO")]) == 2
    assert [statement.split("(")[0] for statement, _ in seen] == [statements[-1].split("(")[0]]
    add(database, "B")
    assert len(database.read(lambda connection: FIND.rows(connection, SINCE))) == 2


def test_what_is_written_without_a_transaction_begins_one(database):
    with database.reading() as connection:
        assert ADD.changed(connection, {"company": "A", "above": None, "first": None}) == 1
    assert database.read(lambda connection: FIND.rows(connection, SINCE)) == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_value_that_the_driver_cannot_read_is_an_error_of_the_statement(database):
    add(database)
    beyond = text('UPDATE "docUpload"."CompanySettings" SET "UpdatedAt" = \'10000-01-01\'')
    database.run(lambda connection: connection.execute(beyond))
    with pytest.raises(InternalError):
        database.read(lambda connection: FIND.rows(connection, SINCE))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_connection_that_dies_is_given_up_and_the_work_begins_anew(database_url, make_settings):
    pauses = []
    opened = create_database(make_settings(database_url), sleep=pauses.append)

    def work(connection):
        if not pauses:
            own = connection.execute(select(func.pg_backend_pid())).scalar()
            with opened.engine.connect() as other:
                other.execute(select(func.pg_terminate_backend(own, 5_000)))
        return ADD.changed(connection, {"company": "A", "above": None, "first": None})

    assert opened.run(work) == 1
    assert len(pauses) == 1
    assert len(opened.read(lambda connection: FIND.rows(connection, SINCE))) == 1
    opened.close()
