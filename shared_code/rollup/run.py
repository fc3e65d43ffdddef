"""The timer's work: small steps, each with its own transactions, its own record and its own failure.

Every step is safe to run twice and on two instances at once; one that fails never stops the others, and neither does a
row that a step cannot handle (:mod:`.set_aside`). The steps are in ``shared_code.rollup``; this module says which there
are, in which order.
"""

import logging
import time
import uuid
from collections.abc import Callable, Sequence

from shared_code.blobs.clients import storage_configured
from shared_code.blobs.intake import Disposition
from shared_code.database.connection import repeatable
from shared_code.database.stores.operations import alerts
from shared_code.errors import ServiceError
from shared_code.observability import request_context
from shared_code.observability.telemetry import telemetry
from shared_code.operations.alerts import announce_changes
from shared_code.operations.timer_state import STEP_FAILED, note_run
from shared_code.records import Alert
from shared_code.rollup import companies, conditions, fold, leases, retention, reviews, statuses, webhooks, zones
from shared_code.rollup.set_aside import setting_aside
from shared_code.rollup.step import Done, RollupContext, Step, StepResult, run_step

__all__ = ["STEPS", "StepResult", "replay_outbox", "run_rollup"]

_log = logging.getLogger(__name__)

REPLAY_OUTBOX = "replay outbox"
#: bookings replayed in one run of the timer
_MOST_MESSAGES = 5_000


def replay_outbox(context: RollupContext) -> Done:
    """Book what waits in the outbox queue since the database was away."""
    if not storage_configured(context.settings):
        return Done(0, 0)
    with setting_aside(context, REPLAY_OUTBOX) as aside:
        replayed = context.outbox.replay(context.ledger.replay, most=_MOST_MESSAGES, attempt=aside.attempt)
    return Done(replayed.seen, replayed.booked)


def sweep_blobs(context: RollupContext) -> Done:
    """Try dropped files again that have no answer for a passing cause.

    :raises errors.StorageUnavailable, errors.DatabaseUnavailable: nothing is lost by waiting for the next run.
    """
    if not storage_configured(context.settings):
        return Done(0, 0)
    waiting, tried = context.sweep.run()
    return Done(waiting, sum(one.outcome in {Disposition.RESULT, Disposition.ERROR} for one in tried))


def sweep_jobs(context: RollupContext) -> Done:
    """Try jobs again that have come to no end for a passing cause, and pass on turns that a killed process held.

    :raises errors.StorageUnavailable, errors.DatabaseUnavailable: nothing is lost by waiting for the next run.
    """
    if not storage_configured(context.settings):
        return Done(0, 0)
    waiting, tried = context.job_sweep.run()
    return Done(waiting, sum(one.outcome in {Disposition.RESULT, Disposition.ERROR} for one in tried))


#: in this order: what was used is complete before it is summed, limits hold before statuses follow from them
STEPS: tuple[tuple[str, Step], ...] = (
    (REPLAY_OUTBOX, replay_outbox),
    (leases.END_RESERVATIONS, leases.end_stale_reservations),
    (leases.END_CLAIMS, leases.end_stale_claims),
    (fold.FOLD, fold.fold_usage),
    (conditions.RECONCILE, conditions.reconcile),
    (statuses.TAKE_OVER_LIMITS, statuses.take_over_limits),
    (statuses.SET_STATUSES, statuses.set_statuses),
    ("key alerts", conditions.sync_key_alerts),
    ("company alerts", companies.sync_company_alerts),
    ("model alerts", conditions.sync_model_alerts),
    ("zone alerts", zones.sync_zone_alerts),
    ("passed alerts", conditions.close_passed_alerts),
    ("outbox alert", conditions.watch_outbox),
    ("connection alert", conditions.watch_pool_limit),
    ("sweep blobs", sweep_blobs),
    ("sweep jobs", sweep_jobs),
    *reviews.STEPS,
    *retention.STEPS,
    # Last: what the steps before have to tell goes at once.
    (webhooks.ALERTS, webhooks.sync_webhook_alerts),
    (webhooks.DELIVER, webhooks.deliver_webhooks),
)


def run_rollup(
    context: RollupContext,
    *,
    clock: Callable[[], float] = time.monotonic,
    trace_parent: str | None = None,
    tell: Callable[[int, str], None] = lambda _done, _name: None,
) -> list[StepResult]:
    """Run every step once, in order; the report is also one line of the log.

    :param tell: told before each step how many are done, and its name.
    :param trace_parent: W3C header that the platform hands to the timer's function.
    """
    with (
        request_context.request_scope(call_id=str(uuid.uuid4()), trace_parent=trace_parent),
        telemetry().request("rollup") as span,
    ):
        results: list[StepResult] = []
        for name, step in STEPS:
            tell(len(results), name)
            results.append(run_step(name, step, context, clock))
        _tell_failures(context, results)
        _note_run(context)
        failed = [result.name for result in results if result.error]
        span.set(failed=", ".join(failed) or None)
        span.finish("failed" if failed else "ok", success=not failed)
        _log.info("rollup: %s", "; ".join(_line(result) for result in results))
    return results


def _tell_failures(context: RollupContext, results: Sequence[StepResult]) -> None:
    """Open an alert for each step that failed, and close those of steps that work again."""
    current = [
        Alert(
            kind=STEP_FAILED,
            subject=result.name,
            severity="error",
            message=f"The timer's step {result.name!r} failed ({result.error}); the log says why. "
            "It is tried again with each run.",
            details={"error": result.error},
        )
        for result in results
        if result.error
    ]
    try:
        changes = context.database.run(
            lambda connection: alerts.sync_alerts(connection, [STEP_FAILED], current), on_unknown=repeatable
        )
    except ServiceError as error:
        _log.warning("the failed steps of this run could not be told as alerts: %s", error.code)
    else:
        announce_changes(changes)


def _note_run(context: RollupContext) -> None:
    """Remember that the timer runs, for health."""
    try:
        context.database.run(note_run, on_unknown=repeatable)
    except ServiceError as error:
        _log.warning("it could not be noted that the timer has run: %s", error.code)


def _line(result: StepResult) -> str:
    failed = f" failed ({result.error})" if result.error else ""
    return f"{result.name} {result.changed}/{result.seen} in {result.milliseconds} ms{failed}"
