import logging

import pytest

from shared_code.database.pool_limit import pool_limit, warn_of_pool_limit
from shared_code.settings import Settings


def settings(**changes):
    return Settings(db_pool_size=3, db_max_overflow=1, db_worst_case_processes=60, **changes)


def test_nothing_is_said_where_nobody_says_what_the_database_takes(caplog):
    assert pool_limit(settings()) is None
    warn_of_pool_limit(settings())
    assert not caplog.records


@pytest.mark.parametrize(("limit", "exceeded"), [(240, False), (239, True)])
def test_all_processes_together_are_held_to_the_limit(limit, exceeded, caplog):
    found = pool_limit(settings(db_connection_limit=limit))
    assert found.at_worst == 240
    assert found.is_exceeded is exceeded
    with caplog.at_level(logging.WARNING):
        warn_of_pool_limit(settings(db_connection_limit=limit))
    assert ("60 processes with 4 connections each are 240" in caplog.text) is exceeded


def test_the_worker_processes_of_one_instance_count_also_where_nobody_says_so():
    one = Settings(db_pool_size=10, db_max_overflow=5, db_connection_limit=30, functions_worker_process_count=4)
    assert (pool_limit(one).at_worst, pool_limit(one).is_exceeded) == (60, True)
