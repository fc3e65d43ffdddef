"""The timer's work: small steps, each with its own transactions, its own record and its own failure.

Every step is safe to run twice and on two instances at once; one that fails never stops the others. The steps are in
``shared_code.rollup``; this module says which there are, in which order.
"""

import logging
import time
import uuid
from collections.abc import Callable

from shared_code.blobs.clients import storage_configured
from shared_code.blobs.intake import Disposition
from shared_code.observability import request_context
from shared_code.observability.telemetry import telemetry
from shared_code.rollup import conditions, fold, leases, retention, statuses
from shared_code.rollup.step import Done, RollupContext, Step, StepResult, run_step

__all__ = ["STEPS", "StepResult", "replay_outbox", "run_rollup"]

_log = logging.getLogger(__name__)

#: bookings replayed in one run of the timer
_MOST_MESSAGES = 5_000


def replay_outbox(context: RollupContext) -> Done:
    """Book what waits in the outbox queue since the database was away."""
    if not storage_configured(context.settings):
        return Done(0, 0)
    replayed = context.outbox.replay(context.ledger.replay, most=_MOST_MESSAGES)
    return Done(replayed.seen, replayed.booked)


def sweep_blobs(context: RollupContext) -> Done:
    """Try dropped files again that have no answer for a passing cause.

    :raises errors.StorageUnavailable, errors.DatabaseUnavailable: nothing is lost by waiting for the next run.
    """
    if not storage_configured(context.settings):
        return Done(0, 0)
    waiting, tried = context.sweep.run()
    return Done(waiting, sum(one.outcome in {Disposition.RESULT, Disposition.ERROR} for one in tried))


#: in this order: what was used is complete before it is summed, limits hold before statuses follow from them
STEPS: tuple[tuple[str, Step], ...] = (
    ("replay outbox", replay_outbox),
    ("end stale reservations", leases.end_stale_reservations),
    ("fold", fold.fold_usage),
    ("reconcile", conditions.reconcile),
    ("take over limits", statuses.take_over_limits),
    ("set statuses", statuses.set_statuses),
    ("key alerts", conditions.sync_key_alerts),
    ("model alerts", conditions.sync_model_alerts),
    ("passed alerts", conditions.close_passed_alerts),
    ("outbox alert", conditions.watch_outbox),
    ("sweep blobs", sweep_blobs),
    *retention.STEPS,
)


def run_rollup(
    context: RollupContext, *, clock: Callable[[], float] = time.monotonic, trace_parent: str | None = None
) -> list[StepResult]:
    """Run every step once, in order; the report is also one line of the log.

    :param trace_parent: W3C header that the platform hands to the timer's function.
    """
    with (
        request_context.request_scope(call_id=str(uuid.uuid4()), trace_parent=trace_parent),
        telemetry().request("rollup") as span,
    ):
        results = [run_step(name, step, context, clock) for name, step in STEPS]
        failed = [result.name for result in results if result.error]
        span.set(failed=", ".join(failed) or None)
        span.finish("failed" if failed else "ok", success=not failed)
        _log.info("rollup: %s", "; ".join(_line(result) for result in results))
    return results


def _line(result: StepResult) -> str:
    failed = f" failed ({result.error})" if result.error else ""
    return f"{result.name} {result.changed}/{result.seen} in {result.milliseconds} ms{failed}"
