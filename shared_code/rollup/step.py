"""What a step of the timer hands back, and the run of one step that cannot take the others down with it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared_code.blobs.expiring_documents import ExpiringDocuments
from shared_code.blobs.reviewed_results import ReviewedResults
from shared_code.blobs.sweep import BlobSweep
from shared_code.database.connection import Database
from shared_code.errors import ServiceError
from shared_code.metering.budgets import Budgets
from shared_code.metering.ledger import Ledger
from shared_code.metering.outbox import Outbox
from shared_code.reviews.desk import ReviewDesk
from shared_code.settings import Settings
from shared_code.webhooks.delivery import Deliveries

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RollupContext:
    """What the steps work with. ``clock`` gives the moment, aware UTC.

    :ivar try_resting: rows that were set aside are tried now, whatever their pauses say.
    """

    settings: Settings
    database: Database
    budgets: Budgets
    ledger: Ledger
    outbox: Outbox
    sweep: BlobSweep
    job_sweep: BlobSweep
    documents: ExpiringDocuments
    webhooks: Deliveries
    reviews: ReviewDesk
    reviewed_results: ReviewedResults
    clock: Callable[[], datetime]
    try_resting: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """Rows (or messages) that a step looked at, and those that it changed."""

    seen: int
    changed: int


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one step did. ``error`` is the code of the failure that ended it, or None."""

    name: str
    seen: int
    changed: int
    milliseconds: int
    error: str | None = None


Step = Callable[[RollupContext], Done]


def run_step(name: str, step: Step, context: RollupContext, clock: Callable[[], float]) -> StepResult:
    """Run one step; a failure is logged and becomes its result."""
    started = clock()
    done, error = Done(0, 0), None
    try:
        done = step(context)
    except ServiceError as failure:
        error = failure.code
        _log.warning("rollup step %r failed: %s", name, error)
    except Exception:  # noqa: BLE001 - a bug in one step must not keep the others from running
        error = "INTERNAL_ERROR"
        _log.exception("rollup step %r failed", name)
    return StepResult(name, done.seen, done.changed, int((clock() - started) * 1000), error)
