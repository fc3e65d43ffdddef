"""Reservations whose lease ran out: their process was killed or frozen in the middle of a call."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared_code.database.connection import repeatable
from shared_code.database.stores import reservations
from shared_code.metering.booking import usage_row
from shared_code.records import Alert, Reservation, Usage, UsageKind
from shared_code.rollup.step import Done
from shared_code.settings import UnmeasuredCalls

if TYPE_CHECKING:
    from shared_code.bootstrap.container import Services

#: leases ended in one run of the timer
_MOST = 5_000
_BATCH = 200


def end_stale_reservations(services: "Services") -> Done:
    """End them; by UNMEASURED_CALLS the bound is booked with kind ``unmeasured``, or released with unknown tokens."""
    seen = changed = 0
    while seen < _MOST:
        stale = services.database.read(lambda connection: reservations.stale_reservations(connection, limit=_BATCH))
        seen += len(stale)
        ended = [reservation for reservation in stale if _end(services, reservation)]
        changed += len(ended)
        for model in sorted({reservation.model for reservation in ended}):
            _alert(services, model, [item for item in ended if item.model == model])
        if len(stale) < _BATCH:
            break
    return Done(seen, changed)


def _end(services: "Services", reservation: Reservation) -> bool:
    """End one reservation; False when its owner, or another sweep, was quicker."""
    keep = services.settings.unmeasured_calls is UnmeasuredCalls.BOOK
    row = usage_row(
        reservation,
        Usage(total_tokens=reservation.bound_tokens if keep else None),
        outcome="lease_ended",
        kind=UsageKind.UNMEASURED,
    )
    return services.database.run(
        lambda connection: services.quota_manager.end(connection, reservation, row), on_unknown=repeatable
    )


def _alert(services: "Services", model: str, ended: Sequence[Reservation]) -> None:
    tokens = sum(reservation.bound_tokens for reservation in ended)
    policy = services.settings.unmeasured_calls
    services.ledger.alert(
        Alert(
            kind="unmeasured_call",
            subject=model,
            severity="warning",
            message=f"{len(ended)} calls of {model} never reported their usage; {policy} {tokens} tokens. "
            "See the unmeasured usage rows.",
            details={"calls": len(ended), "bound_tokens": tokens, "policy": policy.value},
        )
    )
