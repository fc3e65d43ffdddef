"""The model of the books at full length: thousands of histories of calls, keys, limits and timer runs."""

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.integration.metering.books_machine import machine_on

EXAMPLES = {"sqlite": 2_000, "postgresql": 200, "mssql": 100}


def test_totals_agree_with_an_independent_ledger_after_every_step_of_many_histories(
    database, database_url, make_settings
):
    run_state_machine_as_test(
        machine_on(database, make_settings(database_url)),
        settings=settings(
            max_examples=EXAMPLES[database.dialect],
            stateful_step_count=60,
            deadline=None,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
