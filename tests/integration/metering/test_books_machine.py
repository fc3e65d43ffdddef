"""After any steps in any order, keys and limits stand at what an independent ledger says, and no limit is passed."""

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.integration.metering.books_machine import machine_on

#: SQLite runs an example in a quarter of a second; the servers are slower, and the statements are the same
EXAMPLES = {"sqlite": 25, "postgresql": 6, "mssql": 3}


def test_totals_agree_with_an_independent_ledger_after_every_step(database, database_url, make_settings):
    run_state_machine_as_test(
        machine_on(database, make_settings(database_url)),
        settings=settings(
            max_examples=EXAMPLES[database.dialect],
            stateful_step_count=40,
            # A failure shows its steps; `dev.py soak soak/test_books_machine.py` finds the shortest way to it.
            phases=[Phase.generate],
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
