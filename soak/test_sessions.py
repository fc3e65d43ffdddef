"""Sixty pools in six processes on a database that takes two hundred sessions."""

from tests.integration.extraction.test_session_limit import counted, database_url, prove_crowd  # noqa: F401 - fixtures


def test_sixty_pools_on_two_hundred_sessions(counted, environment):  # noqa: F811
    prove_crowd(counted, environment, sessions=200, processes=6, pools=10, calls=20, threads=6, budget_seconds=10.0)
