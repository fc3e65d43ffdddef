"""Reservations and claims whose lease ran out: their process was killed or frozen in the middle of a call."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from shared_code.blobs.clients import storage_configured
from shared_code.database.connection import repeatable
from shared_code.database.stores.extractions import jobs, stale_claims
from shared_code.database.stores.usage import reservations
from shared_code.errors import RunEnded
from shared_code.metering.finishing import Ending, Failed, HeldClaim, finish
from shared_code.operations.alerts import raise_alert
from shared_code.records import Alert, Reservation, Usage, UsageKind
from shared_code.rollup.set_aside import setting_aside
from shared_code.rollup.step import Done, RollupContext
from shared_code.settings import UnmeasuredCalls

if TYPE_CHECKING:
    from sqlalchemy import Connection

END_RESERVATIONS = "end stale reservations"
END_CLAIMS = "end stale claims"
#: leases ended in one run of the timer
_MOST = 5_000


def end_stale_reservations(context: RollupContext) -> Done:
    """End them; by UNMEASURED_CALLS the bound is booked with kind ``unmeasured``, or released with unknown tokens."""
    ended: list[Reservation] = []
    with setting_aside(context, END_RESERVATIONS) as aside:
        stale = context.database.read(lambda connection: reservations.stale_reservations(connection, limit=_MOST))
        for call_id, attempt in stale:
            done = aside.attempt(f"call {call_id} attempt {attempt}", partial(_end, context, call_id, attempt))
            if done is not None:
                ended.append(done)
    for model in sorted({reservation.model for reservation in ended}):
        _alert(context, model, [item for item in ended if item.model == model])
    return Done(len(stale), len(ended))


def end_stale_claims(context: RollupContext) -> Done:
    """Free the documents of killed runs; an earlier answer that such a run was to replace stands again.

    A run whose booking waits in the outbox is not dead: its claim stands until the booking has brought the result.

    :raises errors.StorageUnavailable: nobody knows what waits in the outbox.
    """
    stale = context.database.read(lambda connection: stale_claims.stale_claims(connection, limit=_MOST))
    if stale and storage_configured(context.settings) and context.outbox.depth():
        return Done(len(stale), 0)
    with setting_aside(context, END_CLAIMS) as aside:
        ended = [aside.attempt(str(claim), partial(_free, context, claim)) for claim in stale]
    return Done(len(stale), sum(done or False for done in ended))


def _end(context: RollupContext, call_id: str, attempt: int) -> Reservation | None:
    """End one reservation; None when its owner, or another sweep, was quicker."""
    keep = context.settings.unmeasured_calls is UnmeasuredCalls.BOOK

    def work(connection: "Connection") -> Reservation | None:
        reservation = reservations.find_reservation(connection, call_id, attempt)
        if reservation is None:
            return None
        row = reservation.usage_row(
            Usage(total_tokens=reservation.bound_tokens if keep else None),
            outcome="lease_ended",
            kind=UsageKind.UNMEASURED,
        )
        ended = finish(connection, context.budgets, Ending(reservation, row, from_outside=True))
        return None if ended.booked is None else reservation

    return context.database.run(work, on_unknown=repeatable)


def _free(context: RollupContext, claim_id: int) -> bool:
    """Free one claim; False when another run has taken it over, or its own has finished meanwhile."""

    def work(connection: "Connection") -> bool:
        head = stale_claims.stale_owner(connection, claim_id)
        if head is None:
            return False
        # A job is read again: that one of its runs died is not its end.
        ended = None if jobs.is_live(connection, head.reading_id) else RunEnded(details={"reason": "lease_ended"})
        failed = None if ended is None else Failed(head, ended)
        ending = Ending(claim=HeldClaim(head.claim_key, head.call_id), failed=failed)
        return finish(connection, context.budgets, ending).freed

    return context.database.run(work, on_unknown=repeatable)


def _alert(context: RollupContext, model: str, ended: Sequence[Reservation]) -> None:
    tokens = sum(reservation.bound_tokens for reservation in ended)
    policy = context.settings.unmeasured_calls
    raise_alert(
        context.database,
        Alert(
            kind="unmeasured_call",
            subject=model,
            severity="warning",
            message=f"{len(ended)} calls of {model} never reported their usage; {policy} {tokens} tokens. "
            "See the unmeasured usage rows.",
            details={"calls": len(ended), "bound_tokens": tokens, "policy": policy.value},
        ),
    )
