"""Reservations whose lease ran out: their process was killed or frozen in the middle of a call."""

from collections.abc import Sequence

from shared_code.database.connection import repeatable
from shared_code.database.stores.usage import reservations
from shared_code.operations.alerts import raise_alert
from shared_code.records import Alert, Reservation, Usage, UsageKind
from shared_code.rollup.step import Done, RollupContext
from shared_code.settings import UnmeasuredCalls

#: leases ended in one run of the timer
_MOST = 5_000
_BATCH = 200


def end_stale_reservations(context: RollupContext) -> Done:
    """End them; by UNMEASURED_CALLS the bound is booked with kind ``unmeasured``, or released with unknown tokens."""
    seen = changed = 0
    while seen < _MOST:
        stale = context.database.read(lambda connection: reservations.stale_reservations(connection, limit=_BATCH))
        seen += len(stale)
        ended = [reservation for reservation in stale if _end(context, reservation)]
        changed += len(ended)
        for model in sorted({reservation.model for reservation in ended}):
            _alert(context, model, [item for item in ended if item.model == model])
        if len(stale) < _BATCH:
            break
    return Done(seen, changed)


def _end(context: RollupContext, reservation: Reservation) -> bool:
    """End one reservation; False when its owner, or another sweep, was quicker."""
    keep = context.settings.unmeasured_calls is UnmeasuredCalls.BOOK
    row = reservation.usage_row(
        Usage(total_tokens=reservation.bound_tokens if keep else None),
        outcome="lease_ended",
        kind=UsageKind.UNMEASURED,
    )
    return context.database.run(
        lambda connection: context.budgets.end(connection, reservation, row), on_unknown=repeatable
    )


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
