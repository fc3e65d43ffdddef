"""What time and the timer do after a crash: leases run out, the sweep goes round."""

from sqlalchemy import update

from shared_code.bootstrap import Services
from shared_code.database import tables
from shared_code.database.clock import utc_in
from shared_code.usage_rollup import StepResult, run_rollup


def end_leases(services: Services) -> None:
    """Let the lease of every reservation and every claim run out now, instead of waiting for it."""

    def work(connection) -> None:
        for table in (tables.token_reservations, tables.extractions):
            connection.execute(update(table).values(LeaseUntil=utc_in(-1)))

    services.database.run(work)


def recover(services: Services) -> dict[str, StepResult]:
    """End all leases and run the timer's steps, none of which may fail; results by name."""
    end_leases(services)
    results = run_rollup(services)
    failed = [result for result in results if result.error and result.name == "end stale reservations"]
    assert not failed, failed
    return {result.name: result for result in results}
