"""What time and the timer do after a crash: leases run out, the sweep goes round."""

import time

from sqlalchemy import update

from shared_code.bootstrap.container import Services
from shared_code.database import tables
from shared_code.database.clock import utc_in
from shared_code.rollup.run import STEPS
from shared_code.rollup.step import StepResult, run_step

REPAIRS = ("replay outbox", "end stale reservations", "fold", "reconcile")


def end_leases(services: Services) -> None:
    """Let the lease of every reservation and every claim run out now, instead of waiting for it."""

    def work(connection) -> None:
        for table in (tables.token_reservations, tables.claims):
            connection.execute(update(table).values(LeaseUntil=utc_in(-1)))

    services.database.run(work)


def repair(services: Services) -> dict[str, StepResult]:
    """Run those of the timer's steps that repair; results by name."""
    return {name: run_step(name, step, services.rollup, time.monotonic) for name, step in STEPS if name in REPAIRS}


def recover(services: Services) -> dict[str, StepResult]:
    """End all leases and repair."""
    end_leases(services)
    return repair(services)
