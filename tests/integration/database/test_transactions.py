"""Transactions and reads, on every backend."""

import pytest
from sqlalchemy import func, insert, select

from shared_code.database.tables import token_master
from shared_code.errors import InternalError, QuotaExceeded


def add(connection, company="NT047"):
    return connection.execute(insert(token_master).values(CompanyID=company)).inserted_primary_key[0]


def count(connection):
    return connection.execute(select(func.count()).select_from(token_master)).scalar_one()


def test_work_is_committed(database):
    number = database.run(add)
    assert database.read(lambda c: c.execute(select(token_master.c.TokenID)).scalar_one()) == number


def test_error_of_ours_rolls_back_and_passes(database):
    def work(connection):
        add(connection)
        raise QuotaExceeded

    with pytest.raises(QuotaExceeded):
        database.run(work)
    assert database.read(count) == 0


def test_nested_write_transaction_is_refused_instead_of_waiting_for_itself(database):
    with pytest.raises(InternalError, match="inside another"), database.transaction(), database.transaction():
        pass
    assert database.run(add)


def test_reading_does_not_write(database):
    with database.reading() as connection:
        add(connection)
    assert database.read(count) == 0
